import { formatHostPort, type HostPort, isLoopback, isUnspecified } from '../../shared/address.ts';
import { canonicalAddress } from '../../shared/ip.ts';

/** The health of one upstream. Times in ms, by a clock that nobody sets. */
export interface Upstream {
  readonly address: HostPort;
  /** Answers in a row that did not come. */
  readonly failures: number;
  /** While set, client queries pass it by and it is probed from then on. */
  readonly probeAtMs: number | undefined;
}

/** One lost datagram is no dead server; CoreDNS's forward plugin has the same limit (`max_fails 2`). */
export const FAILURES_MAX = 2;
/** The wait between probes of a dead upstream doubles from the first to the second. */
export const PROBE_MIN_MS = 500;
export const PROBE_MAX_MS = 10_000;

export function upstreamsOf(addresses: readonly HostPort[]): readonly Upstream[] {
  return addresses.map((address) => ({ address, failures: 0, probeAtMs: undefined }));
}

export function isHealthy(upstream: Upstream): boolean {
  return upstream.probeAtMs === undefined;
}

export function answered(upstream: Upstream): Upstream {
  return upstream.failures === 0 ? upstream : { ...upstream, failures: 0, probeAtMs: undefined };
}

export function failed(upstream: Upstream, nowMs: number): Upstream {
  const failures = upstream.failures + 1;
  if (failures < FAILURES_MAX) return { ...upstream, failures };
  const waitMs = Math.min(PROBE_MAX_MS, PROBE_MIN_MS * 2 ** Math.min(failures - FAILURES_MAX, 16));
  return { ...upstream, failures, probeAtMs: nowMs + waitMs };
}

/**
 * Indexes of the upstreams to ask for one query, at most `attempts`, in order. The healthy ones as configured; when all
 * are dead, all (one may be back). With fewer servers than attempts the first are asked again: datagrams get lost.
 */
export function attemptOrder(upstreams: readonly Upstream[], attempts: number): number[] {
  const all = upstreams.map((_upstream, at) => at);
  const healthy = all.filter((at) => isHealthy(upstreams[at] as Upstream));
  const round = healthy.length > 0 ? healthy : all;
  return Array.from({ length: round.length === 0 ? 0 : attempts }, (_none, at) => round[at % round.length] as number);
}

export interface WithoutSelf {
  readonly kept: readonly HostPort[];
  /** Left out because this server listens there. */
  readonly dropped: readonly HostPort[];
}

/**
 * Leaves out the upstreams that are this server itself: forwarding there would never end.
 *
 * @param listening addresses that this server is bound to; 0.0.0.0 and :: stand for every address of the machine
 * @param machine   addresses of the machine's interfaces
 */
export function withoutSelf(
  upstreams: readonly HostPort[],
  listening: readonly HostPort[],
  machine: readonly string[],
): WithoutSelf {
  const local = new Set(machine);
  const listeningAt = listening.map(canonical);
  const isSelf = (given: HostPort): boolean => {
    const upstream = canonical(given);
    return listeningAt.some((own) => {
      if (own.port !== upstream.port) return false;
      if (formatHostPort(own) === formatHostPort(upstream)) return true;
      // Sockets on :: take IPv6 alone. A datagram to 0.0.0.0 goes to this machine's loopback address.
      if (own.host.includes(':') !== upstream.host.includes(':')) return false;
      const isLocal = isLoopback(upstream.host) || isUnspecified(upstream.host) || local.has(upstream.host);
      return isLocal && (isUnspecified(own.host) || isUnspecified(upstream.host));
    });
  };
  return { kept: upstreams.filter((each) => !isSelf(each)), dropped: upstreams.filter(isSelf) };
}

/** However it is spelled: an IPv4-mapped address reaches the IPv4 one. */
function canonical({ host, port }: HostPort): HostPort {
  return { host: canonicalAddress(host) ?? host, port };
}
