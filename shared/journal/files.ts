import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, JournalOpenError } from './error.ts';
import type { JournalEvent } from './event.ts';
import { FORMAT_VERSION, parseHeader, parseLine } from './line.ts';
import { readFirstLine } from './reading/lines.ts';
import { type JournalFile, parseFileName } from './writing/retention.ts';

/**
 * The segments and snapshots in a directory, oldest first. A header that cannot be read costs nothing but the time in it:
 * the name says the number, and the file's own time stands in.
 *
 * @throws {JournalOpenError} `newer-format`, `wrong-kind`
 */
export async function listFiles(directory: string, kind: string): Promise<JournalFile[]> {
  const files: JournalFile[] = [];
  for (const name of (await readdir(directory)).sort()) {
    const parsed = parseFileName(name);
    if (parsed === undefined) continue;
    const file = await describe(directory, kind, name, parsed);
    if (file !== undefined) files.push(file);
  }
  return files;
}

async function describe(
  directory: string,
  kind: string,
  name: string,
  parsed: Pick<JournalFile, 'type' | 'sequence'>,
): Promise<JournalFile | undefined> {
  const path = join(directory, name);
  const handle = await openIfThere(path);
  if (handle === undefined) return undefined; // removed since by retention
  try {
    const { size, mtimeMs } = await handle.stat();
    const { header, intact, isNewer } = parseHeader((await readFirstLine(handle)) ?? '') ?? { intact: false };
    if (header !== undefined && isNewer) {
      throw new JournalOpenError(
        'newer-format',
        `${path} has format version ${header.version}, this rollcall knows up to ${FORMAT_VERSION}; use the rollcall that wrote it, or move ${directory} away`,
      );
    }
    if (header !== undefined && intact && header.kind !== kind) {
      throw new JournalOpenError(
        'wrong-kind',
        `${path} belongs to a journal of the ${header.kind}, not of the ${kind}`,
      );
    }
    return {
      name,
      ...parsed,
      octets: size,
      createdAtMs: intact && header !== undefined ? header.createdAtMs : Math.floor(mtimeMs),
    };
  } finally {
    await handle.close();
  }
}

/** What an interrupted snapshot left behind. */
export async function removeTemporary(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.endsWith('.tmp')) await unlink(join(directory, name));
  }
}

/** Makes names in a directory as durable as the files they stand for. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export interface SegmentTail {
  /** Octets up to the end of the last whole line; 0 when there is not even a whole header line. */
  readonly wholeOctets: number;
  /** Octets behind that: a line that was being written when the power went. */
  readonly tornOctets: number;
  /** The last number that can be read; undefined when the segment holds no record. */
  readonly lastSequence?: number;
  /** Whole lines behind that number that cannot be read; each had a number, too. */
  readonly corruptLines: number;
}

const TAIL_OCTETS = 64 * 1024;
const NEWLINE = 0x0a;

/** Finds the end of what can be believed in a segment, reading no more of it than that takes. */
export async function readTail(path: string): Promise<SegmentTail> {
  const { size } = await stat(path);
  const handle = await open(path, 'r');
  try {
    for (let octets = TAIL_OCTETS; ; octets *= 8) {
      const from = Math.max(0, size - octets);
      const buffer = Buffer.alloc(size - from);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
      const tail = lastRecord(buffer.subarray(0, bytesRead), from);
      if (tail !== undefined) return { ...tail, tornOctets: size - tail.wholeOctets };
    }
  } finally {
    await handle.close();
  }
}

/** @returns undefined when the answer lies further to the front of the file */
function lastRecord(buffer: Buffer, from: number): Omit<SegmentTail, 'tornOctets'> | undefined {
  let end = buffer.lastIndexOf(NEWLINE);
  const wholeOctets = end < 0 && from === 0 ? 0 : from + end + 1;
  let corruptLines = 0;
  while (end > 0) {
    const before = buffer.lastIndexOf(NEWLINE, end - 1);
    if (before < 0) break; // the line begins before the buffer, or is the header
    const line = parseLine<JournalEvent>(buffer.subarray(before + 1, end));
    if (line.kind !== 'corrupt') return { wholeOctets, lastSequence: line.sequence, corruptLines };
    corruptLines += 1;
    end = before;
  }
  return from === 0 ? { wholeOctets, corruptLines } : undefined;
}

/** Opens for reading; undefined when there is no such file. */
export async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
