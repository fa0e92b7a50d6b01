/**
 * Edge: connections from inside containers' network namespaces, without a process there. A socket stays in the namespace that
 * its thread was in when it was made (setns(2), network_namespaces(7)): so this one enters, makes it, and is back before anything
 * else of this process runs.
 */
import { closeSync, openSync } from 'node:fs';
import { isIP, Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { C_LIBRARY, type Koffi, type Made, madeByKoffi } from '../../shared/koffi.ts';
import type { Namespaces } from './namespaces.ts';
import { attempt, type Connect, notMade, type Reply, type Request } from './probe-attempt.ts';
import { isShortage } from './shortage.ts';

/** Calls of the C library; each gives a result of at least 0, or -1. */
export interface EntranceCalls {
  /** Into the network namespace that `fd` is open on. */
  enter(fd: number): number;
  /** A TCP socket that neither blocks nor is passed on to other programs. */
  socket(family: number): number;
  /** Of the call before, asked at once. */
  errno(): number;
}

const CLONE_NEWNET = 0x4000_0000;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2_000_000;
const AF_INET = 2;
const AF_INET6 = 10;

function callsOf(koffi: Koffi): EntranceCalls {
  const library = koffi.load(C_LIBRARY);
  const setns = library.func('int setns(int fd, int type)');
  const socket = library.func('int socket(int family, int type, int protocol)');
  return {
    enter: (fd) => setns(fd, CLONE_NEWNET),
    socket: (family) => socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
    errno: () => koffi.errno(),
  };
}

/** The way in, where there is one: not without koffi, nor without the right to enter (CAP_SYS_ADMIN), tried once. */
export function openEntrance(calls: Made<EntranceCalls> = madeByKoffi(callsOf)): Entrance | undefined {
  if (!calls.ok) return undefined;
  let own: number;
  try {
    own = openSync('/proc/thread-self/ns/net', 'r');
  } catch {
    return undefined;
  }
  if (calls.made.enter(own) === 0) return new Entrance(calls.made, own);
  closeSync(own);
  return undefined;
}

const GONE: Reply = { passing: false, reached: false, detail: 'the container has no process any more' };

export class Entrance implements Pick<Namespaces, 'attempt' | 'close'> {
  readonly #calls: EntranceCalls;
  /** The namespace to come back to. */
  readonly #own: number;
  #isClosed = false;

  constructor(calls: EntranceCalls, own: number) {
    this.#calls = calls;
    this.#own = own;
  }

  /**
   * Makes the attempt in the namespace of the process.
   *
   * @param isCurrent whether the pid is still the container's; asked after its namespace is held
   */
  async attempt(pid: number, request: Request, isCurrent: () => boolean): Promise<Reply> {
    let namespace: number;
    try {
      namespace = openSync(`/proc/${pid}/ns/net`, 'r');
    } catch (error) {
      return isShortage(error) ? notMade(`its network namespace cannot be entered: ${codeOf(error)}`) : GONE;
    }
    try {
      if (this.#isClosed || !isCurrent()) return GONE;
      return await attempt(request, (address) => this.#connect(namespace, address));
    } finally {
      closeSync(namespace);
    }
  }

  close(): void {
    if (!this.#isClosed) closeSync(this.#own);
    this.#isClosed = true;
  }

  /** @throws {NodeJS.ErrnoException} when no socket can be made there */
  #connect(namespace: number, address: Parameters<Connect>[0]): Socket {
    const fd = this.#socketIn(namespace, isIP(address.host) === 6 ? AF_INET6 : AF_INET);
    return new Socket({ fd, readable: true, writable: true }).connect(address);
  }

  /** Without a wait between the ways in and out: whatever else this process did meanwhile, it would do in there. */
  #socketIn(namespace: number, family: number): number {
    // Whose way back is closed must not go in: its descriptor may be something else by now.
    if (this.#isClosed) throw new Error('the checks have ended');
    if (this.#calls.enter(namespace) !== 0) throw this.#failure('setns');
    const fd = this.#calls.socket(family);
    const failure = fd < 0 ? this.#failure('socket') : undefined;
    // In the wrong namespace everything would be told to others than is meant; the leases clean up.
    if (this.#calls.enter(this.#own) !== 0) process.abort();
    if (failure !== undefined) throw failure;
    return fd;
  }

  #failure(syscall: string): NodeJS.ErrnoException {
    const code = getSystemErrorName(-this.#calls.errno());
    return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}
