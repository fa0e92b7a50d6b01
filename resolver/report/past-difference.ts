import type { JournalGap } from '../../shared/journal/event.ts';
import { compareKeys, type EtcdKey, type OwnerName, ownerOf } from '../../shared/name.ts';
import type { RrTypeName } from '../../shared/rrset.ts';
import { explainedBy, type NumberedEvent } from './explained.ts';
import { answersOf, type Then, type ThenAnswer } from './history.ts';
import { foldFor, foldZone } from './history-reader.ts';
import type { PastSettings } from './past-answer.ts';
import type { ZoneEvents } from './zone-events.ts';

/** A key that held something else at the end than at the beginning. */
export interface KeyChange {
  readonly key: EtcdKey;
  /** Absent of a key that is no name. */
  readonly name?: OwnerName;
  /** Absent when it did not stand then. */
  readonly before?: string;
  readonly after?: string;
  /** Its last event in between; absent when it came in bulk, with a snapshot. */
  readonly madeBy?: NumberedEvent;
}

export interface AnswerChange {
  readonly type: RrTypeName;
  readonly before: Omit<ThenAnswer, 'type'>;
  readonly after: Omit<ThenAnswer, 'type'>;
}

/** What changed between two moments. What came and went in between is in neither, and so not here: history has it. */
export interface PastDifference {
  readonly fromMs: number;
  readonly toMs: number;
  readonly name?: OwnerName;
  /** In key order. */
  readonly changes: readonly KeyChange[];
  /** There were more; the first are given. */
  readonly isCut: boolean;
  /** Of a name. */
  readonly answers?: readonly AnswerChange[];
  readonly standings: { readonly from: string; readonly to: string };
  /** Where events are missing that could have changed what stood at either moment. */
  readonly gaps: readonly JournalGap[];
}

/** Changes in one answer. */
const CHANGES_MAX = 1000;

/** Undefined when the journal does not reach back so far. @param name undefined: the whole zone */
export async function readDifference(
  journal: ZoneEvents,
  name: OwnerName | undefined,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  settings: PastSettings,
): Promise<PastDifference | undefined> {
  const { lookup, prefix } = settings;
  const fold = (atMs: number) =>
    name === undefined
      ? foldZone(journal, prefix, atMs)
      : foldFor(journal, name, prefix, atMs, (then) => [...then.outcomes(name, lookup, atMs).values()]);
  const from = await fold(fromMs);
  const to = await fold(toMs);
  if (from === undefined || to === undefined) return undefined;
  const differing = differingKeys(from.then, to.then);
  const keys = differing.slice(0, CHANGES_MAX);
  const makers = await makersOf(journal, keys, fromMs, toMs);
  return {
    fromMs,
    toMs,
    ...(name !== undefined && { name, answers: answerChanges(name, from.then, to.then, settings, fromMs, toMs) }),
    changes: keys.map((key) => changeOf(key, from.then, to.then, prefix, makers.get(key))),
    isCut: differing.length > keys.length,
    standings: { from: from.then.standing(fromMs), to: to.then.standing(toMs) },
    gaps: distinct([...from.gaps, ...to.gaps]),
  };
}

function differingKeys(from: Then, to: Then): EtcdKey[] {
  const keys: EtcdKey[] = [];
  for (const { key, value } of from.live.zone.entries()) if (to.live.zone.get(key)?.value !== value) keys.push(key);
  for (const { key } of to.live.zone.entries()) if (from.live.zone.get(key) === undefined) keys.push(key);
  return keys.sort(compareKeys);
}

async function makersOf(
  journal: ZoneEvents,
  keys: readonly EtcdKey[],
  sinceMs: number,
  untilMs: number,
): Promise<ReadonlyMap<EtcdKey, NumberedEvent>> {
  const wanted = new Set(keys);
  const makers = new Map<EtcdKey, NumberedEvent>();
  for await (const entry of journal.entries({ sinceMs, untilMs })) {
    if (entry.kind === 'gap') continue;
    const { event, sequence } = entry;
    if (event.type === 'ChangeExplained') {
      const maker = explainedBy(makers.get(event.key), event);
      if (maker !== undefined) makers.set(event.key, maker);
    } else if ((event.type === 'RecordPut' || event.type === 'RecordDeleted') && wanted.has(event.key)) {
      makers.set(event.key, { ...event, sequence });
    }
  }
  return makers;
}

function changeOf(key: EtcdKey, from: Then, to: Then, prefix: string, madeBy: NumberedEvent | undefined): KeyChange {
  const name = ownerOf(key, prefix);
  const before = from.live.zone.get(key)?.value;
  const after = to.live.zone.get(key)?.value;
  return {
    key,
    ...(name !== undefined && { name }),
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    ...(madeBy !== undefined && { madeBy }),
  };
}

function answerChanges(
  name: OwnerName,
  from: Then,
  to: Then,
  { lookup }: PastSettings,
  fromMs: number,
  toMs: number,
): AnswerChange[] {
  const after = new Map(answersOf(to.outcomes(name, lookup, toMs)).map((answer) => [answer.type, answer]));
  return answersOf(from.outcomes(name, lookup, fromMs)).flatMap(({ type, ...before }) => {
    const { type: _type, ...then } = after.get(type) as ThenAnswer;
    const isSame = before.outcome === then.outcome && sorted(before.records) === sorted(then.records);
    return isSame ? [] : [{ type, before, after: then }];
  });
}

function sorted(records: readonly string[]): string {
  return [...records].sort().join('\n');
}

function distinct(gaps: readonly JournalGap[]): JournalGap[] {
  return [...new Map(gaps.map((gap) => [gap.fromSequence, gap])).values()].sort(
    (one, other) => one.fromSequence - other.fromSequence,
  );
}
