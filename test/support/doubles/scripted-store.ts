import { Observable, type Subscriber } from 'rxjs';
import { compareKeys, type EtcdKey } from '../../../shared/name.ts';
import {
  type Change,
  type ChangeBatch,
  type CommitResult,
  type Entry,
  type LeaseGrant,
  type LeaseId,
  type LeaseTtl,
  type Revision,
  type Snapshot,
  type Store,
  StoreError,
} from '../../../shared/store.ts';

interface Watcher {
  readonly prefix: string;
  readonly subscriber: Subscriber<ChangeBatch>;
  /** The next revision it wants. */
  next: Revision;
}

/** A store in memory that behaves as etcd does, and fails when the test says so. What the resolver does not use is left out. */
export class ScriptedStore implements Store {
  readonly description = 'scripted store';
  storeId = 'store-1';
  revision: Revision = 0n;
  /** How many reads of the prefix, and how many of the head alone, were answered. */
  readonly reads = { prefix: 0, head: 0 };
  /** Runs before a read is answered, with what will be answered already read. */
  beforeAnswer: () => Promise<void> = async () => undefined;
  readonly leases = new Map<LeaseId, LeaseTtl>();
  readonly timeToLiveCalls: LeaseId[] = [];
  #entries = new Map<EtcdKey, Entry>();
  #history: { readonly revision: Revision; readonly changes: readonly Change[] }[] = [];
  #compacted: Revision = 0n;
  #watchers = new Set<Watcher>();
  #isUp = true;
  #isHeld = false;
  #losing = false;

  get entries(): readonly Entry[] {
    return [...this.#entries.values()].sort((a, b) => compareKeys(a.key, b.key));
  }

  /** Watches that stand. */
  get watches(): number {
    return this.#watchers.size;
  }

  put(key: string, value: string, lease?: LeaseId): Revision {
    const before = this.#entries.get(key as EtcdKey);
    const modRevision = this.revision + 1n;
    const createRevision = before?.createRevision ?? modRevision;
    const entry: Entry = {
      key: key as EtcdKey,
      value,
      createRevision,
      modRevision,
      ...(lease !== undefined && { lease }),
    };
    this.#entries.set(entry.key, entry);
    return this.#record([{ type: 'put', entry }]);
  }

  remove(key: string): Revision {
    if (!this.#entries.delete(key as EtcdKey)) return this.revision;
    return this.#record([{ type: 'delete', key: key as EtcdKey, modRevision: this.revision + 1n }]);
  }

  /** Every watch breaks; a new one can be had at once. */
  cut(): void {
    this.#fail(new StoreError('unavailable', 'the watch was cut'));
  }

  /** Nothing is answered until {@link up}. */
  down(): void {
    this.#isUp = false;
    this.cut();
  }

  up(): void {
    this.#isUp = true;
  }

  /** Watches stand and say nothing, as on a member that lost its cluster, until {@link release}. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#deliver();
  }

  /** What is written inside `write` never reaches a watch. */
  lose(write: () => void): void {
    this.#losing = true;
    write();
    this.#losing = false;
  }

  compact(): void {
    this.#compacted = this.revision;
    this.#history = [];
  }

  /** Another store in the place of this one. Watches stay: their server is gone, which they notice when they are cut. */
  replace(storeId: string, revision: Revision, entries: Readonly<Record<string, string>>): void {
    this.storeId = storeId;
    this.revision = revision;
    this.#history = [];
    this.#compacted = 0n;
    this.#entries = new Map(
      Object.entries(entries).map(([key, value]) => [
        key as EtcdKey,
        { key: key as EtcdKey, value, createRevision: 1n, modRevision: 1n },
      ]),
    );
    this.cut();
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    await Promise.resolve();
    if (!this.#isUp) throw new StoreError('unavailable', 'nothing answers');
    const isHead = prefix.endsWith('\u0000');
    this.reads[isHead ? 'head' : 'prefix'] += 1;
    const entries = this.entries.filter(({ key }) => key.startsWith(prefix));
    const snapshot = { revision: this.revision, storeId: this.storeId, entries };
    await this.beforeAnswer();
    return snapshot;
  }

  changes(prefix: string, from: Revision): Observable<ChangeBatch> {
    return new Observable((subscriber) => {
      if (!this.#isUp) return subscriber.error(new StoreError('unavailable', 'nothing answers'));
      if (from <= this.#compacted && from <= this.revision) {
        return subscriber.error(new StoreError('compacted', `revision ${from} is compacted`));
      }
      const watcher: Watcher = { prefix, subscriber, next: from };
      this.#watchers.add(watcher);
      subscriber.add(() => this.#watchers.delete(watcher));
      queueMicrotask(() => {
        if (subscriber.closed) return;
        subscriber.next({ revision: from - 1n, changes: [] });
        this.#deliver();
      });
    });
  }

  async timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined> {
    this.timeToLiveCalls.push(lease);
    await Promise.resolve();
    if (!this.#isUp) throw new StoreError('unavailable', 'nothing answers');
    return this.leases.get(lease);
  }

  grant(): Promise<LeaseGrant> {
    throw new Error('the resolver grants no leases');
  }
  keepAlive(): Promise<number> {
    throw new Error('the resolver keeps no leases');
  }
  revoke(): Promise<void> {
    throw new Error('the resolver revokes no leases');
  }
  commit(): Promise<CommitResult> {
    throw new Error('the resolver writes nothing');
  }

  async close(): Promise<void> {
    for (const { subscriber } of this.#watchers) subscriber.unsubscribe();
  }

  #record(changes: readonly Change[]): Revision {
    this.revision += 1n;
    if (!this.#losing) this.#history.push({ revision: this.revision, changes });
    this.#deliver();
    return this.revision;
  }

  #deliver(): void {
    if (this.#isHeld) return;
    for (const watcher of this.#watchers) {
      for (const { revision, changes } of this.#history.filter((each) => each.revision >= watcher.next)) {
        watcher.next = revision + 1n;
        const seen = changes.filter((each) =>
          (each.type === 'put' ? each.entry.key : each.key).startsWith(watcher.prefix),
        );
        if (seen.length > 0) watcher.subscriber.next({ revision, changes: seen });
      }
    }
  }

  #fail(error: StoreError): void {
    const broken = [...this.#watchers];
    this.#watchers.clear();
    for (const { subscriber } of broken) subscriber.error(error);
  }
}
