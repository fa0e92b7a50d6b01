import { Observable } from 'rxjs';
import { ChangeHistory } from '../../../shared/store/embedded/history.ts';
import { LeaseDeadlines } from '../../../shared/store/embedded/leases.ts';
import {
  decideCommit,
  decideLeaseEnd,
  leaseGone,
  type StoreEvent,
  StoreState,
  type Unstamped,
} from '../../../shared/store/embedded/state.ts';
import { Watchers } from '../../../shared/store/embedded/watchers.ts';
import type {
  Change,
  ChangeBatch,
  CommitResult,
  LeaseGrant,
  LeaseId,
  LeaseTtl,
  Revision,
  Snapshot,
  Store,
  Transaction,
} from '../../../shared/store.ts';

/** The embedded store without its files, for virtual time. */
export class MemoryStore implements Store {
  readonly description = 'memory';
  /** Told of every change as it is made. */
  onChanges: (changes: readonly Change[]) => void = () => {};
  readonly #state = new StoreState();
  readonly #history = new ChangeHistory(10_000, 0n);
  readonly #watchers = new Watchers(this.#history, () => this.#state.revision);
  readonly #deadlines = new LeaseDeadlines(
    () => performance.now(),
    (lease) => this.#end(lease, 'expired'),
  );
  #leases = 0;

  constructor() {
    this.#record({ type: 'StoreCreated', storeId: 'memory' });
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    const { revision, storeId } = this.#state;
    return { revision, storeId, entries: this.#state.select(prefix) };
  }

  changes(prefix: string, from: Revision): Observable<ChangeBatch> {
    return new Observable((subscriber) => this.#watchers.add(prefix, from, subscriber));
  }

  async grant(ttlSeconds: number): Promise<LeaseGrant> {
    this.#leases += 1;
    const lease = String(this.#leases) as LeaseId;
    this.#record({ type: 'LeaseGranted', lease, ttlSeconds });
    this.#deadlines.renew(lease, ttlSeconds);
    return { lease, ttlSeconds };
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    const ttlSeconds = this.#state.ttlSeconds(lease);
    if (ttlSeconds === undefined) throw leaseGone(lease);
    this.#deadlines.renew(lease, ttlSeconds);
    return ttlSeconds;
  }

  async timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined> {
    const grantedSeconds = this.#state.ttlSeconds(lease);
    if (grantedSeconds === undefined) return undefined;
    return { grantedSeconds, remainingSeconds: Math.floor(this.#deadlines.remainingMs(lease) / 1000) };
  }

  /** The lease that a key stands on. */
  async leaseOf(key: string): Promise<LeaseId | undefined> {
    return this.#state.select(key).find((entry) => entry.key === key)?.lease;
  }

  async revoke(lease: LeaseId): Promise<void> {
    this.#end(lease, 'revoked');
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    const decided = decideCommit(this.#state, transaction);
    if ('ok' in decided) return decided;
    this.#record(decided);
    return { ok: true, revision: this.#state.revision };
  }

  async close(): Promise<void> {
    this.#deadlines.close();
  }

  #end(lease: LeaseId, how: 'expired' | 'revoked'): void {
    this.#deadlines.forget(lease);
    const decided = decideLeaseEnd(this.#state, lease, how);
    if (decided !== undefined) this.#record(decided);
  }

  #record(event: Unstamped<StoreEvent>): void {
    const changes = this.#state.evolve({ ...event, atMs: 0 } as StoreEvent);
    if (changes.length === 0) return;
    this.#history.add(this.#state.revision, changes);
    this.onChanges(changes);
    this.#watchers.wake();
  }
}
