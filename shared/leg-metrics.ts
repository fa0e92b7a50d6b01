import { LEG_BUCKETS, type Leg, legSeconds, ServiceLabels } from './legs.ts';
import type { Histogram, Metrics } from './metrics.ts';

/** How long the legs of changes took, by service. */
export class LegMetrics {
  readonly #seconds: Histogram<'leg' | 'service'>;
  readonly #services = new ServiceLabels();

  private constructor(metrics: Metrics) {
    this.#seconds = metrics.histogram(
      'rollcall_leg_seconds',
      'Legs of a change, by service (100 at most, the rest as other): decided, stored, applied, changed, answered.',
      LEG_BUCKETS,
      ['leg', 'service'],
    );
  }

  /** The same one for the announcer and the resolver of one process. */
  static of(metrics: Metrics): LegMetrics {
    const known = DECLARED.get(metrics);
    if (known !== undefined) return known;
    const legs = new LegMetrics(metrics);
    DECLARED.set(metrics, legs);
    return legs;
  }

  /** @param fromMs milliseconds since the epoch, as `toMs`; a leg that ended before it began took no time */
  observe(leg: Leg, service: string, fromMs: number, toMs: number): void {
    this.#seconds.observe({ leg, service: this.#services.of(service) }, legSeconds(fromMs, toMs));
  }
}

const DECLARED = new WeakMap<Metrics, LegMetrics>();
