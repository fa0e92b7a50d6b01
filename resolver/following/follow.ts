import { catchError, concat, defer, EMPTY, type Observable, of, retry, throwError, timer } from 'rxjs';
import type { Log } from '../../shared/log.ts';
import { backoffMs } from '../../shared/rx.ts';
import { type Revision, type Store, StoreError } from '../../shared/store.ts';
import type { ZoneEvent } from '../zone/event.ts';
import type { Zone } from '../zone/zone.ts';
import { FollowSession, Restart } from './session.ts';
import { type FollowState, holdUntilMs } from './state.ts';

/** What the follower learned. The subscriber applies each step to the zone before it returns. */
export type FollowStep =
  | {
      readonly type: 'events';
      readonly events: readonly ZoneEvent[];
      /** So many at once that the journal keeps a snapshot of the zone instead of each. */
      readonly bulk: boolean;
    }
  /** The zone is what the store holds, as of now. */
  | { readonly type: 'confirmed'; readonly atMs: number };

/** What the steps are applied to, as it stands now. */
export interface Followed {
  readonly zone: Zone;
  readonly state: FollowState;
}

export interface FollowDeps {
  readonly store: Store;
  readonly followed: Followed;
  readonly log: Log;
  readonly now?: () => number;
  /** Milliseconds of a clock that nobody sets, for what lasts. */
  readonly steadyMs?: () => number;
  readonly random?: () => number;
  readonly timings?: Partial<FollowTimings>;
}

/** Not settings: nobody has a reason to change them but a test that cannot wait. */
export interface FollowTimings {
  /** Waits between attempts to reach the store. */
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** A watch on a member that lost its cluster stays open and silent; a linearizable read does not. */
  readonly heartbeatMs: number;
  /** A watch that is behind gets so long to catch up by itself before the prefix is read. */
  readonly catchUpMs: number;
  /** Even a watch that never broke can have lost events (etcd before 3.4.30 can, at a compaction): this bounds for how long. */
  readonly rereadMs: number;
  /** What a read shows and the watch does not may be on its way; so long it may take. */
  readonly driftGraceMs: number;
  /**
   * When the store came back older (restored from a backup, its data lost), the announcers write their names again
   * within a lease's time: 60 s by default, renewed every 20 s. Until then the absence of a key says nothing, and the old
   * record answers on.
   */
  readonly replacedHoldMs: number;
}

const TIMINGS: FollowTimings = {
  backoffBaseMs: 100,
  backoffMaxMs: 5000,
  heartbeatMs: 5000,
  catchUpMs: 300,
  rereadMs: 60_000,
  driftGraceMs: 2000,
  replacedHoldMs: 90_000,
};

/** What outlives a session. */
export interface FollowProgress {
  /** The next session must read the prefix: the first, and when the watch cannot go on. */
  needsRead: boolean;
  /** Every change up to here is applied. */
  position: Revision;
  /** Sessions in a row whose watch never stood. */
  attempts: number;
  /** The store is away, and that has been logged. */
  isLost: boolean;
  /** Until then, by the steady clock, what a replaced store lacks is kept; in the past when nothing is. */
  holdUntilSteadyMs: number;
}

/**
 * Follows the store: the prefix at one revision, then every change from that revision + 1. A watch that broke goes on
 * from the last revision applied + 1; when that is compacted, or another store stands there, the prefix is read again
 * and the difference derived. Never completes; errors only on a broken invariant.
 */
export function follow(deps: FollowDeps): Observable<FollowStep> {
  const { now = Date.now, steadyMs = () => performance.now(), random = Math.random } = deps;
  const timings = { ...TIMINGS, ...deps.timings };
  return defer(() => {
    // What an earlier process began it says by the wall clock, which may have been set back since.
    const heldMs = Math.min(holdUntilMs(deps.followed.state, timings.replacedHoldMs) - now(), timings.replacedHoldMs);
    const holdUntilSteadyMs = steadyMs() + heldMs;
    const progress: FollowProgress = { needsRead: true, position: 0n, attempts: 0, isLost: false, holdUntilSteadyMs };
    return defer(() => new FollowSession({ ...deps, now, steadyMs, timings, progress }).steps()).pipe(
      catchError((error) =>
        concat(
          lost(error, deps, now, progress),
          throwError(() => error),
        ),
      ),
      retry({ delay: (error) => timer(waitAfter(error, timings, random, progress)) }),
    );
  });
}

/** What a session's end says of the store: once an outage. */
function lost(
  error: unknown,
  { store, followed, log }: FollowDeps,
  now: () => number,
  progress: FollowProgress,
): Observable<FollowStep> {
  if (!(error instanceof StoreError)) return EMPTY;
  if (error.code === 'compacted') {
    progress.needsRead = true;
    log.info('watch-compacted', `${error.message}; reading everything below ${followed.zone.prefix} again`);
    return EMPTY;
  }
  progress.attempts += 1;
  const { lostAtMs, revision } = followed.state;
  if (!progress.isLost) {
    progress.isLost = true;
    const message = `${store.description} is lost: ${error.message}; answering from memory and trying again`;
    log.warn('store-lost', message, { records: followed.zone.size, revision: String(revision) });
  }
  if (lostAtMs !== undefined) return EMPTY;
  return of({ type: 'events', events: [{ type: 'StoreLost', atMs: now(), reason: error.message }], bulk: false });
}

/** @throws what is no operational error */
function waitAfter(error: unknown, timings: FollowTimings, random: () => number, progress: FollowProgress): number {
  if (error instanceof Restart) return 0;
  if (!(error instanceof StoreError)) throw error;
  const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = timings;
  return backoffMs({ baseMs, maxMs, random }, Math.max(1, progress.attempts));
}
