import { type AnswerJson, digText } from './dig-text.ts';
import { describePastEvent, type EventJson } from './event-text.ts';
import { type GapJson, gapText } from './gap-text.ts';

/** As `/v1/at` gives it. */
export interface PastAnswerJson extends AnswerJson {
  readonly standing: string;
  readonly madeBy?: EventJson;
  readonly late: readonly EventJson[];
  readonly gaps: readonly GapJson[];
  readonly notRecorded: readonly string[];
}

/** What was answered at a moment, as dig prints it, and behind it what made it so and what is not known. */
export function pastText(answer: PastAnswerJson): string {
  const { gaps, late, madeBy, notRecorded, standing } = answer;
  return [
    digText(answer),
    '',
    `;; ${standing}`,
    madeBy === undefined
      ? ';; made so by no event that the journal has'
      : `;; made so by event ${madeBy.sequence}: ${describePastEvent(madeBy)}`,
    ...late.map((event) => `;; OBSERVED LATE, true since some time before: ${describePastEvent(event)}`),
    ...gaps.map((gap) => `;; GAP, the answer may have been another: ${gapText(gap)}`),
    ...(notRecorded.length === 0
      ? []
      : [`;; NOT RECORDED: what ${notRecorded.join(', ')} resolved to, outside the zones`]),
  ].join('\n');
}

/**
 * Of a name of several labels that was read below a zone, and has nothing there: that it was. Undefined of any other; a single
 * label is always meant below a zone.
 *
 * @param asked as the person wrote it
 */
export function completionNote(asked: string, { name, answer, madeBy }: PastAnswerJson): string | undefined {
  const isCompleted = asked.includes('.') && !asked.endsWith('.') && name !== `${asked.toLowerCase()}.`;
  if (!isCompleted || answer.length > 0 || madeBy !== undefined) return undefined;
  return `;; NOTE: ${asked} is in no zone and was read as ${name}; of the name as it stands: ${asked}.`;
}
