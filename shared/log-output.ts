/** Edge: octets to standard error, without the process ever waiting for whoever reads them. */
import { constants, fstatSync, openSync, readFileSync, write, writeSync } from 'node:fs';

export interface LogOutput {
  /** Writes in a thread, and takes its time; else it is done, or has failed, when `write` returns. */
  readonly isThreaded: boolean;
  /** Takes of the octets what it can, and says how many: none while their reader does not read. */
  write(octets: Buffer, done: (error: Error | null, taken: number) => void): void;
  /** Whether the last `write` has taken something, whatever the event loop knows of it: it is for the end of a process, too. */
  hasTaken(): boolean;
  /** The same before it returns, for the end of a process. @throws what keeps it from being written */
  writeNow(octets: Buffer): number;
}

const STDERR = 2;

/**
 * A pipe, a terminal or a socket never waits for its reader: what it does not take is tried again. A file is written in a
 * thread, as its disk may hang. (A thread that waits for a reader would keep the process from ending: exit() joins it.)
 */
export function standardError(): LogOutput {
  const stats = fstatSync(STDERR);
  const fd = stats.isFIFO() || stats.isCharacterDevice() ? openedAgain() : undefined;
  if (fd !== undefined) return atOnce(() => fd);
  return stats.isFIFO() || stats.isSocket() ? atOnce(unblocked) : threaded();
}

/**
 * Opened once more, a pipe or a terminal does not block for us alone: what fd 2 itself stands for is shared with other
 * processes. Undefined when it cannot be: without /proc, of another user's terminal, or when its reader has gone.
 */
function openedAgain(): number | undefined {
  const { O_WRONLY, O_NONBLOCK, O_APPEND, O_NOCTTY } = constants;
  try {
    return openSync(`/proc/self/fd/${STDERR}`, O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY);
  } catch {
    return undefined;
  }
}

/**
 * A socket cannot be opened again. Node makes it not block when it makes `process.stderr`, and to block again when it starts
 * a child that inherits it (libuv, `uv__process_child_init`): so each time anew.
 */
function unblocked(): number {
  const { _handle } = process.stderr as { _handle?: { setBlocking?(isBlocking: boolean): unknown } };
  _handle?.setBlocking?.(false);
  return STDERR;
}

function atOnce(descriptor: () => number): LogOutput {
  const writeNow = (octets: Buffer): number => written(descriptor(), octets);
  let taken = 0;
  return {
    isThreaded: false,
    writeNow,
    hasTaken: () => taken > 0,
    write: (octets, done) => {
      taken = 0;
      try {
        taken = writeNow(octets);
      } catch (error) {
        done(error as Error, 0);
        return;
      }
      done(null, taken);
    },
  };
}

function threaded(): LogOutput {
  let before: string | undefined;
  return {
    isThreaded: true,
    write: (octets, done) => {
      before = position();
      write(STDERR, octets, 0, octets.length, null, done);
    },
    hasTaken: () => {
      const now = position();
      return before !== undefined && now !== undefined && now !== before;
    },
    writeNow: (octets) => written(STDERR, octets),
  };
}

/**
 * Where standard error stands in its file: behind what was written last, also when it appends. A process that shares it moves
 * it too, and is then taken for our thread. Undefined without /proc.
 */
function position(): string | undefined {
  try {
    return /^pos:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${STDERR}`, 'latin1'))?.[1];
  } catch {
    return undefined;
  }
}

function written(fd: number, octets: Buffer): number {
  try {
    return writeSync(fd, octets);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
    throw error;
  }
}
