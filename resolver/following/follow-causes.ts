import {
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  NEVER,
  type Observable,
  of,
  race,
  retry,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { CAUSES, decodeCauses, hostOfCauses } from '../../shared/causes.ts';
import type { Log } from '../../shared/log.ts';
import { backoffMs } from '../../shared/rx.ts';
import { type Entry, type Revision, type Store, StoreError } from '../../shared/store.ts';
import type { ToldCauses } from './change-explanations.ts';

export interface FollowCausesDeps {
  readonly store: Pick<Store, 'description' | 'snapshot' | 'changes'>;
  /** Everything up to here was told before; 0 when nothing was. */
  readonly sinceRevision: Revision;
  /** The store has just answered somebody else: what waits to try it again need not wait any longer. */
  readonly answers$?: Observable<unknown>;
  readonly log: Log;
  readonly random?: () => number;
  readonly timings?: Partial<FollowCausesTimings>;
}

export interface FollowCausesTimings {
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  /** Between two attempts when the role may not read them: it may be mended while we run. */
  readonly deniedMs: number;
}

const TIMINGS: FollowCausesTimings = { backoffBaseMs: 100, backoffMaxMs: 5000, deniedMs: 60_000 };
/** For the price of an empty range: no host has such a key. */
const HEAD = `${CAUSES}\u0000`;

/**
 * What announcers say of their transactions, as they say it, from the last revision seen on; where that is compacted, from
 * what stands now. Never completes; errors on a broken invariant alone. A resolver answers without any of this: a role
 * that may not read it is said once, and an outage is the follower's to tell.
 */
export function followCauses(deps: FollowCausesDeps): Observable<readonly ToldCauses[]> {
  const { store, sinceRevision, answers$ = NEVER, log, random = Math.random } = deps;
  const timings = { ...TIMINGS, ...deps.timings };
  return defer(() => {
    /** Everything up to here was told; undefined: read what stands first. */
    let position = sinceRevision > 0n ? sinceRevision : undefined;
    let attempts = 0;
    let isDenied = false;

    const stands = (): void => {
      attempts = 0;
      if (isDenied) log.info('causes-allowed', 'it is learned again why announcers change names');
      isDenied = false;
    };
    const read$ = defer(() => store.snapshot(CAUSES)).pipe(
      concatMap(({ entries, revision }) => {
        position = revision;
        return of(entries.flatMap(toldBy));
      }),
    );
    const watch$ = defer(() =>
      store.changes(CAUSES, (position ?? 0n) + 1n).pipe(
        tap(stands),
        concatMap(({ revision, changes }) => {
          if (position === undefined || revision > position) position = revision;
          const told = changes.flatMap((change) => (change.type === 'put' ? toldBy(change.entry) : []));
          return told.length === 0 ? EMPTY : of(told);
        }),
      ),
    );
    // A store that went back in time counts its revisions anew. A role is also refused here, rather than in a watch.
    const begin$ = defer(() => from(store.snapshot(HEAD))).pipe(
      concatMap(({ revision }) => {
        if (position !== undefined && revision < position) position = undefined;
        return position === undefined ? read$ : EMPTY;
      }),
    );
    const waitAfter = (error: StoreError): Observable<unknown> => {
      attempts += 1;
      if (error.code === 'compacted') position = undefined;
      if (error.code !== 'denied') {
        const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = timings;
        return race(timer(backoffMs({ baseMs, maxMs, random }, attempts)), answers$);
      }
      if (!isDenied) log.warn('causes-denied', deniedText(error));
      isDenied = true;
      return timer(timings.deniedMs);
    };
    return concat(begin$, watch$).pipe(
      retry({
        delay: (error: unknown) => (error instanceof StoreError ? waitAfter(error) : throwError(() => error)),
      }),
    );
  });
}

function toldBy({ key, value, modRevision: revision }: Entry): ToldCauses[] {
  const host = hostOfCauses(key);
  const changes = decodeCauses(value);
  return host === undefined || changes === undefined ? [] : [{ revision, host, changes }];
}

function deniedText({ message }: StoreError): string {
  return `names are answered, but why they change is not learned: ${message}; \`etcdctl role grant-permission ROLE --prefix=true read ${CAUSES}\` mends it`;
}
