import type { Subscription } from 'rxjs';
import type { LeaseId, Store } from '../../shared/store.ts';
import type { AnnouncerEvent } from '../event.ts';
import { keepAlive, LeaseEnded } from './keep-alive.ts';

export interface ShardLeasesSettings {
  readonly store: Store;
  readonly ttlSeconds: number;
  /** What a predecessor left, by shard. */
  readonly left: ReadonlyMap<number, LeaseId>;
  readonly now: () => number;
  readonly emit: (event: AnnouncerEvent) => void;
  /** A shard's lease ended by itself: its keys must be written under another. */
  readonly onEnded: (shard: number) => void;
}

interface ShardLease {
  readonly lease: LeaseId;
  readonly keeping: Subscription;
}

/** The leases of the shards: granted when first needed, kept alive, adopted from a predecessor, given back. */
export class ShardLeases {
  readonly #settings: ShardLeasesSettings;
  readonly #leases = new Map<number, ShardLease>();
  /** Leases that are ours to give back and that nobody keeps alive, with their shards. */
  readonly #unkept: Map<LeaseId, number>;
  #keepalives = 0;
  #isClosed = false;

  constructor(settings: ShardLeasesSettings) {
    this.#settings = settings;
    this.#unkept = new Map([...settings.left].map(([shard, lease]) => [lease, shard]));
  }

  get(shard: number): LeaseId | undefined {
    return this.#leases.get(shard)?.lease;
  }

  shardOf(lease: LeaseId): number | undefined {
    for (const [shard, held] of this.#leases) if (held.lease === lease) return shard;
    return undefined;
  }

  shards(): number[] {
    return [...this.#leases.keys()];
  }

  /** Keepalives that were answered since start. */
  get keepalives(): number {
    return this.#keepalives;
  }

  /** Every lease that names may stand on: those that are kept alive, and those that a predecessor left. */
  all(): LeaseId[] {
    return [...[...this.#leases.values()].map(({ lease }) => lease), ...this.#unkept.keys()];
  }

  /**
   * Takes over the leases that a predecessor left, as far as they live. One of another length is left to run out: its keys
   * move to a new lease, so that a changed `--lease-ttl` takes effect.
   *
   * @throws {StoreError} when the store cannot say; what was adopted by then stays adopted
   */
  async adopt(): Promise<void> {
    const { store, ttlSeconds, emit, now } = this.#settings;
    for (const [lease, shard] of [...this.#unkept]) {
      const ttl = await store.timeToLive(lease);
      if (ttl === undefined) {
        this.#unkept.delete(lease);
        emit({ type: 'LeaseLost', atMs: now(), lease, shard, silentMs: 0 });
      } else if (ttl.grantedSeconds === ttlSeconds && (await this.#answers(lease))) {
        // As the predecessor left it: the next one's to adopt, or to be given back with the others.
        if (this.#isClosed) return;
        this.#unkept.delete(lease);
        this.#keep(shard, lease);
        emit({ type: 'LeaseAdopted', atMs: now(), lease, shard, remainingSeconds: ttl.remainingSeconds });
      }
    }
  }

  /** Gives back leases that a predecessor left for names that are ours no more. @throws {StoreError} */
  async discard(): Promise<void> {
    for (const lease of [...this.#unkept.keys()]) await this.giveBack(lease);
  }

  /** @throws {StoreError} */
  async grant(shard: number): Promise<void> {
    const { store, ttlSeconds, emit, now } = this.#settings;
    const granted = await store.grant(ttlSeconds);
    if (this.#isClosed) {
      // Nobody will write under it.
      this.#unkept.set(granted.lease, shard);
      return this.giveBack(granted.lease);
    }
    this.#keep(shard, granted.lease);
    emit({ type: 'LeaseGranted', atMs: now(), lease: granted.lease, shard, ttlSeconds: granted.ttlSeconds });
  }

  /** Asks the store for each lease of these shards whether it lives. @throws {StoreError} when it cannot say */
  async check(shards: Iterable<number>): Promise<void> {
    await Promise.all(
      [...shards].map(async (shard) => {
        const lease = this.get(shard);
        if (lease !== undefined && !(await this.#answers(lease))) this.#ended(shard, lease, 0);
      }),
    );
  }

  /** Gives a lease back, and with it every key on it. @throws {StoreError} when the store did not confirm it */
  async giveBack(lease: LeaseId): Promise<void> {
    const { store, emit, now } = this.#settings;
    const shard = this.shardOf(lease) ?? this.#unkept.get(lease);
    if (shard === undefined) return;
    const held = this.#leases.get(shard);
    if (held?.lease === lease) {
      held.keeping.unsubscribe();
      this.#leases.delete(shard);
      this.#unkept.set(lease, shard);
    }
    await store.revoke(lease);
    this.#unkept.delete(lease);
    emit({ type: 'LeaseRevoked', atMs: now(), lease, shard });
  }

  /** Stops the keepalives for good and leaves the leases to live for their TTL. */
  leave(): void {
    this.#isClosed = true;
    for (const { keeping } of this.#leases.values()) keeping.unsubscribe();
  }

  /** A lease that is gone is the one answer to look for: every other failure is the store's, and is thrown. */
  async #answers(lease: LeaseId): Promise<boolean> {
    try {
      await this.#settings.store.keepAlive(lease);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === 'lease-gone') return false;
      throw error;
    }
  }

  #keep(shard: number, lease: LeaseId): void {
    const { store, ttlSeconds } = this.#settings;
    const keeping = keepAlive(store, lease, ttlSeconds).subscribe({
      next: () => {
        this.#keepalives += 1;
      },
      error: (error: unknown) => {
        // keepAlive ends with nothing else; anything else would be a bug, and ends the process.
        if (!(error instanceof LeaseEnded)) throw error;
        this.#ended(shard, lease, error.silentMs);
      },
    });
    this.#leases.set(shard, { lease, keeping });
  }

  #ended(shard: number, lease: LeaseId, silentMs: number): void {
    const held = this.#leases.get(shard);
    if (held?.lease !== lease) return;
    held.keeping.unsubscribe();
    this.#leases.delete(shard);
    this.#settings.emit({ type: 'LeaseLost', atMs: this.#settings.now(), lease, shard, silentMs });
    this.#settings.onEnded(shard);
  }
}
