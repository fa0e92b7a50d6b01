import { SeenEvents } from '../events.ts';
import type { ListedContainer } from '../list.ts';

/** Of the last inspect of a container. */
export interface Known {
  readonly startedAt: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inspectedAtMs: number;
  /** The container whose network it shares. */
  readonly networkOwner: string | undefined;
  /** Exit code of this run, as the engine told of its end. */
  endedWith?: number;
  /** The engine told of this run that the kernel took a process of it for want of memory. */
  outOfMemory?: true;
  /** What the list said just before that inspect; empty when it was no list that asked for it: the next one must. */
  print: string;
}

/** Every container is inspected once in so many periodic comparisons, whatever the list says; of over 1,000, more seldom. */
const ROTATION = 10;
/** Inspects of one comparison: each costs the engine and us a millisecond, and the list tells every change of a name. */
const ROTATED_MAX = 100;

/** What outlives a connection, so that the next one neither repeats events nor takes an old one for new. */
export class SessionMemory {
  readonly seen = new SeenEvents();
  readonly known = new Map<string, Known>();

  /** By the container whose network they share. */
  readonly #sharers = new Map<string, Set<string>>();

  learn(id: string, known: Known): void {
    const before = this.known.get(id)?.networkOwner;
    if (before !== known.networkOwner) this.#unshare(id, before);
    if (known.networkOwner !== undefined) {
      const sharers = this.#sharers.get(known.networkOwner) ?? new Set();
      this.#sharers.set(known.networkOwner, sharers.add(id));
    }
    this.known.set(id, known);
  }

  forget(id: string): void {
    this.#unshare(id, this.known.get(id)?.networkOwner);
    this.known.delete(id);
  }

  /** Those whose addresses and ports are this container's. */
  sharersOf(id: string): readonly string[] {
    return [...(this.#sharers.get(id) ?? [])];
  }

  /** The next list must ask for their inspect: what it says of them does not change with the network that they are in. */
  #doubtSharers(id: string): void {
    for (const sharer of this.sharersOf(id)) {
      const known = this.known.get(sharer);
      if (known !== undefined) known.print = '';
    }
  }

  #unshare(id: string, owner: string | undefined): void {
    const sharers = owner === undefined ? undefined : this.#sharers.get(owner);
    sharers?.delete(id);
    if (sharers?.size === 0) this.#sharers.delete(owner as string);
  }

  /** Forgets the containers that are not in `present`. */
  retain(present: ReadonlySet<string>): void {
    for (const id of this.known.keys()) {
      if (present.has(id)) continue;
      this.#doubtSharers(id);
      this.forget(id);
    }
  }

  /**
   * Those of which the list says something else than before their last inspect, those that share the network of such a one,
   * and those whose inspect is the oldest.
   */
  due(listed: readonly ListedContainer[]): readonly ListedContainer[] {
    for (const { id, print } of listed) if (this.known.get(id)?.print !== print) this.#doubtSharers(id);
    const changed: ListedContainer[] = [];
    const unchanged: { readonly container: ListedContainer; readonly inspectedAtMs: number }[] = [];
    for (const container of listed) {
      const known = this.known.get(container.id);
      if (known?.print !== container.print) changed.push(container);
      else unchanged.push({ container, inspectedAtMs: known.inspectedAtMs });
    }
    unchanged.sort((one, other) => one.inspectedAtMs - other.inspectedAtMs);
    const oldest = unchanged.slice(0, Math.min(ROTATED_MAX, Math.ceil(listed.length / ROTATION)));
    return [...changed, ...oldest.map(({ container }) => container)];
  }
}
