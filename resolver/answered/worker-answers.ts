import { EarliestAnswers } from './earliest.ts';
import type { FirstAnswer, UnansweredChanges } from './unanswered.ts';

/** Longer than a worker gathers, and its channel needs. */
const ROUND_MS = 150;

/** The first answers of all workers, handed on together, each change once. */
export class WorkerAnswers {
  readonly #earliest: EarliestAnswers;
  readonly #handOn: (answers: readonly FirstAnswer[]) => void;
  #timer: NodeJS.Timeout | undefined;

  /** @param changes those of the primary, so that each is taken once */
  constructor(changes: UnansweredChanges, handOn: (answers: readonly FirstAnswer[]) => void) {
    this.#earliest = new EarliestAnswers(changes);
    this.#handOn = handOn;
  }

  /** Bound, for the pool. */
  readonly report = (answers: readonly FirstAnswer[]): void => {
    this.#earliest.report(answers);
    this.#schedule();
  };

  /** Hands on what there is: no worker reports any more. */
  flush(): void {
    while (!this.#earliest.isEmpty) this.#endRound();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#earliest.isEmpty) return;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#endRound();
      this.#schedule();
    }, ROUND_MS).unref();
  }

  #endRound(): void {
    const answers = this.#earliest.takeRound();
    if (answers.length > 0) this.#handOn(answers);
  }
}
