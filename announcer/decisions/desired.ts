import type { Map as ImmutableMap } from 'immutable';
import type { EtcdKey } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { AnnouncerState } from './state.ts';

/**
 * What the store should hold of this host: key to value. A view, not a copy; the same one as long as nothing of it
 * changes, so that `distinctUntilChanged` tells a change from another event.
 */
export function desiredKeys(state: AnnouncerState): ReadonlyMap<EtcdKey, string> {
  const known = VIEWS.get(state.desired);
  if (known !== undefined) return known;
  const view = new MapView(state.desired);
  VIEWS.set(state.desired, view);
  return view;
}

const VIEWS = new WeakMap<ImmutableMap<EtcdKey, string>, ReadonlyMap<EtcdKey, string>>();

/** A persistent map as the language's own: its `forEach` would end at the first `false`, and its iterators differ in type. */
class MapView<K, V> implements ReadonlyMap<K, V> {
  readonly #map: ImmutableMap<K, V>;

  constructor(map: ImmutableMap<K, V>) {
    this.#map = map;
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: K): V | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  forEach(callback: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    this.#map.forEach((value, key) => {
      callback(value, key, this);
    });
  }

  *entries(): Generator<[K, V], undefined> {
    yield* this.#map.entries();
  }

  *keys(): Generator<K, undefined> {
    yield* this.#map.keys();
  }

  *values(): Generator<V, undefined> {
    yield* this.#map.values();
  }

  [Symbol.iterator](): Generator<[K, V], undefined> {
    return this.entries();
  }
}

/** A lease of ours, as far as the journal knows, with the keys that stand on it. */
export interface LeaseShard {
  readonly shard: number;
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
  /** When it was granted or adopted. */
  readonly sinceMs: number;
  readonly keys: readonly EtcdKey[];
}

/** What a restarted announcer may adopt: by shard, ascending; keys in their order. */
export function leasesOf(state: AnnouncerState): readonly LeaseShard[] {
  const keys = new Map<number, EtcdKey[]>();
  for (const [key, { shard }] of state.standing) {
    const ofShard = keys.get(shard);
    if (ofShard === undefined) keys.set(shard, [key]);
    else ofShard.push(key);
  }
  return [...state.leases]
    .sort(([a], [b]) => a - b)
    .map(([shard, lease]) => ({ shard, ...lease, keys: (keys.get(shard) ?? []).sort() }));
}
