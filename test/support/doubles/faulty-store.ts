import { merge, mergeMap, type Observable, Subject, throwError } from 'rxjs';
import {
  type ChangeBatch,
  type CommitResult,
  type LeaseGrant,
  type LeaseId,
  type LeaseTtl,
  type Revision,
  type Snapshot,
  type Store,
  StoreError,
  type Transaction,
} from '../../../shared/store.ts';

export type StoreCall = 'snapshot' | 'changes' | 'grant' | 'keepAlive' | 'timeToLive' | 'revoke' | 'commit';

/** A store that can be taken away: its calls fail as an unreachable etcd's do, and its watches break. Counts what is asked. */
export class FaultyStore implements Store {
  readonly description: string;
  readonly calls: Record<StoreCall, number> = {
    snapshot: 0,
    changes: 0,
    grant: 0,
    keepAlive: 0,
    timeToLive: 0,
    revoke: 0,
    commit: 0,
  };
  /** So many of the next commits are applied, and their answers are lost. */
  losingAnswers = 0;
  /** Each commit waits for this first. */
  beforeCommit: (transaction: Transaction) => Promise<void> | void = () => {};
  /** Each call of that name waits for this first; what it throws, the call throws. */
  before: Partial<Record<StoreCall, () => Promise<void> | void>> = {};
  /** Of one transaction: etcd's `--max-txn-ops`. */
  opsMax = Number.POSITIVE_INFINITY;
  readonly granted: LeaseId[] = [];
  readonly #store: Store;
  readonly #breaks = new Subject<void>();
  #isDown = false;

  constructor(store: Store) {
    this.#store = store;
    this.description = store.description;
  }

  down(): void {
    this.#isDown = true;
    this.breakWatches();
  }

  up(): void {
    this.#isDown = false;
  }

  breakWatches(): void {
    this.#breaks.next();
  }

  snapshot(prefix: string): Promise<Snapshot> {
    return this.#call('snapshot', () => this.#store.snapshot(prefix));
  }

  changes(prefix: string, from: Revision): Observable<ChangeBatch> {
    this.calls.changes += 1;
    if (this.#isDown) return throwError(unavailable);
    const broken$ = this.#breaks.pipe(mergeMap(() => throwError(unavailable)));
    return merge(this.#store.changes(prefix, from), broken$);
  }

  async grant(ttlSeconds: number): Promise<LeaseGrant> {
    const grant = await this.#call('grant', () => this.#store.grant(ttlSeconds));
    this.granted.push(grant.lease);
    return grant;
  }

  keepAlive(lease: LeaseId): Promise<number> {
    return this.#call('keepAlive', () => this.#store.keepAlive(lease));
  }

  timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined> {
    return this.#call('timeToLive', () => this.#store.timeToLive(lease));
  }

  revoke(lease: LeaseId): Promise<void> {
    return this.#call('revoke', () => this.#store.revoke(lease));
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    await this.beforeCommit(transaction);
    if (Math.max(transaction.expect.length, transaction.writes.length) > this.opsMax) {
      throw new StoreError('invalid', 'etcdserver: too many operations in txn request');
    }
    const result = await this.#call('commit', () => this.#store.commit(transaction));
    if (this.losingAnswers === 0) return result;
    this.losingAnswers -= 1;
    throw unavailable();
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #call<T>(name: StoreCall, run: () => Promise<T>): Promise<T> {
    this.calls[name] += 1;
    await this.before[name]?.();
    if (this.#isDown) throw unavailable();
    return run();
  }
}

function unavailable(): StoreError {
  return new StoreError('unavailable', 'the test took the store away');
}
