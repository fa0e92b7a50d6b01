import type { Counter, Histogram, Metrics } from '../../metrics.ts';
import type { StoreErrorCode } from '../../store.ts';

export type EtcdMethod = 'range' | 'txn' | 'grant' | 'keepalive' | 'ttl' | 'revoke';

/** What the store counts of its dealings with etcd. */
export class EtcdMetrics {
  readonly #calls: Counter<'method' | 'outcome'> | undefined;
  readonly #seconds: Histogram<'method'> | undefined;
  readonly #watchEnds: Counter<'reason'> | undefined;

  /** @param endpointChanges how often another member was chosen, since start */
  constructor(metrics: Metrics | undefined, endpointChanges: () => number) {
    this.#calls = metrics?.counter('rollcall_etcd_calls_total', 'Calls of etcd, by method and outcome.', [
      'method',
      'outcome',
    ]);
    this.#seconds = metrics?.histogram(
      'rollcall_etcd_call_seconds',
      'Time from a call of etcd to its answer or failure, by method.',
      [0.001, 0.005, 0.025, 0.1, 0.5, 1, 3],
      ['method'],
    );
    this.#watchEnds = metrics?.counter(
      'rollcall_etcd_watch_ends_total',
      'Watches of etcd that ended other than by our wish, by reason.',
      ['reason'],
    );
    metrics?.counterOf(
      'rollcall_etcd_endpoint_changes_total',
      'How often the member that was asked failed, and another was chosen.',
      [],
      () => [[[], endpointChanges()]],
    );
  }

  call(method: EtcdMethod, outcome: 'ok' | StoreErrorCode, seconds: number): void {
    this.#calls?.inc({ method, outcome });
    this.#seconds?.observe({ method }, seconds);
  }

  watchEnded(reason: StoreErrorCode): void {
    this.#watchEnds?.inc({ reason });
  }
}
