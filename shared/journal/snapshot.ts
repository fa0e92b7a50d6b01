import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { openIfThere, syncDirectory } from './files.ts';
import {
  encodeHeader,
  encodeSnapshotEnd,
  encodeValue,
  hex32,
  parseHeader,
  parseSnapshotEnd,
  type SnapshotHeader,
} from './line.ts';
import { readFirstLine, readLines } from './reading/lines.ts';
import { snapshotName } from './writing/retention.ts';

export interface JournalSnapshot {
  /** The state after this event: go on with {@link JournalRange.fromSequence} of one more. */
  readonly sequence: number;
  readonly atMs: number;
  /** Of the snapshot after it; absent of the last. */
  readonly nextSequence?: number;
  lines(): AsyncIterable<unknown>;
}

/** Octets encoded in one go, about a millisecond's worth: between two, everything else has its turn. */
const SLICE_OCTETS = 64 * 1024;
const NEWLINE = 0x0a;

/** Writes a snapshot beside its name, fsyncs it, and puts it in place; what is interrupted leaves no trace. */
export async function writeSnapshot(
  directory: string,
  header: SnapshotHeader,
  lines: Iterable<unknown>,
): Promise<void> {
  const path = join(directory, snapshotName(header.sequence));
  const temporary = `${path}.tmp`;
  const handle = await open(temporary, 'w');
  try {
    try {
      let count = 0;
      let sum = 0;
      let slice = `${encodeHeader(header)}\n`;
      const writeSlice = async (): Promise<void> => {
        const octets = Buffer.from(slice);
        slice = '';
        sum = crc32(octets, sum);
        await handle.writeFile(octets); // goes on until all is written, or fails
      };
      for (const line of lines) {
        slice += `${encodeValue(line)}\n`;
        count += 1;
        if (slice.length < SLICE_OCTETS) continue;
        await writeSlice();
        await nextTurn();
      }
      await writeSlice();
      await handle.writeFile(`${encodeSnapshotEnd({ lines: count, crc: hex32(sum) })}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  await syncDirectory(directory);
}

/** @returns the snapshot, or the reason why it cannot be believed; undefined when it is not there any more */
export async function openSnapshot(path: string): Promise<JournalSnapshot | string | undefined> {
  const handle = await openIfThere(path);
  if (handle === undefined) return undefined;
  try {
    const firstLine = (await readFirstLine(handle)) ?? '';
    const header = parseHeader(firstLine)?.header;
    if (header?.format !== 'rollcall-snapshot') return 'its header cannot be read';
    const { size } = await handle.stat();
    const [endLine, endAt] = await readLastLine(handle, size);
    const end = parseSnapshotEnd(endLine);
    if (end === undefined) return 'it has no end line';
    const from = Buffer.byteLength(firstLine) + 1;
    const sum = hex32(await sumUpTo(handle, endAt));
    if (sum !== end.crc) return `its check sum is ${sum}, its end line says ${end.crc}`;
    return { sequence: header.sequence, atMs: header.createdAtMs, lines: () => linesBetween(path, from, endAt) };
  } finally {
    await handle.close();
  }
}

/** The end line is short; what is longer is none. */
const END_OCTETS_MAX = 256;

async function readLastLine(handle: FileHandle, size: number): Promise<[line: string, at: number]> {
  const from = Math.max(0, size - END_OCTETS_MAX);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(END_OCTETS_MAX), 0, size - from, from);
  const tail = buffer.subarray(0, bytesRead);
  if (tail.at(-1) !== NEWLINE) return ['', size];
  const begin = tail.lastIndexOf(NEWLINE, tail.length - 2) + 1;
  return [tail.toString('utf8', begin, tail.length - 1), from + begin];
}

const CHUNK_OCTETS = 1024 * 1024;

async function sumUpTo(handle: FileHandle, to: number): Promise<number> {
  const chunk = Buffer.allocUnsafe(CHUNK_OCTETS);
  let sum = 0;
  for (let at = 0; at < to; ) {
    const { bytesRead } = await handle.read(chunk, 0, Math.min(CHUNK_OCTETS, to - at), at);
    if (bytesRead === 0) break;
    sum = crc32(chunk.subarray(0, bytesRead), sum);
    at += bytesRead;
  }
  return sum;
}

async function* linesBetween(path: string, from: number, to: number): AsyncGenerator<unknown> {
  const handle = await open(path, 'r');
  try {
    for await (const lines of readLines(handle, from, to, Number.POSITIVE_INFINITY)) {
      for (const { octets } of lines) yield JSON.parse(octets.toString('utf8'));
    }
  } finally {
    await handle.close();
  }
}
