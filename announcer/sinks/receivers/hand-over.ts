import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SinkError } from '../receiver.ts';
import { connecting, type TlsMaterial, tlsReason } from './tls.ts';

export interface HandOverSettings {
  readonly host: string;
  readonly port: number;
  /** Undefined: without TLS. */
  readonly tls: TlsMaterial | undefined;
  /** Without a sign of life from the receiver. */
  readonly idleMs: number;
  readonly totalMs: number;
  /** Silence before the batch, beside the time that connecting took, in which the way there and back is contained. */
  readonly quietMs: number;
}

/** `quiet`: connected, waiting whether we are refused. `ended`: all is with the kernel, and our side is closed. */
type Stage = 'connecting' | 'quiet' | 'sending' | 'ended';

/**
 * A batch over a connection of its own, whose closing by the receiver is the receipt: we end our side behind the last octet;
 * a receiver sees that only when it has read all before it, and closes its own.
 *
 * Who does not want us closes, too: rsyslog that has no room, or looks at the name in our certificate when the handshake is
 * over on our side, and a proxy that finds nobody behind it (Docker's, for one). When that meets octets that are on their
 * way, it looks like a receipt. So nothing is sent for a moment; who closes in it has taken nothing.
 *
 * @throws {SinkError} when it is not known whether the receiver has taken all of it
 */
export function handOver(octets: Buffer, settings: HandOverSettings, signal: AbortSignal): Promise<void> {
  const { idleMs, quietMs, tls, totalMs } = settings;
  return new Promise((resolve, reject) => {
    const socket = open(settings);
    const beganMs = performance.now();
    let stage: Stage = 'connecting';
    let quiet: NodeJS.Timeout | undefined;
    const fail = (why: string): void => {
      clearTimeout(quiet);
      socket.destroy(new SinkError(why));
    };
    const onAbort = (): void => fail('the announcer stops');
    const deadline = setTimeout(() => fail(lateReason(stage, totalMs)), totalMs);
    socket.setTimeout(idleMs, () => fail(lateReason(stage, idleMs)));
    const send = (): void => {
      stage = 'sending';
      socket.setTimeout(idleMs);
      // Node calls back with an error, too, though its types do not say so.
      socket.end(octets, (error?: Error | null) => {
        if (error == null) stage = 'ended';
      });
    };
    socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      stage = 'quiet';
      socket.setTimeout(0);
      quiet = setTimeout(send, quietMs + performance.now() - beganMs);
    });
    socket.resume();
    socket.once('end', () => {
      if (stage === 'ended') socket.destroy();
      else fail(cutReason(stage, tls !== undefined));
    });
    socket.once('close', () => {
      clearTimeout(deadline);
      clearTimeout(quiet);
      signal.removeEventListener('abort', onAbort);
      if (stage === 'ended' && socket.readableEnded) resolve();
      else reject(new SinkError(cutReason(stage, tls !== undefined)));
    });
    socket.on('error', (error) => reject(asSinkError(error)));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function open({ host, port, tls }: HandOverSettings): Socket {
  if (tls === undefined) return connect({ host, port, allowHalfOpen: true });
  // RFC 6066 §3: a server is named by its name, never by its address.
  const servername = isIP(host) === 0 ? host : '';
  return connecting(() => connectTls({ host, port, servername, minVersion: 'TLSv1.2', ...tls }));
}

function lateReason(stage: Stage, ms: number): string {
  if (stage === 'connecting') return `no connection within ${ms} ms`;
  if (stage === 'ended')
    return `it did not read what was sent, or does not close its side behind the last line (${ms} ms)`;
  return `it does not read what is sent (${ms} ms)`;
}

function cutReason(stage: Stage, isTls: boolean): string {
  if (stage !== 'quiet') return 'it closed the connection before it had all of a batch';
  const why = isTls
    ? 'does it take our certificate (--sink-cert, or ?cert=)'
    : 'has it no room, or is nobody behind a proxy';
  return `it closed the connection before anything was sent: ${why}?`;
}

function asSinkError(error: Error): SinkError {
  if (error instanceof SinkError) return error;
  const { code } = error as NodeJS.ErrnoException;
  // Of several addresses that were tried Node says no more than that.
  const cause = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return new SinkError(tlsReason(cause) || String(code), { cause: error });
}
