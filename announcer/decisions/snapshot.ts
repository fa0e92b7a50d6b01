import { Map as ImmutableMap, Set as ImmutableSet } from 'immutable';
import type { EtcdKey } from '../../shared/name.ts';
import {
  type AnnouncerState,
  type ContainerState,
  type Instance,
  isWaiting,
  type Lease,
  type StandingUnder,
  UNKNOWN_CONTAINER,
} from './state.ts';

/** Raised when a field changes its meaning: a snapshot of an unknown version is read anew from the journal's events. */
const SNAPSHOT_VERSION = 2;

/** What a snapshot keeps of a state, by kind of line; the rest follows from it. */
interface Parts {
  readonly containers: ContainerState;
  readonly instances: Instance;
  readonly leases: Lease;
  readonly standing: StandingUnder;
  readonly conflicts: string;
}
type Part = keyof Parts;

const PARTS: readonly Part[] = ['containers', 'instances', 'leases', 'standing', 'conflicts'];

/** The first line. */
interface Head {
  readonly version: number;
  readonly hostDrainingSinceMs: number | null;
  readonly bootId: string | null;
}

interface Item<P extends Part = Part> {
  readonly part: P;
  readonly key: string;
  readonly value: Parts[P];
}

/**
 * A state as the lines of a snapshot, made as they are asked for: whoever writes them may let everything else have its
 * turn in between, because a state never changes. In the order of the keys: the same state gives the same lines, whatever
 * order its events came in.
 */
export function* snapshotLines(state: AnnouncerState): Generator<Head | Item> {
  const { hostDrainingSinceMs, bootId } = state;
  yield { version: SNAPSHOT_VERSION, hostDrainingSinceMs, bootId };
  for (const part of PARTS) yield* itemsOf(part, state[part] as ImmutableMap<string | number, Parts[Part]>);
}

function* itemsOf<P extends Part>(part: P, map: ImmutableMap<string | number, Parts[P]>): Generator<Item<P>> {
  const byText = new Map([...map.keys()].map((key) => [String(key), key]));
  for (const key of [...byText.keys()].sort()) {
    yield { part, key, value: map.get(byText.get(key) as string | number) as Parts[P] };
  }
}

export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** Reads a snapshot line by line. */
export class SnapshotReader {
  #head: Head | undefined;
  readonly #parts: { readonly [P in Part]: Map<string, Parts[P]> } = {
    containers: new Map(),
    instances: new Map(),
    leases: new Map(),
    standing: new Map(),
    conflicts: new Map(),
  };

  /** @throws {SnapshotError} when it is not one of this version's, or of the one before; the caller replays the journal instead */
  take(line: unknown): void {
    if (this.#head !== undefined) this.#takeItem((line ?? {}) as Partial<Item>);
    else if (typeof line === 'string') this.#takeFirstVersion(line);
    else this.#takeHead((line ?? {}) as Partial<Head>);
  }

  /** @throws {SnapshotError} when nothing was taken */
  get state(): AnnouncerState {
    if (this.#head === undefined) throw new SnapshotError('snapshot is empty; it was cut or edited');
    const { containers, instances, leases, standing, conflicts } = this.#parts;
    const waiting = [...containers].flatMap(([id, container]) => (isWaiting(container) ? id : []));
    return {
      containers: ImmutableMap(containers),
      instances: byKey(instances),
      desired: ImmutableMap([...instances].map(([key, { value }]) => [key as EtcdKey, value])),
      waiting: ImmutableSet(waiting),
      leases: ImmutableMap([...leases].map(([shard, lease]) => [Number(shard), lease])),
      standing: byKey(standing),
      conflicts: byKey(conflicts),
      hostDrainingSinceMs: this.#head.hostDrainingSinceMs,
      bootId: this.#head.bootId,
    };
  }

  /** What a snapshot of an earlier program does not say is not known. */
  #takeHead({ version, hostDrainingSinceMs = null, bootId = null }: Partial<Head>): void {
    if (version !== SNAPSHOT_VERSION) throw refusedVersion(version);
    this.#head = { version, hostDrainingSinceMs, bootId };
  }

  #takeItem({ part, key, value }: Partial<Item>): void {
    if (part === undefined || !PARTS.includes(part) || typeof key !== 'string' || value === undefined) {
      throw new SnapshotError(`snapshot has a line that is no part of it (${String(part)}); it was edited`);
    }
    this.#put(part, key, value);
  }

  /** The first version was one line, JSON in a string: everything at once, which stood in the way of everything else. */
  #takeFirstVersion(json: string): void {
    const read = parsed(json);
    if (read.version !== 1) throw refusedVersion(read.version);
    for (const part of PARTS) {
      const values = read[part];
      if (typeof values !== 'object' || values === null) {
        throw new SnapshotError(`snapshot has no ${part}; it was cut or edited`);
      }
      for (const [key, value] of Object.entries(values)) this.#put(part, key, value);
    }
    this.#head = {
      version: 1,
      hostDrainingSinceMs: (read.hostDrainingSinceMs ?? null) as number | null,
      bootId: null,
    };
  }

  #put(part: Part, key: string, value: Parts[Part]): void {
    // What a snapshot of an earlier program does not say is as it was before it could be said.
    const whole = part === 'containers' ? { ...UNKNOWN_CONTAINER, ...(value as ContainerState) } : value;
    (this.#parts[part] as Map<string, Parts[Part]>).set(key, whole);
  }
}

function byKey<T>(entries: ReadonlyMap<string, T>): ImmutableMap<EtcdKey, T> {
  return ImmutableMap(entries as ReadonlyMap<EtcdKey, T>);
}

function parsed(json: string): Partial<Record<string, unknown>> {
  try {
    return (JSON.parse(json) ?? {}) as Partial<Record<string, unknown>>;
  } catch (error) {
    throw new SnapshotError(`snapshot is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function refusedVersion(version: unknown): SnapshotError {
  return new SnapshotError(`snapshot has version ${String(version)}; this program reads up to ${SNAPSHOT_VERSION}`);
}
