import type { FileHandle } from 'node:fs/promises';
import type { JournalEvent, JournalGap, Sequenced } from '../event.ts';
import { openIfThere } from '../files.ts';
import { parseLine } from '../line.ts';
import { readLines, seekSequence } from './lines.ts';
import type { ReadableSegment } from './reader.ts';

/** What to look for, going back. */
export interface BackwardSearch {
  /** Begin with this event, or the last before it. */
  readonly toSequence: number;
  /** Only events whose line holds one of these texts, as JSON spells it: the others are not even parsed. */
  readonly texts: readonly string[];
  /** Told of each gap that is passed. */
  readonly onGap?: (gap: JournalGap) => void;
  /** When it is aborted, the search ends as if there were no more. */
  readonly signal?: AbortSignal;
}

const CHUNK_OCTETS = 1024 * 1024;
const NEWLINE = 0x0a;
/** In every line that marks one; in those of few events. */
const GAP_TEXT = '"gap":';

/** The written events that hold one of some texts, the newest first: what is sought is mostly near the end. */
export async function* searchBackward<E extends JournalEvent>(
  segments: readonly ReadableSegment[],
  search: BackwardSearch,
): AsyncGenerator<Sequenced<E>> {
  const { toSequence, texts, onGap, signal } = search;
  const needles = [...texts, ...(onGap === undefined ? [] : [GAP_TEXT])].map((text) => Buffer.from(text));
  for (const segment of [...segments].reverse()) {
    if (segment.firstSequence > toSequence) continue;
    if (signal?.aborted) return;
    const handle = await openIfThere(segment.path);
    if (handle === undefined) continue; // removed by retention
    try {
      // Behind this place at most a few lines are still before the bound.
      const near = await seekSequence(handle, toSequence + 1, segment.octets);
      const last: Sequenced<E>[] = [];
      for await (const lines of readLines(handle, near, segment.octets)) {
        let isPast = false;
        for (const { octets } of lines) {
          const parsed = parseLine<E>(octets);
          if (parsed.kind === 'corrupt') continue;
          if (parsed.sequence > toSequence) isPast = true;
          else if (parsed.kind === 'gap') onGap?.(parsed.gap);
          else if (parsed.kind === 'event' && needles.some((needle) => octets.includes(needle))) last.push(parsed);
        }
        if (isPast) break;
      }
      yield* last.reverse();
      yield* searchFile<E>(handle, near, needles, search);
    } finally {
      await handle.close();
    }
  }
}

/** @param end where a line begins, or the file ends */
async function* searchFile<E extends JournalEvent>(
  handle: FileHandle,
  end: number,
  needles: readonly Buffer[],
  { onGap, signal }: BackwardSearch,
): AsyncGenerator<Sequenced<E>> {
  let size = CHUNK_OCTETS;
  for (let to = end; to > 0 && !signal?.aborted; ) {
    const from = Math.max(0, to - size);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(to - from), 0, to - from, from);
    const chunk = buffer.subarray(0, bytesRead);
    // The first line may have begun before the chunk: it comes with the next one.
    const begin = from === 0 ? 0 : chunk.indexOf(NEWLINE) + 1;
    if (from > 0 && (begin === 0 || begin === chunk.length)) {
      size *= 2;
      continue;
    }
    for (const line of linesWith(chunk.subarray(begin), needles)) {
      const parsed = parseLine<E>(line);
      if (parsed.kind === 'event') yield parsed;
      else if (parsed.kind === 'gap') onGap?.(parsed.gap);
    }
    to = from + begin;
    size = CHUNK_OCTETS;
  }
}

/** The lines of a chunk that hold one of the needles, the last first. */
function linesWith(chunk: Buffer, needles: readonly Buffer[]): Buffer[] {
  const begins = new Set<number>();
  for (const needle of needles) {
    for (let at = chunk.indexOf(needle); at >= 0; ) {
      begins.add(chunk.lastIndexOf(NEWLINE, at) + 1);
      const end = chunk.indexOf(NEWLINE, at);
      at = end < 0 ? -1 : chunk.indexOf(needle, end);
    }
  }
  return [...begins]
    .sort((one, other) => other - one)
    .map((begin) => {
      const end = chunk.indexOf(NEWLINE, begin);
      return chunk.subarray(begin, end < 0 ? chunk.length : end);
    });
}
