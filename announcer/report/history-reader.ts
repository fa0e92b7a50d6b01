import type { JournalEntry, JournalGap, JournalRange, Sequenced } from '../../shared/journal/event.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import type { JournalSnapshot } from '../../shared/journal/snapshot.ts';
import { SnapshotError, SnapshotReader } from '../decisions/snapshot.ts';
import type { AnnouncerState } from '../decisions/state.ts';
import type { AnnouncerEvent } from '../event.ts';
import { type HistorySubject, isAbout, linesAbout, type StoodThen, Then } from './history.ts';

/** What `/v1/history` answers with, beside the name. Times are milliseconds since the epoch. */
export interface HistoryRead {
  /** In order; of more than {@link EVENTS_MAX}, the newest. */
  readonly history: readonly (AnnouncerEvent & { readonly sequence: number })[];
  readonly isCut: boolean;
  /** Where events are missing: what is said about those times may be wrong. */
  readonly gaps: readonly JournalGap[];
  /** With `atMs`: what stood then, and the event that made it so. */
  readonly stood?: { readonly atMs: number; readonly stands: readonly StoodThen[] };
}

export interface HistoryRange {
  readonly sinceMs?: number | undefined;
  /** Up to then, and what stood then. */
  readonly atMs?: number | undefined;
  readonly signal: AbortSignal;
}

export type AnnouncerEvents = Pick<Journal<AnnouncerEvent>, 'entries' | 'newestSnapshot' | 'firstSequence'>;

export const EVENTS_MAX = 10_000;

/**
 * The events of `subject`, or all, and what stood at a moment: from the newest snapshot before it, else from the first event
 * there ever was. Undefined when the journal does not reach back so far.
 */
export async function readHistory(
  journal: AnnouncerEvents,
  subject: HistorySubject | undefined,
  prefix: string,
  { sinceMs, atMs, signal }: HistoryRange,
): Promise<HistoryRead | undefined> {
  const isWanted = (event: Parameters<typeof isAbout>[0]): boolean =>
    subject === undefined || isAbout(event, subject, prefix);
  const then = new Then();
  if (atMs !== undefined) {
    const snapshot = await journal.newestSnapshot(atMs);
    const restored = snapshot && (await stateOf(snapshot));
    if (snapshot !== undefined && restored !== undefined) {
      then.restore(instancesOf(restored, isWanted), snapshot.sequence);
    } else if (!(await isFromTheFirst(journal, atMs, signal))) return undefined;
  }
  const matching = subject && linesAbout(subject, prefix);
  const found = new Found();
  for await (const entry of journal.entries({ ...rangeOf(sinceMs, atMs), ...(matching && { matching }), signal })) {
    if (entry.kind === 'event') {
      if (!isWanted(entry.event)) continue;
      then.add(entry.event, entry.sequence);
    }
    if (sinceMs === undefined || timeOf(entry) >= sinceMs) found.add(entry);
  }
  return { ...found.told, ...(atMs === undefined ? {} : { stood: { atMs, stands: then.stands } }) };
}

/** What stood at a moment takes the events before `sinceMs`, too. */
function rangeOf(sinceMs: number | undefined, atMs: number | undefined): JournalRange {
  if (atMs !== undefined) return { untilMs: atMs };
  return sinceMs === undefined ? {} : { sinceMs };
}

function timeOf(entry: JournalEntry<AnnouncerEvent>): number {
  return entry.kind === 'gap' ? entry.gap.atMs : entry.event.atMs;
}

/** Undefined when another version wrote it: then it is as if there were none. */
async function stateOf(snapshot: JournalSnapshot): Promise<AnnouncerState | undefined> {
  const reader = new SnapshotReader();
  try {
    for await (const line of snapshot.lines()) reader.take(line);
    return reader.state;
  } catch (error) {
    if (error instanceof SnapshotError) return undefined;
    throw error;
  }
}

function* instancesOf(
  { instances, containers }: AnnouncerState,
  isWanted: (instance: Parameters<typeof isAbout>[0]) => boolean,
): Generator<StoodThen> {
  for (const [key, { container, value, announcedAtMs }] of instances) {
    const containerName = containers.get(container)?.name ?? '';
    if (isWanted({ key, container, containerName })) yield { key, value, sinceMs: announcedAtMs };
  }
}

/** Whether all that ever was, up to `atMs`, is in the journal still, and there is something. */
async function isFromTheFirst(journal: AnnouncerEvents, atMs: number, signal: AbortSignal): Promise<boolean> {
  if (journal.firstSequence > 1) return false;
  for await (const _entry of journal.entries({ untilMs: atMs, signal })) return true;
  return false;
}

/** The newest of what was found. */
class Found {
  readonly #events: Sequenced<AnnouncerEvent>[] = [];
  readonly #gaps: JournalGap[] = [];
  #isCut = false;

  add(entry: JournalEntry<AnnouncerEvent>): void {
    if (entry.kind === 'gap') {
      this.#gaps.push(entry.gap);
      return;
    }
    this.#events.push(entry);
    if (this.#events.length <= EVENTS_MAX) return;
    this.#events.shift();
    this.#isCut = true;
  }

  get told(): Pick<HistoryRead, 'history' | 'isCut' | 'gaps'> {
    const history = this.#events.map(({ sequence, event }) => ({ sequence, ...event }));
    return { history, isCut: this.#isCut, gaps: this.#gaps };
  }
}
