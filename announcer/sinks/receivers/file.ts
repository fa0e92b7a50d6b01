import { Buffer } from 'node:buffer';
import { constants, type FileHandle, open, stat } from 'node:fs/promises';
import { jsonLine, LINE_BEGINNING } from '../lines.ts';
import { ALL_TAKEN, type Delivery, type Receiver, SinkError } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';

/** Opens a file for appending; for tests, one that fails as disks do. */
export type OpenForAppend = (path: string) => Promise<FileHandle>;

const NEWLINE = 0x0a;
/** Looked at for a line that was cut off: more than a record has. */
const TAIL_OCTETS = 64 * 1024;

/**
 * Appends lines to a file, and has the disk take each batch before it counts as sent. When another file has come under the
 * name, as logrotate does it, or on `reopen`, it goes on in that one.
 */
export class FileReceiver implements Receiver {
  readonly #path: string;
  readonly #open: OpenForAppend;
  #handle: FileHandle | undefined;
  #isReopenDue = false;

  constructor(path: string, openForAppend: OpenForAppend = openFile) {
    this.#path = path;
    this.#open = openForAppend;
  }

  async deliver(batch: readonly SinkRecord[]): Promise<Delivery> {
    try {
      const handle = await this.#current();
      await append(handle, Buffer.from(batch.map(jsonLine).join('')));
      await handle.datasync();
      return ALL_TAKEN;
    } catch (error) {
      // What an fsync that failed leaves behind is unknown: begin again with the file as it is.
      await this.close();
      if (error instanceof SinkError) throw error;
      throw new SinkError((error as Error).message, { cause: error });
    }
  }

  /** With the next batch: one that is being written ends in the file where it began. */
  reopen(): void {
    this.#isReopenDue = true;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch {
      // The disk has what was said to be sent; the rest is sent again.
    }
  }

  async #current(): Promise<FileHandle> {
    const isDue = this.#isReopenDue;
    this.#isReopenDue = false;
    if (this.#handle !== undefined && (isDue || (await this.#isElsewhere(this.#handle)))) await this.close();
    if (this.#handle !== undefined) return this.#handle;
    const handle = await this.#open(this.#path);
    try {
      if (!(await handle.stat()).isFile()) throw new SinkError(`${this.#path} is no regular file`);
      await mendTail(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
    this.#handle = handle;
    return handle;
  }

  /** Whether the name stands for another file by now, or for none. */
  async #isElsewhere(handle: FileHandle): Promise<boolean> {
    const ours = await handle.stat();
    try {
      const named = await stat(this.#path);
      return named.ino !== ours.ino || named.dev !== ours.dev;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      throw error;
    }
  }
}

/** Not waiting, for what would be a pipe without a reader. */
function openFile(path: string): Promise<FileHandle> {
  const { O_APPEND, O_CREAT, O_RDWR, O_NONBLOCK } = constants;
  return open(path, O_APPEND | O_CREAT | O_RDWR | O_NONBLOCK, 0o640);
}

/** All of it, or nothing of it: a full disk takes a part first, which is taken back. */
async function append(handle: FileHandle, octets: Buffer): Promise<void> {
  const { size } = await handle.stat();
  try {
    for (let written = 0; written < octets.length; ) {
      written += (await handle.write(octets, written)).bytesWritten;
    }
  } catch (error) {
    await handle.truncate(size);
    throw error;
  }
}

/** A process that was ended by force may have left half a line: ours is cut off, anyone else's is ended. */
async function mendTail(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size === 0) return;
  const from = Math.max(0, size - TAIL_OCTETS);
  const tail = Buffer.alloc(size - from);
  await handle.read(tail, 0, tail.length, from);
  if (tail.at(-1) === NEWLINE) return;
  const begin = tail.lastIndexOf(NEWLINE) + 1;
  const torn = tail.toString('latin1', begin);
  const isOurs = torn.startsWith(LINE_BEGINNING) || LINE_BEGINNING.startsWith(torn);
  if (isOurs && (begin > 0 || from === 0)) await handle.truncate(from + begin);
  else await append(handle, Buffer.from('\n'));
}
