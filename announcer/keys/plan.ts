import type { EtcdKey } from '../../shared/name.ts';
import {
  type Expectation,
  type LeaseId,
  TRANSACTION_OPS_MAX,
  type Transaction,
  type Write,
} from '../../shared/store.ts';
import type { StandingKey } from './standing.ts';

/** Each key costs an expectation and a write; the fence costs one expectation more, the causes one write. */
export const KEYS_PER_TRANSACTION = Math.floor((TRANSACTION_OPS_MAX - 2) / 2);

/** Why a key is put or deleted, for the journal. */
export type WriteCause =
  | 'announced' // was not there
  | 'changed' // another value is wanted
  | 'moved' // stands under a lease that is not its shard's: the lease was lost, or is a predecessor's
  | 'withdrawn'
  | 'unclaimed'; // names this host as owner, but was never wanted by us

export interface PlannedWrite {
  readonly write: Write;
  readonly cause: WriteCause;
}

export interface PlannedTransaction {
  readonly transaction: Transaction;
  readonly writes: readonly PlannedWrite[];
}

export interface Plan {
  /** Deletes first: a name that lies hurts more than one that is late. */
  readonly transactions: readonly PlannedTransaction[];
  /** Keys that stand as they should, or must for now. */
  readonly done: readonly EtcdKey[];
  /** Wanted keys whose shard has no lease now. */
  readonly waiting: readonly EtcdKey[];
}

export interface StandingKeys {
  get(key: EtcdKey): StandingKey | undefined;
}

export interface Wishes {
  readonly desired: ReadonlyMap<EtcdKey, string>;
  /** The living lease of the shard that a wanted key is in; undefined while it has none. */
  readonly leaseOf: (key: EtcdKey) => LeaseId | undefined;
  /** Whether a key was ours to want before; one of ours that never was is unclaimed. */
  readonly isClaimed: (key: EtcdKey) => boolean;
  /** Whether nobody has looked yet whether what a predecessor announced is still there. */
  readonly isUnseen?: (key: EtcdKey) => boolean;
  /** Whether unclaimed keys may go already: not before the engine's first list has been applied. */
  readonly removeUnclaimed: boolean;
}

/** What one key needs. `lease`: it waits for one. */
export type Need = PlannedWrite | 'nothing' | 'lease';

/** A key that someone else owns needs nothing: it is left alone. */
export function needOf(key: EtcdKey, standing: StandingKeys, wishes: Wishes): Need {
  const stands = standing.get(key);
  if (stands?.foreignOwner !== undefined) return 'nothing';
  const value = wishes.desired.get(key);
  if (value === undefined) {
    if (stands === undefined) return 'nothing';
    if (wishes.isClaimed(key)) return { write: { type: 'delete', key }, cause: 'withdrawn' };
    return wishes.removeUnclaimed ? { write: { type: 'delete', key }, cause: 'unclaimed' } : 'nothing';
  }
  // Its lease has ended, and what it was of may have, too: a name that is gone comes back with what is seen.
  if (stands === undefined && wishes.isUnseen?.(key)) return 'nothing';
  const lease = wishes.leaseOf(key);
  if (lease === undefined) return 'lease';
  const cause = causeOfPut(stands, value, lease);
  return cause === undefined ? 'nothing' : { write: { type: 'put', key, value, lease }, cause };
}

function causeOfPut(stands: StandingKey | undefined, value: string, lease: LeaseId): WriteCause | undefined {
  if (stands === undefined) return 'announced';
  if (stands.value !== value) return 'changed';
  return stands.lease === lease ? undefined : 'moved';
}

/**
 * The transactions that bring `keys` to what is wished. Each holds only if no key of it was touched since we saw it, and
 * if the host's claim is still the one of `fence`, so that an announcer that was superseded while it slept writes nothing.
 *
 * @param keys   those that may need something
 * @param atMost how many transactions; the writer takes one and plans anew, so that a withdrawal waits for one only
 * @param keysEach in one transaction, at most
 */
export function plan(
  keys: Iterable<EtcdKey>,
  standing: StandingKeys,
  wishes: Wishes,
  fence: Expectation,
  atMost = Number.POSITIVE_INFINITY,
  keysEach = KEYS_PER_TRANSACTION,
): Plan {
  const deletes: PlannedWrite[] = [];
  const puts: PlannedWrite[] = [];
  const done: EtcdKey[] = [];
  const waiting: EtcdKey[] = [];
  for (const key of keys) {
    const need = needOf(key, standing, wishes);
    if (need === 'nothing') done.push(key);
    else if (need === 'lease') waiting.push(key);
    else (need.write.type === 'delete' ? deletes : puts).push(need);
  }
  const writes = [...deletes, ...puts];
  const transactions: PlannedTransaction[] = [];
  for (let at = 0; at < writes.length && transactions.length < atMost; at += keysEach) {
    transactions.push(transactionOf(writes.slice(at, at + keysEach), standing, fence));
  }
  return { transactions, done, waiting };
}

function transactionOf(
  writes: readonly PlannedWrite[],
  standing: StandingKeys,
  fence: Expectation,
): PlannedTransaction {
  const expect = writes.map(({ write: { key } }): Expectation => {
    const stands = standing.get(key);
    return stands === undefined ? { key, absent: true } : { key, modRevision: stands.modRevision };
  });
  return { transaction: { expect: [fence, ...expect], writes: writes.map(({ write }) => write) }, writes };
}
