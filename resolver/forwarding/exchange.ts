import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { formatHostPort, type HostPort } from '../../shared/address.ts';
import type { Cancellation } from './cancellation.ts';
import { isResponseTo, type ScannedMessage, scanMessage, withQuestion } from './message.ts';

/** A query as it goes upstream, with what its response must match. */
export interface OutgoingQuery {
  readonly octets: Uint8Array;
  readonly id: number;
  readonly scanned: ScannedMessage;
}

export interface Reply {
  readonly octets: Uint8Array;
  readonly scanned: ScannedMessage;
}

/** `timeout`: nothing that answers the query came in time. `unreachable`: the network or the server's host said so, at once. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';
  readonly code: 'timeout' | 'unreachable';
  constructor(code: 'timeout' | 'unreachable', message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface ExchangeLimits {
  readonly timeoutMs: number;
  /** When nobody waits for it any more. */
  readonly cancellation: Cancellation;
}

/**
 * One query, one datagram. Each has a socket of its own, so that the kernel draws a new random source port for it and
 * drops what comes from any other address or port (RFC 5452 §9.2). What does not answer the query is ignored.
 *
 * @throws {ExchangeError}
 */
export function exchangeUdp(server: HostPort, query: OutgoingQuery, limits: ExchangeLimits): Promise<Reply> {
  const socket = createSocket({
    type: server.host.includes(':') ? 'udp6' : 'udp4',
    // By default it asks for a name's address, even of an address, and goes on in a later turn of the event loop.
    lookup: (host, _options, callback) => callback(null, host, 0),
  });
  return settleOnce(
    server,
    limits,
    (done) => {
      socket.on('error', (error) => done.fail(unreachable(server, error)));
      socket.on('message', (octets) => {
        const reply = replyIn(octets, query);
        if (reply !== undefined) done.reply(reply);
      });
      // Not a callback of `connect`: Node would give it the error of a server that there is no route to, and the event none.
      socket.on('connect', () => {
        // Closed meanwhile (time-out, stop): the socket may not be touched any more.
        if (done.settled()) return;
        // Without a callback Node would tell nobody that the kernel refused it (a firewall's rule, no buffer, no route any more).
        socket.send(query.octets, (error) => {
          if (error !== null) done.fail(unreachable(server, error));
        });
      });
      socket.connect(server.port, server.host);
    },
    () => socket.close(),
  );
}

/**
 * The same over a TCP connection of its own (RFC 7766), for answers that do not fit a datagram.
 *
 * @throws {ExchangeError}
 */
export function exchangeTcp(server: HostPort, query: OutgoingQuery, limits: ExchangeLimits): Promise<Reply> {
  const socket = connect({ host: server.host, port: server.port, noDelay: true });
  let received = Buffer.alloc(0);
  return settleOnce(
    server,
    limits,
    (done) => {
      socket.on('error', (error) => done.fail(unreachable(server, error)));
      socket.on('close', () => done.fail(unreachable(server, new Error('closed before it had answered'))));
      socket.on('connect', () => {
        const framed = Buffer.alloc(2 + query.octets.length);
        framed.writeUInt16BE(query.octets.length);
        framed.set(query.octets, 2);
        socket.write(framed);
      });
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
        const reply = replyIn(received.subarray(2, 2 + received.readUInt16BE(0)), query);
        // On a stream there is no second, better answer to wait for.
        if (reply !== undefined) done.reply(reply);
        else done.fail(unreachable(server, new Error('sent a message that does not answer the query')));
      });
    },
    () => socket.destroy(),
  );
}

/** Undefined when the message does not answer the query. */
function replyIn(message: Uint8Array, { octets: sent, id, scanned: asked }: OutgoingQuery): Reply | undefined {
  const octets = withQuestion(message, sent, asked.questionEnd);
  const scanned = scanMessage(octets);
  return scanned !== undefined && isResponseTo(asked, id, scanned) ? { octets, scanned } : undefined;
}

function unreachable(server: HostPort, cause: Error): ExchangeError {
  return new ExchangeError('unreachable', `${formatHostPort(server)} ${cause.message}`, { cause });
}

interface Settling {
  reply(reply: Reply): void;
  fail(error: ExchangeError): void;
  settled(): boolean;
}

/** The first of reply, error, time-out and cancellation settles; then `close` runs, once. */
function settleOnce(
  server: HostPort,
  { timeoutMs, cancellation }: ExchangeLimits,
  start: (settling: Settling) => void,
  close: () => void,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let settled = false;
    const settle = (how: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      cancellation.delete(onCancel);
      close();
      how();
    };
    const fail = (error: ExchangeError): void => settle(() => reject(error));
    const timer = setTimeout(
      () => fail(new ExchangeError('timeout', `${formatHostPort(server)} did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onCancel = (): void => fail(new ExchangeError('unreachable', 'the resolver is stopping'));
    start({ reply: (reply) => settle(() => resolve(reply)), fail, settled: () => settled });
    cancellation.add(onCancel);
  });
}
