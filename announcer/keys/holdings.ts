import type { EtcdKey } from '../../shared/name.ts';
import type { Entry, Expectation, LeaseId, Revision } from '../../shared/store.ts';
import type { AnnouncerEvent, DriftCause } from '../event.ts';
import { type RunKey, runOf } from '../run/run-owner.ts';
import type { Reasons, WishReason } from './causes.ts';
import { driftOf } from './drift.ts';
import { type Plan, plan } from './plan.ts';
import { Shards } from './shards.ts';
import { type Learned, Standing, type StandingKey } from './standing.ts';

export type DesiredKeys = ReadonlyMap<EtcdKey, string>;

export interface Wish {
  readonly desired: DesiredKeys;
  /** Keys that may be wanted differently than in the wish before: only these are looked at. */
  readonly changed: Iterable<EtcdKey>;
  /** Why, for those of which a conclusion says it. */
  readonly reasons?: ReadonlyMap<EtcdKey, WishReason | undefined>;
  /** Wanted by what a predecessor left alone: where such a key does not stand any more, it is not written. */
  readonly unseen?: ReadonlySet<EtcdKey>;
}

/** The living leases, by shard. */
export interface LeaseBook {
  get(shard: number): LeaseId | undefined;
  shardOf(lease: LeaseId): number | undefined;
}

/** What made us learn of a key: our own transaction, by its cause; the first look at the store; or somebody else's doing. */
export type LearnCause = string | undefined;

/**
 * The announcer's side of the store: which keys are wanted, what stands, in which shard each is, and which of them may
 * differ. Learning something returns the events that follow from it.
 */
export class Holdings implements Reasons {
  readonly #host: string;
  readonly #standing: Standing;
  readonly #leases: LeaseBook;
  readonly #shards = new Shards();
  #desired: DesiredKeys = new Map();
  #unseen: ReadonlySet<EtcdKey> = new Set();
  /** Keys that were wanted and are not known to be gone. */
  readonly #claimed: Set<EtcdKey>;
  /** Keys that may differ from the wish: only these are planned for. */
  readonly #dirty = new Set<EtcdKey>();
  readonly #repairs = new Map<EtcdKey, DriftCause>();
  /** Of keys that may differ from the wish, as long as they may. */
  readonly #reasons = new Map<EtcdKey, WishReason>();
  #hasLooked = false;

  /** @param claimed the keys that a predecessor with the same journal wanted @param owning as in {@link Standing} */
  constructor(host: string, leases: LeaseBook, claimed: Iterable<EtcdKey>, owning?: string) {
    this.#host = host;
    this.#standing = new Standing(host, owning);
    this.#leases = leases;
    this.#claimed = new Set(claimed);
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get desired(): DesiredKeys {
    return this.#desired;
  }

  standing(key: EtcdKey): StandingKey | undefined {
    return this.#standing.get(key);
  }

  /** Every key that stands and is ours. */
  *ours(): Generator<[EtcdKey, StandingKey]> {
    for (const entry of this.#standing.entries()) if (entry[1].foreignOwner === undefined) yield entry;
  }

  /** The keys of `rollcall run` on this host: never ours, and of interest to who asks what is announced here. */
  *runs(): Generator<RunKey> {
    for (const [key, { value, modRevision, foreignOwner }] of this.#standing.entries()) {
      const run = foreignOwner === undefined ? undefined : runOf(foreignOwner, this.#host);
      if (run !== undefined) yield { ...run, key, value, revision: String(modRevision) };
    }
  }

  /** The shard that a wanted key is in. */
  shardFor(key: EtcdKey): number {
    return this.#shards.place(key);
  }

  isEmpty(shard: number): boolean {
    return this.#shards.sizeOf(shard) === 0;
  }

  reasonFor(key: EtcdKey): WishReason | undefined {
    return this.#reasons.get(key);
  }

  repairOf(key: EtcdKey): DriftCause | undefined {
    return this.#repairs.get(key);
  }

  want({ desired, changed, reasons, unseen }: Wish, atMs: number): AnnouncerEvent[] {
    const events: AnnouncerEvent[] = [];
    this.#desired = desired;
    if (unseen !== undefined) this.#unseen = unseen;
    for (const key of changed) {
      this.#dirty.add(key);
      const reason = reasons?.get(key);
      if (reason === undefined) this.#reasons.delete(key);
      else this.#reasons.set(key, reason);
      if (desired.has(key)) {
        this.#claimed.add(key);
        events.push(...this.#conflict(key, atMs));
      } else {
        this.#forgetIfGone(key);
      }
    }
    return events;
  }

  /** One fact about one key; those of other hosts are passed over. */
  learn(key: EtcdKey, entry: Entry | undefined, asOf: Revision, cause: LearnCause, atMs: number): AnnouncerEvent[] {
    if (!this.#standing.isBelowHost(key)) return [];
    const learned = this.#standing.learn(key, entry, asOf);
    return learned === undefined ? [] : this.#conclude(learned, cause, atMs);
  }

  /** Everything below the domain. `found` is the first look: nothing can have drifted from what we never knew. */
  learnAll(entries: readonly Entry[], asOf: Revision, cause: 'found' | undefined, atMs: number): AnnouncerEvent[] {
    this.#hasLooked = true;
    const learned = this.#standing.learnAll(entries, asOf);
    for (const { key, after } of learned) {
      const shard = after?.lease === undefined ? undefined : this.#leases.shardOf(after.lease);
      if (after?.foreignOwner === undefined && shard !== undefined) this.#shards.adopt(key, shard);
    }
    const events = learned.flatMap((each) => this.#conclude(each, cause, atMs));
    this.#standing.settle(asOf);
    for (const key of this.#claimed) this.#forgetIfGone(key);
    this.touchAll();
    return events;
  }

  /** The watch has told everything up to `revision`. */
  settle(revision: Revision): void {
    this.#standing.settle(revision);
  }

  /** The store was replaced by another one. */
  forget(): void {
    this.#hasLooked = false;
    this.#standing.forget();
  }

  /** Every key is compared again. */
  touchAll(): void {
    this.#desired.forEach((_value, key) => {
      this.#dirty.add(key);
    });
    for (const [key] of this.ours()) this.#dirty.add(key);
  }

  /** These keys are compared again. */
  touch(keys: Iterable<EtcdKey>): void {
    for (const key of keys) this.#dirty.add(key);
  }

  /** Every key that is ours or wanted, once; what comes and goes while they are asked for may be among them or not. */
  *everyKey(): Generator<EtcdKey, undefined> {
    for (const [key] of this.ours()) yield key;
    for (const key of this.#desired.keys()) if (!this.#isOurs(key)) yield key;
  }

  /** The next transaction, of at most `keysEach`, and the keys that wait for a lease. Deletions come before everything. */
  next(fence: Expectation, removeUnclaimed: boolean, keysEach?: number): Plan {
    const wishes = {
      desired: this.#desired,
      leaseOf: (key: EtcdKey) => this.#leases.get(this.#shards.place(key)),
      isClaimed: (key: EtcdKey) => this.#claimed.has(key),
      isUnseen: (key: EtcdKey) => this.#unseen.has(key),
      removeUnclaimed,
    };
    const made = plan(this.#dirty, this.#standing, wishes, fence, 1, keysEach);
    for (const key of made.done) {
      this.#dirty.delete(key);
      this.#reasons.delete(key);
    }
    return made;
  }

  #conclude(learned: Learned, cause: LearnCause, atMs: number): AnnouncerEvent[] {
    const { key, before, after, asOf } = learned;
    const value = this.#desired.get(key);
    const shard = this.#shards.shardOf(key);
    const lease = shard === undefined ? undefined : this.#leases.get(shard);
    const drift =
      cause === 'unclaimed' ? 'key-unclaimed' : cause === undefined ? driftOf(learned, { value, lease }) : undefined;
    const events: AnnouncerEvent[] = [];
    this.#dirty.add(key);
    if (drift !== undefined) {
      events.push({ type: 'DriftFound', atMs, cause: drift, detail: `${key}: ${DRIFT_DETAIL[drift]}` });
      if (value !== undefined) this.#repairs.set(key, drift);
    }
    if (after === undefined) {
      if (before !== undefined && before.foreignOwner === undefined) {
        const why = drift ?? cause ?? (value === undefined ? 'withdrawn' : 'lease-ended');
        events.push({ type: 'KeyRemoved', atMs, key, revision: String(asOf), cause: why });
      }
      this.#forgetIfGone(key);
    } else if (after.foreignOwner !== undefined) {
      events.push(...this.#conflict(key, atMs));
    } else if (shard !== undefined && after.value === value && after.lease !== undefined && after.lease === lease) {
      const why = this.#repairs.get(key) ?? cause ?? 'announced';
      this.#repairs.delete(key);
      events.push({ type: 'KeyWritten', atMs, key, shard, revision: String(after.modRevision), cause: why });
    }
    return events;
  }

  #conflict(key: EtcdKey, atMs: number): AnnouncerEvent[] {
    const foundOwner = this.#standing.get(key)?.foreignOwner;
    if (foundOwner === undefined || !this.#desired.has(key)) return [];
    return [{ type: 'KeyConflicted', atMs, key, foundOwner }];
  }

  #isOurs(key: EtcdKey): boolean {
    const stands = this.#standing.get(key);
    return stands !== undefined && stands.foreignOwner === undefined;
  }

  /** Frees the place of a key that is neither wanted nor there: which nobody can say before the first look. */
  #forgetIfGone(key: EtcdKey): void {
    if (!this.#hasLooked) return;
    if (this.#desired.has(key) || this.#isOurs(key)) return;
    this.#shards.remove(key);
    this.#claimed.delete(key);
    this.#repairs.delete(key);
  }
}

const DRIFT_DETAIL: Readonly<Record<DriftCause, string>> = {
  'missed-start': 'a start was missed',
  'missed-stop': 'a stop was missed',
  'missed-change': 'a change was missed',
  'key-missing': 'was removed by another writer; writing it again',
  'key-edited': 'was edited by another writer; writing it again',
  'key-unclaimed': 'names this host as its owner, but nothing here wants it; removed',
  'key-foreign': 'was taken over by another owner; leaving it alone',
};
