import {
  concat,
  concatMap,
  defer,
  finalize,
  from,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  of,
  retry,
  Subject,
  startWith,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { backoffMs, conflateMap } from '../../shared/rx.ts';
import { type Store, StoreError } from '../../shared/store.ts';
import type { AnnouncerEvent } from '../event.ts';
import type { Wish } from './holdings.ts';
import type { ClaimState } from './host-claim.ts';
import { type Left, type Told, Writer } from './writer.ts';

export interface AnnounceSettings {
  readonly store: Store;
  readonly host: string;
  /** What claims the keys, when that is not the host: `rollcall run`. */
  readonly owning?: string;
  /** `<prefix>/<domain reversed>/`: the part of the store that is watched. */
  readonly domainPrefix: string;
  readonly ttlSeconds: number;
  /** Between two full comparisons of the wish, our knowledge, and the store. */
  readonly compareMs: number;
  readonly left: Left;
  readonly now?: () => number;
}

export interface AnnounceInputs {
  /** Each emission is a newer wish, as a function: it is projected only when there is time to write it. */
  readonly wishes$: Observable<() => Wish>;
  readonly claim$: Observable<ClaimState>;
  /** Emits once the world has been looked at as a whole: unclaimed keys may go from then on. */
  readonly settled$: Observable<unknown>;
}

const STEP_RETRY = { baseMs: 50, maxMs: 1000 };
/** Each retry reads the whole domain, and every host of an installation does so after an outage. */
const WATCH_RETRY = { baseMs: 200, maxMs: 10_000 };
/** Within the 5 s in which a daemon has to end. */
const WITHDRAW_TIMEOUT_MS = 4000;

/**
 * Keeps the store equal to the wish. Subscribe to {@link run} once; it goes on until it is unsubscribed and retries what
 * the store refuses for a while. Everything it does comes out of {@link events$}.
 */
export class Announce {
  readonly #settings: AnnounceSettings;
  readonly #events = new Subject<AnnouncerEvent>();
  readonly #wake = new Subject<void>();
  readonly #doubt = new Subject<void>();
  readonly #writer: Writer;
  readonly #now: () => number;
  #claim: ClaimState = { state: 'asking' };

  constructor(settings: AnnounceSettings) {
    this.#settings = settings;
    this.#now = settings.now ?? Date.now;
    this.#writer = new Writer({
      ...settings,
      now: this.#now,
      emit: (event) => this.#events.next(event),
      wake: () => this.#wake.next(),
      onFenced: () => this.#doubt.next(),
    });
  }

  /** Everything that is done, also by {@link withdraw}. */
  get events$(): Observable<AnnouncerEvent> {
    return this.#events;
  }

  /** Emits when a write was refused because the claim is not what it was. */
  get doubt$(): Observable<void> {
    return this.#doubt;
  }

  get writer(): Writer {
    return this.#writer;
  }

  get claim(): ClaimState {
    return this.#claim;
  }

  /** Errors with what `claim$` errors with, and when something breaks that no retry mends. */
  run({ wishes$, claim$, settled$ }: AnnounceInputs): Observable<never> {
    const writer = this.#writer;
    const inputs$ = merge(
      wishes$.pipe(tap((wish) => writer.want(wish))),
      claim$.pipe(tap((claim) => this.#guard(claim))),
      settled$.pipe(tap(() => writer.allowRemovalOfUnclaimed())),
      this.#world$().pipe(tap((told) => writer.tell(told))),
      interval(this.#settings.compareMs).pipe(tap(() => writer.compare())),
    ).pipe(tap(() => this.#wake.next()));
    // The steps first: the inputs may emit as soon as they are subscribed to.
    return merge(this.#steps$(), inputs$).pipe(
      ignoreElements(),
      finalize(() => writer.leases.leave()),
    );
  }

  /**
   * Takes every name away: all leases at once, then the claim, so that a successor finds nothing of ours. Unsubscribe from
   * {@link run} first. What the store does not confirm within {@link WITHDRAW_TIMEOUT_MS} ends with its lease.
   *
   * @returns the leases that could not be revoked, with the reason
   */
  async withdraw(): Promise<readonly string[]> {
    const { leases } = this.#writer;
    const { store } = this.#settings;
    let timeout: NodeJS.Timeout | undefined;
    const deadline = new Promise<'late'>((resolve) => {
      timeout = setTimeout(resolve, WITHDRAW_TIMEOUT_MS, 'late');
    });
    const failures: string[] = [];
    const attempt = async (what: string, revoke: () => Promise<void>): Promise<void> => {
      try {
        if ((await Promise.race([revoke(), deadline])) === 'late') failures.push(`${what}: no answer in time`);
      } catch (error) {
        failures.push(`${what}: ${String(error)}`);
      }
    };
    await Promise.all(leases.shards().map((shard) => attempt(`shard ${shard}`, () => leases.revoke(shard))));
    const claim = this.#claim;
    if (claim.state === 'held') await attempt('claim', () => store.revoke(claim.lease));
    clearTimeout(timeout);
    return failures;
  }

  #guard(claim: ClaimState): void {
    this.#claim = claim;
    this.#writer.guard(claim.state === 'held' ? claim.fence : undefined);
  }

  /** One step at a time; whatever wakes us meanwhile makes for one more. */
  #steps$(): Observable<unknown> {
    let attempt = 0;
    return defer(() => this.#wake.pipe(startWith(undefined))).pipe(
      conflateMap(() => from(this.#writer.step())),
      tap((more) => {
        attempt = 0;
        if (more) this.#wake.next();
      }),
      retry({
        delay: (error: unknown) => {
          if (!(error instanceof StoreError)) return throwError(() => error);
          attempt += 1;
          return timer(backoffMs(STEP_RETRY, attempt));
        },
      }),
    );
  }

  /** The domain at one revision, then each change of it. A break is mended by reading anew: it also finds a restored store. */
  #world$(): Observable<Told> {
    const { store, domainPrefix } = this.#settings;
    let attempt = 0;
    return defer(() => store.snapshot(domainPrefix)).pipe(
      concatMap((snapshot) =>
        concat(
          of<Told>({ type: 'snapshot', snapshot }),
          store.changes(domainPrefix, snapshot.revision + 1n).pipe(
            map((batch): Told => {
              attempt = 0;
              return { type: 'changes', batch };
            }),
          ),
        ),
      ),
      retry({
        delay: (error: unknown) => {
          if (!(error instanceof StoreError)) return throwError(() => error);
          attempt += 1;
          return timer(backoffMs(WATCH_RETRY, attempt));
        },
      }),
    );
  }
}
