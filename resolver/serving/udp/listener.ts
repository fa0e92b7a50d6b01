import { isUnspecified } from '../../../shared/address.ts';
import type { Answerer } from '../answerer.ts';
import { BatchListener } from './batch.ts';
import { EveryAddressListener } from './every-address.ts';
import { PlainListener } from './plain.ts';
import type { SystemCalls } from './system-calls.ts';
import type { UdpListener } from './udp-listener.ts';

export interface UdpSettings {
  /** Other workers listen there too. */
  readonly shared: boolean;
  /** For many datagrams a call; undefined: one at a time, by Node's sockets alone. */
  readonly systemCalls: SystemCalls | undefined;
}

/**
 * @param host that it will listen on
 * @param onError receiving failed; the socket goes on
 */
export function udpListener(
  host: string,
  answerer: Answerer,
  settings: UdpSettings,
  onError: (error: Error) => void,
): UdpListener {
  const { shared, systemCalls } = settings;
  if (systemCalls === undefined) return new PlainListener(answerer, onError, shared);
  const create = (): BatchListener => new BatchListener(answerer, onError, shared, systemCalls);
  return isUnspecified(host) ? new EveryAddressListener({ create }) : create();
}
