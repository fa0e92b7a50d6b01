import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readClosed } from '../directory.ts';
import { causeOf, hasCode, JournalOpenError } from '../error.ts';
import type { JournalEntry, JournalEvent, JournalGap, JournalRange, Sequenced } from '../event.ts';
import { listFiles, openIfThere, readTail } from '../files.ts';
import { parseHeader, parseLine } from '../line.ts';
import { type JournalSnapshot, openSnapshot } from '../snapshot.ts';
import { type JournalFile, parseFileName, SNAPSHOTS_KEPT } from '../writing/retention.ts';
import { type BackwardSearch, searchBackward } from './backward.ts';
import { readFirstLine, readLines } from './lines.ts';
import { type ReadableSegment, readEntries } from './reader.ts';

/** Something in a journal's files that is not as it was written. */
export interface JournalFault {
  readonly type: 'corrupt-line' | 'torn-line' | 'misplaced-line' | 'bad-header' | 'damaged-snapshot' | 'gap';
  readonly path: string;
  /** Offset in the file; of a gap, none. */
  readonly at?: number;
  readonly detail: string;
}

/** A write that is under way looks like a torn line: so long is waited for its end. */
const WRITE_MS = 300;

/**
 * A journal in a directory, to look at: nothing is locked or changed, so a daemon may have it open. What is appended after
 * the opening is not seen.
 */
export class StoredJournal<E extends JournalEvent = JournalEvent> {
  readonly directory: string;
  readonly kind: string;
  /** Oldest first. */
  readonly files: readonly JournalFile[];
  readonly #segments: readonly ReadableSegment[];
  readonly #torn: JournalFault | undefined;
  /** Undefined while a process has it open, and after one that was cut off. */
  readonly #closedBefore: number | undefined;

  private constructor(
    directory: string,
    kind: string,
    files: readonly JournalFile[],
    segments: readonly ReadableSegment[],
    torn: JournalFault | undefined,
    closedBefore: number | undefined,
  ) {
    this.directory = directory;
    this.kind = kind;
    this.files = files;
    this.#segments = segments;
    this.#torn = torn;
    this.#closedBefore = closedBefore;
  }

  /** @throws {JournalOpenError} `unreadable` (no journal is there, or it may not be read), `newer-format`, `wrong-kind` */
  static async open<E extends JournalEvent>(directory: string): Promise<StoredJournal<E>> {
    try {
      const kind = await kindOf(directory);
      if (kind === undefined) {
        const text = `${directory} holds no journal; name <data-dir>/announcer/journal or <data-dir>/resolver/journal`;
        throw new JournalOpenError('unreadable', text);
      }
      // Before the files: who opens it meanwhile may write what a look at this later would miss.
      const closedBefore = await readClosed(directory);
      const files = await listFiles(directory, kind);
      const segments = files
        .filter(({ type }) => type === 'segment')
        .map(({ name, sequence, octets }) => ({ path: join(directory, name), firstSequence: sequence, octets }));
      const newest = segments.pop();
      const tail = newest && (await settledTail(newest.path));
      if (newest !== undefined && tail !== undefined) segments.push({ ...newest, octets: tail.wholeOctets });
      const torn: JournalFault | undefined =
        newest === undefined || tail === undefined || tail.tornOctets === 0
          ? undefined
          : {
              type: 'torn-line',
              path: newest.path,
              at: tail.wholeOctets,
              detail: `its last ${tail.tornOctets} octets are no whole line: they were being written when the process or the machine ended`,
            };
      return new StoredJournal<E>(directory, kind, files, segments, torn, closedBefore);
    } catch (error) {
      if (error instanceof JournalOpenError) throw error;
      throw new JournalOpenError('unreadable', `cannot read ${directory} (${causeOf(error)})`, { cause: error });
    }
  }

  entries(range: JournalRange = {}): AsyncGenerator<JournalEntry<E>> {
    return readEntries<E>({ segments: this.#segments, pending: [], onCorrupt: () => undefined }, range);
  }

  searchBackward(search: BackwardSearch): AsyncGenerator<Sequenced<E>> {
    return searchBackward<E>(this.#segments, search);
  }

  /** The newest at `untilMs` or before that is whole. */
  async newestSnapshot(untilMs = Number.POSITIVE_INFINITY): Promise<JournalSnapshot | undefined> {
    let nextSequence: number | undefined;
    for (const { name, createdAtMs, sequence } of this.#snapshots().reverse()) {
      const next = nextSequence;
      nextSequence = sequence;
      if (createdAtMs > untilMs) continue;
      const snapshot = await openSnapshot(join(this.directory, name));
      if (typeof snapshot === 'object') return { ...snapshot, ...(next !== undefined && { nextSequence: next }) };
    }
    return undefined;
  }

  /** Reads every octet. Yields what is not as it was written, in the order of the files. */
  async *faults(): AsyncGenerator<JournalFault> {
    let known = Number.POSITIVE_INFINITY;
    let last = 0;
    const snapshots = this.#snapshots();
    for (const [at, { name, sequence }] of snapshots.entries()) {
      const path = join(this.directory, name);
      const snapshot = await openSnapshot(path);
      if (typeof snapshot === 'string') yield { type: 'damaged-snapshot', path, detail: snapshot };
      // What those need stays; an older one may lead nowhere.
      else if (at >= snapshots.length - SNAPSHOTS_KEPT) known = Math.min(known, sequence);
      last = Math.max(last, sequence);
    }
    let lineBefore = 0;
    for (const segment of this.#segments) lineBefore = yield* faultsOf(segment, lineBefore);
    if (this.#torn !== undefined) yield this.#torn;
    // Nothing says whether something is missing before the first line, but a snapshot of before it does.
    const range = known < Number.POSITIVE_INFINITY && known < this.#firstSequence ? behind(known) : {};
    for await (const entry of this.entries(range)) {
      last = Math.max(last, entry.kind === 'gap' ? entry.gap.toSequence : entry.sequence);
      if (entry.kind === 'gap') yield { type: 'gap', path: this.directory, detail: gapDetail(entry.gap) };
    }
    const isCutOff = this.#closedBefore !== undefined && last + 1 < this.#closedBefore;
    if (isCutOff && this.#torn === undefined) yield this.#cutOff(last + 1);
  }

  get #firstSequence(): number {
    return this.#segments[0]?.firstSequence ?? Number.POSITIVE_INFINITY;
  }

  /** What was written when the journal was closed, and has gone since. */
  #cutOff(from: number): JournalFault {
    const to = (this.#closedBefore ?? 0) - 1;
    const detail = `${eventsText(to - from + 1)} missing at the end, numbers ${from} to ${to}: the journal was closed behind them`;
    return { type: 'gap', path: this.directory, detail };
  }

  #snapshots(): JournalFile[] {
    return this.files.filter(({ type }) => type === 'snapshot');
  }
}

/** As the first header that can be read says; undefined when there is no file of a journal. */
async function kindOf(directory: string): Promise<string | undefined> {
  let isThere = false;
  for (const name of (await readdir(directory)).sort()) {
    if (parseFileName(name) === undefined) continue;
    isThere = true;
    const handle = await openIfThere(join(directory, name));
    if (handle === undefined) continue;
    try {
      const parsed = parseHeader((await readFirstLine(handle)) ?? '');
      if (parsed?.intact) return parsed.header.kind;
    } finally {
      await handle.close();
    }
  }
  if (isThere) throw new JournalOpenError('unreadable', `no file in ${directory} has a header that can be read`);
  return undefined;
}

async function settledTail(path: string): Promise<Awaited<ReturnType<typeof readTail>> | undefined> {
  try {
    const tail = await readTail(path);
    if (tail.tornOctets === 0) return tail;
    await wait(WRITE_MS);
    const later = await readTail(path);
    // It went on: what was not whole was being written, and what is not whole now is, too.
    return later.wholeOctets > tail.wholeOctets ? { ...later, tornOctets: 0 } : later;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined; // removed by retention
    throw error;
  }
}

function behind(sequence: number): JournalRange {
  return { fromSequence: sequence + 1, isBehindSnapshot: true };
}

/** @returns the number of its last line, or `before` when it has none */
async function* faultsOf(
  { path, firstSequence, octets }: ReadableSegment,
  before: number,
): AsyncGenerator<JournalFault, number> {
  let last = before;
  const handle = await openIfThere(path);
  if (handle === undefined) return last;
  try {
    for await (const lines of readLines(handle, 0, octets)) {
      for (const line of lines) {
        if (line.at === 0) {
          const problem = headerProblem(line.octets.toString('utf8'), firstSequence);
          if (problem !== undefined) yield { type: 'bad-header', path, at: 0, detail: problem };
          continue;
        }
        const parsed = parseLine<JournalEvent>(line.octets);
        if (parsed.kind === 'corrupt') yield { type: 'corrupt-line', path, at: line.at, detail: parsed.reason };
        else if (parsed.sequence > last) last = parsed.sequence;
        else
          yield {
            type: 'misplaced-line',
            path,
            at: line.at,
            detail: `number ${parsed.sequence} stands behind ${last}`,
          };
      }
    }
    return last;
  } finally {
    await handle.close();
  }
}

function headerProblem(line: string, firstSequence: number): string | undefined {
  const parsed = parseHeader(line);
  if (parsed?.intact !== true || parsed.header.format !== 'rollcall-journal') {
    return 'its first line is no header that can be believed';
  }
  const stated = parsed.header.firstSequence;
  return stated === firstSequence
    ? undefined
    : `its header says that it begins with ${stated}, its name ${firstSequence}`;
}

function gapDetail({ atMs, fromSequence, toSequence, lost, reason }: JournalGap): string {
  const count = lost === undefined ? 'an unknown number of events' : eventsText(lost);
  return `${count} missing, numbers ${fromSequence} to ${toSequence}, up to ${new Date(atMs).toISOString()} (${reason})`;
}

function eventsText(count: number): string {
  return count === 1 ? '1 event' : `${count} events`;
}
