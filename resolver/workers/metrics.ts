import type { Metrics } from '../../shared/metrics.ts';

/** Declares what the pool of workers counts. */
export function workerMetrics(metrics: Metrics, pool: { serving(): number; replaced(): number }): void {
  metrics.gaugeOf('rollcall_resolver_workers', 'Processes that answer queries, and are in step with the zone.', () =>
    pool.serving(),
  );
  metrics.counterOf('rollcall_resolver_workers_replaced_total', 'Workers that died and were replaced.', [], () => [
    [[], pool.replaced()],
  ]);
}
