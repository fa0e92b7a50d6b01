import { HttpError, type HttpRequest } from '../../shared/http.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { RrTypeName } from '../../shared/rrset.ts';
import { tooOldText } from '../../shared/text/too-old-text.ts';
import { PAST_TYPES, type PastAnswer, type PastSettings, readPastAnswer } from './past-answer.ts';
import { type PastDifference, readDifference } from './past-difference.ts';
import type { ZoneEvents } from './zone-events.ts';

/**
 * `/v1/at`: the first of the names that had records then; with none, the first.
 *
 * @param names what the person may mean
 */
export async function pastAnswerFor(
  journal: ZoneEvents,
  names: readonly OwnerName[],
  type: RrTypeName,
  atMs: number,
  settings: PastSettings,
): Promise<PastAnswer> {
  let first: PastAnswer | undefined;
  for (const name of names) {
    const answer = await readPastAnswer(journal, { name, type, atMs }, settings);
    if (answer === undefined) throw await tooOld(journal, atMs);
    if (answer.answer.length > 0 || answer.madeBy !== undefined) return answer;
    first ??= answer;
  }
  return first as PastAnswer;
}

/** `/v1/diff`. @param names empty: the whole zone */
export async function pastDifferenceFor(
  journal: ZoneEvents,
  names: readonly OwnerName[],
  moments: { readonly fromMs: number; readonly toMs: number },
  settings: PastSettings,
): Promise<PastDifference> {
  const { fromMs, toMs } = moments;
  if (fromMs > toMs) {
    const text = `from=${new Date(fromMs).toISOString()} is after to=${new Date(toMs).toISOString()}; give the earlier one first`;
    throw new HttpError(400, 'bad-time', text);
  }
  let first: PastDifference | undefined;
  for (const name of names.length === 0 ? [undefined] : names) {
    const difference = await readDifference(journal, name, moments, settings);
    if (difference === undefined) throw await tooOld(journal, fromMs);
    if (difference.changes.length > 0) return difference;
    first ??= difference;
  }
  return first as PastDifference;
}

/** `type=`, `A` unless given. @throws {HttpError} when it is none that can be asked for */
export function askedType({ query }: HttpRequest): RrTypeName {
  const text = (query.get('type') || 'A').toUpperCase();
  const type = PAST_TYPES.find((each) => each === text);
  if (type !== undefined) return type;
  throw new HttpError(400, 'bad-type', `type=${JSON.stringify(text)} must be one of ${PAST_TYPES.join(', ')}`);
}

/** @param journal that has no state of the moment `atMs` */
export async function tooOld(journal: Pick<ZoneEvents, 'entries'>, atMs: number): Promise<HttpError> {
  return new HttpError(404, 'too-old', tooOldText(atMs, await beginOf(journal, atMs)));
}

async function beginOf(journal: Pick<ZoneEvents, 'entries'>, sinceMs: number): Promise<number | undefined> {
  for await (const entry of journal.entries({ sinceMs })) if (entry.kind === 'event') return entry.event.atMs;
  return undefined;
}
