import type { HostPort } from '../../shared/address.ts';
import { isUnspecified, ListenError } from '../../shared/address.ts';
import { type Log, silentLog } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Answerer } from './answerer.ts';
import { registerQueryMetrics } from './query-metrics.ts';
import { type TcpCounts, TcpListener } from './tcp.ts';
import { TCP_SETTINGS, type TcpSettings } from './tcp-connection.ts';
import { warnOfRoutes } from './udp/every-address.ts';
import { udpListener } from './udp/listener.ts';
import type { SystemCalls } from './udp/system-calls.ts';
import type { UdpListener } from './udp/udp-listener.ts';

export interface ServerSettings {
  readonly tcp: TcpSettings;
  /** Other workers listen there too. */
  readonly shared: boolean;
  /** For many UDP datagrams a call; undefined: one at a time. */
  readonly systemCalls: SystemCalls | undefined;
}

export const SERVER_SETTINGS: ServerSettings = { tcp: TCP_SETTINGS, shared: false, systemCalls: undefined };

export interface DnsServer {
  /** As given, with the ports that were found for port 0. */
  readonly addresses: readonly HostPort[];
  /** Takes no more queries; resolves when the sockets are closed. */
  close(): Promise<void>;
}

/** How often overdue connections are cut, and faults said. */
const SWEEP_MS = 250;
/** With port 0: the system finds a port for UDP, which may be taken for TCP. */
const PORT_TRIES = 10;
/** Between two log lines about faults. */
const FAULT_LOG_MS = 60_000;

interface Listener {
  readonly address: HostPort;
  readonly udp: UdpListener;
  readonly tcp: TcpListener;
}

/**
 * Answers DNS on `addresses`, UDP and TCP on each.
 *
 * On 0.0.0.0 or `::` a UDP answer leaves with the address that was asked, when that is an interface's and `systemCalls` are there;
 * else with the one that the route to the client has (Node does not tell which was asked, nor shares a port for a moment).
 *
 * @throws {ListenError} when one cannot be bound; then none stays bound
 */
export async function serveDns(
  addresses: readonly HostPort[],
  answerer: Answerer,
  settings: ServerSettings,
  log: Log,
  metrics: Metrics,
): Promise<DnsServer> {
  const listeners: Listener[] = [];
  const closeAll = async (): Promise<void> => {
    await Promise.all(listeners.flatMap(({ udp, tcp }) => [udp.close(), tcp.close()]));
  };
  try {
    for (const address of addresses) listeners.push(await listenOn(address, answerer, settings, log));
  } catch (error) {
    await closeAll();
    throw error;
  }
  if (settings.systemCalls === undefined) {
    for (const { address } of listeners) if (isUnspecified(address.host)) warnOfRoutes(address, log);
  }
  const tcpCounts = (): readonly TcpCounts[] => listeners.map(({ tcp }) => tcp.counts);
  registerQueryMetrics(metrics, answerer, tcpCounts);
  const sayFaults = faultReporter(answerer, log);
  const sweeper = setInterval(() => {
    const nowMs = performance.now();
    for (const { tcp } of listeners) tcp.sweep(nowMs);
    sayFaults(nowMs);
  }, SWEEP_MS);
  sweeper.unref();
  return {
    addresses: listeners.map(({ address }) => address),
    async close() {
      await closeAll();
      clearInterval(sweeper);
    },
  };
}

/**
 * Sees whether `addresses` can be listened on, and finds ports for port 0, for workers that will listen there.
 *
 * @throws {ListenError} when one is taken: shared ports alone would not tell
 */
export async function findAddresses(
  addresses: readonly HostPort[],
  answerer: Answerer,
  settings: ServerSettings,
): Promise<readonly HostPort[]> {
  const listeners: Listener[] = [];
  try {
    for (const address of addresses) listeners.push(await listenOn(address, answerer, settings, silentLog));
    return listeners.map(({ address }) => address);
  } finally {
    await Promise.all(listeners.flatMap(({ udp, tcp }) => [udp.close(), tcp.close()]));
  }
}

async function listenOn(wanted: HostPort, answerer: Answerer, settings: ServerSettings, log: Log): Promise<Listener> {
  for (let left = PORT_TRIES; ; left -= 1) {
    const udp = udpListener(wanted, answerer, settings, log);
    const tcp = new TcpListener(answerer, settings.tcp, settings.shared);
    const address = await udp.listen(wanted);
    try {
      await tcp.listen(address);
      return { address, udp, tcp };
    } catch (error) {
      await udp.close();
      const isTaken = error instanceof ListenError && (error.cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (wanted.port !== 0 || !isTaken || left <= 1) throw error;
    }
  }
}

/** Faults of ours are said at once, then counted and said once a minute. */
function faultReporter(answerer: Answerer, log: Log): (nowMs: number) => void {
  let said = 0;
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return (nowMs) => {
    const { failures } = answerer.counts;
    if (failures === said || nowMs - saidAtMs < FAULT_LOG_MS) return;
    const { lastFailure } = answerer;
    const detail = lastFailure instanceof Error ? (lastFailure.stack ?? lastFailure.message) : String(lastFailure);
    log.error(
      'query-failed',
      `${failures - said} queries got SERVFAIL because answering them threw; the last: ${detail}`,
    );
    said = failures;
    saidAtMs = nowMs;
  };
}
