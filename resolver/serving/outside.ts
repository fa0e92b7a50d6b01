import type { AnsweredOutcome } from '../answered/unanswered.ts';
import type { Forwarder, OutsideAnswer } from '../forwarding/forwarder.ts';
import type { Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { AnswererDeps } from './answerer-deps.ts';

/** Rounds of asking outside for names that an answer needs; a lookup may find new ones behind a chain. */
const ROUNDS_MAX = 8;

/**
 * Looks up, asks the forwarder for the names outside that the outcome lacks, and looks up again. No name is asked twice: what
 * was said of one may be over before the others' time-outs are.
 */
export async function lookUpAsking(
  { lookup }: Pick<AnswererDeps, 'lookup'>,
  forwarder: Forwarder,
  question: Question,
): Promise<Outcome> {
  const told = new Map<string, OutsideAnswer>();
  let outcome = lookup(question);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    if (!isFound(outcome) || outcome.unresolved.length === 0) break;
    await Promise.all(outcome.unresolved.map(async (each) => told.set(keyOf(each), await forwarder.resolve(each))));
    outcome = lookup(question, (each) => told.get(keyOf(each)));
  }
  return outcome;
}

export function isFound(outcome: Outcome): outcome is AnsweredOutcome {
  return 'unresolved' in outcome;
}

function keyOf({ name, type }: Question): string {
  return `${type} ${name}`;
}
