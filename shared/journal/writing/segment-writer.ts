import { type FileHandle, stat, truncate, unlink } from 'node:fs/promises';
import { hasCode } from '../error.ts';

/** Opens a file as `fs.promises.open` does. Tests hand in files that fail as disks do. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

/** A write that did not go through. The file was cut back behind the last whole line. */
export class SegmentWriteError extends Error {
  override readonly name = 'SegmentWriteError';
  readonly wholeLines: number;
  constructor(path: string, wholeLines: number, cause: unknown) {
    super(`${path}: ${(cause as Error).message}`, { cause });
    this.wholeLines = wholeLines;
  }
}

/** Its file stands under its name no more: what goes into it, no one will read. */
export class SegmentGoneError extends Error {
  override readonly name = 'SegmentGoneError';
  constructor(path: string) {
    super(`${path} was removed, or moved away, while it was being written`);
  }
}

const NEWLINE = 0x0a;

/** The end of one segment file. One call at a time, but `sync` may run beside `write`. */
export class SegmentWriter {
  readonly path: string;
  readonly firstSequence: number;
  readonly #handle: FileHandle;
  #octets: number;
  #records: number;
  #written = 0;
  #unsynced = 0;
  #writeFailed = false;
  #syncFailed = false;

  private constructor(path: string, firstSequence: number, handle: FileHandle, octets: number, records: number) {
    this.path = path;
    this.firstSequence = firstSequence;
    this.#handle = handle;
    this.#octets = octets;
    this.#records = records;
  }

  /** Makes a segment with its header line. One of that name that is in the way has no record, and is replaced. */
  static async create(openFile: OpenFile, path: string, firstSequence: number, header: string): Promise<SegmentWriter> {
    let handle: FileHandle;
    try {
      handle = await openFile(path, 'ax');
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
      await unlink(path);
      handle = await openFile(path, 'ax');
    }
    const writer = new SegmentWriter(path, firstSequence, handle, 0, 0);
    try {
      await writer.write([header]);
    } catch (error) {
      writer.#records = 0;
      await writer.abandon();
      throw (error as SegmentWriteError).cause;
    }
    writer.#records = 0;
    writer.#written = 0;
    return writer;
  }

  /** Goes on with a segment of which `octets` are whole lines; what is behind them is cut off. */
  static async resume(
    openFile: OpenFile,
    path: string,
    firstSequence: number,
    octets: number,
    hasRecords: boolean,
  ): Promise<SegmentWriter> {
    await truncate(path, octets);
    return new SegmentWriter(path, firstSequence, await openFile(path, 'a'), octets, hasRecords ? 1 : 0);
  }

  /** Octets of whole lines in the file. */
  get octets(): number {
    return this.#octets;
  }

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** Lines of this process in the file, its header aside. */
  get written(): number {
    return this.#written;
  }

  /** A failed write or fsync is fatal for the file: what the kernel did with its pages cannot be known. */
  get hasFailed(): boolean {
    return this.#writeFailed || this.#syncFailed;
  }

  /** Lines that are in the file and not yet known to be on the disk. */
  get unsynced(): number {
    return this.#unsynced;
  }

  /** @throws {SegmentWriteError} with the number of lines that did get into the file */
  async write(lines: readonly string[]): Promise<void> {
    const buffer = Buffer.from(`${lines.join('\n')}\n`);
    let written = 0;
    try {
      // A full disk says so with a short write first, and with ENOSPC only when asked again.
      while (written < buffer.length) {
        const { bytesWritten } = await this.#handle.write(buffer, written);
        if (bytesWritten === 0) throw new Error('the file took no octets');
        written += bytesWritten;
      }
    } catch (error) {
      this.#writeFailed = true;
      const wholeOctets = written === 0 ? 0 : buffer.lastIndexOf(NEWLINE, written - 1) + 1;
      const wholeLines = countLines(buffer.subarray(0, wholeOctets));
      this.#account(wholeOctets, wholeLines);
      try {
        await this.#handle.truncate(this.#octets);
      } catch {
        // The torn line stays; readers pass over it as over any corrupt line, and no line comes behind it.
      }
      throw new SegmentWriteError(this.path, wholeLines, error);
    }
    this.#account(buffer.length, lines.length);
  }

  /**
   * Brings what was written so far to the disk.
   *
   * @throws what fsync said, or {SegmentGoneError}; the file must then not be written any more
   */
  async sync(): Promise<void> {
    const covered = this.#unsynced;
    // Asked again, the kernel would say that all is well.
    if (covered === 0 || this.#syncFailed) return;
    try {
      await this.#handle.datasync();
      if (await this.#isGone()) throw new SegmentGoneError(this.path);
    } catch (error) {
      this.#syncFailed = true;
      throw error;
    }
    this.#unsynced -= covered;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Closes the file, and takes it away when it holds no record: a new one will want its name. */
  async abandon(): Promise<void> {
    try {
      await this.#handle.close();
      if (this.isEmpty) await unlink(this.path);
    } catch {
      // The disk that made it worthless may refuse this too; a leftover is read as an empty segment.
    }
  }

  /**
   * No write and no fsync tells: the kernel keeps a file that is open, whatever becomes of its name. Not by the inode's number
   * alone: there are file systems that give one file several.
   */
  async #isGone(): Promise<boolean> {
    const octets = this.#octets;
    const ours = await this.#handle.stat();
    if (ours.nlink === 0) return true;
    try {
      const named = await stat(this.path);
      return (named.ino !== ours.ino || named.dev !== ours.dev) && named.size < octets;
    } catch (error) {
      return hasCode(error, 'ENOENT', 'ENOTDIR'); // of another error nothing is known
    }
  }

  #account(octets: number, lines: number): void {
    this.#octets += octets;
    this.#records += lines;
    this.#written += lines;
    this.#unsynced += lines;
  }
}

function countLines(buffer: Buffer): number {
  let count = 0;
  for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}
