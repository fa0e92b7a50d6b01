import { type FirstAnswer, idOf, type UnansweredChanges } from './unanswered.ts';

/**
 * The earliest of what several workers report of a change. Each gathers for a moment before it reports, so the first
 * report need not be of the first answer: a change waits for one whole round of the caller's more.
 */
export class EarliestAnswers {
  readonly #unanswered: Pick<UnansweredChanges, 'settle'>;
  #young = new Map<string, FirstAnswer>();
  #old = new Map<string, FirstAnswer>();

  constructor(unanswered: Pick<UnansweredChanges, 'settle'>) {
    this.#unanswered = unanswered;
  }

  get isEmpty(): boolean {
    return this.#young.size === 0 && this.#old.size === 0;
  }

  /** What was answered long ago, or is waited for no more, is passed over. */
  report(answers: readonly FirstAnswer[]): void {
    for (const answer of answers) {
      const id = idOf(answer);
      const round = this.#old.has(id) ? this.#old : this.#young;
      const before = round.get(id);
      if (before === undefined ? this.#unanswered.settle(answer) : answer.atMs < before.atMs) round.set(id, answer);
    }
  }

  /** Ends a round. @returns those that have waited for a whole one */
  takeRound(): readonly FirstAnswer[] {
    const ripe = [...this.#old.values()];
    this.#old = this.#young;
    this.#young = new Map();
    return ripe;
  }
}
