import { Subject } from 'rxjs';
import { type Store, StoreError } from '../../shared/store.ts';
import type { AnnouncerEvent } from '../event.ts';

/**
 * Whether the store answers, from the calls that are made anyway. Emits one `StoreLost` when calls begin to fail and one
 * `StoreRegained` when one is answered again, however many calls there are between.
 */
export class StoreHealth {
  /** The same store; make calls through this one. */
  readonly store: Store;
  readonly #events = new Subject<AnnouncerEvent>();
  readonly events$ = this.#events.asObservable();
  readonly #now: () => number;
  #lost: { readonly reason: string; readonly sinceMs: number } | undefined;
  #everAnswered = false;

  constructor(store: Store, now: () => number = Date.now) {
    this.#now = now;
    this.store = {
      description: store.description,
      snapshot: this.#watched((prefix: string) => store.snapshot(prefix)),
      // A watch that breaks is followed by a snapshot, which says whether the store is away.
      changes: (prefix, from) => store.changes(prefix, from),
      grant: this.#watched((ttlSeconds: number) => store.grant(ttlSeconds)),
      keepAlive: this.#watched((lease) => store.keepAlive(lease)),
      timeToLive: this.#watched((lease) => store.timeToLive(lease)),
      revoke: this.#watched((lease) => store.revoke(lease)),
      commit: this.#watched((transaction) => store.commit(transaction)),
      close: () => store.close(),
    };
  }

  /** Undefined while the store answers, or has not been asked yet. */
  get lostReason(): string | undefined {
    return this.#lost?.reason;
  }

  /** Whether the store has answered, and answers. */
  get isUp(): boolean {
    return this.#everAnswered && this.#lost === undefined;
  }

  #watched<Given extends unknown[], Result>(
    call: (...given: Given) => Promise<Result>,
  ): (...given: Given) => Promise<Result> {
    return async (...given) => {
      try {
        const result = await call(...given);
        this.#answered();
        return result;
      } catch (error) {
        if (isAway(error)) this.#failed(error);
        else this.#answered();
        throw error;
      }
    };
  }

  #answered(): void {
    this.#everAnswered = true;
    if (this.#lost === undefined) return;
    const atMs = this.#now();
    const { sinceMs } = this.#lost;
    this.#lost = undefined;
    this.#events.next({ type: 'StoreRegained', atMs, awayMs: Math.max(0, atMs - sinceMs) });
  }

  #failed(error: StoreError): void {
    if (this.#lost !== undefined) return;
    const atMs = this.#now();
    this.#lost = { reason: error.message, sinceMs: atMs };
    this.#events.next({ type: 'StoreLost', atMs, reason: error.message });
  }
}

function isAway(error: unknown): error is StoreError {
  return error instanceof StoreError && (error.code === 'unavailable' || error.code === 'denied');
}
