import { keyOfOctets, octetsOfKey } from '../../name.ts';
import {
  type Change,
  type CommitResult,
  type Entry,
  type Expectation,
  type LeaseId,
  StoreError,
  TRANSACTION_OPS_MAX,
  type Transaction,
  type Write,
} from '../../store.ts';
import type { Compare, KeyValue, RequestOp, TxnRequest, TxnResponse, WatchEvent } from './member.ts';

/** In a range, etcd's word for "to the end of all keys". */
const NO_END = Buffer.from([0]);

/** The range of every key that begins with `prefix`. */
export function rangeOfPrefix(prefix: string): { readonly key: Buffer; readonly range_end: Buffer } {
  const key = Buffer.from(prefix, 'utf8');
  // An empty key would mean "no key" to etcd; the octet 0 is the first key that can be.
  if (key.length === 0) return { key: NO_END, range_end: NO_END };
  const end = Buffer.from(key);
  // UTF-8 has no octet over 0xF4, so the last one can always be counted up.
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return { key, range_end: end };
}

/** The first key behind `key` in etcd's order. */
export function keyAfter(key: Buffer): Buffer {
  return Buffer.concat([key, NO_END]);
}

export function entryOf(kv: KeyValue): Entry {
  const entry = {
    key: keyOfOctets(kv.key),
    value: kv.value.toString('utf8'),
    createRevision: BigInt(kv.create_revision),
    modRevision: BigInt(kv.mod_revision),
  };
  return kv.lease === '0' ? entry : { ...entry, lease: kv.lease as LeaseId };
}

export function changeOf({ type, kv }: WatchEvent): Change {
  if (type === 'Put') return { type: 'put', entry: entryOf(kv) };
  return { type: 'delete', key: keyOfOctets(kv.key), modRevision: BigInt(kv.mod_revision) };
}

/** @throws {StoreError} `invalid` when it has more than {@link TRANSACTION_OPS_MAX} parts */
export function txnRequestOf({ expect, writes }: Transaction): TxnRequest {
  const parts = expect.length + writes.length;
  if (parts > TRANSACTION_OPS_MAX) {
    throw new StoreError(
      'invalid',
      `a transaction of ${expect.length} expectations and ${writes.length} writes has ${parts} parts; at most ` +
        `${TRANSACTION_OPS_MAX} (etcd's --max-txn-ops): split it`,
    );
  }
  const expectedKeys = [...new Set(expect.map(({ key }) => key))];
  return {
    compare: expect.map(compareOf),
    success: writes.map(requestOf),
    failure: expectedKeys.map((key) => ({ request_range: { key: octetsOfKey(key) } })),
  };
}

function compareOf(expectation: Expectation): Compare {
  const key = octetsOfKey(expectation.key);
  if ('absent' in expectation) return { target: 'Create', result: 'Equal', key, create_revision: '0' };
  return { target: 'Mod', result: 'Equal', key, mod_revision: String(expectation.modRevision) };
}

function requestOf(write: Write): RequestOp {
  const key = octetsOfKey(write.key);
  if (write.type === 'delete') return { request_delete_range: { key } };
  const value = Buffer.from(write.value, 'utf8');
  return { request_put: write.lease === undefined ? { key, value } : { key, value, lease: write.lease } };
}

export function commitResultOf({ header, succeeded, responses }: TxnResponse): CommitResult {
  const revision = BigInt(header.revision);
  if (succeeded) return { ok: true, revision };
  return {
    ok: false,
    revision,
    found: responses.flatMap(({ response_range: range }) => (range?.kvs ?? []).map(entryOf)),
  };
}
