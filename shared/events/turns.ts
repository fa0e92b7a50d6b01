/** Places for so many at once; whoever else wants one waits, first come, first served. */
export class Turns {
  readonly #max: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Resolves true when there is a place, for the caller to give back; false when `signal` is aborted before. */
  take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    if (this.#taken < this.#max) {
      this.#taken += 1;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const leave = (): void => {
        this.#waiting.delete(begin);
        resolve(false);
      };
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(true);
      };
      this.#waiting.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** One that has a place or waits for it. */
export class Turn {
  readonly #turns: Turns;
  readonly #signal: AbortSignal;
  #isTaken = false;

  /** @param signal aborted when it wants none any more */
  constructor(turns: Turns, signal: AbortSignal) {
    this.#turns = turns;
    this.#signal = signal;
  }

  async take(): Promise<void> {
    this.#isTaken = await this.#turns.take(this.#signal);
  }

  /** The place is another's, if there was one. */
  give(): void {
    if (this.#isTaken) this.#turns.give();
    this.#isTaken = false;
  }
}
