import type { JournalEntry, JournalEvent, JournalGap, JournalRange } from '../event.ts';
import { openIfThere } from '../files.ts';
import { atMsAtStart, type ParsedLine, parseLine, sequenceAtEnd, sequenceOfEvent } from '../line.ts';
import { type FoundLine, readLines, seekSequence } from './lines.ts';
import type { TimedBlock, TimeIndex } from './time-index.ts';

/** A segment as far as it was written when the reading began. */
export interface ReadableSegment {
  readonly path: string;
  readonly firstSequence: number;
  readonly octets: number;
}

export interface CorruptLines {
  readonly path: string;
  readonly count: number;
  /** Offset of the first of them. */
  readonly firstAt: number;
  readonly reason: string;
}

export interface ReadSource {
  /** Oldest first. */
  readonly segments: readonly ReadableSegment[];
  /** Lines that are not in a segment yet, each with a higher number than all that are. */
  readonly pending: readonly string[];
  /** Told once a segment, after it was read. */
  readonly onCorrupt: (corrupt: CorruptLines) => void;
  /** Lets a read of a range of times pass over what is outside it. */
  readonly timeIndex?: TimeIndex;
}

/**
 * Reads segments and what waits behind them, in order. A number that is missing without a gap line that says why is
 * reported as a `corrupt` gap. Where two segments overlap, each number is read once.
 */
export async function* readEntries<E extends JournalEvent>(
  source: ReadSource,
  range: JournalRange = {},
): AsyncGenerator<JournalEntry<E>> {
  const fromSequence = range.fromSequence ?? 0;
  const begin = source.segments.findLastIndex((segment) => segment.firstSequence <= fromSequence);
  const segments = source.segments.slice(Math.max(0, begin));
  const cursor = new Cursor<E>(range, segments[0]?.firstSequence);
  for (const segment of segments) {
    if (cursor.isDone || cursor.isPast(segment.firstSequence)) return;
    for await (const entries of readSegment(segment, fromSequence, cursor, source)) {
      for (const entry of entries) yield entry; // `yield*` takes several turns for each
      if (cursor.isDone) return;
    }
  }
  for (const line of source.pending) {
    const parsed = parseLine<E>(Buffer.from(line));
    if (parsed.kind !== 'corrupt') yield* cursor.pass(parsed);
  }
}

async function* readSegment<E extends JournalEvent>(
  segment: ReadableSegment,
  fromSequence: number,
  cursor: Cursor<E>,
  { onCorrupt, timeIndex }: ReadSource,
): AsyncGenerator<readonly JournalEntry<E>[]> {
  const handle = await openIfThere(segment.path);
  if (handle === undefined) return; // removed by retention; the cursor sees the missing numbers
  let corrupt: CorruptLines | undefined;
  try {
    const from = fromSequence > segment.firstSequence ? await seekSequence(handle, fromSequence, segment.octets) : 0;
    const blocks = cursor.looksForTimes ? await timeIndex?.blocksOf(handle, segment.path, segment.octets) : undefined;
    for (const [begin, end] of partsToRead(blocks ?? [], from, segment.octets, cursor)) {
      for await (const lines of readLines(handle, begin, end)) {
        const entries: JournalEntry<E>[] = [];
        for (const line of lines) {
          if (line.at === 0 || cursor.passesOver(line) || cursor.isUnwanted(line)) continue; // the header, checked when the journal was opened
          const parsed = parseLine<E>(line.octets);
          if (parsed.kind === 'corrupt') {
            const { path } = segment;
            const count = (corrupt?.count ?? 0) + 1;
            corrupt = { path, firstAt: line.at, reason: parsed.reason, ...corrupt, count };
          } else {
            entries.push(...cursor.pass(parsed));
          }
        }
        if (entries.length > 0) yield entries;
        if (cursor.isDone) return;
      }
    }
  } finally {
    await handle.close();
    if (corrupt !== undefined) onCorrupt(corrupt);
  }
}

/** The parts of a segment that may hold something of the range; the cursor is told of each block between them. */
function* partsToRead<E extends JournalEvent>(
  blocks: readonly TimedBlock[],
  from: number,
  to: number,
  cursor: Cursor<E>,
): Generator<readonly [begin: number, end: number]> {
  let begin = from;
  for (const block of blocks) {
    if (block.to <= begin || cursor.mayHold(block)) continue;
    if (block.from > begin) yield [begin, block.from];
    cursor.skip(block);
    begin = block.to;
  }
  if (begin < to) yield [begin, to];
}

/** Keeps the place in the numbers, and decides what of a range is handed out. */
class Cursor<E extends JournalEvent> {
  readonly #range: Required<Omit<JournalRange, 'isBehindSnapshot' | 'matching' | 'signal'>>;
  readonly #matching: RegExp | undefined;
  readonly #signal: AbortSignal | undefined;
  #last: number | undefined;
  /** Lines passed over since the last that was parsed: their numbers are unproven, so they are counted, not believed. */
  #passedOver = 0;
  #isDone = false;

  constructor(
    {
      fromSequence = 0,
      toSequence = Number.POSITIVE_INFINITY,
      sinceMs = Number.NEGATIVE_INFINITY,
      untilMs = Number.POSITIVE_INFINITY,
      isBehindSnapshot = false,
      matching,
      signal,
    }: JournalRange,
    firstKept: number | undefined,
  ) {
    this.#range = { fromSequence, toSequence, sinceMs, untilMs };
    this.#matching = matching;
    this.#signal = signal;
    if (isBehindSnapshot) this.#last = fromSequence - 1;
    else if (firstKept !== undefined) this.#last = Math.max(fromSequence, firstKept) - 1;
  }

  isPast(sequence: number): boolean {
    return sequence > this.#range.toSequence;
  }

  /** A line behind the range was met, or nobody wants more. */
  get isDone(): boolean {
    return this.#isDone || this.#signal?.aborted === true;
  }

  /** Whether it pays to know what times stand where: a range of numbers is found without. */
  get looksForTimes(): boolean {
    if (this.#range.toSequence < Number.POSITIVE_INFINITY) return false;
    return this.#range.sinceMs > Number.NEGATIVE_INFINITY || this.#range.untilMs < Number.POSITIVE_INFINITY;
  }

  mayHold({ minMs, maxMs }: TimedBlock): boolean {
    return minMs <= this.#range.untilMs && maxMs >= this.#range.sinceMs;
  }

  /** A block is not read: its numbers are taken as they stand. */
  skip({ lastSequence }: TimedBlock): void {
    this.#last = Math.max(this.#last ?? 0, lastSequence);
    this.#passedOver = 0;
  }

  /** Whether a line is outside the range, found without parsing it: a million lines outside must cost little. */
  passesOver({ octets, whole }: FoundLine): boolean {
    const sequence = whole ? sequenceAtEnd(octets) : undefined;
    if (sequence === undefined) return false;
    if (sequence < this.#range.fromSequence) return true;
    if (this.isPast(sequence)) {
      this.#isDone = true;
      return true;
    }
    const atMs = atMsAtStart(octets);
    if (atMs === undefined || this.#isWithin(atMs)) return false;
    this.#passedOver += 1;
    return true;
  }

  /** Whether a line is a whole event that nobody wants, found without parsing it. Where numbers are missing before it, it is parsed. */
  isUnwanted({ octets, whole }: FoundLine): boolean {
    if (this.#matching === undefined || !whole || this.#matching.test(octets.toString('latin1'))) return false;
    const sequence = sequenceOfEvent(octets);
    if (sequence === undefined || sequence !== (this.#last ?? sequence - 1) + this.#passedOver + 1) return false;
    this.#last = sequence;
    this.#passedOver = 0;
    return true;
  }

  *pass(line: Exclude<ParsedLine<E>, { kind: 'corrupt' }>): Generator<JournalEntry<E>> {
    const last = this.#last ?? line.sequence - 1;
    if (line.sequence < this.#range.fromSequence || line.sequence <= last) return;
    if (this.isPast(line.sequence)) {
      this.#isDone = true;
      return;
    }
    const expected = last + this.#passedOver + 1;
    this.#last = line.sequence;
    this.#passedOver = 0;
    const atMs = line.kind === 'gap' ? line.gap.atMs : line.event.atMs;
    const missingTo = (line.kind === 'gap' ? line.gap.fromSequence : line.sequence) - 1;
    if (!this.#isWithin(atMs)) return;
    if (missingTo >= expected) yield { kind: 'gap', gap: missing(expected, missingTo, atMs) };
    yield line.kind === 'gap'
      ? { kind: 'gap', gap: line.gap }
      : { kind: 'event', sequence: line.sequence, event: line.event };
  }

  #isWithin(atMs: number): boolean {
    return atMs >= this.#range.sinceMs && atMs <= this.#range.untilMs;
  }
}

function missing(fromSequence: number, toSequence: number, atMs: number): JournalGap {
  return { atMs, fromSequence, toSequence, lost: toSequence - fromSequence + 1, reason: 'corrupt' };
}
