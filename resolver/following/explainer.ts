import { Subject, type Subscription } from 'rxjs';
import type { LegMetrics } from '../../shared/leg-metrics.ts';
import { serviceOfKey } from '../../shared/legs.ts';
import type { Log } from '../../shared/log.ts';
import type { Store } from '../../shared/store.ts';
import type { ChangeExplained, ZoneEvent } from '../zone/event.ts';
import { ChangeExplanations, type Explained } from './change-explanations.ts';
import { followCauses } from './follow-causes.ts';
import type { LeftUnexplained } from './unexplained.ts';

export interface ExplainerSettings {
  readonly store: Store;
  readonly prefix: string;
  readonly left: LeftUnexplained;
  readonly legs: LegMetrics;
  readonly log: Log;
  readonly onExplained: (events: readonly ChangeExplained[]) => void;
  readonly onFailed: (error: unknown) => void;
}

const COME_FROM_STORE: ReadonlySet<ZoneEvent['type']> = new Set([
  'RecordPut',
  'RecordDeleted',
  'ZoneSynced',
  'StoreRegained',
]);

/** Learns beside the records why announcers changed them. Nothing waits for it, and no answer depends on it. */
export class Explainer {
  readonly #settings: ExplainerSettings;
  readonly #explanations: ChangeExplanations;
  readonly #answers = new Subject<void>();
  #following: Subscription | undefined;

  constructor(settings: ExplainerSettings) {
    this.#settings = settings;
    this.#explanations = new ChangeExplanations(settings.prefix, settings.left.changes);
  }

  start(): void {
    const { store, left, log, onFailed } = this.#settings;
    const { sinceRevision } = left;
    this.#following = followCauses({ store, sinceRevision, answers$: this.#answers, log }).subscribe({
      next: (told) => this.#tell(this.#explanations.told(told)),
      error: onFailed,
    });
  }

  stop(): void {
    this.#following?.unsubscribe();
  }

  /** The events have been applied and written to the journal, each on its own. */
  take(events: readonly ZoneEvent[]): void {
    this.#tell(this.#explanations.changed(events));
    // After an outage, whoever reaches the store first says so to the other: between them a process could end.
    if (events.some(({ type }) => COME_FROM_STORE.has(type))) this.#answers.next();
  }

  #tell(explained: readonly Explained[]): void {
    if (explained.length === 0) return;
    for (const { event, isLate } of explained) if (!isLate) this.#measure(event);
    this.#settings.onExplained(explained.map(({ event }) => event));
  }

  /** An answer changes in the moment in which the zone does. */
  #measure({ key, atMs, causedAtMs, decidedAtMs }: ChangeExplained): void {
    const { legs } = this.#settings;
    const service = serviceOfKey(key);
    legs.observe('applied', service, decidedAtMs, atMs);
    if (causedAtMs !== undefined) legs.observe('changed', service, causedAtMs, atMs);
  }
}
