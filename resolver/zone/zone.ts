import { compareKeys, type EtcdKey, isUtf8Key, type OwnerName } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import { AddressIndex } from './address-index.ts';
import type { ZoneEvent } from './event.ts';
import { KeyRecord, type LeaseUse, recordsBelow } from './key-node.ts';
import { KeyTree, segmentsOf } from './key-tree.ts';
import { type Problem, ProblemList } from './problem-list.ts';
import {
  type Facts,
  isNameHost,
  readFacts,
  type StoredEntry,
  type StoredRecord,
  sameFacts,
  type Traits,
  traitsKey,
} from './stored-record.ts';

/** What an event changed for answers: a compiled answer that depends on none of it stays true. */
export interface ZoneChange {
  /** Owner names at which a record came, went or changed. */
  readonly names: readonly OwnerName[];
  /** Addresses, before and after, of those records, in canonical spelling: for PTR answers derived from them. */
  readonly addresses: readonly string[];
  /** The event brought a key that answers nothing: to be logged, once. */
  readonly problem?: Problem;
}

/** So many distinct combinations of the usual fields are held once for all records that have them. */
const SHARED_TRAITS_MAX = 4096;

const NOTHING: ZoneChange = { names: [], addresses: [] };

const NO_NAME =
  'key is no domain name: a segment is empty or over 63 octets, or the whole is over 255 octets (RFC 1035 §2.3.4)';

const NOT_UTF8 =
  'key is no domain name: it is not UTF-8; its octets over 127 stand here as \\udc80 to \\udcff (0x80 to 0xff)';

/**
 * What the store holds below the prefix, as a tree by labels from the root. {@link evolve} is the only way to change it.
 *
 * Keys that are no names and values that are no records are kept (snapshots and comparisons need them), counted in
 * `problemCount`, listed in `problems`, and answer nothing. Of a record the value stays as text, and beside it what
 * answers need: keys and owner names are read off the tree, and records share their usual fields.
 */
export class Zone {
  /** Begins with `/`, does not end with it; may be empty. */
  readonly prefix: string;
  readonly tree = new KeyTree();
  private currentRevision = 0n;
  private currentStoreId: string | undefined = undefined;
  private recordCount = 0;
  /** Keys that are no names. */
  private readonly strays = new Map<EtcdKey, StoredEntry>();
  private readonly problemList = new ProblemList();
  private readonly leaseUses = new Map<LeaseId, LeaseUse>();
  private readonly announced = new AddressIndex();
  private readonly sharedTraits = new Map<string, Traits>();

  private constructor(prefix: string) {
    this.prefix = prefix;
  }

  /** @param prefix begins with `/`, does not end with it; may be empty */
  static empty(prefix: string): Zone {
    return new Zone(prefix);
  }

  /** The last revision applied; 0 before the first. */
  get revision(): bigint {
    return this.currentRevision;
  }

  /** Of the store it was last synced with; undefined before. */
  get storeId(): string | undefined {
    return this.currentStoreId;
  }

  /** Keys, those with problems included. */
  get size(): number {
    return this.recordCount + this.strays.size;
  }

  /** Keys that answer nothing, with the reason; at most `PROBLEMS_LISTED_MAX` of them. */
  get problems(): ReadonlyMap<EtcdKey, string> {
    return this.problemList.listed;
  }

  get problemCount(): number {
    return this.problemList.count;
  }

  /** The leases that keys are on. */
  leases(): Iterable<LeaseId> {
    return this.leaseUses.keys();
  }

  /** Whether `key` is below the prefix. */
  covers(key: string): boolean {
    return key.startsWith(`${this.prefix}/`);
  }

  get(key: EtcdKey): StoredEntry | undefined {
    if (!this.covers(key)) return undefined;
    const segments = segmentsOf(key, this.prefix);
    return segments === undefined ? this.strays.get(key) : this.tree.find(segments)?.record;
  }

  /**
   * Every key, in etcd's order. While it runs the zone may evolve: a key that changes meanwhile may come as it was, as it
   * is, or not at all; every other key comes once.
   */
  *entries(): Generator<StoredEntry> {
    const strays = [...this.strays.values()].sort((a, b) => compareKeys(a.key, b.key));
    let next = 0;
    for (const record of recordsBelow(this.tree.root)) {
      for (; next < strays.length && compareKeys((strays[next] as StoredEntry).key, record.key) < 0; next += 1) {
        yield strays[next] as StoredEntry;
      }
      yield record;
    }
    yield* strays.slice(next);
  }

  /** The records whose host is `address` (canonical spelling), in key order. */
  recordsWithAddress(address: string): readonly StoredRecord[] {
    return this.announced.at(address);
  }

  /** For {@link evolve}, and for what folds a part of the store's changes alone. */
  advance(revision: bigint, storeId = this.currentStoreId): void {
    this.currentRevision = revision;
    this.currentStoreId = storeId;
  }

  /** For {@link evolve}. */
  put(key: EtcdKey, value: string, revision: string, lease: LeaseId | undefined): ZoneChange {
    const segments = segmentsOf(key, this.prefix);
    if (segments === undefined) return this.putStray({ key, value, revision, lease });
    const node = this.tree.grow(segments);
    const before = node.record;
    if (before !== undefined) this.release(before);
    const read = readFacts(value);
    const facts = read.ok ? this.share(read.facts) : undefined;
    const record = new KeyRecord(node, this.prefix, value, revision, this.use(lease), facts);
    node.record = record;
    this.recordCount += 1;
    const address = addressOf(record);
    if (address !== undefined) this.announced.add(address, record);
    const change = differenceOf(before, record);
    if (read.ok) return change;
    const problem = { key, reason: read.reason };
    this.problemList.add(problem);
    return { ...change, problem };
  }

  /** For {@link evolve}. */
  delete(key: EtcdKey): ZoneChange {
    const segments = segmentsOf(key, this.prefix);
    if (segments === undefined) {
      if (this.strays.delete(key)) this.problemList.remove(key);
      return NOTHING;
    }
    const node = this.tree.find(segments);
    const before = node?.record;
    if (node === undefined || before === undefined) return NOTHING;
    const change = differenceOf(before, undefined);
    this.release(before);
    node.record = undefined;
    this.tree.prune(node);
    return change;
  }

  private putStray(entry: StoredEntry): ZoneChange {
    const problem = { key: entry.key, reason: isUtf8Key(entry.key) ? NO_NAME : NOT_UTF8 };
    if (!this.strays.has(entry.key)) this.problemList.add(problem);
    this.strays.set(entry.key, entry);
    return { ...NOTHING, problem };
  }

  /** Undoes what {@link put} did beside the tree. */
  private release(record: KeyRecord): void {
    this.recordCount -= 1;
    if (record.facts === undefined) this.problemList.remove(record.key);
    const address = addressOf(record);
    if (address !== undefined) this.announced.remove(address, record);
    const { leaseUse } = record;
    if (leaseUse === undefined) return;
    leaseUse.keys -= 1;
    if (leaseUse.keys === 0) this.leaseUses.delete(leaseUse.id);
  }

  private use(lease: LeaseId | undefined): LeaseUse | undefined {
    if (lease === undefined) return undefined;
    let use = this.leaseUses.get(lease);
    if (use === undefined) {
      use = { id: lease, keys: 0 };
      this.leaseUses.set(lease, use);
    }
    use.keys += 1;
    return use;
  }

  private share(facts: Facts): Facts {
    if (facts.traits.text !== undefined) return facts;
    const key = traitsKey(facts.traits);
    const shared = this.sharedTraits.get(key);
    if (shared !== undefined) return { ...facts, traits: shared };
    if (this.sharedTraits.size < SHARED_TRAITS_MAX) this.sharedTraits.set(key, facts.traits);
    return facts;
  }
}

/**
 * Applies an event. In place: `zone` is consumed, what it was before is gone. Applying the same events to an empty zone
 * gives the same zone, whenever it is done.
 *
 * @returns what changed for answers (the SOA's serial aside); nothing for a write that changes no answer
 */
export function evolve(zone: Zone, event: ZoneEvent): ZoneChange {
  switch (event.type) {
    case 'RecordPut':
      advanceTo(zone, event.revision);
      return zone.covers(event.key) ? zone.put(event.key, event.value, event.revision, event.lease) : NOTHING;
    case 'RecordDeleted':
      advanceTo(zone, event.revision);
      return zone.covers(event.key) ? zone.delete(event.key) : NOTHING;
    case 'ZoneSynced':
    case 'StoreReplaced':
      // A replaced store counts from its own beginning: the revision may go back.
      zone.advance(BigInt(event.revision), event.storeId);
      return NOTHING;
    default:
      return NOTHING;
  }
}

/** A late event (found by reading again) may be older than what was already seen. */
function advanceTo(zone: Zone, revision: string): void {
  const reached = BigInt(revision);
  if (reached > zone.revision) zone.advance(reached);
}

function differenceOf(before: KeyRecord | undefined, after: KeyRecord | undefined): ZoneChange {
  if (before !== undefined && after !== undefined) {
    if (before.leaseUse?.id === after.leaseUse?.id && sameFacts(before.facts, after.facts)) return NOTHING;
  }
  const owner = (before ?? after)?.owner;
  const addresses = [before, after].map(addressOf).filter((address) => address !== undefined);
  return { names: owner === undefined ? [] : [owner], addresses: [...new Set(addresses)] };
}

function addressOf(record: KeyRecord | undefined): string | undefined {
  const host = record?.facts?.host;
  return host === undefined || isNameHost(host) ? undefined : host;
}
