import { defer, Observable, repeat, retry, switchMap, throwError, timer } from 'rxjs';
import { backoffMs, watchdog } from '../../shared/rx.ts';
import { type LeaseId, type Store, StoreError } from '../../shared/store.ts';

/** A lease is gone, or must be taken for gone. The keys on it have to be written again under another. */
export class LeaseEnded extends Error {
  override readonly name = 'LeaseEnded';
  readonly lease: LeaseId;
  /** Since the last keepalive that was answered. */
  readonly silentMs: number;
  constructor(lease: LeaseId, silentMs: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.lease = lease;
    this.silentMs = silentMs;
  }
}

/** Retries within an outage: soon, so that the store's return is noticed while the lease still lives. */
const RETRY = { baseMs: 200, maxMs: 1000 };

/**
 * Keeps a lease alive while subscribed: a keepalive every third of its TTL, the first one spread over that time, so that
 * the leases of one start do not beat together. Emits the seconds left after each that was answered.
 *
 * Errors with {@link LeaseEnded} when the store says that there is no such lease, or when no keepalive was answered for one
 * TTL: the store has dropped the keys by then, whether it can say so or not. What is no {@link StoreError} is a bug, and
 * is thrown as it is.
 */
export function keepAlive(
  store: Store,
  lease: LeaseId,
  ttlSeconds: number,
  random: () => number = Math.random,
): Observable<number> {
  const ttlMs = ttlSeconds * 1000;
  const everyMs = ttlMs / 3;
  return new Observable<number>((subscriber) => {
    let answeredAt = performance.now();
    const silentMs = (): number => Math.round(performance.now() - answeredAt);
    return timer(everyMs * random())
      .pipe(
        switchMap(() =>
          defer(() => store.keepAlive(lease)).pipe(
            retry({
              delay: (error: unknown, attempt) =>
                error instanceof StoreError && !isGone(error)
                  ? timer(backoffMs({ ...RETRY, random }, attempt))
                  : throwError(() => error),
            }),
            repeat({ delay: () => timer(everyMs * (0.9 + 0.1 * random())) }),
          ),
        ),
        watchdog(ttlMs, () => new LeaseEnded(lease, silentMs(), `no keepalive answered for one TTL, ${ttlSeconds} s`)),
      )
      .subscribe({
        next: (remainingSeconds) => {
          answeredAt = performance.now();
          subscriber.next(remainingSeconds);
        },
        error: (error: unknown) =>
          subscriber.error(
            isGone(error)
              ? new LeaseEnded(lease, silentMs(), 'the store has no such lease any more', { cause: error })
              : error,
          ),
      });
  });
}

function isGone(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'lease-gone';
}
