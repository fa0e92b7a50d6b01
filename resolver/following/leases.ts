import type { Log } from '../../shared/log.ts';
import type { OwnerName } from '../../shared/name.ts';
import { type LeaseId, type Store, StoreError } from '../../shared/store.ts';

export interface LeaseSettings {
  readonly store: Pick<Store, 'timeToLive'>;
  /** The leases that keys of the zone are on. */
  readonly inUse: () => Iterable<LeaseId>;
  /** A lease's time became known for the first time; answers made of these names before that had another TTL. */
  readonly onLearned: (names: readonly OwnerName[]) => void;
  /** A lease's time was seen, at first or again; `names` as in {@link onLearned}. */
  readonly onDeadline?: (lease: LeaseId, deadlineMs: number, names: readonly OwnerName[]) => void;
  readonly log: Log;
  /** By which deadlines are told: of a clock that nobody sets. */
  readonly nowMs?: () => number;
  /** Never set back; for when to ask. Default: `performance.now`. */
  readonly elapsedMs?: () => number;
}

/** A lease is asked about at first sight, and then each third of its time: keepalives have about that rhythm. */
const EVERY_SHARE = 1 / 3;
const EVERY_MIN_MS = 5000;
/** Calls at once, and in a tick: many leases (one per key) make the rounds longer, not the load higher. */
const CALLS_MAX = 16;
const TICK_MS = 100;
const CALLS_PER_TICK_MAX = 50;
/** After a call that failed. The follower says that the store is away. */
const RETRY_MS = 5000;
/** How often leases that no key is on any more are forgotten. */
const FORGET_EVERY_MS = 60_000;
/** Of a lease not known yet; beyond, answers of further names keep the default TTL for the second that they are valid. */
const NAMES_KEPT_MAX = 1000;

interface Tracked {
  readonly lease: LeaseId;
  /** Undefined until it is known. */
  deadlineMs: number | undefined;
  /** Names to tell of when it becomes known. */
  names: Set<OwnerName> | undefined;
}

/**
 * The time left on leases, learned beside the query path: no query ever waits for it, and none causes a call. Between two
 * looks the deadline stands as it was seen: never later than the truth, because keepalives only move it on.
 */
export class Leases {
  readonly #settings: LeaseSettings;
  readonly #now: () => number;
  readonly #elapsed: () => number;
  readonly #tracked = new Map<LeaseId, Tracked>();
  /** Asked before all others. */
  readonly #unknown = new Queue<Tracked>();
  /** By the tick in which they are due. */
  readonly #due = new Map<number, Tracked[]>();
  readonly #overdue = new Queue<Tracked>();
  #calls = 0;
  #lastTick: number;
  #forgetAtMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: LeaseSettings) {
    this.#settings = settings;
    this.#now = settings.nowMs ?? Date.now;
    this.#elapsed = settings.elapsedMs ?? (() => performance.now());
    this.#lastTick = tickOf(this.#elapsed());
    this.#forgetAtMs = this.#elapsed() + FORGET_EVERY_MS;
  }

  get size(): number {
    return this.#tracked.size;
  }

  /** When `lease` runs out, by `nowMs`, as it was last seen; undefined while it was not. Bound, for `lookup`. */
  readonly deadlineMs = (lease: LeaseId): number | undefined => this.#tracked.get(lease)?.deadlineMs;

  /** Every lease whose time is known. */
  *deadlines(): Generator<readonly [LeaseId, number]> {
    for (const { lease, deadlineMs } of this.#tracked.values()) {
      if (deadlineMs !== undefined) yield [lease, deadlineMs];
    }
  }

  /** Whether names are noted for `lease`: only until its time is known. */
  isLearning(lease: LeaseId): boolean {
    const tracked = this.#tracked.get(lease);
    return tracked === undefined || tracked.names !== undefined;
  }

  /** A key of the zone is on `lease`. */
  saw(lease: LeaseId, name: OwnerName | undefined): void {
    let tracked = this.#tracked.get(lease);
    if (tracked === undefined) {
      tracked = { lease, deadlineMs: undefined, names: new Set() };
      this.#tracked.set(lease, tracked);
      this.#unknown.push(tracked);
      if (this.#timer !== undefined) this.#pump(CALLS_PER_TICK_MAX);
    }
    if (name !== undefined && tracked.names !== undefined && tracked.names.size < NAMES_KEPT_MAX)
      tracked.names.add(name);
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const nowMs = this.#elapsed();
    const tick = tickOf(nowMs);
    for (; this.#lastTick <= tick; this.#lastTick += 1) {
      const due = this.#due.get(this.#lastTick);
      if (due === undefined) continue;
      this.#due.delete(this.#lastTick);
      for (const tracked of due) this.#overdue.push(tracked);
    }
    if (nowMs >= this.#forgetAtMs) this.#forget(nowMs);
    this.#pump(CALLS_PER_TICK_MAX);
  }

  #pump(callsMax: number): void {
    for (let left = callsMax; left > 0 && this.#calls < CALLS_MAX; left -= 1) {
      const next = this.#unknown.shift() ?? this.#overdue.shift();
      if (next === undefined) return;
      if (this.#tracked.get(next.lease) === next) void this.#ask(next);
    }
  }

  async #ask(tracked: Tracked): Promise<void> {
    this.#calls += 1;
    // Before the call: what the answer needs to arrive is not lived twice.
    const askedMs = this.#now();
    try {
      const ttl = await this.#settings.store.timeToLive(tracked.lease);
      tracked.deadlineMs = askedMs + (ttl?.remainingSeconds ?? 0) * 1000;
      const names = tracked.names ?? new Set();
      tracked.names = undefined;
      this.#schedule(tracked, Math.max(EVERY_MIN_MS, (ttl?.grantedSeconds ?? 0) * 1000 * EVERY_SHARE));
      if (names.size > 0) this.#settings.onLearned([...names]);
      this.#settings.onDeadline?.(tracked.lease, tracked.deadlineMs, [...names]);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#settings.log.debug('lease-unknown', `time left of lease ${tracked.lease} is not known: ${error.message}`);
      this.#schedule(tracked, RETRY_MS);
    } finally {
      this.#calls -= 1;
    }
  }

  #schedule(tracked: Tracked, inMs: number): void {
    const tick = Math.max(tickOf(this.#elapsed() + inMs), this.#lastTick);
    const due = this.#due.get(tick);
    if (due === undefined) this.#due.set(tick, [tracked]);
    else due.push(tracked);
  }

  #forget(nowMs: number): void {
    this.#forgetAtMs = nowMs + FORGET_EVERY_MS;
    const inUse = new Set(this.#settings.inUse());
    for (const lease of this.#tracked.keys()) if (!inUse.has(lease)) this.#tracked.delete(lease);
  }
}

/** First in, first out; taking costs the same however many wait. */
class Queue<T> {
  #items: T[] = [];
  #head = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

function tickOf(ms: number): number {
  return Math.floor(ms / TICK_MS);
}
