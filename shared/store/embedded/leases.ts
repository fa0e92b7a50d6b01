import type { LeaseId } from '../../store.ts';

/** When leases end, on one timer for all of them. */
export class LeaseDeadlines {
  readonly #nowMs: () => number;
  readonly #onExpired: (lease: LeaseId) => void;
  readonly #deadlines = new Map<LeaseId, number>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;

  /** @param onExpired told once for each lease, after it was forgotten here */
  constructor(nowMs: () => number, onExpired: (lease: LeaseId) => void) {
    this.#nowMs = nowMs;
    this.#onExpired = onExpired;
  }

  renew(lease: LeaseId, ttlSeconds: number): void {
    const deadlineMs = this.#nowMs() + ttlSeconds * 1000;
    this.#deadlines.set(lease, deadlineMs);
    // A later deadline leaves the timer alone: it will find nothing due, and wait for the next.
    if (deadlineMs < this.#timerAtMs) this.#wait(deadlineMs);
  }

  forget(lease: LeaseId): void {
    this.#deadlines.delete(lease);
  }

  /** Never below 0; 0 for a lease that is not known. */
  remainingMs(lease: LeaseId): number {
    return Math.max(0, (this.#deadlines.get(lease) ?? 0) - this.#nowMs());
  }

  /** Ends what is due now. */
  expire(): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#timerAtMs) return;
    const due = [...this.#deadlines].filter(([, deadlineMs]) => deadlineMs <= nowMs).map(([lease]) => lease);
    for (const lease of due) {
      this.#deadlines.delete(lease);
      this.#onExpired(lease);
    }
    const next = Math.min(...this.#deadlines.values());
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    clearTimeout(this.#timer);
    if (next !== Number.POSITIVE_INFINITY) this.#wait(next);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#deadlines.clear();
  }

  #wait(untilMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = untilMs;
    const delayMs = Math.max(0, Math.ceil(untilMs - this.#nowMs()));
    this.#timer = setTimeout(() => this.#onTimer(), delayMs).unref();
  }

  #onTimer(): void {
    if (this.#nowMs() < this.#timerAtMs) this.#wait(this.#timerAtMs);
    else this.expire();
  }
}
