/** Edge: one attempt to reach a service over TCP or HTTP, from the network namespace of this process. */
import { connect, type Socket } from 'node:net';
import { withoutQueryValues } from '../../shared/redaction.ts';
import type { Attempt } from './probe-verdict.ts';
import { isShortage } from './shortage.ts';

/** What to ask, and where; plain data, so that another process can be told. */
export interface Request {
  readonly kind: 'tcp' | 'http';
  /** Tried one after the other until one answers. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** Of `http`. */
  readonly path: string;
  /** For all hosts together. */
  readonly timeoutMs: number;
}

/** As {@link Attempt}; `reached` is false when no host even refused, so that another way there is worth trying. */
export interface Reply extends Attempt {
  readonly reached: boolean;
  readonly isRefused?: boolean;
}

/** Begins a connection. @throws {NodeJS.ErrnoException} when not even a socket can be made */
export type Connect = (address: { readonly host: string; readonly port: number }) => Socket;

/** @param connectTo default: from where this process is */
export async function attempt(request: Request, connectTo: Connect = connect): Promise<Reply> {
  const deadline = performance.now() + request.timeoutMs;
  let last: Reply = { passing: false, reached: false, detail: 'it has no address to ask' };
  for (const host of request.hosts) {
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) break;
    const way = { host, leftMs, connectTo };
    last = await (request.kind === 'tcp' ? attemptTcp(way, request) : attemptHttp(way, request));
    // Another of its addresses may be the one that is served.
    if (last.isUnknown || (last.reached && !last.isRefused)) return last;
  }
  return last;
}

type Way = Pick<Exchange, 'host' | 'leftMs' | 'connectTo'>;

function attemptTcp(way: Way, { port, timeoutMs }: Request): Promise<Reply> {
  const what = `connect to ${port}/tcp`;
  return exchange({ ...way, port, what, timeoutMs }, (socket, done) => {
    socket.once('connect', () => done({ passing: true, reached: true, detail: `${what} succeeded` }));
  });
}

/**
 * A GET by hand: node:http costs twice as much, and nothing but the status is wanted. 2xx and 3xx pass
 * (RFC 9110 §15); a redirect is not followed.
 */
function attemptHttp(way: Way, { port, path, timeoutMs }: Request): Promise<Reply> {
  const what = `GET ${withoutQueryValues(path)}`;
  const name = port === 80 ? 'localhost' : `localhost:${port}`;
  return exchange({ ...way, port, what, timeoutMs }, (socket, done) => {
    let head = '';
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${name}\r\nUser-Agent: rollcall\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
    );
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1');
      const status = statusOf(head);
      if (status !== undefined) {
        done({ passing: status >= 200 && status < 400, reached: true, detail: `${what} answered ${status}` });
      } else if (head.length > HEAD_MAX || !'HTTP/1.'.startsWith(head.slice(0, 7))) {
        done({ passing: false, reached: true, detail: `${what}: what answers does not speak HTTP` });
      }
    });
    socket.once('end', () => done({ passing: false, reached: true, detail: `${what}: closed without an answer` }));
  });
}

const HEAD_MAX = 65_536;

/** The status of the final response: interim ones (1xx) may come before it (RFC 9110 §15.2). Undefined before it is there. */
function statusOf(head: string): number | undefined {
  let rest = head;
  for (;;) {
    const status = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(rest)?.[1];
    if (status === undefined || !status.startsWith('1')) return status === undefined ? undefined : Number(status);
    const end = rest.indexOf('\r\n\r\n');
    if (end === -1) return undefined;
    rest = rest.slice(end + 4);
  }
}

interface Exchange {
  readonly host: string;
  readonly port: number;
  /** For messages. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly leftMs: number;
  readonly connectTo: Connect;
}

function exchange(
  { host, port, what, timeoutMs, leftMs, connectTo }: Exchange,
  talk: (socket: Socket, done: (reply: Reply) => void) => void,
): Promise<Reply> {
  return new Promise((resolve) => {
    const socket = socketOf(connectTo, { host, port });
    if (socket instanceof Error) return resolve(failed(what, socket));
    const done = (reply: Reply): void => {
      clearTimeout(timer);
      // A reset, not a lasting TIME_WAIT for each attempt.
      socket.resetAndDestroy();
      resolve(reply);
    };
    const timer = setTimeout(() => done(noAnswer(what, timeoutMs)), leftMs);
    socket.on('error', (error: NodeJS.ErrnoException) => done(failed(what, error)));
    talk(socket, done);
  });
}

function socketOf(connectTo: Connect, address: Parameters<Connect>[0]): Socket | NodeJS.ErrnoException {
  try {
    return connectTo(address);
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

function noAnswer(what: string, timeoutMs: number): Reply {
  return { passing: false, reached: false, detail: `${what}: no answer within ${timeoutMs / 1000} s` };
}

/** Of an attempt that this side could not make. */
export function notMade(detail: string): Reply {
  return { passing: false, reached: false, isUnknown: true, detail };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EHOSTUNREACH: 'no route to it from here',
  ENETUNREACH: 'no route to it from here',
  EADDRNOTAVAIL: 'no such address here',
};
const UNREACHED: ReadonlySet<string> = new Set(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EACCES', 'EINVAL']);

function failed(what: string, error: NodeJS.ErrnoException): Reply {
  const { code = '', message } = error;
  if (isShortage(error)) return notMade(`${what} cannot be tried: ${code}`);
  const detail = `${what}: ${WORDS[code] ?? message}`;
  return { passing: false, reached: !UNREACHED.has(code), isRefused: code === 'ECONNREFUSED', detail };
}
