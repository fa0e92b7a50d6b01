import { mkdir, open, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../log.ts';
import { causeOf, hasCode, JournalOpenError } from './error.ts';
import { listFiles, readTail, removeTemporary, type SegmentTail, syncDirectory } from './files.ts';
import type { ReadableSegment } from './reading/reader.ts';
import { DirectoryLock } from './writing/lock.ts';
import type { JournalFile } from './writing/retention.ts';

/** Written when the journal is closed, taken away when it is opened: if it is missing, the last process was cut off. */
const CLOSED_FILE = 'closed.json';

/**
 * Numbers left out after a journal that was not closed: some may have been given out, and even been read, without
 * reaching the disk. More than can be in the queue.
 */
export const SEQUENCES_SKIPPED_AFTER_CRASH = 1_000_000;

/** The directory of a journal: who may write in it, and what it held when it was opened. */
export class JournalDirectory {
  readonly path: string;
  readonly #kind: string;
  readonly found: FoundJournal;
  #lock: DirectoryLock | undefined;
  #markedOpen = false;

  private constructor(path: string, kind: string, found: FoundJournal, lock: DirectoryLock | undefined) {
    this.path = path;
    this.#kind = kind;
    this.found = found;
    this.#lock = lock;
  }

  /** @throws {JournalOpenError} `locked`, `newer-format`, `wrong-kind`, `unreadable` */
  static async open(path: string, kind: string, log: Log): Promise<JournalDirectory> {
    try {
      await mkdir(path, { recursive: true, mode: 0o750 });
    } catch (error) {
      throw unreadable(`cannot make the directory ${path}`, error);
    }
    let lock: DirectoryLock | undefined;
    try {
      lock = await DirectoryLock.acquire(path);
    } catch (error) {
      if (error instanceof JournalOpenError) throw error;
      // A disk that takes no lock takes no events: the journal starts stopped, says so, and tries again.
    }
    try {
      return new JournalDirectory(path, kind, await look(path, kind, log), lock);
    } catch (error) {
      await lock?.release();
      throw error instanceof JournalOpenError ? error : unreadable(`cannot read ${path}`, error);
    }
  }

  /**
   * Makes sure that this process alone writes here, and that a crash from now on will be seen. A directory that was removed
   * under it is made anew.
   *
   * @param nextSequence no file of ours begins there or behind it
   * @throws what the file system said; {JournalOpenError} `locked` when another process came in between
   */
  async makeWritable(nextSequence: number): Promise<void> {
    if (this.#lock !== undefined && !(await this.#lock.isHeld())) await this.#lockAnew(this.#lock, nextSequence);
    this.#lock ??= await this.#acquire((files) => fingerprint(files) !== fingerprint(this.found.files));
    if (this.#markedOpen) return;
    await removeTemporary(this.path);
    try {
      await unlink(join(this.path, CLOSED_FILE));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
    }
    await syncDirectory(this.path);
    this.#markedOpen = true;
  }

  async #lockAnew(lost: DirectoryLock, nextSequence: number): Promise<void> {
    await mkdir(this.path, { recursive: true, mode: 0o750 });
    const lock = await this.#acquire((files) => files.some(({ sequence }) => sequence >= nextSequence));
    await lost.release();
    this.#lock = lock;
    this.#markedOpen = false;
  }

  /** @param areForeign whether the files that are there now say that another process has written them */
  async #acquire(areForeign: (files: readonly JournalFile[]) => boolean): Promise<DirectoryLock> {
    const lock = await DirectoryLock.acquire(this.path);
    try {
      if (areForeign(await listFiles(this.path, this.#kind))) {
        throw new JournalOpenError(
          'locked',
          `another process has written to ${this.path} since it was read; start again`,
        );
      }
      return lock;
    } catch (error) {
      // Kept, it would be in the way of the next try.
      await lock.release();
      throw error;
    }
  }

  /** @throws what the file system said; the next start then takes it for a crash, which is safe */
  async markClosed(nextSequence: number): Promise<void> {
    const handle = await open(join(this.path, CLOSED_FILE), 'w');
    try {
      await handle.writeFile(`${JSON.stringify({ nextSequence })}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await syncDirectory(this.path);
  }

  async release(): Promise<void> {
    await this.#lock?.release();
    this.#lock = undefined;
  }
}

/** The newest segment, when its end was being written as the last process was cut off. */
export interface TornSegment {
  readonly path: string;
  /** 0: not even its header was. */
  readonly wholeOctets: number;
}

/** What a journal held when it was opened. */
export interface FoundJournal {
  /** Oldest first. */
  readonly files: readonly JournalFile[];
  /** Oldest first, as far as their lines are whole. */
  readonly segments: readonly ReadableSegment[];
  /** How far the newest segment can be gone on with; undefined when a new one must be begun. */
  readonly newest: 'empty' | 'has-records' | undefined;
  /** The first number that was never given out, unless `crashed`. */
  readonly nextSequence: number;
  /** The last process did not close it. */
  readonly crashed: boolean;
  readonly tornOctets: number;
  /** What is to be cut off, or taken away, once it can be written again. */
  readonly torn: TornSegment | undefined;
  /** In the newest segment, behind its last readable line. */
  readonly corruptLines: number;
}

async function look(path: string, kind: string, log: Log): Promise<FoundJournal> {
  const files = await listFiles(path, kind);
  const segments = files
    .filter((file) => file.type === 'segment')
    .map(({ name, sequence, octets }) => ({ path: join(path, name), firstSequence: sequence, octets }));
  const newestSnapshot = files.findLast((file) => file.type === 'snapshot');
  const newest = segments.pop();
  let tail: SegmentTail = { wholeOctets: 0, tornOctets: 0, corruptLines: 0 };
  if (newest !== undefined) {
    tail = await readTail(newest.path);
    sayTorn(newest.path, tail, log);
    // Without even a header it will be replaced; the one before it is finished, and stays so.
    if (tail.wholeOctets > 0) segments.push({ ...newest, octets: tail.wholeOctets });
  }
  const hasRecords = tail.lastSequence !== undefined || tail.corruptLines > 0;
  const lastSequence = (tail.lastSequence ?? (newest?.firstSequence ?? 1) - 1) + tail.corruptLines;
  const closed = await readClosed(path);
  return {
    files,
    segments,
    newest: tail.wholeOctets === 0 ? undefined : hasRecords ? 'has-records' : 'empty',
    nextSequence: Math.max(lastSequence, newestSnapshot?.sequence ?? 0, (closed ?? 1) - 1) + 1,
    crashed: closed === undefined && files.length > 0,
    tornOctets: tail.tornOctets,
    torn: newest && tail.tornOctets > 0 ? { path: newest.path, wholeOctets: tail.wholeOctets } : undefined,
    corruptLines: tail.corruptLines,
  };
}

function sayTorn(path: string, { tornOctets }: SegmentTail, log: Log): void {
  if (tornOctets === 0) return;
  log.warn('journal-torn', `${path} ends in the middle of a line: its last ${tornOctets} octets are dropped`, {
    path,
    tornOctets,
  });
}

/** The number that was next when the journal in a directory was closed; undefined of one that is open, or was cut off. */
export async function readClosed(directory: string): Promise<number | undefined> {
  try {
    const { nextSequence } = JSON.parse(await readFile(join(directory, CLOSED_FILE), 'utf8'));
    return Number.isSafeInteger(nextSequence) ? nextSequence : undefined;
  } catch (error) {
    // A file that was cut off while it was written means the same as none.
    if (hasCode(error, 'ENOENT') || error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function fingerprint(files: readonly JournalFile[]): string {
  const newest = files.at(-1);
  return newest === undefined ? '' : `${newest.name} ${newest.octets}`;
}

function unreadable(what: string, cause: unknown): JournalOpenError {
  return new JournalOpenError(
    'unreadable',
    `${what} (${causeOf(cause)}); check its owner and permissions, or --data-dir`,
    {
      cause,
    },
  );
}
