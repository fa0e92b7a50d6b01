/** At most so many of a kind of work at once; the others wait in the order they came. */
export class Turns {
  readonly #max: number;
  #taken = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#max) this.#taken += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      // The turn goes to the next one, so the count stays.
      if (next === undefined) this.#taken -= 1;
      else next();
    }
  }
}
