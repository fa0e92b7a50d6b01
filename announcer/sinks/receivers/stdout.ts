import { Buffer } from 'node:buffer';
import { close, constants, fstat, open, write } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { jsonLine } from '../lines.ts';
import { ALL_TAKEN, type Delivery, type Receiver, SinkError } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';

const STDOUT = 1;
const FULL_PAUSE_MS = 50;
/** A reader that takes nothing for so long is failing. */
const TIMEOUT_MS = 10_000;

const fdStat = promisify(fstat);
const fdOpen = promisify(open);
const fdClose = promisify(close);
const fdWrite = promisify(write) as (fd: number, octets: Buffer, at: number) => Promise<{ bytesWritten: number }>;

/**
 * Standard output, without ever waiting for its reader: Node's own stream would stop the whole process while a pipe is
 * full. A pipe or a terminal is opened once more, so that it alone does not block; a file or a socket is written as it is.
 */
export class StdoutReceiver implements Receiver {
  readonly #path: string;
  readonly #timeoutMs: number;
  #fd: number | undefined;
  /** Of a line that the reader has taken in part: it must be ended before anything else is written. */
  #rest: Buffer = Buffer.alloc(0);

  /** @param path the name of the process's own standard output; another one, and a shorter wait, for tests */
  constructor(path = `/proc/self/fd/${STDOUT}`, timeoutMs = TIMEOUT_MS) {
    this.#path = path;
    this.#timeoutMs = timeoutMs;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    try {
      this.#fd ??= await this.#open();
      // First the end of a line that was begun, then the batch that it was part of, from its beginning.
      const octets = Buffer.concat([this.#rest, Buffer.from(batch.map(jsonLine).join(''))]);
      await this.#write(this.#fd, octets, signal);
      return ALL_TAKEN;
    } catch (error) {
      throw error instanceof SinkError ? error : new SinkError((error as Error).message, { cause: error });
    }
  }

  reopen(): void {}

  async close(): Promise<void> {
    if (this.#fd !== undefined && this.#fd !== STDOUT) await fdClose(this.#fd);
    this.#fd = undefined;
  }

  async #open(): Promise<number> {
    try {
      const { O_WRONLY, O_NONBLOCK, O_APPEND } = constants;
      const fd = await fdOpen(this.#path, O_WRONLY | O_NONBLOCK | O_APPEND);
      const stats = await fdStat(fd);
      if (stats.isFIFO() || stats.isCharacterDevice()) return fd;
      await fdClose(fd);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A socket cannot be opened by a name, and another user's terminal may not be.
      if (code !== 'ENXIO' && code !== 'EACCES') throw error;
    }
    return STDOUT;
  }

  async #write(fd: number, octets: Buffer, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    for (let at = 0; at < octets.length; ) {
      try {
        at += (await fdWrite(fd, octets, at)).bytesWritten;
      } catch (error) {
        const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN';
        if (isFull && !signal.aborted && performance.now() < deadline) {
          await wait(FULL_PAUSE_MS);
          continue;
        }
        this.#rest = at === 0 ? this.#rest : restOfLine(octets, at);
        throw isFull ? new SinkError(`its reader took nothing for ${this.#timeoutMs} ms`) : error;
      }
    }
    this.#rest = Buffer.alloc(0);
  }
}

const NEWLINE = 0x0a;

/** What is missing of the line that `at` is in the middle of; nothing when it begins one. */
function restOfLine(octets: Buffer, at: number): Buffer {
  if (octets[at - 1] === NEWLINE) return Buffer.alloc(0);
  return octets.subarray(at, octets.indexOf(NEWLINE, at) + 1);
}
