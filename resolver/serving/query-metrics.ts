import type { Metrics } from '../../shared/metrics.ts';
import type { Answerer } from './answerer.ts';
import { DURATION_BUCKETS, SIZE_BUCKETS } from './query-counts.ts';
import type { TcpCounts } from './tcp.ts';

/** Hands the query path's counts over when they are scraped. Names and labels as CoreDNS has them where the meaning is the same. */
export function registerQueryMetrics(metrics: Metrics, answerer: Answerer, tcp: () => readonly TcpCounts[]): void {
  const { counts, compiled } = answerer;
  metrics.counterOf(
    'rollcall_dns_requests_total',
    'Queries, by protocol, address family (1 IPv4, 2 IPv6) and type; types that are rarely asked, and unreadable queries, are other.',
    ['proto', 'family', 'type'],
    () => counts.requests(),
  );
  metrics.counterOf('rollcall_dns_responses_total', 'Responses, by RCODE.', ['rcode'], () => counts.responses());
  metrics.histogramOf(
    'rollcall_dns_request_duration_seconds',
    'From a query, or the batch that it is in, read to its response handed to the kernel; waiting for upstreams included.',
    DURATION_BUCKETS,
    () => counts.durationSeconds,
  );
  metrics.histogramsOf(
    'rollcall_dns_request_size_bytes',
    'Octets of queries, by protocol.',
    SIZE_BUCKETS,
    'proto',
    () => Object.entries(counts.requestOctets),
  );
  metrics.counterOf('rollcall_dns_do_requests_total', 'Queries with the DO bit set.', [], () => [
    [[], counts.dnssecOk],
  ]);
  metrics.histogramsOf(
    'rollcall_dns_response_size_bytes',
    'Octets of responses, by protocol.',
    SIZE_BUCKETS,
    'proto',
    () => Object.entries(counts.responseOctets),
  );
  metrics.counterOf(
    'rollcall_dns_answered_total',
    'Responses, by where they came from: compiled (kept in wire form), looked-up (made anew from the zone), forwarded, refused (errors and refusals).',
    ['from'],
    () => rows(counts.answered),
  );
  metrics.counterOf(
    'rollcall_dns_ignored_total',
    'Messages that got no answer: too short, a response (QR=1), over the rate limit, from port 0.',
    ['reason'],
    () => rows(counts.ignored),
  );
  metrics.counterOf(
    'rollcall_dns_rate_limit_slips_total',
    'Responses over the rate limit sent empty with TC.',
    [],
    () => [[[], counts.slipped]],
  );
  metrics.counterOf('rollcall_dns_truncated_total', 'Responses with TC because the answer did not fit.', [], () => [
    [[], counts.truncated],
  ]);
  metrics.counterOf(
    'rollcall_dns_unsent_total',
    'Responses over UDP that the kernel did not take: no room, no route, or a firewall rule.',
    [],
    () => [[[], counts.unsent]],
  );
  metrics.counterOf('rollcall_panics_total', 'Queries that got SERVFAIL because answering them threw.', [], () => [
    [[], counts.failures],
  ]);
  metrics.gaugeOf(
    'rollcall_dns_slow_queries',
    'Queries that wait for an upstream, or for the past to be read.',
    () => answerer.slowQueries,
  );
  metrics.counterOf(
    'rollcall_dns_compiled_dropped_total',
    'Compiled answers dropped, by why: change (a record it looked at), room (its bound was reached).',
    ['reason'],
    () => rows({ change: compiled.dropped, room: compiled.evicted }),
  );
  metrics.gaugeOf('rollcall_dns_compiled_positive', 'Compiled positive answers kept.', () => compiled.positiveEntries);
  metrics.gaugeOf('rollcall_dns_compiled_negative', 'Compiled negative answers kept.', () => compiled.negativeEntries);
  metrics.gaugeOf('rollcall_dns_compiled_bytes', 'Memory of compiled answers, by estimate.', () => compiled.octets);
  metrics.gaugeOf('rollcall_dns_tcp_connections', 'Open TCP connections of clients.', () =>
    tcp().reduce((sum, { connections }) => sum + connections, 0),
  );
  metrics.counterOf('rollcall_dns_tcp_closed_total', 'TCP connections closed, by why.', ['reason'], () => {
    const sums = new Map<string, number>();
    for (const { closed } of tcp()) {
      for (const [reason, total] of Object.entries(closed)) sums.set(reason, (sums.get(reason) ?? 0) + total);
    }
    return [...sums].map(([reason, total]) => [[reason], total] as const);
  });
}

function rows(totals: Readonly<Record<string, number>>): (readonly [readonly string[], number])[] {
  return Object.entries(totals).map(([label, total]) => [[label], total] as const);
}
