import type { EtcdKey } from '../../shared/name.ts';
import { decodeRecord } from '../../shared/record.ts';
import type { Entry, LeaseId, Revision } from '../../shared/store.ts';

/** A key that stands in the store below our host, as far as we know. */
export interface StandingKey {
  readonly value: string;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly lease: LeaseId | undefined;
  /** Someone else's, with the owner it names (empty when it names none): never written, never removed. */
  readonly foreignOwner: string | undefined;
}

/** What a look at the store taught about one key. */
export interface Learned {
  readonly key: EtcdKey;
  readonly before: StandingKey | undefined;
  readonly after: StandingKey | undefined;
  /** The revision at which `after` is true. */
  readonly asOf: Revision;
}

/**
 * What stands in the store where our keys go: learned from snapshots, from the watch and from our own transactions, which
 * arrive in any order. Each fact carries the revision it was true at; an older fact never replaces a newer one.
 */
export class Standing {
  readonly #host: string;
  readonly #owning: string;
  readonly #keys = new Map<EtcdKey, StandingKey>();
  /** Revisions at which keys were seen absent: an older put that is told later must not bring one back. */
  readonly #absentAt = new Map<EtcdKey, Revision>();

  /**
   * @param host   the label below which our keys lie
   * @param owning what claims them, the host unless `rollcall run` does: every id behind it is us, as the claim sees to it
   *               that only one of them writes
   */
  constructor(host: string, owning = host) {
    this.#host = host;
    this.#owning = owning;
  }

  get(key: EtcdKey): StandingKey | undefined {
    return this.#keys.get(key);
  }

  entries(): IterableIterator<[EtcdKey, StandingKey]> {
    return this.#keys.entries();
  }

  /**
   * Whether a key lies where this host's keys do: `…/<service>/<host>/<instance>`. The watch covers the whole domain,
   * and other hosts' changes are passed over by this, without reading their values.
   */
  isBelowHost(key: string): boolean {
    const end = key.lastIndexOf('/');
    const host = this.#host;
    return end > host.length && key.startsWith(host, end - host.length) && key[end - host.length - 1] === '/';
  }

  /** @param entry undefined when the key is absent @param asOf revision at which that is true @returns undefined when nothing changed */
  learn(key: EtcdKey, entry: Entry | undefined, asOf: Revision): Learned | undefined {
    const before = this.#keys.get(key);
    if (entry === undefined) {
      if (before === undefined || before.modRevision > asOf) return undefined;
      this.#keys.delete(key);
      this.#absentAt.set(key, asOf);
      return { key, before, after: undefined, asOf };
    }
    if (before !== undefined && before.modRevision >= entry.modRevision) return undefined;
    if ((this.#absentAt.get(key) ?? 0n) >= entry.modRevision) return undefined;
    const after = this.#classify(entry, before);
    this.#absentAt.delete(key);
    this.#keys.set(key, after);
    return { key, before, after, asOf };
  }

  /** Everything below the domain at one revision: what is not in it is absent. */
  learnAll(entries: readonly Entry[], asOf: Revision): Learned[] {
    const mine = new Map(entries.filter(({ key }) => this.isBelowHost(key)).map((entry) => [entry.key, entry]));
    const keys = new Set([...this.#keys.keys(), ...mine.keys()]);
    return [...keys].flatMap((key) => this.learn(key, mine.get(key), asOf) ?? []);
  }

  /** The watch has told everything up to `revision`: no older put can come any more. */
  settle(revision: Revision): void {
    for (const [key, absentAt] of this.#absentAt) if (absentAt <= revision) this.#absentAt.delete(key);
  }

  /** The store was replaced by another one: its revisions say nothing about what we knew. */
  forget(): void {
    this.#keys.clear();
    this.#absentAt.clear();
  }

  #classify(entry: Entry, before: StandingKey | undefined): StandingKey {
    const { value, createRevision, modRevision, lease } = entry;
    return { value, createRevision, modRevision, lease, foreignOwner: this.#foreignOwner(entry, before) };
  }

  /**
   * A key is ours when its value names this host as owner. One that names nobody is ours only when it is our own key,
   * written over (its createRevision is still ours): an edit by hand, to be repaired. Anything else is another writer's.
   */
  #foreignOwner(entry: Entry, before: StandingKey | undefined): string | undefined {
    const decoded = decodeRecord(entry.value);
    const owner = decoded.ok ? (decoded.record.owner ?? '') : '';
    if (owner.startsWith(`${this.#owning}/`)) return undefined;
    const editedOurs = before !== undefined && before.foreignOwner === undefined;
    if (owner === '' && editedOurs && before.createRevision === entry.createRevision) return undefined;
    return owner;
  }
}
