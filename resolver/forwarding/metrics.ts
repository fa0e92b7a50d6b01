import type { Metrics } from '../../shared/metrics.ts';
import { Rcode } from '../../shared/rrset.ts';

const RCODE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(Rcode).map(([name, code]) => [code, name]));
const DURATION_BUCKETS_SECONDS = [
  0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048,
];

/** What the forwarder counts, named as CoreDNS's forward and cache plugins name it. `to` is one of the configured upstreams. */
export interface ForwardMetrics {
  sent(to: string): void;
  answered(to: string, rcode: number, durationMs: number): void;
  failed(to: string): void;
  probeFailed(to: string): void;
  allDown(): void;
  rejected(): void;
  merged(): void;
  cacheHit(): void;
  cacheMiss(): void;
}

/** @param cache read when scraped */
export function forwardMetrics(
  metrics: Metrics,
  cache: { readonly size: number; readonly octets: number; readonly evictions: number },
): ForwardMetrics {
  const requests = metrics.counter('rollcall_forward_requests_total', 'Queries sent to an upstream.', ['to']);
  const responses = metrics.counter('rollcall_forward_responses_total', 'Answers of an upstream.', ['to', 'rcode']);
  const failures = metrics.counter(
    'rollcall_forward_failures_total',
    'Queries that an upstream did not answer in time.',
    ['to'],
  );
  const probes = metrics.counter(
    'rollcall_forward_healthcheck_failures_total',
    'Probes that a dead upstream did not answer.',
    ['to'],
  );
  const broken = metrics.counter(
    'rollcall_forward_healthcheck_broken_total',
    'Queries that found every upstream dead; all were tried.',
  );
  const rejects = metrics.counter(
    'rollcall_forward_max_concurrent_rejects_total',
    'Queries refused because too many were waiting for upstreams.',
  );
  const merged = metrics.counter(
    'rollcall_forward_merged_total',
    'Queries that shared the answer to the same question already on its way.',
  );
  const duration = metrics.histogram(
    'rollcall_forward_request_duration_seconds',
    'Time until an upstream answered.',
    DURATION_BUCKETS_SECONDS,
    ['to'],
  );
  let hits = 0;
  let misses = 0;
  metrics.counterOf('rollcall_cache_hits_total', 'Forwarded questions answered from the cache.', [], () => [
    [[], hits],
  ]);
  metrics.counterOf('rollcall_cache_misses_total', 'Forwarded questions not in the cache.', [], () => [[[], misses]]);
  metrics.counterOf('rollcall_cache_evictions_total', 'Cached answers dropped for room before their time.', [], () => [
    [[], cache.evictions],
  ]);
  metrics.gaugeOf('rollcall_cache_entries', 'Forwarded answers in the cache.', () => cache.size);
  metrics.gaugeOf('rollcall_cache_octets', 'Octets of the cached answers and their keys.', () => cache.octets);
  return {
    sent: (to) => requests.inc({ to }),
    answered: (to, rcode, durationMs) => {
      responses.inc({ to, rcode: RCODE_NAMES.get(rcode) ?? 'other' });
      duration.observe({ to }, durationMs / 1000);
    },
    failed: (to) => failures.inc({ to }),
    probeFailed: (to) => probes.inc({ to }),
    allDown: () => broken.inc(),
    rejected: () => rejects.inc(),
    merged: () => merged.inc(),
    cacheHit: () => {
      hits += 1;
    },
    cacheMiss: () => {
      misses += 1;
    },
  };
}
