import type { Question } from '../lookup/question.ts';
import type { AnsweredWith, FirstAnswer, UnansweredChange, UnansweredChanges } from './unanswered.ts';

/** First answers that are handed on at once; those of a moment cost one append, or one message. */
const GATHER_MS = 50;

/**
 * Waits for the first answers to changes, in the process that answers, and hands them on a moment later, together: the
 * query that was first pays for noting it, and for nothing else.
 */
export class AnswerWatch {
  readonly #changes: UnansweredChanges;
  readonly #handOn: (answers: readonly FirstAnswer[]) => void;
  #gathered: FirstAnswer[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(changes: UnansweredChanges, handOn: (answers: readonly FirstAnswer[]) => void) {
    this.#changes = changes;
    this.#handOn = handOn;
  }

  /** For the query path: 0 means that there is nothing to note. */
  get count(): number {
    return this.#changes.count;
  }

  /** Those of them by which a record went: only they can be seen in a denial. */
  get goneCount(): number {
    return this.#changes.goneCount;
  }

  add(changes: readonly UnansweredChange[]): void {
    for (const change of changes) this.#changes.add(change);
  }

  answered(question: Question, outcome: AnsweredWith, atMs: number): void {
    const answers = this.#changes.answered(question, outcome, atMs);
    if (answers.length === 0) return;
    this.#gathered.push(...answers);
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref();
  }

  /** Hands on what there is, without waiting for more. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const gathered = this.#gathered;
    this.#gathered = [];
    if (gathered.length > 0) this.#handOn(gathered);
  }
}
