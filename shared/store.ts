import type { Observable } from 'rxjs';
import type { EtcdKey } from './name.ts';

/**
 * The store port: what the announcer and the resolver need of etcd, and no more. `store/etcd.ts` and
 * `store/embedded.ts` stand behind it; `test/support/store-contract.ts` is the suite that both must pass.
 */
export interface Store {
  /** For messages: `etcd http://127.0.0.1:2379` or `embedded store in /var/lib/rollcall`. */
  readonly description: string;

  /** Reads every key that begins with `prefix`, all at one revision, in key order. */
  snapshot(prefix: string): Promise<Snapshot>;

  /**
   * Every change of a key that begins with `prefix`, from revision `from` on: in order, none twice, none left out.
   * One emission holds whole revisions. Emits an empty batch once the watch stands (so a caller knows that it is live).
   * Errors with a {@link StoreError}: `compacted` when `from` is no longer kept, `unavailable` when the watch broke;
   * the caller subscribes anew from the last revision it applied + 1. Never completes by itself.
   */
  changes(prefix: string, from: Revision): Observable<ChangeBatch>;

  /** @param ttlSeconds at least 1 */
  grant(ttlSeconds: number): Promise<LeaseGrant>;

  /** Renews a lease. @returns its seconds left; @throws {StoreError} `lease-gone` when it has expired or was revoked */
  keepAlive(lease: LeaseId): Promise<number>;

  /** The granted and the remaining seconds of a lease; undefined when there is no such lease. */
  timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined>;

  /** Removes a lease and every key on it. A lease that is already gone is no error. */
  revoke(lease: LeaseId): Promise<void>;

  /** Applies all writes at one revision if every expectation holds, else none. At most {@link TRANSACTION_OPS_MAX} of both together. */
  commit(transaction: Transaction): Promise<CommitResult>;

  close(): Promise<void>;
}

/** etcd's default `--max-txn-ops`. */
export const TRANSACTION_OPS_MAX = 128;

/** etcd's store revision: a 64-bit counter over the whole store. */
export type Revision = bigint;

/** A lease's id, in decimal digits: it does not fit a number. */
export type LeaseId = string & { readonly __brand: 'LeaseId' };

export interface Entry {
  readonly key: EtcdKey;
  readonly value: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly lease?: LeaseId;
}

export interface Snapshot {
  readonly revision: Revision;
  readonly entries: readonly Entry[];
  /** Changes when the store was replaced by another one, whose revisions mean nothing to the old one's. */
  readonly storeId: string;
}

export type Change =
  | { readonly type: 'put'; readonly entry: Entry }
  | { readonly type: 'delete'; readonly key: EtcdKey; readonly modRevision: Revision };

export interface ChangeBatch {
  /** The revision of the last change in the batch; with no changes, the revision up to which nothing was missed. */
  readonly revision: Revision;
  readonly changes: readonly Change[];
}

export interface LeaseGrant {
  readonly lease: LeaseId;
  /** The store may grant more than was asked for. */
  readonly ttlSeconds: number;
}

export interface LeaseTtl {
  readonly grantedSeconds: number;
  readonly remainingSeconds: number;
}

/** What a key must be for a transaction to happen: absent, or last written at this revision. */
export type Expectation =
  | { readonly key: EtcdKey; readonly absent: true }
  | { readonly key: EtcdKey; readonly modRevision: Revision };

export type Write =
  | { readonly type: 'put'; readonly key: EtcdKey; readonly value: string; readonly lease?: LeaseId }
  | { readonly type: 'delete'; readonly key: EtcdKey };

export interface Transaction {
  readonly expect: readonly Expectation[];
  readonly writes: readonly Write[];
}

export type CommitResult =
  | { readonly ok: true; readonly revision: Revision }
  /** `found` holds what stands at the expected keys now; a key that is absent is left out. */
  | { readonly ok: false; readonly revision: Revision; readonly found: readonly Entry[] };

/**
 * `unavailable`: no answer in time, or no endpoint; try again. `compacted`: read anew. `lease-gone`: grant anew.
 * `denied`: user, password or role. `invalid`: a request that the store will never accept.
 */
export type StoreErrorCode = 'unavailable' | 'compacted' | 'lease-gone' | 'denied' | 'invalid';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
