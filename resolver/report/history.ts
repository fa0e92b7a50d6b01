import { type EtcdKey, type OwnerName, ownerOf } from '../../shared/name.ts';
import { decodeRecord } from '../../shared/record.ts';
import { RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { LiveZone } from '../following/live-zone.ts';
import { type LookupSettings, lookup } from '../lookup/lookup.ts';
import type { Dependent, Outcome } from '../lookup/outcome.ts';
import { isReverse } from '../lookup/reverse-name.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { isInSubtree } from './subject.ts';

/** Events that concern every name: whether the zone was true. */
const GENERAL: ReadonlySet<ZoneEvent['type']> = new Set([
  'ResolverStarted',
  'ResolverStopped',
  'StoreLost',
  'StoreRegained',
  'StoreReplaced',
]);

/** Whether an event is part of the history of one of `names`. */
export function isAbout(event: ZoneEvent, names: readonly OwnerName[], prefix: string): boolean {
  if (!('key' in event)) return GENERAL.has(event.type);
  const owner = ownerOf(event.key, prefix);
  return owner !== undefined && names.some((name) => isInSubtree(owner, name));
}

/** What the answer to a question may depend on: only such records are brought back for a moment in the past. */
export class Interest {
  readonly #names: OwnerName[];
  readonly #addresses = new Set<string>();
  readonly #prefix: string;

  constructor(name: OwnerName, prefix: string) {
    this.#names = [name];
    this.#prefix = prefix;
  }

  covers(key: EtcdKey, value: string | undefined): boolean {
    const owner = ownerOf(key, this.#prefix);
    if (owner === undefined) return false;
    if (this.#names.some((name) => isInSubtree(owner, name))) return true;
    if (this.#addresses.size === 0) return false;
    // A deletion has no value: it is taken, and changes nothing when the record was not.
    if (value === undefined) return true;
    const decoded = decodeRecord(value);
    return decoded.ok && decoded.record.host !== undefined && this.#addresses.has(decoded.record.host);
  }

  /** @returns whether the outcome depends on more than was covered: then the past must be read again */
  widen({ subtrees, addresses }: Pick<Dependent, 'subtrees' | 'addresses'>): boolean {
    const newNames = subtrees.filter((subtree) => !this.#names.some((name) => isInSubtree(subtree, name)));
    const newAddresses = addresses.filter((address) => !this.#addresses.has(address));
    this.#names.push(...newNames);
    for (const address of newAddresses) this.#addresses.add(address);
    return newNames.length > 0 || newAddresses.length > 0;
  }
}

/** An event with its number; of a record first seen in a snapshot, the number of the snapshot. */
export type NumberedEvent = ZoneEvent & { readonly sequence: number };

/** A record as it stood at a moment, and the event that made it so. */
export interface StoodThen {
  readonly key: EtcdKey;
  readonly value: string;
  readonly revision: string;
  readonly madeBy: NumberedEvent;
}

export interface ThenAnswer {
  readonly type: RrTypeName;
  readonly outcome: Outcome['type'];
  /** In presentation format. */
  readonly records: readonly string[];
}

const TYPES: readonly RrTypeName[] = ['A', 'AAAA', 'SRV', 'TXT', 'CNAME'];

/** The zone at a moment in the past, as far as one name depends on it. */
export class Then {
  readonly live: LiveZone;
  readonly #interest: Interest;
  readonly #madeBy = new Map<EtcdKey, NumberedEvent>();
  #latest: NumberedEvent | undefined;
  #isRunning = false;

  constructor(prefix: string, interest: Interest) {
    this.live = new LiveZone(prefix);
    this.#interest = interest;
  }

  /** An event of before the snapshot that the state comes from: it tells only who made things so. */
  note(event: ZoneEvent, sequence: number): void {
    if (event.type !== 'RecordPut' && event.type !== 'RecordDeleted') return;
    if (!this.#interest.covers(event.key, event.type === 'RecordPut' ? event.value : undefined)) return;
    const numbered = { ...event, sequence };
    if (event.type === 'RecordPut') this.#madeBy.set(event.key, numbered);
    else this.#madeBy.delete(event.key);
    this.#latest = numbered;
  }

  /** A record of the snapshot. One whose event the journal has not was first seen in it. */
  applyFromSnapshot(event: Extract<ZoneEvent, { type: 'RecordPut' }>, sequence: number): void {
    if (!this.#interest.covers(event.key, event.value)) return;
    const noted = this.#madeBy.get(event.key);
    if (noted?.type !== 'RecordPut' || noted.revision !== event.revision) {
      const numbered = { ...event, sequence };
      this.#madeBy.set(event.key, numbered);
      if (BigInt(event.revision) > revisionOf(this.#latest)) this.#latest = numbered;
    }
    this.live.apply(event);
  }

  apply(event: ZoneEvent, sequence: number): void {
    if (event.type === 'ResolverStarted') {
      this.#isRunning = true;
      this.live.interrupt();
    }
    if (event.type === 'ResolverStopped') this.#isRunning = false;
    if (event.type === 'RecordPut' || event.type === 'RecordDeleted') {
      if (!this.#interest.covers(event.key, event.type === 'RecordPut' ? event.value : undefined)) return;
      this.note(event, sequence);
      this.live.wasConfirmed(event.atMs);
    }
    this.live.apply(event);
    if (event.type === 'ZoneSynced' || event.type === 'StoreRegained') this.live.confirm(event.atMs);
  }

  /** In a sentence: whether what it answered then was known to be true. */
  standing(atMs: number): string {
    if (!this.#isRunning) return 'the resolver was not running';
    if (this.live.zone.storeId === undefined) return 'the store had never been read: SERVFAIL';
    if (this.live.isLive) return 'followed the store';
    const seconds = Math.round(this.live.staleMs(atMs) / 1000);
    return `the store was away, last seen ${seconds} s before: answered as stale up to --max-stale, then SERVFAIL`;
  }

  /** The last event that the answers depend on. */
  get latest(): NumberedEvent | undefined {
    return this.#latest;
  }

  records(): StoodThen[] {
    return [...this.live.zone.entries()].map(({ key, value, revision }) => ({
      key,
      value,
      revision,
      madeBy: this.#madeBy.get(key) as NumberedEvent,
    }));
  }

  /** What the zone says of `name`, by type. Leases of the past are not known: TTLs are those of the records, or the default. */
  outcomes(name: OwnerName, settings: LookupSettings, atMs: number): ReadonlyMap<RrTypeName, Outcome> {
    const types = isReverse(name) ? [...TYPES, 'PTR' as const] : TYPES;
    const context = {
      nowMs: atMs,
      leaseDeadlineMs: () => undefined,
      outside: () => ({ addresses: [], validUntilMs: Number.POSITIVE_INFINITY }),
      availability: 'live' as const,
    };
    return new Map(
      types.map((type) => [type, lookup(this.live.zone, { name, type: RrType[type] }, settings, context)]),
    );
  }
}

function revisionOf(event: NumberedEvent | undefined): bigint {
  return event !== undefined && 'revision' in event ? BigInt(event.revision) : 0n;
}

export function answersOf(outcomes: ReadonlyMap<RrTypeName, Outcome>): ThenAnswer[] {
  return [...outcomes].map(([type, outcome]) => ({
    type,
    outcome: outcome.type,
    records: outcome.type === 'answer' ? outcome.answers.map(formatRecord) : [],
  }));
}
