import { RrType } from '../../shared/rrset.ts';
import type { AnsweredOutcome } from '../answered/unanswered.ts';
import type { Forwarder, OutsideAnswer } from '../forwarding/forwarder.ts';
import type { Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { AnswererDeps } from './answerer-deps.ts';

/** Rounds of asking outside for names that an answer needs; a lookup may find new ones behind a chain. */
const ROUNDS_MAX = 8;

/** An SRV, MX or NS without the addresses of its targets is an answer all the same: clients ask for them (RFC 2782). */
const ADDITIONAL_WAIT_MS = 500;
const WHOSE_ADDRESSES_ARE_ADDITIONAL: ReadonlySet<number> = new Set([RrType.SRV, RrType.MX, RrType.NS]);

/**
 * Looks up, asks the forwarder for the names outside that the outcome lacks, and looks up again. No name is asked twice: what
 * was said of one may be over before the others' time-outs are. What is for the additional section alone is not waited for
 * longer than {@link ADDITIONAL_WAIT_MS}; what comes later is for the next question.
 */
export async function lookUpAsking(
  { lookup }: Pick<AnswererDeps, 'lookup'>,
  forwarder: Forwarder,
  question: Question,
): Promise<Outcome> {
  const told = new Map<string, OutsideAnswer>();
  const patienceMs = WHOSE_ADDRESSES_ARE_ADDITIONAL.has(question.type) ? ADDITIONAL_WAIT_MS : undefined;
  let outcome = lookup(question);
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    if (!isFound(outcome) || outcome.unresolved.length === 0) break;
    const inTime = await Promise.all(
      outcome.unresolved.map(async (each) => {
        const answer = await forwarder.resolve(each, patienceMs);
        if (answer !== undefined) told.set(keyOf(each), answer);
        return answer !== undefined;
      }),
    );
    outcome = lookup(question, (each) => told.get(keyOf(each)));
    if (inTime.includes(false)) break;
  }
  return outcome;
}

export function isFound(outcome: Outcome): outcome is AnsweredOutcome {
  return 'unresolved' in outcome;
}

function keyOf({ name, type }: Question): string {
  return `${type} ${name}`;
}
