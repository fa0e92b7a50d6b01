import type { OwnerName } from '../../shared/name.ts';
import { PAST_BUSY, type PastTold } from '../wire/past.ts';

/** Questions of one worker that may be with the primary, which has a queue of its own for all of them. */
const ASKED_MAX = 8;

/** The past as a worker tells it: the journal is the primary's, so it is asked. */
export class PastOfPrimary {
  readonly #ask: (id: number, name: OwnerName) => void;
  readonly #asked = new Map<number, (told: PastTold) => void>();
  #nextId = 0;

  constructor(ask: (id: number, name: OwnerName) => void) {
    this.#ask = ask;
  }

  /** Never rejects. */
  tell(name: OwnerName): Promise<PastTold> {
    if (this.#asked.size >= ASKED_MAX) return Promise.resolve(PAST_BUSY);
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#ask(id, name);
    });
  }

  /** The primary's answer. */
  told(id: number, told: PastTold): void {
    this.#asked.get(id)?.(told);
    this.#asked.delete(id);
  }
}
