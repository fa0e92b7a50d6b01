import type { EtcdKey } from '../../name.ts';
import {
  type Change,
  type CommitResult,
  type Entry,
  type LeaseId,
  type Revision,
  StoreError,
  TRANSACTION_OPS_MAX,
  type Transaction,
  type Write,
} from '../../store.ts';

/** What the embedded store's journal holds. Revisions are decimal digits: JSON numbers lose them above 2^53. */
export type StoreEvent = { readonly atMs: number } & (
  | { readonly type: 'StoreCreated'; readonly storeId: string }
  | { readonly type: 'Committed'; readonly revision: string; readonly writes: readonly Write[] }
  | { readonly type: 'LeaseGranted'; readonly lease: LeaseId; readonly ttlSeconds: number }
  /** The keys on the lease went with it, at `revision`; without keys there was none. */
  | {
      readonly type: 'LeaseEnded';
      readonly lease: LeaseId;
      readonly how: 'expired' | 'revoked';
      readonly revision: string;
    }
  /** Revisions up to this one may have been seen by someone and not reached the disk: they are not used again. */
  | { readonly type: 'RevisionsSkipped'; readonly revision: string }
);

/** An event that its recorder will stamp. */
export type Unstamped<E> = E extends unknown ? Omit<E, 'atMs'> : never;

/** A line of the store's snapshot. */
export type StoreLine =
  | { readonly storeId: string; readonly revision: string }
  | { readonly lease: LeaseId; readonly ttlSeconds: number }
  | { readonly entry: StoredEntry };

type StoredEntry = Omit<Entry, 'createRevision' | 'modRevision'> & {
  readonly createRevision: string;
  readonly modRevision: string;
};

/** etcd's default `--max-request-bytes`. */
export const REQUEST_OCTETS_MAX = 1.5 * 1024 * 1024;

/** What the store holds now: the fold of its events. The same events give the same contents. */
export class StoreState {
  /** As in etcd, a store in which nothing was ever written is at revision 1. */
  revision: Revision = 1n;
  storeId = '';
  readonly #entries = new Map<EtcdKey, Entry>();
  readonly #leases = new Map<LeaseId, { readonly ttlSeconds: number; readonly keys: Set<EtcdKey> }>();
  /** Keys in order; dropped when a key comes or goes. */
  #ordered: EtcdKey[] | undefined;

  entry(key: EtcdKey): Entry | undefined {
    return this.#entries.get(key);
  }

  ttlSeconds(lease: LeaseId): number | undefined {
    return this.#leases.get(lease)?.ttlSeconds;
  }

  keyCount(lease: LeaseId): number {
    return this.#leases.get(lease)?.keys.size ?? 0;
  }

  leases(): LeaseId[] {
    return [...this.#leases.keys()];
  }

  /** Entries whose keys begin with `prefix`, ordered by the octets of their keys as etcd orders them. */
  select(prefix: string): Entry[] {
    this.#ordered ??= [...this.#entries.keys()].sort(compareOctets);
    const selected: Entry[] = [];
    for (let at = lowerBound(this.#ordered, prefix); at < this.#ordered.length; at += 1) {
      const key = this.#ordered[at] as EtcdKey;
      if (!key.startsWith(prefix)) break;
      selected.push(this.#entries.get(key) as Entry);
    }
    return selected;
  }

  /** Takes up an event that was decided. @returns what changed, all at the state's new revision */
  evolve(event: StoreEvent): Change[] {
    switch (event.type) {
      case 'StoreCreated':
        this.storeId = event.storeId;
        return [];
      case 'Committed':
        this.revision = BigInt(event.revision);
        return event.writes.flatMap((write) => (write.type === 'put' ? [this.#put(write)] : this.#delete(write.key)));
      case 'LeaseGranted':
        this.#leases.set(event.lease, { ttlSeconds: event.ttlSeconds, keys: new Set() });
        return [];
      case 'LeaseEnded': {
        this.revision = BigInt(event.revision);
        const keys = [...(this.#leases.get(event.lease)?.keys ?? [])].sort(compareOctets);
        const changes = keys.flatMap((key) => this.#delete(key));
        this.#leases.delete(event.lease);
        return changes;
      }
      case 'RevisionsSkipped':
        this.revision = BigInt(event.revision);
        return [];
    }
  }

  /** What {@link restore} needs to make the same state. Later changes of the state do not show in it. */
  lines(): Iterable<StoreLine> {
    const head = { storeId: this.storeId, revision: String(this.revision) };
    const leases = [...this.#leases].map(([lease, { ttlSeconds }]) => ({ lease, ttlSeconds }));
    const entries = [...this.#entries.values()];
    return (function* () {
      yield head;
      yield* leases;
      for (const entry of entries) {
        const { createRevision, modRevision } = entry;
        yield { entry: { ...entry, createRevision: String(createRevision), modRevision: String(modRevision) } };
      }
    })();
  }

  /** Takes up one line of a snapshot; lines come in the order that {@link lines} gave them. */
  restore(line: StoreLine): void {
    if ('storeId' in line) {
      this.storeId = line.storeId;
      this.revision = BigInt(line.revision);
    } else if ('entry' in line) {
      const { entry } = line;
      const createRevision = BigInt(entry.createRevision);
      this.#attach({ ...entry, createRevision, modRevision: BigInt(entry.modRevision) });
    } else {
      this.#leases.set(line.lease, { ttlSeconds: line.ttlSeconds, keys: new Set() });
    }
  }

  #put({ key, value, lease }: Extract<Write, { type: 'put' }>): Change {
    const before = this.#entries.get(key);
    if (before?.lease !== undefined) this.#leases.get(before.lease)?.keys.delete(key);
    const entry: Entry = {
      key,
      value,
      createRevision: before?.createRevision ?? this.revision,
      modRevision: this.revision,
      ...(lease === undefined ? {} : { lease }),
    };
    this.#attach(entry);
    return { type: 'put', entry };
  }

  #attach(entry: Entry): void {
    if (!this.#entries.has(entry.key)) this.#ordered = undefined;
    this.#entries.set(entry.key, entry);
    if (entry.lease !== undefined) this.#leases.get(entry.lease)?.keys.add(entry.key);
  }

  #delete(key: EtcdKey): Change[] {
    const entry = this.#entries.get(key);
    if (entry === undefined) return [];
    this.#entries.delete(key);
    this.#ordered = undefined;
    if (entry.lease !== undefined) this.#leases.get(entry.lease)?.keys.delete(key);
    return [{ type: 'delete', key, modRevision: this.revision }];
  }
}

/**
 * Decides a transaction as etcd does: expectations first, then leases; deletes of what is not there change nothing, and
 * without a change there is no new revision.
 *
 * @returns the event, or the result when nothing is to happen
 * @throws {StoreError} `invalid`, `lease-gone`
 */
export function decideCommit(
  state: StoreState,
  transaction: Transaction,
): Unstamped<Extract<StoreEvent, { type: 'Committed' }>> | CommitResult {
  refuseInvalid(transaction);
  const { expect, writes } = transaction;
  const holds = expect.every((expectation) => {
    const found = state.entry(expectation.key)?.modRevision ?? 0n;
    return found === ('absent' in expectation ? 0n : expectation.modRevision);
  });
  if (!holds) {
    const keys = new Set(expect.map((expectation) => expectation.key));
    const found = [...keys].map((key) => state.entry(key)).filter((entry) => entry !== undefined);
    return { ok: false, revision: state.revision, found };
  }
  for (const write of writes) {
    if (write.type === 'put' && write.lease !== undefined && state.ttlSeconds(write.lease) === undefined) {
      throw leaseGone(write.lease);
    }
  }
  const effective = writes.filter((write) => write.type === 'put' || state.entry(write.key) !== undefined);
  if (effective.length === 0) return { ok: true, revision: state.revision };
  return { type: 'Committed', revision: String(state.revision + 1n), writes: effective };
}

/** Decides the end of a lease; undefined when there is no such lease. */
export function decideLeaseEnd(
  state: StoreState,
  lease: LeaseId,
  how: 'expired' | 'revoked',
): Unstamped<Extract<StoreEvent, { type: 'LeaseEnded' }>> | undefined {
  if (state.ttlSeconds(lease) === undefined) return undefined;
  const revision = state.keyCount(lease) > 0 ? state.revision + 1n : state.revision;
  return { type: 'LeaseEnded', lease, how, revision: String(revision) };
}

export function leaseGone(lease: LeaseId): StoreError {
  return new StoreError('lease-gone', `lease ${lease} has expired or was revoked; grant a new one`);
}

function refuseInvalid({ expect, writes }: Transaction): void {
  const operations = expect.length + writes.length;
  if (operations > TRANSACTION_OPS_MAX) {
    throw invalid(`transaction has ${operations} expectations and writes, at most ${TRANSACTION_OPS_MAX}; split it`);
  }
  const keys = new Set<EtcdKey>();
  let octets = 0;
  for (const write of writes) {
    if (write.key === '') throw invalid('a key must not be empty');
    if (keys.has(write.key)) throw invalid(`transaction writes ${write.key} twice`);
    keys.add(write.key);
    octets += Buffer.byteLength(write.key) + (write.type === 'put' ? Buffer.byteLength(write.value) : 0);
  }
  if (octets > REQUEST_OCTETS_MAX) throw invalid(`transaction has ${octets} octets, at most ${REQUEST_OCTETS_MAX}`);
}

function invalid(message: string): StoreError {
  return new StoreError('invalid', message);
}

/** Orders strings as etcd orders keys: by the octets of their UTF-8, which differs from `<` only around surrogates. */
export function compareOctets(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others of the basic plane, so they sort behind U+E000 to U+FFFF. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function lowerBound(ordered: readonly string[], prefix: string): number {
  let low = 0;
  let high = ordered.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareOctets(ordered[middle] as string, prefix) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
