import { type DnsServer, SERVER_SETTINGS, serveDns } from '../../resolver/serving/server.ts';
import type { TcpSettings } from '../../resolver/serving/tcp-connection.ts';
import { type SystemCalls, systemCalls } from '../../resolver/serving/udp/system-calls.ts';
import type { HostPort } from '../../shared/address.ts';
import { silentLog } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { type Answering, answering } from './answering.ts';

export interface Serving extends Answering {
  readonly server: HostPort;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

/** The ways by which UDP is served on this machine: by Node's sockets, and in batches where that works. */
export function udpPaths(): readonly (readonly [name: string, calls: SystemCalls | undefined])[] {
  const loaded = systemCalls('auto');
  if (!loaded.ok) console.log(`SKIP UDP in batches: ${loaded.reason}`);
  return [['one by one', undefined], ...(loaded.ok ? [['in batches', loaded.calls] as const] : [])];
}

/** An Answerer over a real zone, behind real sockets on a port of its own. */
export async function serving(
  zoneText: string,
  options: Parameters<typeof answering>[1] = {},
  {
    tcp = {},
    host = '127.0.0.1',
    port = 0,
    systemCalls: calls,
  }: { tcp?: Partial<TcpSettings>; host?: string; port?: number; systemCalls?: SystemCalls | undefined } = {},
): Promise<Serving> {
  const state = answering(zoneText, options);
  const metrics = new Metrics();
  const settings = { ...SERVER_SETTINGS, tcp: { ...SERVER_SETTINGS.tcp, ...tcp }, systemCalls: calls };
  const dns: DnsServer = await serveDns([{ host, port }], state.answerer, settings, silentLog, metrics);
  return Object.assign(state, { server: dns.addresses[0] as HostPort, metrics, close: () => dns.close() });
}
