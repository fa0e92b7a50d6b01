import type { JournalGap } from '../../shared/journal/event.ts';
import type { Journal, JournalSnapshot } from '../../shared/journal/journal.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { LookupSettings } from '../lookup/lookup.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { type EntryLine, eventOf, type HeadLine, syncOf } from '../zone/lines.ts';
import { answersOf, Interest, isAbout, type NumberedEvent, type StoodThen, Then, type ThenAnswer } from './history.ts';

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

type ZoneEvents = Pick<Journal<ZoneEvent>, 'entries' | 'newestSnapshot'>;

/** The events of `names` and of the store as a whole, oldest first; without names, every event. */
export async function readHistory(
  journal: ZoneEvents,
  names: readonly OwnerName[] | undefined,
  prefix: string,
  range: { readonly sinceMs: number; readonly untilMs: number },
): Promise<NameHistory> {
  const events: NumberedEvent[] = [];
  const gaps: JournalGap[] = [];
  let isCut = false;
  for await (const entry of journal.entries(range)) {
    if (entry.kind === 'gap') gaps.push(entry.gap);
    else if (names === undefined || isAbout(entry.event, names, prefix))
      events.push({ ...entry.event, sequence: entry.sequence });
    if (events.length > EVENTS_MAX * 2) {
      events.splice(0, EVENTS_MAX);
      isCut = true;
    }
  }
  return { events: events.slice(-EVENTS_MAX), gaps, isCut: isCut || events.length > EVENTS_MAX };
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
  const interest = new Interest(name, prefix);
  for (let round = 1; ; round += 1) {
    const then = new Then(prefix, interest);
    const folded = await foldUntil(journal, then, prefix, atMs);
    if (folded.events === 0) return undefined;
    const outcomes = then.outcomes(name, settings, atMs);
    const widened = [...outcomes.values()].map((outcome) => 'subtrees' in outcome && interest.widen(outcome));
    if (widened.includes(true) && round < ROUNDS_MAX) continue;
    const madeBy = then.latest;
    return {
      atMs,
      standing: then.standing(atMs),
      answers: answersOf(outcomes),
      records: then.records(),
      gaps: folded.gaps,
      ...(madeBy !== undefined && { madeBy }),
    };
  }
}

/**
 * The state comes from the newest snapshot and the events behind it; who made it so, from the events before it too.
 *
 * @returns how many events and lines there were, and where some are missing that could have changed the state
 */
async function foldUntil(
  journal: ZoneEvents,
  then: Then,
  prefix: string,
  atMs: number,
): Promise<{ events: number; gaps: JournalGap[] }> {
  const snapshot = await journal.newestSnapshot(atMs);
  const from = snapshot?.sequence ?? 0;
  const gaps: JournalGap[] = [];
  let isRestored = snapshot === undefined;
  let events = 0;
  for await (const entry of journal.entries({ untilMs: atMs })) {
    events += 1;
    const last = entry.kind === 'gap' ? entry.gap.toSequence : entry.sequence;
    if (last > from && !isRestored) {
      await applySnapshot(snapshot, then, prefix);
      isRestored = true;
    }
    if (entry.kind === 'gap') {
      if (last > from) gaps.push(entry.gap);
    } else if (last > from) then.apply(entry.event, entry.sequence);
    else then.note(entry.event, entry.sequence);
  }
  if (!isRestored) await applySnapshot(snapshot, then, prefix);
  return { events: events + (snapshot === undefined ? 0 : 1), gaps };
}

async function applySnapshot(snapshot: JournalSnapshot | undefined, then: Then, prefix: string): Promise<void> {
  if (snapshot === undefined) return;
  const { atMs, sequence } = snapshot;
  let head: HeadLine | undefined;
  for await (const line of snapshot.lines()) {
    if (head === undefined) head = line as HeadLine;
    else if (head.prefix === prefix) then.applyFromSnapshot(eventOf(line as EntryLine, atMs), sequence);
  }
  if (head === undefined || head.prefix !== prefix) return;
  // Whoever wrote a snapshot was running.
  then.apply({ type: 'ResolverStarted', atMs, version: '' }, sequence);
  const sync = syncOf(head, then.live.zone, atMs);
  if (sync !== undefined) then.apply(sync, sequence);
  if (head.lostAtMs !== undefined) then.apply({ type: 'StoreLost', atMs: head.lostAtMs, reason: '' }, sequence);
}
