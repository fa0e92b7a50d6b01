import type { EtcdKey } from '../../shared/name.ts';

/** In one comparison; an announcer of thousands of keys comes to the others the next times. */
const KEYS_MAX = 1000;

/**
 * Which keys a comparison asks the store for next. It goes by parts, between which whatever is more urgent is done, and of
 * thousands of keys it takes so many that it costs a tenth of a second: the watch tells what happens to any of them.
 */
export class Comparison {
  readonly #everyKey: () => Iterator<EtcdKey, undefined>;
  /** Where the last comparison ended; undefined at the end of all keys. */
  #keys: Iterator<EtcdKey, undefined> | undefined;
  #keysLeft = 0;
  #part: readonly EtcdKey[] = [];

  /** @param everyKey may change while it is walked */
  constructor(everyKey: () => Iterator<EtcdKey, undefined>) {
    this.#everyKey = everyKey;
  }

  begin(): void {
    this.#keys ??= this.#everyKey();
    this.#keysLeft = KEYS_MAX;
  }

  /** What is to be asked for now, and was not {@link asked} yet; empty between two comparisons. */
  get part(): readonly EtcdKey[] {
    return this.#part;
  }

  /**
   * Takes the next keys when all of the part before were asked for.
   *
   * @returns those that were taken
   */
  next(count: number): readonly EtcdKey[] {
    if (this.#part.length > 0 || this.#keys === undefined || this.#keysLeft <= 0) return [];
    const taken: EtcdKey[] = [];
    while (taken.length < count) {
      const { done, value } = this.#keys.next();
      if (done === true) {
        this.#keys = undefined;
        break;
      }
      taken.push(value);
    }
    this.#keysLeft -= count;
    this.#part = taken;
    return taken;
  }

  /** The first `count` keys of the part have been asked for. */
  asked(count: number): void {
    this.#part = this.#part.slice(count);
  }
}
