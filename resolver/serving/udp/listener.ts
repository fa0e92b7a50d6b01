import type { Answerer } from '../answerer.ts';
import { BatchListener } from './batch.ts';
import { PlainListener } from './plain.ts';
import type { SystemCalls } from './system-calls.ts';
import type { UdpListener } from './udp-listener.ts';

export interface UdpSettings {
  /** Other workers listen there too. */
  readonly shared: boolean;
  /** For many datagrams a call; undefined: one at a time, by Node's sockets alone. */
  readonly systemCalls: SystemCalls | undefined;
}

/** @param onError receiving failed; the socket goes on */
export function udpListener(answerer: Answerer, settings: UdpSettings, onError: (error: Error) => void): UdpListener {
  const { shared, systemCalls } = settings;
  return systemCalls === undefined
    ? new PlainListener(answerer, onError, shared)
    : new BatchListener(answerer, onError, shared, systemCalls);
}
