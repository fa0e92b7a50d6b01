import { canonicalAddress } from '../../shared/ip.ts';
import { type EtcdKey, keyOf, labelsOf, nameOf, type OwnerName, ownerOf } from '../../shared/name.ts';
import { decodeRecord } from '../../shared/record.ts';
import { RrType, type RrTypeName } from '../../shared/rrset.ts';
import { formatRecord } from '../../shared/rrset-text.ts';
import { LiveZone } from '../following/live-zone.ts';
import { evolveFollow, initialFollowState } from '../following/state.ts';
import { type LookupSettings, lookup } from '../lookup/lookup.ts';
import type { Dependent, Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import { addressOfReverse, isReverse } from '../lookup/records/reverse-name.ts';
import type { Availability } from '../lookup/settings.ts';
import type { ChangeExplained, ZoneEvent } from '../zone/event.ts';
import { type HeadLine, stateOf, syncOf } from '../zone/lines.ts';
import { type Explanation, explainedBy, explanationOf, type NumberedEvent } from './explained.ts';
import { isInSubtree } from './subject.ts';

/** Events that concern every name: whether the zone was true. */
export const GENERAL: ReadonlySet<ZoneEvent['type']> = new Set([
  'ResolverStarted',
  'ResolverStopped',
  'ZoneConfirmed',
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
    // Of a reverse name outside the zones, the answer is there or it is not: no outcome says what it hung on.
    const address = addressOfReverse(name);
    if (address !== undefined) this.#addresses.add(address);
  }

  covers(key: EtcdKey, value: string | undefined): boolean {
    const owner = ownerOf(key, this.#prefix);
    if (owner === undefined) return false;
    if (this.#names.some((name) => isInSubtree(owner, name))) return true;
    if (this.#addresses.size === 0 || value === undefined) return false;
    const decoded = decodeRecord(value);
    const host = decoded.ok ? decoded.record.host : undefined;
    return host !== undefined && this.#addresses.has(canonicalAddress(host) ?? host);
  }

  /** Texts of which every event that is covered holds one; undefined when only a look at each event can tell. */
  get texts(): readonly string[] | undefined {
    const keys = this.#names.map((name) => keyOf(fixedPart(name), this.#prefix));
    if (keys.includes(undefined)) return undefined;
    const quoted = [...keys, ...this.#addresses].map((text) => JSON.stringify(text).slice(1, -1));
    // A change of a key says nothing of its address: only its key, which nobody knows.
    return this.#addresses.size > 0 ? undefined : quoted;
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

/** What stands behind the last `*`: a key below it begins as its key does. */
export function fixedPart(pattern: OwnerName): OwnerName {
  const labels = labelsOf(pattern);
  return nameOf(labels.slice(labels.lastIndexOf('*') + 1));
}

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
  /** Records whose event is before the snapshot that the state comes from, and was not looked for yet. */
  readonly #unexplained = new Set<EtcdKey>();
  /** Of records in {@link #unexplained}: what is known of them before their event is. */
  readonly #explanations = new Map<string, Explanation>();
  #latest: NumberedEvent | undefined;
  #hasOwnLatest = false;
  /** Of the whole zone, not of what is covered: for the SOA. */
  #state = initialFollowState;
  #isRunning = false;

  constructor(prefix: string, interest: Interest) {
    this.live = new LiveZone(prefix);
    this.#interest = interest;
  }

  /**
   * An event of before the snapshot that the state comes from, the newest first: it tells only who made things so.
   *
   * @returns whether older ones can tell no more
   */
  noteEarlier(event: ZoneEvent, sequence: number): boolean {
    if (event.type === 'ChangeExplained') this.#noteExplanation(event);
    if (event.type !== 'RecordPut' && event.type !== 'RecordDeleted') return false;
    if (!this.#interest.covers(event.key, event.type === 'RecordPut' ? event.value : undefined)) return false;
    const explained = this.#explanations.get(changeId(event));
    const numbered = { ...event, sequence, ...(explained !== undefined && { explained }) };
    // A record that came with a snapshot, in bulk, is in no event: it may be younger than all of them.
    if (!this.#hasOwnLatest && BigInt(event.revision) >= revisionOf(this.#latest)) this.#latest = numbered;
    this.#hasOwnLatest = true;
    const made = this.#unexplained.has(event.key) ? this.#madeBy.get(event.key) : undefined;
    if (made?.type === 'RecordPut' && event.type === 'RecordPut' && made.revision === event.revision) {
      this.#madeBy.set(event.key, numbered);
    }
    // What is older than the last change of a key is over, whether it was this record or not.
    this.#unexplained.delete(event.key);
    return this.#unexplained.size === 0;
  }

  /** Whether events of before the snapshot could tell who made things so. */
  get asksForEarlier(): boolean {
    return !this.#hasOwnLatest || this.#unexplained.size > 0;
  }

  /** Of an event that is not known yet: it is further back. */
  #noteExplanation(event: ChangeExplained): void {
    const { key } = event;
    const isAskedFor = this.#unexplained.has(key) || (!this.#hasOwnLatest && this.#interest.covers(key, undefined));
    if (isAskedFor) this.#explanations.set(changeId(event), explanationOf(event));
  }

  #explain(event: ChangeExplained): void {
    const { key } = event;
    this.#noteExplanation(event);
    this.#latest = explainedBy(this.#latest, event);
    const madeBy = explainedBy(this.#madeBy.get(key), event);
    if (madeBy !== undefined) this.#madeBy.set(key, madeBy);
  }

  /** A record of the snapshot. One whose event the journal has not was first seen in it. */
  applyFromSnapshot(event: Extract<ZoneEvent, { type: 'RecordPut' }>, sequence: number): void {
    if (!this.#interest.covers(event.key, event.value)) return;
    const numbered = { ...event, sequence };
    this.#madeBy.set(event.key, numbered);
    this.#unexplained.add(event.key);
    if (BigInt(event.revision) > revisionOf(this.#latest)) this.#latest = numbered;
    this.live.apply(event);
  }

  /** The rest of a snapshot: how the zone as a whole stood. */
  applyHead(head: HeadLine, atMs: number): void {
    this.#state = stateOf(head);
    this.live.restore(this.#state);
    const sync = syncOf(head, this.live.zone, atMs);
    if (sync !== undefined) this.live.apply(sync);
    if (head.confirmedAtMs !== undefined) this.live.confirm(head.confirmedAtMs);
    if (head.isLive !== true) this.live.interrupt();
    this.#isRunning = head.isStopped !== true;
  }

  apply(event: ZoneEvent, sequence: number): void {
    if (event.type === 'ChangeExplained') this.#explain(event);
    this.#state = evolveFollow(this.#state, event);
    if (event.type === 'ResolverStarted' || event.type === 'ResolverStopped') {
      this.#isRunning = event.type === 'ResolverStarted';
    }
    if (event.type === 'RecordPut' || event.type === 'RecordDeleted') {
      const isCovered = this.#interest.covers(event.key, event.type === 'RecordPut' ? event.value : undefined);
      // A record that had an address of interest may have another one now.
      if (!isCovered && this.live.zone.get(event.key) === undefined) {
        // What is left out counts all the same: the serial goes with every change.
        this.live.zone.advance(this.#state.revision);
        return;
      }
      const numbered = { ...event, sequence };
      if (event.type === 'RecordPut') this.#madeBy.set(event.key, numbered);
      else this.#madeBy.delete(event.key);
      this.#unexplained.delete(event.key);
      this.#latest = numbered;
      this.#hasOwnLatest = true;
    }
    if ((event.type === 'ResolverStarted' || event.type === 'StoreLost') && event.confirmedAtMs !== undefined) {
      this.live.confirm(event.confirmedAtMs);
    }
    if (event.type === 'ResolverStarted') this.live.interrupt();
    this.live.apply(event);
    if (event.type === 'ZoneConfirmed' || event.type === 'StoreRegained') this.live.confirm(event.atMs);
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Of the whole zone: the low 32 bits were the serial. */
  get revision(): bigint {
    return this.#state.revision;
  }

  /** In a sentence: whether what it answered then was known to be true. */
  standing(atMs: number): string {
    if (!this.#isRunning) return 'the resolver was not running';
    if (this.live.confirmedAtMs === undefined) return 'the store had never been read: SERVFAIL';
    if (this.live.isLive) return 'followed the store';
    const seconds = Math.round(this.live.staleMs(atMs) / 1000);
    return `the store was away, last seen ${seconds} s before: answered as stale up to --max-stale, then SERVFAIL`;
  }

  availability(atMs: number, maxStaleMs: number): Availability {
    return this.live.availability(atMs, maxStaleMs);
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
    return new Map(types.map((type) => [type, this.outcome(name, type, settings, atMs, 'live')]));
  }

  /** @param onOutside told of each name whose addresses only a forwarder's cache could have given */
  outcome(
    name: OwnerName,
    type: RrTypeName,
    settings: LookupSettings,
    atMs: number,
    availability: Availability,
    onOutside?: (name: OwnerName) => void,
  ): Outcome {
    const context = {
      nowMs: atMs,
      leaseDeadlineMs: () => undefined,
      outside: (question: Question) => {
        onOutside?.(question.name);
        return { addresses: [], validUntilMs: Number.POSITIVE_INFINITY };
      },
      availability,
    };
    return lookup(this.live.zone, { name, type: RrType[type] }, settings, context);
  }
}

function changeId({ revision, key }: { readonly revision: string; readonly key: EtcdKey }): string {
  return `${revision} ${key}`;
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
