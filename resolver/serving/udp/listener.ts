import type { HostPort } from '../../../shared/address.ts';
import type { Answerer } from '../answerer.ts';
import { BatchListener } from './batch.ts';
import { PlainListener } from './plain.ts';
import type { SystemCalls } from './system-calls.ts';

/** DNS over UDP on one address. */
export interface UdpListener {
  /** @returns as given, with the port that was found for port 0 @throws {ListenError} */
  listen(address: HostPort): Promise<HostPort>;
  /** Takes no more queries; those that wait for an upstream are not answered. */
  close(): Promise<void>;
}

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
