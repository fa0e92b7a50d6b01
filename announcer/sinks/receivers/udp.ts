import { Buffer } from 'node:buffer';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { type Delivery, type Receiver, SinkError } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';

export interface UdpReceiverSettings {
  readonly host: string;
  readonly port: number;
  /** A record as one datagram (RFC 5426 §3.1). */
  readonly message: (record: SinkRecord) => string;
  /** Default: as the system resolves names. */
  readonly lookup?: (host: string) => Promise<{ readonly address: string; readonly family: number }>;
}

/** Of a datagram over IPv4; what is longer no datagram can hold. */
const DATAGRAM_OCTETS_MAX = 65_507;
/** At most so many at once, so that a receiver's buffer has a chance. */
const BURST = 20;
const BURST_PAUSE_MS = 2;

/** Datagrams: sent is all that can be known of them. What the network or the receiver drops is lost. */
export class UdpReceiver implements Receiver {
  readonly #settings: UdpReceiverSettings;
  #socket: Socket | undefined;

  constructor(settings: UdpReceiverSettings) {
    this.#settings = settings;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    const dropped: { record: SinkRecord; reason: string }[] = [];
    try {
      const { host, lookup: resolve = lookup } = this.#settings;
      const { address, family } = await unlessAborted(resolve(host), signal);
      for (const [at, record] of batch.entries()) {
        if (signal.aborted) throw stopping();
        const message = Buffer.from(this.#settings.message(record));
        if (message.length > DATAGRAM_OCTETS_MAX) {
          const reason = `${message.length} octets, and a datagram holds ${DATAGRAM_OCTETS_MAX}`;
          dropped.push({ record, reason });
          continue;
        }
        if (at % BURST === BURST - 1) await new Promise((resolve) => setTimeout(resolve, BURST_PAUSE_MS));
        await this.#send(message, address, family);
      }
    } catch (error) {
      await this.close();
      throw error instanceof SinkError ? error : new SinkError((error as Error).message, { cause: error });
    }
    return { dropped, again: [] };
  }

  reopen(): void {}

  close(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    return new Promise((resolve) => (socket === undefined ? resolve() : socket.close(resolve)));
  }

  #send(message: Buffer, address: string, family: number): Promise<void> {
    const { port } = this.#settings;
    const type = family === 6 ? 'udp6' : 'udp4';
    if (this.#socket === undefined) {
      this.#socket = createSocket(type);
      // A send tells its own error; one between sends says nothing of a record.
      this.#socket.on('error', () => {});
    }
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      socket.send(message, port, address, (error) => (error === null ? resolve() : reject(error)));
    });
  }
}

/** A lookup cannot be called off, and without an answering name server takes half a minute: a stop does not wait for it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(stopping());
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function stopping(): SinkError {
  return new SinkError('the announcer stops');
}
