import type { JournalGap } from '../../shared/journal/event.ts';
import type { OwnerName } from '../../shared/name.ts';
import { Rcode, type ResourceRecord, RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { type LookupSettings, soaOf } from '../lookup/lookup.ts';
import type { Outcome } from '../lookup/outcome.ts';
import { responseOf } from '../wire/respond.ts';
import type { NumberedEvent } from './explained.ts';
import type { Then } from './history.ts';
import { foldFor } from './history-reader.ts';
import type { ZoneEvents } from './zone-events.ts';

/** What can be asked of the past: types that records of the zone give. */
export const PAST_TYPES = Object.keys(RrType).filter(
  (type) => !['OPT', 'IXFR', 'AXFR'].includes(type),
) as readonly RrTypeName[];

export interface PastQuestion {
  readonly name: OwnerName;
  readonly type: RrTypeName;
  readonly atMs: number;
}

/** How the answers of the past were made; settings of the past are not recorded, so it is those of now. */
export interface PastSettings {
  readonly lookup: LookupSettings;
  readonly prefix: string;
  readonly maxStaleMs: number;
}

/** What this resolver would have answered to a question at a moment. Records are in presentation format. */
export interface PastAnswer extends PastQuestion {
  /** The response code as a word; `none` when no resolver ran. `FORWARDED`: of a name outside the zones. */
  readonly status: string;
  readonly authoritative: boolean;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  /** RFC 8914. */
  readonly extendedError?: number;
  /** In a sentence: whether it was known to be true. */
  readonly standing: string;
  /** The last event that the answer depends on. */
  readonly madeBy?: NumberedEvent;
  /** Keys that the answer may come from whose last event was not seen when it happened, but found later. */
  readonly late: readonly NumberedEvent[];
  /** Where events are missing that could have changed it. */
  readonly gaps: readonly JournalGap[];
  /** Names outside the zones that the answer leads to: what they resolved to is not recorded. */
  readonly notRecorded: readonly OwnerName[];
}

/** Undefined when the journal does not reach back so far. */
export async function readPastAnswer(
  journal: ZoneEvents,
  question: PastQuestion,
  settings: PastSettings,
): Promise<PastAnswer | undefined> {
  const { name, type, atMs } = question;
  const folded = await foldFor(journal, name, settings.prefix, atMs, (then) => [
    then.outcome(name, type, settings.lookup, atMs, 'live'),
  ]);
  return folded && pastAnswerOf(folded.then, question, settings, folded.gaps);
}

const RCODE_WORDS: ReadonlyMap<number, string> = new Map(Object.entries(Rcode).map(([word, code]) => [code, word]));

/** RFC 8914 §4.4, §4.20: an answer from a zone that could not be confirmed says so. */
const STALE_ANSWER = 3;
const STALE_NXDOMAIN_ANSWER = 19;

/** @param then folded up to the question's moment, as far as its name depends on it */
export function pastAnswerOf(
  then: Then,
  question: PastQuestion,
  settings: PastSettings,
  gaps: readonly JournalGap[],
): PastAnswer {
  const { name, type, atMs } = question;
  const availability = then.availability(atMs, settings.maxStaleMs);
  const outside = new Set<OwnerName>();
  const outcome = then.outcome(name, type, settings.lookup, atMs, availability, (each) => outside.add(each));
  const soa = (zone: OwnerName) => soaOf(zone, settings.lookup, then.revision, availability);
  const message = messageOf(outcome, soa);
  const isStale = typeof availability === 'object' && message.status !== 'FORWARDED';
  const extendedError =
    outcome.type === 'servfail'
      ? outcome.extendedError
      : isStale
        ? outcome.type === 'nxdomain'
          ? STALE_NXDOMAIN_ANSWER
          : STALE_ANSWER
        : undefined;
  const madeBy = then.latest;
  return {
    ...question,
    ...(then.isRunning ? message : { ...NO_MESSAGE, status: 'none' }),
    ...(then.isRunning && extendedError !== undefined && { extendedError }),
    standing: then.standing(atMs),
    ...(madeBy !== undefined && { madeBy }),
    late: then
      .records()
      .map((record) => record.madeBy)
      .filter((event) => event.type === 'RecordPut' && event.late === true),
    gaps,
    notRecorded: [...outside],
  };
}

type Message = Pick<PastAnswer, 'status' | 'authoritative' | 'answer' | 'authority' | 'additional'>;

const NO_MESSAGE: Omit<Message, 'status'> = { authoritative: false, answer: [], authority: [], additional: [] };

function messageOf(outcome: Outcome, soa: (zone: OwnerName) => ResourceRecord): Message {
  if (outcome.type === 'outside') return { ...NO_MESSAGE, status: 'FORWARDED' };
  const response = responseOf(outcome, soa, false);
  return {
    status: RCODE_WORDS.get(response.rcode) ?? String(response.rcode),
    authoritative: response.authoritative,
    answer: response.answers.map(formatRecord),
    authority: response.authority.map(formatRecord),
    additional: response.additional.map(formatRecord),
  };
}
