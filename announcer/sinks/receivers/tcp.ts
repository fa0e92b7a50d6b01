import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import { ALL_TAKEN, type Delivery, type Receiver, SinkError } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';

export interface TcpReceiverSettings {
  readonly host: string;
  readonly port: number;
  /** A record as it goes over the wire, with what ends it. */
  readonly frame: (record: SinkRecord) => string;
  /** Without a sign of life from the receiver; default 10 s. */
  readonly idleMs?: number;
  /** For one batch; default 60 s. */
  readonly totalMs?: number;
}

const IDLE_MS = 10_000;
const TOTAL_MS = 60_000;

/**
 * Lines over TCP, for protocols that have no receipt: a batch a connection, and the receiver's closing of it is the
 * receipt. We end our side behind the last octet; a receiver sees that only when it has read all before it, and closes its
 * own. What the kernels hold between the two is thus never taken for delivered, as it would be on a connection that stays.
 */
export class TcpReceiver implements Receiver {
  readonly #settings: TcpReceiverSettings;

  constructor(settings: TcpReceiverSettings) {
    this.#settings = settings;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    await this.#handOver(Buffer.from(batch.map(this.#settings.frame).join('')), signal);
    return ALL_TAKEN;
  }

  reopen(): void {}

  async close(): Promise<void> {}

  #handOver(octets: Buffer, signal: AbortSignal): Promise<void> {
    const { host, port, idleMs = IDLE_MS, totalMs = TOTAL_MS } = this.#settings;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, allowHalfOpen: true });
      let isConnected = false;
      let isEnded = false;
      const fail = (why: string): void => void socket.destroy(new SinkError(why));
      const onAbort = (): void => fail('the announcer stops');
      const late = (ms: number): void => {
        if (!isConnected) fail(`no connection within ${ms} ms`);
        else if (isEnded)
          fail(`it did not read what was sent, or does not close its side behind the last line (${ms} ms)`);
        else fail(`it does not read what is sent (${ms} ms)`);
      };
      const deadline = setTimeout(() => late(totalMs), totalMs);
      socket.setTimeout(idleMs, () => late(idleMs));
      socket.once('connect', () => {
        isConnected = true;
        socket.end(octets, () => {
          isEnded = true;
        });
      });
      socket.resume();
      socket.once('end', () => {
        if (isEnded) socket.destroy();
        else fail('it closed the connection before it had all of a batch');
      });
      socket.once('close', () => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', onAbort);
        if (isEnded && socket.readableEnded) resolve();
        else reject(new SinkError('it closed the connection before it had all of a batch'));
      });
      socket.on('error', (error) => reject(asSinkError(error)));
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}

function asSinkError(error: Error): SinkError {
  if (error instanceof SinkError) return error;
  const { code } = error as NodeJS.ErrnoException;
  // Of several addresses that were tried Node says no more than that.
  const cause = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  return new SinkError(cause.message === '' ? String(code) : cause.message, { cause: error });
}
