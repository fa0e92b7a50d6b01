import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readdir, stat, unlink } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { hasCode, JournalOpenError } from '../error.ts';

/**
 * Keeps a directory to one process, with no stale locks.
 *
 * The lock is a Unix socket that its holder listens on: the kernel closes it when the process ends, however it ends, so
 * "does it answer a connect" is the truth about the holder, where a pid in a file is not (pids are reused, and mean
 * something else in another container on the same volume). Locks are numbered. The socket is made under a name of its own
 * and put in place by link(2), which fails when the number is taken; a dead number is never taken away before a higher one
 * stands; and a process holds the lock only when its number is still the highest after it was linked.
 */
export class DirectoryLock {
  readonly #server: Server;
  readonly #handle: FileHandle;
  readonly #path: string;
  /** Of the socket. */
  readonly #inode: number;

  private constructor(server: Server, handle: FileHandle, path: string, inode: number) {
    this.#server = server;
    this.#handle = handle;
    this.#path = path;
    this.#inode = inode;
  }

  /**
   * @throws {JournalOpenError} `locked`, naming the other process
   * @throws {Error} what the file system says when it cannot hold a socket (full, read-only, no permission, not local)
   */
  static async acquire(directory: string): Promise<DirectoryLock> {
    const handle = await open(directory, 'r');
    const temporary = `lock.${process.pid}.${randomBytes(6).toString('hex')}`;
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()); // who asked went away; the answer was for them alone
      socket.end(`${process.pid}\n`);
    });
    try {
      await listen(server, socketPath(directory, handle, temporary));
      const number = await takeHighest(directory, handle, temporary);
      await unlink(join(directory, temporary));
      server.unref();
      const path = join(directory, `lock-${number}`);
      return new DirectoryLock(server, handle, path, (await stat(path)).ino);
    } catch (error) {
      await closeServer(server); // removes the socket under its first name, too
      await handle.close();
      throw error;
    }
  }

  /** Who holds a directory, without taking it: `process 4711`; undefined when nobody does. */
  static async holder(directory: string): Promise<string | undefined> {
    const highest = Math.max(0, ...(await lockNumbers(directory)));
    if (highest === 0) return undefined;
    const handle = await open(directory, 'r');
    try {
      return await probe(socketPath(directory, handle, `lock-${highest}`));
    } finally {
      await handle.close();
    }
  }

  /** Whether it still stands where others look for it: someone may have removed the directory, or what is in it. */
  async isHeld(): Promise<boolean> {
    try {
      if ((await stat(this.#path)).ino === this.#inode) return true;
      // There are file systems that give one file several numbers.
      const isShort = Buffer.byteLength(this.#path) <= SOCKET_PATH_OCTETS_MAX;
      return isShort && (await probe(this.#path)) === processText(process.pid);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return false;
      throw error;
    }
  }

  /** The dead socket stays as the highest number: the next holder takes it away. */
  async release(): Promise<void> {
    await closeServer(this.#server);
    await this.#handle.close();
  }
}

const LOCK_NAME = /^lock-(\d{1,15})$/;
/** A number can be lost to another process in the same instant; more often than this is something else. */
const ATTEMPTS_MAX = 10;
/** A stopped process holds its lock but cannot say its pid. */
const ANSWER_MS = 1000;
/** `sun_path` holds 108 octets; longer paths are reached through the open directory (Linux). */
const SOCKET_PATH_OCTETS_MAX = 100;

/** @returns the number */
async function takeHighest(directory: string, handle: FileHandle, temporary: string): Promise<number> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const highest = Math.max(0, ...(await lockNumbers(directory)));
    if (highest > 0) {
      const holder = await probe(socketPath(directory, handle, `lock-${highest}`));
      if (holder !== undefined) {
        throw new JournalOpenError(
          'locked',
          `${directory} is in use by ${holder}; stop that process first, or choose another --data-dir`,
        );
      }
    }
    const mine = highest + 1;
    try {
      await link(join(directory, temporary), join(directory, `lock-${mine}`));
    } catch (error) {
      if (hasCode(error, 'EEXIST')) continue;
      throw error;
    }
    const numbers = await lockNumbers(directory);
    if (Math.max(...numbers) === mine) {
      await Promise.all(numbers.filter((number) => number < mine).map((number) => remove(directory, number)));
      return mine;
    }
    await remove(directory, mine);
  }
  throw new JournalOpenError('locked', `${directory} is being opened by other processes at this moment; try again`);
}

async function lockNumbers(directory: string): Promise<number[]> {
  const numbers = (await readdir(directory)).map((name) => Number(LOCK_NAME.exec(name)?.[1] ?? 0));
  return numbers.filter((number) => number > 0);
}

async function remove(directory: string, number: number): Promise<void> {
  try {
    await unlink(join(directory, `lock-${number}`));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

function socketPath(directory: string, handle: FileHandle, name: string): string {
  const path = join(directory, name);
  return Buffer.byteLength(path) <= SOCKET_PATH_OCTETS_MAX ? path : `/proc/self/fd/${handle.fd}/${name}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // `exclusive`: in a cluster worker the socket would otherwise be the primary's.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}

/** @returns who holds the lock, for messages; undefined when nobody does */
function probe(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(path);
    const done = (): void => {
      socket.destroy();
      resolve(/^\d+\n/.test(answer) ? processText(answer.trim()) : 'a process that does not say its pid (stopped?)');
    };
    socket.setTimeout(ANSWER_MS, done);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('end', done);
    socket.on('error', (error) => {
      if (hasCode(error, 'ECONNREFUSED', 'ENOENT')) resolve(undefined);
      else if (hasCode(error, 'EAGAIN', 'ECONNRESET', 'EPIPE')) done();
      else reject(error);
    });
  });
}

function processText(pid: number | string): string {
  return `process ${pid}`;
}
