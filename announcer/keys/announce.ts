import {
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  finalize,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  of,
  retry,
  Subject,
  startWith,
  switchMap,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { backoffMs, conflateMap } from '../../shared/rx.ts';
import { type LeaseId, type Store, StoreError } from '../../shared/store.ts';
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
/** Reasons that are known as said; beyond that, they are said again. */
const REFUSALS_KEPT_MAX = 100;
/** Within the 4.8 s in which a daemon has to end; docs/stopping.md adds them up. */
export const WITHDRAW_TIMEOUT_MS = 4000;
/** For a write under way at a hand-over: only for the journal to know of the lease that it brings. */
export const LEAVE_TIMEOUT_MS = 1000;

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
  readonly #refusals = new Subject<string>();
  readonly #saidRefusals = new Set<string>();
  #refusal: string | undefined;
  #claim: ClaimState = { state: 'asking' };
  /** The step under way; unsubscribing does not end it. */
  #step: Promise<unknown> = Promise.resolve();

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

  /** Emits when the store calls a request wrong, once for each different reason: no retry mends that by itself. */
  get refusals$(): Observable<string> {
    return this.#refusals;
  }

  /** What was refused as wrong, and is still refused. */
  get refusal(): string | undefined {
    return this.#refusal;
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
    const claimed$ = claim$.pipe(
      tap((claim) => this.#guard(claim)),
      map(({ state }) => state === 'held'),
      distinctUntilChanged(),
      // What is told while the host is not ours would only heap up: from a claim on, everything is read anew.
      switchMap((isHeld) =>
        isHeld
          ? this.#world$().pipe(
              tap((told) => writer.tell(told)),
              startWith(undefined),
            )
          : of(undefined),
      ),
    );
    const inputs$ = merge(
      wishes$.pipe(tap((wish) => writer.want(wish))),
      claimed$,
      settled$.pipe(tap(() => writer.allowRemovalOfUnclaimed())),
      interval(this.#settings.compareMs).pipe(tap(() => writer.compare())),
    ).pipe(tap(() => this.#wake.next()));
    // The steps first: the inputs may emit as soon as they are subscribed to.
    return merge(this.#steps$(), inputs$).pipe(
      ignoreElements(),
      finalize(() => writer.leave()),
    );
  }

  /**
   * Takes every name away: all leases at once, those that a predecessor left too, then the claim, so that a successor finds
   * nothing of ours. Unsubscribe from {@link run} first. What the store does not confirm within
   * {@link WITHDRAW_TIMEOUT_MS} ends with its lease.
   *
   * @param releaseClaim gives the claim back
   * @returns what is not confirmed, with the reason
   */
  async withdraw(releaseClaim: () => Promise<void>): Promise<readonly string[]> {
    const { leases } = this.#writer;
    leases.leave();
    const deadline = delay(WITHDRAW_TIMEOUT_MS);
    const failures: string[] = [];
    const attempt = async (what: string, revoke: () => Promise<void>): Promise<void> => {
      try {
        if ((await Promise.race([revoke(), deadline.late])) === 'late') failures.push(`${what}: no answer in time`);
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const giveBack = (lease: LeaseId): Promise<void> => attempt(`lease ${lease}`, () => leases.giveBack(lease));
    const known = leases.all();
    await Promise.all([...known.map(giveBack), attempt('the write under way', () => this.#stepEnded())]);
    // A lease that this write brought is given back by it; where that failed, once more.
    await Promise.all(leases.all().flatMap((lease) => (known.includes(lease) ? [] : giveBack(lease))));
    await attempt('the claim', releaseClaim);
    deadline.cancel();
    return failures;
  }

  /**
   * Leaves leases and names to the next process. Unsubscribe from {@link run} first. Resolves when no write is under way
   * any more, after {@link LEAVE_TIMEOUT_MS} at the latest.
   */
  async leave(): Promise<void> {
    const deadline = delay(LEAVE_TIMEOUT_MS);
    await Promise.race([this.#step.catch(() => undefined), deadline.late]);
    deadline.cancel();
  }

  /** What the store refused of it is of no more interest: what it wrote stands on leases that are known. */
  async #stepEnded(): Promise<void> {
    try {
      await this.#step;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  #guard(claim: ClaimState): void {
    this.#claim = claim;
    this.#writer.guard(claim.state === 'held' ? claim : undefined);
  }

  #noteRefusal({ code, message }: StoreError): void {
    if (code !== 'invalid') return;
    this.#refusal = message;
    if (this.#saidRefusals.has(message)) return;
    if (this.#saidRefusals.size >= REFUSALS_KEPT_MAX) this.#saidRefusals.clear();
    this.#saidRefusals.add(message);
    this.#refusals.next(message);
  }

  /** One step at a time; whatever wakes us meanwhile makes for one more. */
  #steps$(): Observable<unknown> {
    let attempt = 0;
    return defer(() => this.#wake.pipe(startWith(undefined))).pipe(
      conflateMap(() => {
        const step = this.#writer.step();
        this.#step = step;
        return step;
      }),
      tap((more) => {
        attempt = 0;
        this.#refusal = undefined;
        if (more) this.#wake.next();
      }),
      retry({
        delay: (error: unknown) => {
          if (!(error instanceof StoreError)) return throwError(() => error);
          this.#noteRefusal(error);
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
          this.#noteRefusal(error);
          attempt += 1;
          return timer(backoffMs(WATCH_RETRY, attempt));
        },
      }),
    );
  }
}

function delay(ms: number): { readonly late: Promise<'late'>; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, ms, 'late');
  });
  return { late, cancel: () => clearTimeout(timer) };
}
