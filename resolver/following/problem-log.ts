import type { Log } from '../../shared/log.ts';
import type { Problem } from '../zone/problem-list.ts';

/** So many bad keys are named in a minute; the others are counted. */
const NAMED_PER_MINUTE = 20;
const WINDOW_MS = 60_000;

/** Says of each bad key once why it answers nothing. A store full of them costs a line a minute, not a line each. */
export class ProblemLog {
  readonly #log: Log;
  #windowEndsMs = Number.NEGATIVE_INFINITY;
  #named = 0;
  #unnamed = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param nowMs never less than at the call before */
  add({ key, reason }: Problem, nowMs: number): void {
    if (nowMs >= this.#windowEndsMs) {
      this.#sayUnnamed();
      this.#windowEndsMs = nowMs + WINDOW_MS;
      this.#named = 0;
    }
    if (this.#named >= NAMED_PER_MINUTE) {
      this.#unnamed += 1;
      return;
    }
    this.#named += 1;
    this.#log.warn('record-bad', `${key} answers nothing: ${reason}; correct or delete the key`, { key });
  }

  #sayUnnamed(): void {
    if (this.#unnamed === 0) return;
    this.#log.warn(
      'records-bad',
      `${this.#unnamed} more keys answer nothing; /v1/services lists them with the reasons`,
    );
    this.#unnamed = 0;
  }
}
