import { type DnsServer, SERVER_SETTINGS, serveDns } from '../../resolver/serving/server.ts';
import type { TcpSettings } from '../../resolver/serving/tcp-connection.ts';
import type { HostPort } from '../../shared/address.ts';
import { silentLog } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { type Answering, answering } from './answering.ts';

export interface Serving extends Answering {
  readonly server: HostPort;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** An Answerer over a real zone, behind real sockets on a port of its own. */
export async function serving(
  zoneText: string,
  options: Parameters<typeof answering>[1] = {},
  { tcp = {}, host = '127.0.0.1' }: { tcp?: Partial<TcpSettings>; host?: string } = {},
): Promise<Serving> {
  const state = answering(zoneText, options);
  const metrics = new Metrics();
  const settings = { ...SERVER_SETTINGS, tcp: { ...SERVER_SETTINGS.tcp, ...tcp } };
  const dns: DnsServer = await serveDns([{ host, port: 0 }], state.answerer, settings, silentLog, metrics);
  return Object.assign(state, { server: dns.addresses[0] as HostPort, metrics, close: () => dns.close() });
}
