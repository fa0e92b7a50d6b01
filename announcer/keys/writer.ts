import type { EtcdKey } from '../../shared/name.ts';
import {
  type ChangeBatch,
  type CommitResult,
  type Expectation,
  type LeaseId,
  type Revision,
  type Snapshot,
  type Store,
  StoreError,
} from '../../shared/store.ts';
import type { AnnouncerEvent } from '../event.ts';
import { withCauses } from './causes.ts';
import { Comparison } from './comparison.ts';
import { Holdings, type Wish } from './holdings.ts';
import { KEYS_PER_TRANSACTION, type PlannedTransaction } from './plan.ts';
import { ShardLeases } from './shard-leases.ts';

/** What the journal says a predecessor left. */
export interface Left {
  /** By shard. */
  readonly leases: ReadonlyMap<number, LeaseId>;
  /** It announced under another host name, domain or prefix: its leases are given back, names and all. */
  readonly isOfOtherScope: boolean;
  /** The keys it wanted. */
  readonly keys: Iterable<EtcdKey>;
}

export interface WriterSettings {
  readonly store: Store;
  readonly host: string;
  /** As in `Standing`; the host unless given. */
  readonly owning?: string;
  readonly ttlSeconds: number;
  readonly left: Left;
  readonly now: () => number;
  readonly emit: (event: AnnouncerEvent) => void;
  /** There is something to do. */
  readonly wake: () => void;
  /** A transaction was refused at the fence. */
  readonly onFenced: () => void;
}

/** What every transaction expects of the host's claim, and the lease that the claim is on. */
export interface HeldClaim {
  readonly fence: Expectation;
  readonly lease: LeaseId;
}

/** etcd's, with a lower `--max-txn-ops` than its default. */
const TOO_MANY = /too many operations/;

/** What the store told. It waits until no write is under way, so that our own writes are not taken for somebody else's. */
export type Told =
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly type: 'changes'; readonly batch: ChangeBatch };

/**
 * Brings the store to the wish, step by step. A step is at most one transaction, after which everything that arrived
 * meanwhile is looked at first: a withdrawal never waits for a bulk of announcements, only for one transaction of it.
 */
export class Writer {
  readonly #settings: WriterSettings;
  readonly #leases: ShardLeases;
  readonly #holdings: Holdings;
  #inbox: Told[] = [];
  #wish: (() => Wish) | undefined;
  readonly #comparison = new Comparison(() => this.#holdings.everyKey());
  #toRetire: number[] = [];
  #held: HeldClaim | undefined;
  #removeUnclaimed = false;
  /** Smaller than {@link KEYS_PER_TRANSACTION} where the store's own limit is. */
  #keysEach = KEYS_PER_TRANSACTION;
  #adopted = false;
  #seen: { readonly storeId: string; readonly revision: Revision } | undefined;

  constructor(settings: WriterSettings) {
    this.#settings = settings;
    this.#leases = new ShardLeases({
      ...settings,
      left: settings.left.leases,
      onEnded: () => {
        this.#holdings.touchAll();
        settings.wake();
      },
    });
    this.#holdings = new Holdings(settings.host, this.#leases, settings.left.keys, settings.owning);
  }

  get leases(): ShardLeases {
    return this.#leases;
  }

  get holdings(): Holdings {
    return this.#holdings;
  }

  /** Whether the store has been read since the host was claimed. */
  get isReading(): boolean {
    return this.#seen !== undefined;
  }

  /** Whether nothing waits to be written. */
  get isSettled(): boolean {
    const idle = this.#wish === undefined && this.#inbox.length === 0 && this.#holdings.dirtyCount === 0;
    return idle && this.#held !== undefined && this.isReading;
  }

  /** @param wish projected when there is time for it: of many wishes, only the newest ever is */
  want(wish: () => Wish): void {
    this.#wish = wish;
  }

  /** The claim; undefined while the host is not ours: nothing is written then. */
  guard(held: HeldClaim | undefined): void {
    this.#held = held;
    if (held === undefined) this.#inbox = [];
  }

  /** The step under way ends before its next write, and none begins any more; the leases live on for their TTL. */
  leave(): void {
    this.guard(undefined);
    this.#leases.leave();
  }

  /** Only while the host is ours, and from a snapshot on. */
  tell(told: Told): void {
    if (this.#held !== undefined) this.#inbox.push(told);
  }

  /** From now on, keys that name us as owner and that nobody wants are removed. */
  allowRemovalOfUnclaimed(): void {
    this.#removeUnclaimed = true;
    this.#holdings.touchAll();
  }

  /** Compares in the steps that follow: the wish with what we know, what we know with the store. */
  compare(): void {
    this.#comparison.begin();
    this.#toRetire = this.#leases.shards().filter((shard) => this.#holdings.isEmpty(shard));
  }

  /** Does the next thing there is to do. @returns whether there may be more @throws {StoreError} */
  async step(): Promise<boolean> {
    if (this.#held === undefined) return false;
    if (!this.#adopted) await this.#adopt();
    await this.#readInbox();
    // Either may have been long, and the claim or the whole announcer may have gone meanwhile.
    const held = this.#held as HeldClaim | undefined;
    if (held === undefined || this.#seen === undefined) return false;
    this.#readWish();
    const { transactions, waiting } = this.#holdings.next(held.fence, this.#removeUnclaimed, this.#keysEach);
    const [transaction] = transactions;
    const [unleased] = waiting;
    if (transaction !== undefined) await this.#write(transaction, held);
    else if (unleased !== undefined) await this.#leases.grant(this.#holdings.shardFor(unleased));
    else if (this.#isComparing()) await this.#verifySome();
    else return this.#retire();
    return true;
  }

  async #adopt(): Promise<void> {
    await (this.#settings.left.isOfOtherScope ? this.#leases.discard() : this.#leases.adopt());
    this.#adopted = true;
  }

  #readWish(): void {
    if (this.#wish === undefined) return;
    const wish = this.#wish();
    this.#wish = undefined;
    this.#emit(this.#holdings.want(wish, this.#settings.now()));
  }

  async #readInbox(): Promise<void> {
    for (let told = this.#inbox[0]; told !== undefined; told = this.#inbox[0]) {
      if (told.type === 'snapshot') await this.#readSnapshot(told.snapshot);
      else await this.#readChanges(told.batch);
      // Not before: what the store failed us in the middle of is read again. It is gone already when the claim is.
      if (this.#inbox[0] === told) this.#inbox.shift();
    }
  }

  async #readChanges({ changes, revision }: ChangeBatch): Promise<void> {
    if (this.#seen === undefined) return;
    await this.#checkLeasesOf(changes.flatMap((change) => (change.type === 'delete' ? change.key : [])));
    const atMs = this.#settings.now();
    for (const change of changes) {
      if (change.type === 'put') {
        this.#emit(this.#holdings.learn(change.entry.key, change.entry, change.entry.modRevision, undefined, atMs));
      } else {
        this.#emit(this.#holdings.learn(change.key, undefined, change.modRevision, undefined, atMs));
      }
    }
    this.#holdings.settle(revision);
    this.#seen = { ...this.#seen, revision };
  }

  /** A store that is older than what we saw of it, or another one, was restored: nothing that we know of it holds. */
  async #readSnapshot({ entries, revision, storeId }: Snapshot): Promise<void> {
    const seen = this.#seen;
    const replaced = seen !== undefined && (storeId !== seen.storeId || revision < seen.revision);
    if (seen !== undefined) await this.#leases.check(this.#leases.shards());
    if (replaced) {
      this.#holdings.forget();
      this.#settings.onFenced();
    }
    this.#readWish();
    const cause = seen === undefined || replaced ? 'found' : undefined;
    this.#seen = { storeId, revision };
    this.#emit(this.#holdings.learnAll(entries, revision, cause, this.#settings.now()));
  }

  async #write(planned: PlannedTransaction, { lease: causesLease }: HeldClaim): Promise<void> {
    const { transaction, writes } = planned;
    const { owning = this.#settings.host, now } = this.#settings;
    const result = await this.#commit(withCauses(planned, { owning, lease: causesLease }, this.#holdings, now()));
    if (result === undefined) return;
    if (!result.ok) return this.#readRefusal(transaction.expect, result);
    const atMs = now();
    const { revision } = result;
    for (const { write, cause } of writes) {
      const { key } = write;
      if (write.type === 'delete') {
        this.#emit(this.#holdings.learn(key, undefined, revision, cause, atMs));
        continue;
      }
      const { value, lease } = write;
      const createRevision = this.#holdings.standing(key)?.createRevision ?? revision;
      const entry = { key, value, createRevision, modRevision: revision, ...(lease === undefined ? {} : { lease }) };
      this.#emit(this.#holdings.learn(key, entry, revision, cause, atMs));
    }
  }

  /**
   * @returns undefined when its keys have to be planned for anew: a lease of it was gone, and its shard gets another one;
   *   or the store takes fewer keys at once
   */
  async #commit(transaction: PlannedTransaction['transaction']): Promise<CommitResult | undefined> {
    try {
      return await this.#settings.store.commit(transaction);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code === 'invalid' && TOO_MANY.test(error.message) && this.#keysEach > 1) {
        this.#keysEach = Math.floor(this.#keysEach / 2);
        return undefined;
      }
      if (error.code !== 'lease-gone') throw error;
      const before = this.#leases.shards().length;
      await this.#leases.check(this.#leases.shards());
      if (this.#leases.shards().length === before) throw error;
      return undefined;
    }
  }

  /** A transaction that was refused says what stands at each key that it expected. */
  async #readRefusal(
    expect: readonly Expectation[],
    { found, revision }: CommitResult & { readonly ok: false },
  ): Promise<void> {
    const entries = new Map(found.map((entry) => [entry.key, entry]));
    await this.#checkLeasesOf(expect.map(({ key }) => key).filter((key) => !entries.has(key)));
    const atMs = this.#settings.now();
    for (const { key } of expect) {
      if (key !== this.#held?.fence.key)
        this.#emit(this.#holdings.learn(key, entries.get(key), revision, undefined, atMs));
    }
    const fence = this.#held?.fence;
    if (fence === undefined || 'absent' in fence || !expect.includes(fence)) return;
    if (entries.get(fence.key)?.modRevision === fence.modRevision) return;
    this.#held = undefined;
    this.#settings.onFenced();
  }

  /** A part at a time: thousands of keys at once would stand in the way of a withdrawal. */
  #isComparing(): boolean {
    this.#holdings.touch(this.#comparison.next(2 * this.#keysEach));
    return this.#comparison.part.length > 0;
  }

  /** A transaction that writes nothing: cheap for the store, and it reads our keys only. */
  async #verifySome(): Promise<void> {
    const keys = this.#comparison.part.slice(0, 2 * this.#keysEach);
    const expect = keys.flatMap((key): Expectation[] => {
      const stands = this.#holdings.standing(key);
      return stands === undefined ? [] : [{ key, modRevision: stands.modRevision }];
    });
    if (expect.length > 0) {
      const result = await this.#commit({ expect, writes: [] });
      if (result === undefined) return;
      if (!result.ok) await this.#readRefusal(expect, result);
    }
    this.#comparison.asked(keys.length);
  }

  /** Keys that are gone may have gone with their lease: that is no other writer's doing, and takes a new lease. */
  async #checkLeasesOf(gone: readonly EtcdKey[]): Promise<void> {
    const shards = gone
      .filter((key) => this.#holdings.desired.has(key) && this.#holdings.standing(key) !== undefined)
      .map((key) => this.#holdings.shardFor(key));
    await this.#leases.check(new Set(shards));
  }

  async #retire(): Promise<boolean> {
    const shard = this.#toRetire.shift();
    if (shard === undefined) return false;
    const lease = this.#leases.get(shard);
    if (lease !== undefined && this.#holdings.isEmpty(shard)) await this.#leases.giveBack(lease);
    return true;
  }

  #emit(events: readonly AnnouncerEvent[]): void {
    for (const event of events) this.#settings.emit(event);
  }
}
