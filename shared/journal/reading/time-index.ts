import type { FileHandle } from 'node:fs/promises';
import type { JournalEvent } from '../event.ts';
import { atMsAtStart, parseLine, sequenceAtEnd } from '../line.ts';
import { readLines } from './lines.ts';

/** A run of whole lines in a segment. Times and numbers are as the lines state them, unchecked. */
export interface TimedBlock {
  readonly from: number;
  /** Behind its last line. */
  readonly to: number;
  readonly minMs: number;
  readonly maxMs: number;
  /** The highest number in it. */
  readonly lastSequence: number;
}

const BLOCK_OCTETS = 1024 * 1024;

/**
 * Which times stand where in the segments of a journal, so that a read of a range of times passes over what is outside
 * it. Learned when it is first asked for, and from then on only of what was appended since. Events are not ordered by
 * time (a clock may be set back), so a block has a least and a largest.
 */
export class TimeIndex {
  readonly #blocks = new Map<string, TimedBlock[]>();

  /**
   * The blocks of a segment, without a hole, up to its last whole block; what is behind them must be read. Not for two
   * readers of one segment at once to extend: the second does it again.
   */
  async blocksOf(handle: FileHandle, path: string, octets: number): Promise<readonly TimedBlock[]> {
    const known = this.#blocks.get(path) ?? [];
    const from = known.at(-1)?.to ?? 0;
    if (octets - from < BLOCK_OCTETS) return known;
    const blocks = [...known, ...(await scan(handle, from, octets))];
    this.#blocks.set(path, blocks);
    return blocks;
  }

  /** Retention took these away. */
  forget(paths: ReadonlySet<string>): void {
    for (const path of paths) this.#blocks.delete(path);
  }
}

async function scan(handle: FileHandle, from: number, to: number): Promise<TimedBlock[]> {
  const blocks: TimedBlock[] = [];
  let block = emptyBlock(from);
  for await (const lines of readLines(handle, from, to)) {
    for (const { octets, at, whole } of lines) {
      if (!whole) continue;
      if (at > 0) include(block, octets); // the header has neither
      block.to = at + octets.length + 1;
    }
    if (block.to - block.from < BLOCK_OCTETS) continue;
    blocks.push(block);
    block = emptyBlock(block.to);
  }
  return blocks;
}

type GrowingBlock = { -readonly [field in keyof TimedBlock]: TimedBlock[field] };

function emptyBlock(from: number): GrowingBlock {
  return { from, to: from, minMs: Number.POSITIVE_INFINITY, maxMs: Number.NEGATIVE_INFINITY, lastSequence: 0 };
}

function include(block: GrowingBlock, octets: Buffer): void {
  const [atMs, sequence] = [atMsAtStart(octets), sequenceAtEnd(octets)];
  if (atMs !== undefined && sequence !== undefined) {
    if (atMs < block.minMs) block.minMs = atMs;
    if (atMs > block.maxMs) block.maxMs = atMs;
    if (sequence > block.lastSequence) block.lastSequence = sequence;
    return;
  }
  const line = parseLine<JournalEvent>(octets);
  if (line.kind === 'corrupt') {
    // Whoever reads here is to be told of it.
    block.minMs = Number.NEGATIVE_INFINITY;
    block.maxMs = Number.POSITIVE_INFINITY;
    return;
  }
  const lineMs = line.kind === 'gap' ? line.gap.atMs : line.event.atMs;
  block.minMs = Math.min(block.minMs, lineMs);
  block.maxMs = Math.max(block.maxMs, lineMs);
  block.lastSequence = Math.max(block.lastSequence, line.sequence);
}
