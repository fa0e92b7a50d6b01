import stringify from 'fast-json-stable-stringify';
import {
  catchError,
  concat,
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  exhaustMap,
  filter,
  ignoreElements,
  interval,
  merge,
  type Observable,
  of,
  repeat,
  retry,
  takeUntil,
  takeWhile,
  tap,
  throwError,
  timer,
} from 'rxjs';
import { StartError } from '../../shared/component.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { backoffMs } from '../../shared/rx.ts';
import { type Entry, type Expectation, type LeaseId, type Store, StoreError } from '../../shared/store.ts';
import { keepAlive, LeaseEnded } from './keep-alive.ts';

/** Who announces for a host: the content of its claim. */
export interface Claimant {
  readonly host: string;
  /** `<host>/<announcer id>`, as in the keys. */
  readonly owner: string;
  /** Kept in the data directory: the same one after a restart or an upgrade. */
  readonly announcer: string;
  readonly pid: number;
  /** RFC 3339; tells one process from the next with the same announcer id. */
  readonly startedAt: string;
}

export type ClaimState =
  | { readonly state: 'asking' }
  /** Another announcer holds the claim; `holder` says which. */
  | { readonly state: 'waiting'; readonly holder: string; readonly untilSeconds: number }
  /** Ours. Every transaction expects `fence`, so that a superseded announcer cannot write. */
  | { readonly state: 'held'; readonly fence: Expectation; readonly lease: LeaseId };

export interface ClaimSettings {
  readonly store: Store;
  readonly claimant: Claimant;
  readonly ttlSeconds: number;
  /** Between two looks at whether the claim stands: while nothing is written, no fence would tell. */
  readonly compareMs: number;
}

/** A crashed predecessor's claim ends with its lease; the store may take a moment longer to say so. */
const WAIT_MARGIN_SECONDS = 2;
const POLL_MS = 500;
const RETRY = { baseMs: 200, maxMs: 2000 };

/** One per host, outside the prefix, so that no name stands for it. */
export function claimKeyOf(host: string): EtcdKey {
  return `${CLAIMS}${host}` as EtcdKey;
}

const CLAIMS = '/rollcall/hosts/';

/** The host's claim: won, kept while it is followed, given back by {@link release}. */
export class HostClaim {
  readonly #store: Store;
  readonly #claimant: Claimant;
  readonly #ttlSeconds: number;
  readonly #compareMs: number;
  readonly #key: EtcdKey;
  readonly #value: string;
  #heldBefore = false;
  #waitingSinceMs: number | undefined;
  /** The attempt under way; unsubscribing does not end it. */
  #attempt: Promise<unknown> = Promise.resolve();
  #isReleased = false;

  constructor({ store, claimant, ttlSeconds, compareMs }: ClaimSettings) {
    this.#store = store;
    this.#claimant = claimant;
    this.#ttlSeconds = ttlSeconds;
    this.#compareMs = compareMs;
    this.#key = claimKeyOf(claimant.host);
    this.#value = stringify(claimant);
  }

  /**
   * Claims the host for this announcer and keeps the claim while subscribed. The claim stands on a lease of its own and is
   * left in place at the end: who stops for good calls {@link release}.
   *
   * A claim of the same announcer id is a predecessor's and is taken over at once. Another announcer's is waited for, one
   * lease TTL and {@link WAIT_MARGIN_SECONDS} s long. Errors with a {@link StartError} that names the holder when it is
   * still there then; at once when a claim that we held is someone else's now, and when the store denies the first claim.
   *
   * @param doubt$ something was refused at the fence: look at the claim again
   */
  state$(doubt$: Observable<unknown>): Observable<ClaimState> {
    const acquire$ = defer(() => {
      const attempt = this.#tryOnce();
      this.#attempt = attempt;
      return attempt;
    }).pipe(
      retry({
        delay: (error: unknown, attempt) =>
          error instanceof StoreError && error.code !== 'invalid' && !this.#isHopeless(error)
            ? timer(backoffMs(RETRY, attempt))
            : throwError(() => this.#failureOf(error)),
      }),
      repeat({ delay: POLL_MS }),
      tap((state) => this.#checkPatience(state)),
      takeWhile(({ state }) => state !== 'held', true),
      distinctUntilChanged((one, other) => one.state === other.state),
    );
    const gone$ = interval(this.#compareMs).pipe(
      exhaustMap(() => this.#stands()),
      filter((stands) => !stands),
    );
    const keep = (lease: LeaseId): Observable<never> =>
      keepAlive(this.#store, lease, this.#ttlSeconds).pipe(
        ignoreElements(),
        catchError((error: unknown) => (error instanceof LeaseEnded ? EMPTY : throwError(() => error))),
        takeUntil(merge(doubt$, gone$)),
      );
    return acquire$.pipe(
      concatMap((state) =>
        state.state === 'held' ? concat(of(state), keep(state.lease), of<ClaimState>({ state: 'asking' })) : of(state),
      ),
      repeat(),
    );
  }

  /**
   * Gives the claim back, whatever became of it: held, written by an attempt that is still under way, or a predecessor's
   * that was not taken over yet. Unsubscribe from {@link state$} first. @throws {StoreError} when the store did not confirm it
   */
  async release(): Promise<void> {
    this.#isReleased = true;
    await this.#attempt.catch(() => undefined); // of no more interest: what stands now is read
    const found = await this.#read();
    if (found?.lease !== undefined && this.#isOurs(found)) await this.#store.revoke(found.lease);
  }

  /** Whether the claim is as we wrote it; also true when the store does not say. */
  async #stands(): Promise<boolean> {
    try {
      return (await this.#read())?.value === this.#value;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      return true;
    }
  }

  async #tryOnce(): Promise<ClaimState> {
    const found = await this.#read();
    if (found === undefined) return this.#write({ key: this.#key, absent: true }, undefined);
    if (this.#isOurs(found)) return this.#takeOver(found);
    return { state: 'waiting', holder: describe(found), untilSeconds: this.#patienceSeconds() };
  }

  async #read(): Promise<Entry | undefined> {
    const { entries } = await this.#store.snapshot(this.#key);
    return entries.find(({ key }) => key === this.#key);
  }

  #isOurs(found: Entry): boolean {
    return found.value === this.#value || this.#isPredecessors(found);
  }

  /** A role that never let us claim will not do so by itself; one that did may be mended. */
  #isHopeless(error: StoreError): boolean {
    return error.code === 'denied' && !this.#heldBefore;
  }

  #failureOf(error: unknown): unknown {
    if (!(error instanceof StoreError) || !this.#isHopeless(error)) return error;
    return new StartError(
      `cannot claim the host ${this.#claimant.host}: ${error.message}; the announcer reads and writes ${this.#key} besides its names: \`etcdctl role grant-permission ROLE --prefix=true readwrite ${CLAIMS}\``,
      { cause: error },
    );
  }

  /** @throws {StartError} when waiting any longer makes no sense */
  #checkPatience(state: ClaimState): void {
    if (state.state === 'held') {
      this.#heldBefore = true;
      this.#waitingSinceMs = undefined;
    }
    if (state.state !== 'waiting') return;
    const { host } = this.#claimant;
    if (this.#heldBefore) {
      throw new StartError(
        `host ${host} is announced by another announcer now: ${state.holder} holds ${this.#key}, which was ours until our lease ran out; stopping, so that two do not write the same names`,
      );
    }
    this.#waitingSinceMs ??= performance.now();
    const waitedSeconds = (performance.now() - this.#waitingSinceMs) / 1000;
    if (waitedSeconds < this.#patienceSeconds()) return;
    throw new StartError(
      `host ${host} is already announced by another announcer: ${state.holder} has kept ${this.#key} for the ${Math.round(waitedSeconds)} s that we waited; stop that one, or give this one another --host-name`,
    );
  }

  #patienceSeconds(): number {
    return this.#ttlSeconds + WAIT_MARGIN_SECONDS;
  }

  /** Once we have held the claim, a process with our id that is not us is a successor. */
  #isPredecessors(found: Entry): boolean {
    return !this.#heldBefore && claimantOf(found)?.announcer === this.#claimant.announcer;
  }

  /** Onto the lease that the claim has, when that lives and is as long as ours; else onto a new one. */
  async #takeOver(found: Entry): Promise<ClaimState> {
    const ttl = found.lease === undefined ? undefined : await this.#store.timeToLive(found.lease);
    const lease = ttl?.grantedSeconds === this.#ttlSeconds ? found.lease : undefined;
    if (lease !== undefined) await this.#store.keepAlive(lease);
    if (lease !== undefined && found.value === this.#value) return this.#held(found.modRevision, lease);
    return this.#write({ key: this.#key, modRevision: found.modRevision }, lease);
  }

  /** A lease that was granted for the claim and does not hold it is given back, also when nobody can say whether it does. */
  async #write(expect: Expectation, adopted: LeaseId | undefined): Promise<ClaimState> {
    const lease = adopted ?? (await this.#store.grant(this.#ttlSeconds)).lease;
    let isHeld = false;
    try {
      if (this.#isReleased) return { state: 'asking' };
      const result = await this.#store.commit({
        expect: [expect],
        writes: [{ type: 'put', key: this.#key, value: this.#value, lease }],
      });
      isHeld = result.ok;
      return result.ok ? this.#held(result.revision, lease) : { state: 'asking' };
    } finally {
      if (!isHeld && adopted === undefined) await this.#store.revoke(lease);
    }
  }

  #held(modRevision: bigint, lease: LeaseId): ClaimState {
    return { state: 'held', fence: { key: this.#key, modRevision }, lease };
  }
}

function claimantOf({ value }: Entry): Partial<Claimant> | undefined {
  try {
    const json: unknown = JSON.parse(value);
    return typeof json === 'object' && json !== null ? json : undefined;
  } catch {
    return undefined;
  }
}

function describe(found: Entry): string {
  const claimant = claimantOf(found);
  if (typeof claimant?.announcer !== 'string') return `the writer of ${JSON.stringify(found.value.slice(0, 120))}`;
  return `announcer ${claimant.announcer} (process ${claimant.pid}, since ${claimant.startedAt})`;
}
