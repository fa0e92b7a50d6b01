import type { EtcdKey } from '../../shared/name.ts';

/**
 * Keys on one lease. Measured: one lease a key costs a heartbeat each, one lease for all makes every put on etcd before
 * 3.4.27 and 3.5.10 linear in the keys of its lease; 250 is the fastest of both.
 */
export const KEYS_PER_LEASE_MAX = 250;

/**
 * Which key goes to which lease shard. A key stays where it is as long as it is there, so that no key is rewritten because
 * another came or went; a new one takes the lowest shard with room, so that shards at the end run empty and can be given back.
 */
export class Shards {
  readonly #shardOf = new Map<EtcdKey, number>();
  readonly #sizes: number[] = [];

  /** The shard of `key`; a key that has none is put into the lowest one with room. */
  place(key: EtcdKey): number {
    const placed = this.#shardOf.get(key);
    if (placed !== undefined) return placed;
    const free = this.#sizes.findIndex((size) => size < KEYS_PER_LEASE_MAX);
    const shard = free === -1 ? this.#sizes.length : free;
    this.#put(key, shard);
    return shard;
  }

  /** Puts `key` where it was found. @returns false, and changes nothing, when the shard is full or the key is in another one */
  adopt(key: EtcdKey, shard: number): boolean {
    const placed = this.#shardOf.get(key);
    if (placed !== undefined) return placed === shard;
    if (this.sizeOf(shard) >= KEYS_PER_LEASE_MAX) return false;
    this.#put(key, shard);
    return true;
  }

  remove(key: EtcdKey): void {
    const shard = this.#shardOf.get(key);
    if (shard === undefined) return;
    this.#shardOf.delete(key);
    this.#sizes[shard] = this.sizeOf(shard) - 1;
  }

  shardOf(key: EtcdKey): number | undefined {
    return this.#shardOf.get(key);
  }

  sizeOf(shard: number): number {
    return this.#sizes[shard] ?? 0;
  }

  keys(): Iterable<EtcdKey> {
    return this.#shardOf.keys();
  }

  #put(key: EtcdKey, shard: number): void {
    while (this.#sizes.length <= shard) this.#sizes.push(0);
    this.#shardOf.set(key, shard);
    this.#sizes[shard] = this.sizeOf(shard) + 1;
  }
}
