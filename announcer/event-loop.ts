import { BehaviorSubject, Subject } from 'rxjs';
import type { Sequenced } from '../shared/journal/event.ts';
import { type Journal, JournalError } from '../shared/journal/journal.ts';
import type { Log } from '../shared/log.ts';
import type { EtcdKey } from '../shared/name.ts';
import { evolve, observe } from './decisions/decider.ts';
import { desiredKeys } from './decisions/desired.ts';
import { SnapshotError, SnapshotReader, snapshotLines } from './decisions/snapshot.ts';
import { spokenFor } from './decisions/spoken-for.ts';
import { type AnnouncerState, initialState } from './decisions/state.ts';
import type { AnnouncerEvent, EventOf } from './event.ts';
import type { WishReason } from './keys/causes.ts';
import type { Wish } from './keys/holdings.ts';
import type { Observation } from './observation.ts';
import type { AnnounceRules } from './rules.ts';

/** A restart replays at most about so many events. */
const EVENTS_PER_SNAPSHOT = 10_000;

/**
 * The one place where observations become events, and events become state, journal and wish. Everything that happens to
 * the announcer goes through here, one thing after the other.
 */
export class EventLoop {
  readonly #rules: AnnounceRules;
  readonly #journal: Journal<AnnouncerEvent>;
  readonly #log: Log;
  readonly #recorded = new Subject<Sequenced<AnnouncerEvent>>();
  /** With what was concluded of each; nothing of those that a start found. */
  readonly #changed = new Map<EtcdKey, WishReason | undefined>();
  /** Wanted by the journal alone: nothing that was looked at since the start has spoken for them yet. */
  readonly #unseen = new Set<EtcdKey>();
  readonly #wishes: BehaviorSubject<() => Wish>;
  #state: AnnouncerState = initialState;
  #sinceSnapshot = 0;

  constructor(rules: AnnounceRules, journal: Journal<AnnouncerEvent>, log: Log) {
    this.#rules = rules;
    this.#journal = journal;
    this.#log = log;
    this.#wishes = new BehaviorSubject(() => this.#wish());
  }

  get state(): AnnouncerState {
    return this.#state;
  }

  /** A new one whenever what is wanted may have changed. */
  get wishes$(): BehaviorSubject<() => Wish> {
    return this.#wishes;
  }

  /** Each event, after the state has it. */
  get recorded$(): Subject<Sequenced<AnnouncerEvent>> {
    return this.#recorded;
  }

  /** Rebuilds the state from the newest snapshot and the events after it. Call once, first. */
  async restore(): Promise<void> {
    let from = 1;
    const snapshot = await this.#journal.newestSnapshot();
    if (snapshot !== undefined) {
      try {
        const reader = new SnapshotReader();
        for await (const line of snapshot.lines()) reader.take(line);
        this.#state = reader.state;
        from = snapshot.sequence + 1;
      } catch (error) {
        if (!(error instanceof SnapshotError)) throw error;
        this.#log.warn('snapshot-refused', `${error.message}; reading the whole journal instead`);
      }
    }
    for await (const { event } of this.#journal.read({ fromSequence: from })) {
      this.#state = evolve(this.#state, event);
      this.#sinceSnapshot += 1;
    }
    for (const key of desiredKeys(this.#state).keys()) {
      this.#changed.set(key, undefined);
      this.#unseen.add(key);
    }
  }

  observe(seen: Observation): void {
    const [state, events] = observe(this.#state, seen, this.#rules);
    this.#state = state;
    this.#take(events);
    if (this.#unseen.size > 0) this.#noteSeen(seen);
  }

  /** Takes what an edge concluded by itself: leases, keys, the store's and the engine's coming and going. */
  record(event: AnnouncerEvent): void {
    this.#state = evolve(this.#state, event);
    this.#take([event]);
  }

  /** A snapshot that fails costs a longer replay: the one before is still good, and the journal says what is wrong. */
  async snapshot(): Promise<void> {
    this.#sinceSnapshot = 0;
    try {
      await this.#journal.snapshot(snapshotLines(this.#state));
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      this.#log.warn('snapshot-failed', `${error.message}; a restart reads more of the journal instead`);
    }
  }

  #take(events: readonly AnnouncerEvent[]): void {
    let isWishChanged = false;
    for (const event of events) {
      const sequence = this.#journal.append(event);
      if (event.type === 'InstanceAnnounced' || event.type === 'InstanceWithdrawn') {
        this.#changed.set(event.key, reasonOf(event));
        this.#unseen.delete(event.key);
        isWishChanged = true;
      }
      this.#recorded.next({ sequence, event });
    }
    // First of all the store; a snapshot is in no hurry.
    if (isWishChanged) this.#wishes.next(() => this.#wish());
    this.#sinceSnapshot += events.length;
    if (this.#sinceSnapshot >= EVENTS_PER_SNAPSHOT) void this.snapshot();
  }

  #noteSeen(seen: Observation): void {
    const keys = spokenFor(this.#state, seen).filter((key) => this.#unseen.delete(key));
    for (const key of keys) this.#changed.set(key, undefined);
    if (keys.length > 0) this.#wishes.next(() => this.#wish());
  }

  #wish(): Wish {
    const changed = new Map(this.#changed);
    this.#changed.clear();
    return { desired: desiredKeys(this.#state), changed: changed.keys(), reasons: changed, unseen: this.#unseen };
  }
}

function reasonOf(event: EventOf<'InstanceAnnounced' | 'InstanceWithdrawn'>): WishReason {
  const { cause, causedAtMs, atMs: decidedAtMs, container, containerName } = event;
  return { cause, decidedAtMs, container, containerName, ...(causedAtMs !== undefined && { causedAtMs }) };
}
