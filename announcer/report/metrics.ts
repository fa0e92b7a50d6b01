import { LegMetrics } from '../../shared/leg-metrics.ts';
import { legSeconds } from '../../shared/legs.ts';
import type { Histogram, Metrics } from '../../shared/metrics.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { AnnouncerEvent, EventOf } from '../event.ts';

/** What is read when scraped. */
export interface AnnouncerGauges {
  readonly keysDesired: () => number;
  readonly keysStanding: () => number;
  readonly keysConflicted: () => number;
  readonly keysPending: () => number;
  readonly leases: () => number;
  readonly keepalives: () => number;
  readonly storeUp: () => boolean;
  readonly engineUp: () => boolean;
}

type InstanceDecided = EventOf<'InstanceAnnounced' | 'InstanceWithdrawn'>;

const LATENCY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

/** Causes of a `KeyRemoved` that is our own doing. */
const OWN_DELETES = new Set(['withdrawn', 'unclaimed']);

/**
 * The announcer's metrics, counted from its events: what the journal says and what the metrics say is the same thing.
 * Latencies run from the event that decided to the event that says it stands in the store.
 */
export class AnnouncerMetrics {
  readonly #leasesLost;
  readonly #writes;
  readonly #conflicts;
  readonly #drift;
  readonly #withdrawSeconds;
  readonly #announceSeconds;
  readonly #legs: LegMetrics;
  /** Keys decided upon and not yet written. */
  readonly #decided = new Map<EtcdKey, { readonly atMs: number; readonly service: string }>();

  constructor(metrics: Metrics, gauges: AnnouncerGauges) {
    const gaugeOf = metrics.gaugeOf.bind(metrics);
    gaugeOf('rollcall_announcer_keys_desired', 'Keys that this host should hold.', gauges.keysDesired);
    gaugeOf('rollcall_announcer_keys', 'Keys of this host that stand in the store.', gauges.keysStanding);
    gaugeOf(
      'rollcall_announcer_keys_conflicted',
      'Wanted keys that someone else owns; they are left alone.',
      gauges.keysConflicted,
    );
    gaugeOf('rollcall_announcer_keys_pending', 'Keys that wait to be compared or written.', gauges.keysPending);
    gaugeOf('rollcall_announcer_leases', 'Leases kept alive, one for up to 250 keys.', gauges.leases);
    gaugeOf('rollcall_announcer_store_up', '1 while the store answers.', () => Number(gauges.storeUp()));
    gaugeOf('rollcall_announcer_engine_up', '1 while the Docker engine answers.', () => Number(gauges.engineUp()));
    metrics.counterOf('rollcall_announcer_keepalives_total', 'Keepalives of leases that were answered.', [], () => [
      [[], gauges.keepalives()],
    ]);
    this.#leasesLost = metrics.counter(
      'rollcall_announcer_lease_lost_total',
      'Leases that ended by themselves; their keys were written again.',
    );
    this.#writes = metrics.counter('rollcall_announcer_writes_total', 'Keys written to the store.', ['op']);
    this.#conflicts = metrics.counter(
      'rollcall_announcer_conflicts_total',
      'Times that a wanted key was found to be owned by someone else.',
    );
    this.#drift = metrics.counter(
      'rollcall_announcer_drift_total',
      'Differences that a comparison found and no event had told.',
      ['cause'],
    );
    this.#withdrawSeconds = metrics.histogram(
      'rollcall_announcer_withdraw_seconds',
      'From the decision to withdraw until the key was gone from the store.',
      LATENCY_BUCKETS,
    );
    this.#announceSeconds = metrics.histogram(
      'rollcall_announcer_announce_seconds',
      'From the decision to announce until the key stood in the store.',
      LATENCY_BUCKETS,
    );
    this.#legs = LegMetrics.of(metrics);
  }

  /** @param isStanding whether a key is in the store: only then its withdrawal takes a write */
  count(event: AnnouncerEvent, isStanding: (key: EtcdKey) => boolean): void {
    switch (event.type) {
      case 'InstanceAnnounced':
        this.#noteDecision(event);
        this.#decided.set(event.key, { atMs: event.atMs, service: event.service });
        break;
      case 'InstanceWithdrawn':
        this.#noteDecision(event);
        if (isStanding(event.key)) this.#decided.set(event.key, { atMs: event.atMs, service: event.service });
        else this.#decided.delete(event.key);
        break;
      case 'KeyWritten':
        if (event.cause !== 'found') this.#writes.inc({ op: 'put' });
        this.#observe(this.#announceSeconds, event);
        break;
      case 'KeyRemoved':
        if (!OWN_DELETES.has(event.cause)) break;
        this.#writes.inc({ op: 'delete' });
        this.#observe(this.#withdrawSeconds, event);
        break;
      case 'LeaseLost':
        this.#leasesLost.inc();
        break;
      case 'KeyConflicted':
        this.#conflicts.inc();
        break;
      case 'DriftFound':
        this.#drift.inc({ cause: event.cause });
        break;
    }
  }

  #noteDecision({ service, causedAtMs, atMs }: InstanceDecided): void {
    if (causedAtMs !== undefined) this.#legs.observe('decided', service, causedAtMs, atMs);
  }

  #observe(histogram: Histogram, { key, atMs }: { readonly key: EtcdKey; readonly atMs: number }): void {
    const decided = this.#decided.get(key);
    if (decided === undefined) return;
    this.#decided.delete(key);
    histogram.observe(legSeconds(decided.atMs, atMs));
    this.#legs.observe('stored', decided.service, decided.atMs, atMs);
  }
}
