import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import stringify from 'fast-json-stable-stringify';
import { formatHostPort, type HostPort, isLoopback, ListenError } from './address.ts';
import type { Log } from './log.ts';
import { readMoment } from './moment.ts';

/** A request that matched a route. */
export interface HttpRequest {
  /** The path's `:name` parts, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** Aborted when the client went away, or has its answer. */
  readonly signal: AbortSignal;
}

export type HttpAnswer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly status?: number; readonly text: string; readonly contentType: string }
  /** `stream` takes the response over behind its head; until `signal` is aborted. Not called when only the head was asked for. */
  | { readonly headers: Readonly<Record<string, string>>; readonly stream: (response: ServerResponse) => void };

/** One path of a daemon. `path` may hold `:name` segments, which match one segment each. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly handle: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;
}

/** Thrown by a handler; the client is sent `{"error": {"code", "message"}}`. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly code: string;
  /** Sent with it, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** At most `max` of some handlers at once, all together; a further request is told to come again. For what reads much. */
export class Limit {
  readonly #max: number;
  readonly #what: string;
  #running = 0;

  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  get isReached(): boolean {
    return this.#running >= this.#max;
  }

  on(handle: Route['handle']): Route['handle'] {
    return async (request) => {
      if (this.isReached) {
        throw new HttpError(429, 'busy', `${this.#max} ${this.#what} are being read; ask again when they are done`);
      }
      this.#running += 1;
      try {
        return await handle(request);
      } finally {
        this.#running -= 1;
      }
    };
  }
}

/** A {@link Limit} of one handler's own. */
export function limited(max: number, what: string, handle: Route['handle']): Route['handle'] {
  return new Limit(max, what).on(handle);
}

/**
 * A moment that a request names, which must have been: what will be, no journal knows.
 *
 * @returns undefined when the request does not name one
 * @throws {HttpError} 400
 */
export function momentParameter(query: URLSearchParams, parameter: string, nowMs: number): number | undefined {
  const text = query.get(parameter);
  if (text === null || text === '') return undefined;
  const moment = readMoment(text, nowMs);
  const said = `${parameter}=${JSON.stringify(text)}`;
  if (moment === undefined) {
    throw new HttpError(
      400,
      'bad-time',
      `${said} is no moment; write 14:32, 2026-11-20T14:32:00Z, or 15m for a quarter of an hour ago`,
    );
  }
  if (moment <= nowMs) return moment;
  const [then, now] = [moment, nowMs].map((each) => new Date(each).toISOString());
  throw new HttpError(
    400,
    'future',
    `${said} is ${then}, which is still to come: it is ${now} here; ask for a moment that has been`,
  );
}

/** Node's own limit is too low for a trace that asks for a hundred keys by name. */
const HEADER_OCTETS_MAX = 64 * 1024;
/** No request of ours carries a body; what waits longer than this is cut. */
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS_MAX = 256;

export interface HttpServer {
  readonly address: HostPort;
  close(): Promise<void>;
}

/** @throws {ListenError} when the address cannot be bound */
export async function serveHttp(address: HostPort, routes: readonly Route[], log: Log): Promise<HttpServer> {
  const table = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  const newest = new WeakMap<Duplex, ServerResponse>();
  const server = createServer({ maxHeaderSize: HEADER_OCTETS_MAX }, (request, response) => {
    newest.set(request.socket, response);
    answer(table, isLoopback(address.host), request, response).catch((error: unknown) => {
      log.error('http-failed', `HTTP ${request.method} ${request.url} failed: ${String(error)}`);
      if (!response.headersSent) sendError(response, 500, 'internal', 'the request failed; the daemon logged why');
      else response.destroy();
    });
  });
  // Each request that is not answered yet listens for the end of its connection, and many may come over one.
  server.on('connection', (socket) => socket.setMaxListeners(0));
  server.on('clientError', (error, socket) => {
    // Amid an answer, an error would be taken for a part of it.
    if (newest.get(socket)?.writableFinished === false) socket.destroy();
    else refuseUnread(error, socket);
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = CONNECTIONS_MAX;
  await listen(server, address);
  server.on('error', (error) => log.error('http-failed', `HTTP on ${formatHostPort(address)}: ${error.message}`));
  const bound = server.address() as AddressInfo;
  return {
    address: { host: bound.address, port: bound.port },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, address: HostPort): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new ListenError('HTTP', address, '--http', error)));
    server.listen(address.port, address.host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

interface Pattern {
  readonly regexp: RegExp;
  readonly names: readonly string[];
}

function patternOf(path: string): Pattern {
  const names: string[] = [];
  const source = path.replace(/:([A-Za-z]+)/g, (_match, name: string) => {
    names.push(name);
    return '([^/]+)';
  });
  return { regexp: new RegExp(`^${source}$`), names };
}

async function answer(
  table: readonly { route: Route; pattern: Pattern }[],
  isLocal: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = refusalOf(request, isLocal);
  if (refusal !== undefined) return sendError(response, 403, 'forbidden', refusal);
  const url = parseUrl(request.url ?? '/');
  if (url === undefined) return sendError(response, 400, 'bad-url', 'the request names no path');
  const matches = table.filter(({ pattern }) => pattern.regexp.test(url.pathname));
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const match = matches.find(({ route }) => route.method === method);
  if (match === undefined) {
    if (matches.length === 0) return sendError(response, 404, 'not-found', `no such path: ${url.pathname}`);
    response.setHeader('allow', matches.map(({ route }) => route.method).join(', '));
    return sendError(response, 405, 'method-not-allowed', `${url.pathname} does not take ${request.method}`);
  }
  const signal = goneSignal(request, response);
  try {
    const params = paramsOf(match.pattern, url.pathname);
    send(response, await match.route.handle({ params, query: url.searchParams, headers: request.headers, signal }));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    sendError(response, error.status, error.code, error.message);
  }
}

/** Of requests that come in one go, the later ones' responses may never be given the connection: they are not told of its end. */
function goneSignal({ socket }: IncomingMessage, response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  const end = (): void => {
    response.off('close', end);
    socket.off('close', end);
    gone.abort();
  };
  response.once('close', end);
  socket.once('close', end);
  return gone.signal;
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text, 'http://localhost') ? new URL(text, 'http://localhost') : undefined;
}

/**
 * A web page that a person of this machine looks at must not become a client: by a name of its own that resolves to
 * loopback (DNS rebinding), or by sending a form. A daemon on another address is behind whatever its operator put there.
 */
function refusalOf({ headers, method }: IncomingMessage, isLocal: boolean): string | undefined {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  if (isLocal && host !== '' && host !== 'localhost' && isIP(host) === 0) {
    return `this daemon listens on loopback and is not called ${JSON.stringify(host)}; ask it by its address`;
  }
  if (method !== 'GET' && method !== 'HEAD' && headers.origin !== undefined) {
    return `requests of web pages (Origin ${JSON.stringify(headers.origin)}) change nothing here`;
  }
  return undefined;
}

function paramsOf({ regexp, names }: Pattern, path: string): Record<string, string> {
  const found = regexp.exec(path) ?? [];
  try {
    return Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? '')]));
  } catch {
    throw new HttpError(400, 'bad-path', `path ${path} has a bad percent escape`);
  }
}

/** What Node could not read as a request: it would say so itself, but not as our other errors are said. */
function refuseUnread({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, name, message] = UNREAD[code] ?? ['400 Bad Request', 'bad-request', 'this is no HTTP request'];
  const body = `${stringify({ error: { code: name, message } })}\n`;
  const head = `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  // Node looks after it no more: a client that kept its side open would keep it for ever.
  socket.end(`${head}\r\n${body}`, () => socket.destroy());
}

const UNREAD: Readonly<Record<string, readonly [string, string, string]>> = {
  HPE_HEADER_OVERFLOW: [
    '431 Request Header Fields Too Large',
    'too-large',
    `the request's path and headers are over ${HEADER_OCTETS_MAX} octets; ask for less`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    '408 Request Timeout',
    'too-slow',
    `the request was not complete within ${REQUEST_TIMEOUT_MS / 1000} s`,
  ],
};

function send(response: ServerResponse, answer: HttpAnswer): void {
  if ('stream' in answer) {
    response.writeHead(200, answer.headers);
    if (response.req.method === 'HEAD') response.end();
    else answer.stream(response);
  } else if ('json' in answer) {
    response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
    response.end(`${stringify(answer.json)}\n`);
  } else {
    response.writeHead(answer.status ?? 200, { 'content-type': answer.contentType });
    response.end(answer.text);
  }
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  send(response, { status, json: { error: { code, message } } });
}
