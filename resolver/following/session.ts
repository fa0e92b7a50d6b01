import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import {
  concat,
  defer,
  EMPTY,
  exhaustMap,
  first,
  from,
  merge,
  mergeMap,
  type Observable,
  repeat,
  retry,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import type { Log } from '../../shared/log.ts';
import type { EtcdKey } from '../../shared/name.ts';
import type { ChangeBatch, Revision, Snapshot, Store } from '../../shared/store.ts';
import { compareZone } from '../zone/compare.ts';
import type { Followed, FollowProgress, FollowStep, FollowTimings } from './follow.ts';
import {
  eventsOfBatch,
  type FollowState,
  type Head,
  isChosenAnew,
  isReplaced,
  type RecordEvent,
  stillStands,
} from './state.ts';
import { stepOf, stepsOfDifferences, stepsOfDrift, synced } from './steps.ts';

/** Reading takes at most this share of the time: a million records take seconds to read. */
const REREAD_SHARE = 1 / 20;

/** Not an error: the session wants to be followed by another, without a wait. */
export class Restart extends Error {
  override readonly name = 'Restart';
}

export interface FollowSessionDeps {
  readonly store: Store;
  readonly followed: Followed;
  readonly log: Log;
  readonly now: () => number;
  readonly steadyMs: () => number;
  readonly timings: FollowTimings;
  readonly progress: FollowProgress;
}

/** From reaching the store to losing it. What it notes down is its own: a read that ends after the session touches nothing. */
export class FollowSession {
  readonly #store: Store;
  readonly #followed: Followed;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #steadyMs: () => number;
  readonly #timings: FollowTimings;
  readonly #progress: FollowProgress;
  readonly #range: string;
  /** The store as the session began: once the watch has reached that revision, the zone is true. */
  #head: Head = { revision: 0n, storeId: '' };
  #stands = false;
  #isConfirmed = false;
  /** Keys repaired by a read, with the read's revision: what the watch says of them up to there is over. */
  readonly #repaired = new Map<EtcdKey, Revision>();
  /** Keys that the watch changed since a read began, with the revision; one map for each read on its way. */
  readonly #touched = new Set<Map<EtcdKey, Revision>>();

  constructor({ store, followed, log, now, steadyMs, timings, progress }: FollowSessionDeps) {
    this.#store = store;
    this.#followed = followed;
    this.#log = log;
    this.#now = now;
    this.#steadyMs = steadyMs;
    this.#timings = timings;
    this.#progress = progress;
    this.#range = `${followed.zone.prefix}/`;
  }

  steps(): Observable<FollowStep> {
    return concat(
      defer(() => from(this.#begin())),
      defer(() => merge(this.#watch(), this.#catchUp(), this.#heartbeat(), this.#rereads(), this.#endOfHold())),
    );
  }

  async *#begin(): AsyncGenerator<FollowStep> {
    if (this.#progress.needsRead) {
      yield* this.#readAll(await this.#store.snapshot(this.#range));
      return;
    }
    this.#head = await this.#readHead();
    this.#progress.position = maxOf(this.#progress.position, this.#followed.state.revision);
    if (isReplaced(this.#followed.state, this.#head)) yield* this.#readAll(await this.#store.snapshot(this.#range));
  }

  /** Makes the zone what the snapshot holds. Nothing is watched yet, so nothing can come between. */
  async *#readAll(snapshot: Snapshot): AsyncGenerator<FollowStep> {
    const atMs = this.#now();
    if (isReplaced(this.#followed.state, snapshot)) yield this.#replaced(snapshot, atMs);
    yield* stepsOfDifferences(this.#differences(snapshot, atMs));
    yield stepOf([synced(snapshot, this.#followed.zone.size, atMs)]);
    this.#progress.needsRead = false;
    this.#progress.position = snapshot.revision;
    this.#head = snapshot;
  }

  #replaced({ storeId, revision }: Head, atMs: number): FollowStep {
    const { state, zone } = this.#followed;
    const isChosen = isChosenAnew(state);
    this.#progress.holdUntilSteadyMs = this.#steadyMs() + this.#timings.replacedHoldMs;
    const held = isChosen ? 'of those it has not, what announcers keep on leases is' : 'those it has not are';
    this.#log.warn(
      'store-replaced',
      `${this.#store.description} is another store than before: revision ${revision} of store ${storeId}, last seen ${state.revision} of store ${state.storeId}${isChosen ? ` by ${state.syncedAs}` : ''}; its records are taken, ${held} kept until their owners had time to write them again`,
      { records: zone.size },
    );
    const replaced = { type: 'StoreReplaced', atMs, storeId, revision: String(revision) } as const;
    return stepOf([isChosen ? { ...replaced, isChosen } : replaced]);
  }

  /**
   * What is absent while a replaced store fills again is no deletion. Of a store that was chosen anew only what announcers
   * write is waited for: they may still be on their way to it, and what others wrote to the old one is not of this one.
   */
  *#differences(snapshot: Snapshot, atMs: number): Generator<RecordEvent | undefined> {
    const { zone, state } = this.#followed;
    const isHolding = this.#steadyMs() < this.#progress.holdUntilSteadyMs;
    const isHeld = (key: EtcdKey): boolean =>
      isHolding && !(state.isReplacedByChoice && zone.get(key)?.lease === undefined);
    for (const event of compareZone(zone, snapshot, atMs)) {
      if (event === undefined || event.type === 'RecordPut' || !isHeld(event.key)) yield event;
    }
  }

  #watch(): Observable<FollowStep> {
    return this.#store
      .changes(this.#range, this.#progress.position + 1n)
      .pipe(mergeMap((batch) => this.#onBatch(batch)));
  }

  #onBatch(batch: ChangeBatch): FollowStep[] {
    const atMs = this.#now();
    const lateUpTo = this.#isConfirmed ? 0n : this.#head.revision;
    const changes = eventsOfBatch(batch, atMs, lateUpTo, this.#repaired);
    for (const touched of this.#touched) for (const { key, revision } of changes) touched.set(key, BigInt(revision));
    this.#progress.position = maxOf(this.#progress.position, batch.revision);
    this.#stands = true;
    this.#progress.attempts = 0;
    const steps = changes.length > 0 ? [stepOf(changes)] : [];
    if (this.#isConfirmed || this.#progress.position >= this.#head.revision) steps.push(...this.#confirm(atMs));
    return steps;
  }

  /** The zone is true: it has all that the store had when the session began. */
  #confirm(atMs: number): FollowStep[] {
    const steps: FollowStep[] = [];
    const { lostAtMs } = this.#followed.state;
    if (!this.#isConfirmed && lostAtMs !== undefined) {
      const awayMs = Math.max(0, atMs - lostAtMs);
      this.#log.info('store-regained', `${this.#store.description} is back after ${(awayMs / 1000).toFixed(1)} s`, {
        awayMs,
        revision: String(this.#progress.position),
      });
      steps.push(stepOf([{ type: 'StoreRegained', atMs, awayMs }]));
    }
    this.#isConfirmed = true;
    this.#progress.isLost = false;
    steps.push({ type: 'confirmed', atMs });
    return steps;
  }

  /**
   * A watch that goes on from before does not say when it has caught up: the store's revision also counts keys that it
   * does not see. When it has not reached that revision soon, a read says what is missing.
   */
  #catchUp(): Observable<FollowStep> {
    return timer(this.#timings.catchUpMs, this.#timings.catchUpMs).pipe(
      takeWhile(() => !this.#isConfirmed),
      exhaustMap(() => (this.#stands ? from(this.#readBeside()) : EMPTY)),
    );
  }

  /** Reads the prefix while the watch runs, and applies what the watch has not brought. */
  async *#readBeside(): AsyncGenerator<FollowStep> {
    const touched = this.#beginTouching();
    const asked = this.#followed.state;
    try {
      const snapshot = await this.#store.snapshot(this.#range);
      this.#checkSame(asked, snapshot);
      const atMs = this.#now();
      yield* stepsOfDifferences(this.#missing(snapshot, touched, atMs));
      // The read has all up to its revision, the watch all up to where it stands.
      const revision = maxOf(snapshot.revision, this.#progress.position);
      yield stepOf([synced({ ...snapshot, revision }, this.#followed.zone.size, atMs)]);
      this.#progress.position = revision;
      yield* this.#confirm(atMs);
    } finally {
      this.#touched.delete(touched);
    }
  }

  #beginTouching(): Map<EtcdKey, Revision> {
    const touched = new Map<EtcdKey, Revision>();
    this.#touched.add(touched);
    return touched;
  }

  /** What a read shows and the zone has not; from then on, what the watch says of it up to the read's revision is over. */
  *#missing(
    snapshot: Snapshot,
    touched: ReadonlyMap<EtcdKey, Revision>,
    atMs: number,
  ): Generator<RecordEvent | undefined> {
    for (const event of this.#differences(snapshot, atMs)) {
      if (event !== undefined && !stillStands(event, touched.get(event.key), snapshot.revision)) continue;
      if (event !== undefined && snapshot.revision > this.#progress.position)
        this.#repaired.set(event.key, snapshot.revision);
      yield event;
    }
  }

  #heartbeat(): Observable<FollowStep> {
    const { heartbeatMs } = this.#timings;
    return timer(heartbeatMs, heartbeatMs).pipe(
      exhaustMap(() => {
        const asked = this.#followed.state;
        // One read that failed is no outage: the client may have turned to the next endpoint meanwhile.
        return defer(() => this.#readHead()).pipe(
          retry(1),
          tap((head) => this.#checkSame(asked, head)),
        );
      }),
      mergeMap(() => (this.#isConfirmed ? this.#confirm(this.#now()) : [])),
    );
  }

  /** Compares zone and store at times, repairs, and begins a new watch when the old one had lost something. */
  #rereads(): Observable<FollowStep> {
    const { rereadMs, driftGraceMs } = this.#timings;
    let waitMs = rereadMs;
    return defer(() => timer(waitMs)).pipe(
      exhaustMap(() => {
        const startMs = performance.now();
        return concat(
          from(this.#repairDrift()),
          defer(() => {
            const tookMs = performance.now() - startMs - driftGraceMs;
            waitMs = Math.max(rereadMs, tookMs / REREAD_SHARE);
            return EMPTY;
          }),
        );
      }),
      repeat(),
    );
  }

  async *#repairDrift(): AsyncGenerator<FollowStep> {
    if (!this.#isConfirmed) return;
    const touched = this.#beginTouching();
    const asked = this.#followed.state;
    try {
      const snapshot = await this.#store.snapshot(this.#range);
      this.#checkSame(asked, snapshot);
      await wait(this.#timings.driftGraceMs, undefined, { ref: false });
      const drifted: RecordEvent[] = [];
      for (const event of this.#missing(snapshot, touched, this.#now())) {
        if (event === undefined) await nextTurn();
        else drifted.push(event);
      }
      // Found before a pause, and overtaken by the watch in it.
      const found = drifted.filter((event) => stillStands(event, touched.get(event.key), snapshot.revision));
      if (found.length === 0) return;
      this.#log.warn(
        'zone-drifted',
        `${found.length} keys differed from the store though no watch had broken; repaired, and watching anew`,
        {
          keys: found.slice(0, 10).map((event) => event.key),
          revision: String(snapshot.revision),
        },
      );
      yield* stepsOfDifferences(found);
      yield* stepsOfDrift(found);
      throw new Restart();
    } finally {
      this.#touched.delete(touched);
    }
  }

  /** When a replaced store had time to fill again, what is still absent is gone. */
  #endOfHold(): Observable<FollowStep> {
    const leftMs = (): number => this.#progress.holdUntilSteadyMs - this.#steadyMs();
    // A busy process sets its timers by the time at which its turn began: they fire early, and the hold is not over yet.
    const ended = defer(() => timer(Math.ceil(leftMs()))).pipe(
      repeat(),
      first(() => leftMs() <= 0),
    );
    return leftMs() <= 0 ? EMPTY : ended.pipe(mergeMap(() => this.#readBeside()));
  }

  /** The store's revision and id, for the price of an empty range. No name has such a key. */
  #readHead(): Promise<Head> {
    return this.#store.snapshot(`${this.#range}\u0000`);
  }

  /** @param asked the state as the read was asked for: the watch may have brought what is newer than its answer since */
  #checkSame(asked: FollowState, head: Head): void {
    if (!isReplaced(asked, head)) return;
    this.#progress.needsRead = true;
    throw new Restart();
  }
}

function maxOf(a: Revision, b: Revision): Revision {
  return a > b ? a : b;
}
