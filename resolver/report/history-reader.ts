import type { JournalGap, JournalRange } from '../../shared/journal/event.ts';
import type { JournalSnapshot } from '../../shared/journal/journal.ts';
import { type EtcdKey, type OwnerName, ROOT } from '../../shared/name.ts';
import type { LookupSettings } from '../lookup/lookup.ts';
import type { Outcome } from '../lookup/outcome.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { type EntryLine, eventOf, type HeadLine } from '../zone/lines.ts';
import { type Explanation, explanationOf, isExplainedBy, type NumberedEvent } from './explained.ts';
import { answersOf, Interest, isAbout, type StoodThen, Then, type ThenAnswer } from './history.ts';
import { linesAbout } from './history-lines.ts';
import type { ZoneEvents } from './zone-events.ts';

export interface NameHistory {
  readonly events: readonly NumberedEvent[];
  /** Where events are missing, any of which may have been of the name. */
  readonly gaps: readonly JournalGap[];
  /** There were more; the newest are given. */
  readonly isCut: boolean;
}

export interface NameThen {
  readonly atMs: number;
  /** Whether what was answered then was known to be true. */
  readonly standing: string;
  readonly answers: readonly ThenAnswer[];
  readonly records: readonly StoodThen[];
  /** The last event up to then that the answers depend on. */
  readonly madeBy?: NumberedEvent;
  /** Between the snapshot that was begun from and the moment, events are missing. */
  readonly gaps: readonly JournalGap[];
}

/** Events in one answer. */
export const EVENTS_MAX = 1000;
/** A lookup may lead on to other names; each time the past is read again with more of it. */
const ROUNDS_MAX = 8;

/** The events of `names`, of `keys` beside them, and of the store as a whole, oldest first; without names, every event. */
export async function readHistory(
  journal: ZoneEvents,
  names: readonly OwnerName[] | undefined,
  prefix: string,
  range: { readonly sinceMs: number; readonly untilMs: number },
  keys: ReadonlySet<EtcdKey> = new Set(),
): Promise<NameHistory> {
  const events: HistoryEvent[] = [];
  const gaps: JournalGap[] = [];
  const changes = new Map<EtcdKey, HistoryEvent>();
  let isCut = false;
  const isWanted = (event: ZoneEvent): boolean =>
    names === undefined || ('key' in event && keys.has(event.key)) || isAbout(event, names, prefix);
  const matching = names && linesAbout(names, prefix, keys);
  for await (const entry of journal.entries({ ...range, ...(matching && { matching }) })) {
    if (entry.kind === 'gap') gaps.push(entry.gap);
    else if (isWanted(entry.event)) {
      const event: HistoryEvent = { ...entry.event, sequence: entry.sequence };
      if (event.type === 'ChangeExplained' && explain(changes.get(event.key), event)) continue;
      events.push(event);
      if (event.type === 'RecordPut' || event.type === 'RecordDeleted') changes.set(event.key, event);
    }
    if (events.length > EVENTS_MAX * 2) {
      // A journal may tell of a million keys: of those that are not told any more nothing is kept.
      for (const left of events.splice(0, EVENTS_MAX)) {
        if ('key' in left && changes.get(left.key as EtcdKey) === left) changes.delete(left.key as EtcdKey);
      }
      isCut = true;
    }
  }
  return { events: events.slice(-EVENTS_MAX), gaps, isCut: isCut || events.length > EVENTS_MAX };
}

type HistoryEvent = NumberedEvent & { explained?: Explanation };

/** @returns whether the change before it is the one that it explains: then it is told with that */
function explain(change: HistoryEvent | undefined, event: Extract<ZoneEvent, { type: 'ChangeExplained' }>): boolean {
  if (change === undefined || !isExplainedBy(change, event)) return false;
  change.explained = explanationOf(event);
  return true;
}

/**
 * What `name` resolved to at a moment: the newest snapshot before it and the events from there on, folded by the same code
 * that answers queries. Undefined when the journal does not reach back so far.
 */
export async function readThen(
  journal: ZoneEvents,
  name: OwnerName,
  settings: LookupSettings,
  prefix: string,
  atMs: number,
): Promise<NameThen | undefined> {
  const folded = await foldFor(journal, name, prefix, atMs, (then) => [
    ...then.outcomes(name, settings, atMs).values(),
  ]);
  if (folded === undefined) return undefined;
  const { then, gaps } = folded;
  const madeBy = then.latest;
  return {
    atMs,
    standing: then.standing(atMs),
    answers: then.isRunning ? answersOf(then.outcomes(name, settings, atMs)) : [],
    records: then.records(),
    gaps,
    ...(madeBy !== undefined && { madeBy }),
  };
}

export interface Folded {
  readonly then: Then;
  /** Where events are missing that could have changed it. */
  readonly gaps: readonly JournalGap[];
}

/**
 * The zone at a moment, as far as the outcomes for one name depend on it, with the events that made it so. Undefined when
 * the journal does not reach back so far.
 *
 * @param outcomesOf what is asked of it; a lookup may lead on to other names, and then the past is read with these too
 */
export async function foldFor(
  journal: ZoneEvents,
  name: OwnerName,
  prefix: string,
  atMs: number,
  outcomesOf: (then: Then) => readonly Outcome[],
): Promise<Folded | undefined> {
  const interest = new Interest(name, prefix);
  for (let round = 1; ; round += 1) {
    const then = new Then(prefix, interest);
    const folded = await foldUntil(journal, then, prefix, atMs);
    if (folded === undefined) return undefined;
    const widened = outcomesOf(then).map((outcome) => 'subtrees' in outcome && interest.widen(outcome));
    if (widened.includes(true) && round < ROUNDS_MAX) continue;
    await findMakers(journal, then, interest, folded.fromSequence);
    return { then, gaps: folded.gaps };
  }
}

/** The whole zone at a moment. Undefined when the journal does not reach back so far. */
export async function foldZone(journal: ZoneEvents, prefix: string, atMs: number): Promise<Folded | undefined> {
  const then = new Then(prefix, new Interest(ROOT, prefix));
  const folded = await foldUntil(journal, then, prefix, atMs);
  return folded && { then, gaps: folded.gaps };
}

interface FoldedFrom {
  /** The snapshot's number; 0 without one. */
  readonly fromSequence: number;
  readonly gaps: readonly JournalGap[];
}

/** From the newest snapshot, else from the very first event: behind any other, what stood before is not known. */
async function foldUntil(
  journal: ZoneEvents,
  then: Then,
  prefix: string,
  atMs: number,
): Promise<FoldedFrom | undefined> {
  const snapshot = await journal.newestSnapshot(atMs);
  const fromSequence = snapshot?.sequence ?? 0;
  if (snapshot !== undefined) await applySnapshot(snapshot, then, prefix);
  const gaps: JournalGap[] = [];
  let isKnown = snapshot !== undefined;
  let last = fromSequence;
  // The next snapshot is of later: what is behind it is too, unless the clock was set back for a moment.
  const toSequence = snapshot?.nextSequence;
  const range: JournalRange = {
    fromSequence: fromSequence + 1,
    isBehindSnapshot: snapshot !== undefined,
    untilMs: atMs,
    ...(toSequence !== undefined && { toSequence }),
  };
  for await (const entry of journal.entries(range)) {
    isKnown ||= (entry.kind === 'gap' ? entry.gap.fromSequence : entry.sequence) === 1;
    if (!isKnown) return undefined;
    last = entry.kind === 'gap' ? entry.gap.toSequence : entry.sequence;
    if (entry.kind === 'gap') gaps.push(entry.gap);
    else then.apply(entry.event, entry.sequence);
  }
  if (!isKnown) return undefined;
  const open = await gapBehind(journal, last);
  if (open !== undefined) gaps.push(open);
  return { fromSequence, gaps };
}

/** A gap that ended after the moment may have begun before it. */
async function gapBehind(journal: ZoneEvents, sequence: number): Promise<JournalGap | undefined> {
  // All up to there was read.
  for await (const entry of journal.entries({ fromSequence: sequence + 1, isBehindSnapshot: true })) {
    return entry.kind === 'gap' ? entry.gap : undefined;
  }
  return undefined;
}

async function applySnapshot(snapshot: JournalSnapshot, then: Then, prefix: string): Promise<void> {
  const { atMs, sequence } = snapshot;
  let head: HeadLine | undefined;
  for await (const line of snapshot.lines()) {
    if (head === undefined) head = line as HeadLine;
    else if (head.prefix === prefix) then.applyFromSnapshot(eventOf(line as EntryLine, atMs), sequence);
  }
  if (head !== undefined && head.prefix === prefix) then.applyHead(head, atMs);
}

/** The state comes from the snapshot and the events behind it; who made it so, from the events before it too. */
async function findMakers(journal: ZoneEvents, then: Then, interest: Interest, fromSequence: number): Promise<void> {
  const { texts } = interest;
  if (fromSequence === 0 || !then.asksForEarlier) return;
  // Every event of a record names its key.
  const search = { toSequence: fromSequence, texts: texts ?? ['"key":'] };
  for await (const { event, sequence } of journal.searchBackward(search)) {
    if (then.noteEarlier(event, sequence)) return;
  }
}
