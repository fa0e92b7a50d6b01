import { setTimeout as pause } from 'node:timers/promises';

/** Of reading in one go; a chunk that is being parsed is finished first. */
const SLICE_MS = 2;
/** Looking at the clock costs, too. */
const ENTRIES_PER_LOOK = 32;

/**
 * Lets reading take half of the processor at most: after each slice comes a pause as long. Whatever else there is to do has
 * its turn between two chunks in any case; without the pauses, most of each turn would go to the reading.
 */
export class Pacer {
  #sinceMs = performance.now();
  #count = 0;

  /** After each entry. @returns the pause, when it is time for one */
  pause(): Promise<void> | undefined {
    this.#count += 1;
    if (this.#count % ENTRIES_PER_LOOK > 0) return undefined;
    const tookMs = performance.now() - this.#sinceMs;
    return tookMs < SLICE_MS ? undefined : this.#pause(tookMs);
  }

  /** Something else was waited for: that was no reading. */
  restart(): void {
    this.#sinceMs = performance.now();
  }

  async #pause(forMs: number): Promise<void> {
    await pause(forMs);
    this.restart();
  }
}

export async function* pacing<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const pacer = new Pacer();
  for await (const item of items) {
    yield item;
    const due = pacer.pause();
    if (due !== undefined) await due;
  }
}
