import { Buffer } from 'node:buffer';
import type { SinkAccess } from '../access.ts';
import { ALL_TAKEN, type Delivery, type Receiver } from '../receiver.ts';
import type { SinkRecord } from '../record.ts';
import { handOver } from './hand-over.ts';
import { readTlsFiles } from './tls.ts';

export interface TcpReceiverSettings {
  readonly host: string;
  readonly port: number;
  /** A record as it goes over the wire, with what ends it. */
  readonly frame: (record: SinkRecord) => string;
  /** With TLS, by these files. */
  readonly tls?: SinkAccess;
  /** Without a sign of life from the receiver; default 10 s. */
  readonly idleMs?: number;
  /** For one batch; default 60 s. */
  readonly totalMs?: number;
  /** In which who refuses us has time to close; default 150 ms. Lower is faster, and takes a slow refusal for a receipt. */
  readonly quietMs?: number;
}

const IDLE_MS = 10_000;
const TOTAL_MS = 60_000;
const QUIET_MS = 150;

/**
 * Lines over TCP, for protocols that have no receipt: a batch a connection, as `handOver` does it. What the kernels
 * hold between the two is thus never taken for delivered, as it would be on a connection that stays.
 */
export class TcpReceiver implements Receiver {
  readonly #settings: TcpReceiverSettings;

  constructor(settings: TcpReceiverSettings) {
    this.#settings = settings;
  }

  async deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery> {
    const { frame, host, idleMs = IDLE_MS, port, quietMs = QUIET_MS, tls, totalMs = TOTAL_MS } = this.#settings;
    const material = tls && (await readTlsFiles(tls));
    const octets = Buffer.from(batch.map(frame).join(''));
    await handOver(octets, { host, port, tls: material, idleMs, quietMs, totalMs }, signal);
    return ALL_TAKEN;
  }

  reopen(): void {}

  async close(): Promise<void> {}
}
