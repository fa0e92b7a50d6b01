import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary.ts';

/** A FIFO that is full, and that nobody reads until `read` does. */
export interface StalledPipe {
  /** Blocks, as that of a shell's pipe does: for a child's standard error. */
  readonly fd: number;
  /** What was written behind that which filled it, so far. */
  read(): string;
  close(): void;
}

const FILLING = Buffer.alloc(4096, '.');

export function stalledPipe(): StalledPipe {
  const path = join(temporaryDirectory(), 'pipe');
  execFileSync('mkfifo', [path]);
  const ours = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  fill(ours);
  const fd = openSync(path, constants.O_WRONLY);
  const octets = Buffer.alloc(64 * 1024);
  let text = '';
  return {
    fd,
    read: () => {
      try {
        for (;;) text += octets.toString('utf8', 0, readSync(ours, octets));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return text.replace(/^\.*/, '');
    },
    close: () => {
      closeSync(fd);
      closeSync(ours);
    },
  };
}

function fill(fd: number): void {
  try {
    for (;;) writeSync(fd, FILLING);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
}
