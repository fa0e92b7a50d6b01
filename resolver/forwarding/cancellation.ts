/**
 * Ends what is under way, once. As an AbortController, which is dear for something that each query has: it took a tenth of the
 * CPU of forwarding one, most of it for the stack trace of an error that nobody looks at.
 */
export class Cancellation {
  readonly #listeners = new Set<() => void>();
  #isCancelled = false;

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Calls `listener` when it is cancelled; now, when it was. */
  add(listener: () => void): void {
    if (this.#isCancelled) listener();
    else this.#listeners.add(listener);
  }

  delete(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  cancel(): void {
    this.#isCancelled = true;
    for (const listener of this.#listeners) {
      this.#listeners.delete(listener);
      listener();
    }
  }
}
