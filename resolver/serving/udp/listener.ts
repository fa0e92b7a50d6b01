import { type HostPort, isUnspecified } from '../../../shared/address.ts';
import type { Log } from '../../../shared/log.ts';
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

/** @param address that it will listen on */
export function udpListener(address: HostPort, answerer: Answerer, settings: UdpSettings, log: Log): UdpListener {
  const { shared, systemCalls } = settings;
  const onError = (error: Error): void =>
    log.warn('udp-receive-failed', `receiving DNS over UDP failed: ${error.message}; going on`, {});
  if (systemCalls === undefined) return new PlainListener(answerer, onError, shared);
  const create = (): BatchListener => new BatchListener(answerer, onError, shared, systemCalls);
  return isUnspecified(address.host) ? new EveryAddressListener({ create, log }) : create();
}
