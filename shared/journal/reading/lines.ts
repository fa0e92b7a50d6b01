import type { FileHandle } from 'node:fs/promises';
import { LINE_OCTETS_MAX, sequenceAtEnd } from '../line.ts';

const CHUNK_OCTETS = 256 * 1024;
const NEWLINE = 0x0a;

/** A line without its newline; it keeps the chunk it was read with. */
export interface FoundLine {
  readonly octets: Buffer;
  /** Where it begins in the file. */
  readonly at: number;
  /** Ended by a newline; the last line of a file may not be. */
  readonly whole: boolean;
}

/**
 * The lines between two offsets, a chunk's worth at a time, so that a caller pays for one await per chunk.
 *
 * @param octetsMax what is longer is handed out in pieces; a caller that has checked the octets may lift it
 */
export async function* readLines(
  handle: FileHandle,
  from: number,
  to: number,
  octetsMax = LINE_OCTETS_MAX,
): AsyncGenerator<readonly FoundLine[]> {
  let rest: Buffer = Buffer.alloc(0); // the beginning of a line whose end is in the next chunk
  let restAt = from;
  let at = from;
  while (at < to) {
    const buffer = Buffer.allocUnsafe(rest.length + Math.min(CHUNK_OCTETS, to - at));
    rest.copy(buffer);
    const { bytesRead } = await handle.read(buffer, rest.length, buffer.length - rest.length, at);
    if (bytesRead === 0) break; // shorter than it was: cut back after a failed write
    at += bytesRead;
    const filled = buffer.subarray(0, rest.length + bytesRead);
    const lines: FoundLine[] = [];
    let begin = 0;
    for (let end = filled.indexOf(NEWLINE); end >= 0; end = filled.indexOf(NEWLINE, begin)) {
      lines.push({ octets: filled.subarray(begin, end), at: restAt + begin, whole: true });
      begin = end + 1;
    }
    rest = filled.subarray(begin);
    restAt += begin;
    if (rest.length > octetsMax) {
      // No line of ours is that long: hand out what there is as a line that cannot be read, and go on behind it.
      lines.push({ octets: rest, at: restAt, whole: true });
      restAt += rest.length;
      rest = Buffer.alloc(0);
    }
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ octets: rest, at: restAt, whole: false }];
}

/** The first line of a file as text; undefined when it has no newline within a chunk. */
export async function readFirstLine(handle: FileHandle): Promise<string | undefined> {
  const buffer = Buffer.allocUnsafe(4096);
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
  return end < 0 ? undefined : buffer.toString('utf8', 0, end);
}

const SEEK_OCTETS = 64 * 1024;

/**
 * Finds an offset at which a line begins that is not behind the first line with `sequence` or more, and near it: numbers
 * in a file only rise, so the place is found by halving. Lines that cannot be read only make it less near.
 */
export async function seekSequence(handle: FileHandle, sequence: number, to: number): Promise<number> {
  const block = Buffer.allocUnsafe(SEEK_OCTETS);
  let low = 0;
  let high = to;
  while (high - low > SEEK_OCTETS) {
    const middle = low + Math.floor((high - low) / 2);
    const { bytesRead } = await handle.read(block, 0, Math.min(SEEK_OCTETS, to - middle), middle);
    const found = firstNumberedLine(block.subarray(0, bytesRead));
    if (found !== undefined && found.sequence < sequence) low = middle + found.at;
    else high = middle;
  }
  return low;
}

function firstNumberedLine(block: Buffer): { at: number; sequence: number } | undefined {
  let begin = block.indexOf(NEWLINE) + 1;
  if (begin === 0) return undefined;
  for (let end = block.indexOf(NEWLINE, begin); end >= 0; end = block.indexOf(NEWLINE, begin)) {
    const sequence = sequenceAtEnd(block.subarray(begin, end));
    if (sequence !== undefined) return { at: begin, sequence };
    begin = end + 1;
  }
  return undefined;
}
