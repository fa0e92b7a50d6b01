import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import { readAs, setting } from '../../shared/settings.ts';
import { EXIT_FAILED, EXIT_USAGE } from '../command.ts';

/** `--http` of the commands that ask a daemon. */
export const clientSettings = {
  http: setting({
    flag: 'http',
    placeholder: 'ADDRESS:PORT',
    help: 'The daemon to ask: an announcer listens on 8054, a resolver and `up` on 8053.',
    defaultText: '127.0.0.1:8053',
    read: (text) => readAs.hostPort(text, 8053),
    absent: (): HostPort => ({ host: '127.0.0.1', port: 8053 }),
  }),
};

/** A daemon did not answer, or answered with an error; the message is for the person who asked. */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  /** The message without what to do about it. */
  readonly brief: string;
  /** Of the command: 2 when what was asked is wrong, as a time that is none, else 1. */
  readonly exitCode: number;

  constructor(message: string, options?: ErrorOptions, brief = message, exitCode = EXIT_FAILED) {
    super(message, options);
    this.brief = brief;
    this.exitCode = exitCode;
  }
}

const BAD_REQUEST = 400;

/** What a daemon said instead of an answer. */
export function refusalOf(status: number, url: URL, message: string | undefined): ClientError {
  const text = message ?? `${url.href} answered ${status}, and no JSON`;
  return new ClientError(text, undefined, text, status === BAD_REQUEST ? EXIT_USAGE : EXIT_FAILED);
}

export const TIMEOUT_MS = 10_000;
/** A journal may have a gigabyte, and queries have their turn while it is read. */
const READING_TIMEOUT_MS = 60_000;
/** What is answered from a journal. */
const READING_PATHS: ReadonlySet<string> = new Set(['/v1/history', '/v1/at', '/v1/diff', '/v1/trace', '/v1/explain']);

/** For how long an answer is waited for. */
export function timeoutMsOf(path: string): number {
  return READING_PATHS.has(path) ? READING_TIMEOUT_MS : TIMEOUT_MS;
}

interface AskOptions {
  readonly method?: 'GET' | 'POST';
  readonly timeoutMs?: number;
  /** Ends the wait; instead of the time. */
  readonly signal?: AbortSignal;
}

/** @throws {ClientError} when there is no daemon, or it says no */
export async function askDaemon<T>(
  address: HostPort,
  path: string,
  query: Readonly<Record<string, string | readonly string[] | undefined>>,
  { method = 'GET', timeoutMs = timeoutMsOf(path), signal }: AskOptions = {},
): Promise<T> {
  const url = new URL(path, `http://${formatHostPort(address)}`);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) for (const each of [value].flat()) url.searchParams.append(name, each);
  }
  const { status, text } = await send(url, method, signal ?? AbortSignal.timeout(timeoutMs)).catch((error: unknown) => {
    throw silenceOf(address, error, timeoutMs);
  });
  const body = parseJson(text) as (T & { error?: { message: string } }) | undefined;
  if (status >= 200 && status < 300 && body !== undefined) return body;
  if (status === 404 && body?.error?.message === `no such path: ${url.pathname}`)
    throw otherKind(address, url.pathname);
  throw refusalOf(status, url, body?.error?.message);
}

/** Paths that only an announcer (and `up`) has; those that only some daemons have and that are not here are a resolver's. */
const ANNOUNCER_PATHS: ReadonlySet<string> = new Set(['/v1/drain', '/v1/undrain', '/v1/stop']);

function otherKind(address: HostPort, path: string): ClientError {
  const [kind, port] = ANNOUNCER_PATHS.has(path) ? ['announcer', 8054] : ['resolver', 8053];
  const brief = `the daemon on ${formatHostPort(address)} is no ${kind}`;
  const message = `${brief} (no such path: ${path}); name one with --http (127.0.0.1:${port}, unless it was given another)`;
  return new ClientError(message, undefined, brief);
}

/** A daemon that did not answer: it is not there, or not in time. */
export function silenceOf(address: HostPort, error: unknown, timeoutMs: number): ClientError {
  const { code, name, message } = error as { code?: string; name: string; message: string };
  const isLate = name === 'TimeoutError' || code === 'ABORT_ERR';
  const brief = isLate
    ? `${formatHostPort(address)} did not answer within ${timeoutMs / 1000} s`
    : `no daemon answers on ${formatHostPort(address)} (${code ?? message})`;
  const help = isLate
    ? 'its daemon is busy or hangs, or packets do not get there; ask again, or for less'
    : 'start one with `rollcall up`, or name another with --http';
  return new ClientError(`${brief}; ${help}`, { cause: error }, brief);
}

/** Not `fetch`, which refuses ports that browsers keep from web pages. Resolves with the head of the answer. */
export function openResponse(
  url: URL,
  options: { readonly method: string; readonly headers?: OutgoingHttpHeaders; readonly signal: AbortSignal },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const client = request(url, { ...options, agent: false }, resolve);
    // Once there is an answer, an error is the answer's.
    client.on('error', reject);
    client.end();
  });
}

async function send(url: URL, method: string, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const response = await openResponse(url, { method, signal });
  return { status: response.statusCode ?? 0, text: await textOf(response) };
}

export async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of response.setEncoding('utf8')) text += part as string;
  return text;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
