import type { Change, ChangeBatch, Revision } from '../../store.ts';

interface RevisionChanges {
  readonly revision: Revision;
  readonly changes: readonly Change[];
}

/** How far the limit is passed before the oldest are dropped in one go. */
const TRIM_AT = 1.125;

/** The newest changes of a store, by revision: what a watch can be resumed from. */
export class ChangeHistory {
  readonly #changesMax: number;
  #revisions: RevisionChanges[] = [];
  #count = 0;
  #compacted: Revision;

  /** @param compacted the revision up to which nothing is known */
  constructor(changesMax: number, compacted: Revision) {
    this.#changesMax = changesMax;
    this.#compacted = compacted;
  }

  /** Changes of this revision and of those before it are not kept. */
  get compacted(): Revision {
    return this.#compacted;
  }

  add(revision: Revision, changes: readonly Change[]): void {
    this.#revisions.push({ revision, changes });
    this.#count += changes.length;
  }

  /** Forgets the oldest revisions beyond the limit, not one by one; a watcher that has not read them yet will be told. */
  trim(): void {
    if (this.#count <= this.#changesMax * TRIM_AT) return;
    let drop = 0;
    while (this.#count > this.#changesMax && drop < this.#revisions.length) {
      this.#count -= this.#revisions[drop]?.changes.length ?? 0;
      drop += 1;
    }
    if (drop > 0) this.#forget(drop);
  }

  /** Forgets everything up to and including `revision`. */
  compact(revision: Revision): void {
    this.#forget(this.#indexFrom(revision + 1n));
    this.#count = this.#revisions.reduce((sum, { changes }) => sum + changes.length, 0);
    if (revision > this.#compacted) this.#compacted = revision;
  }

  /**
   * Changes of keys that begin with `prefix`, from revision `from` on, whole revisions only; its revision is that of the
   * last of them, or 0 without any. Undefined when they are not kept any more.
   */
  read(prefix: string, from: Revision): ChangeBatch | undefined {
    if (from <= this.#compacted) return undefined;
    const batch: Change[] = [];
    let last = 0n;
    for (let at = this.#indexFrom(from); at < this.#revisions.length; at += 1) {
      const { revision, changes } = this.#revisions[at] as RevisionChanges;
      for (const change of changes) {
        if (!keyOfChange(change).startsWith(prefix)) continue;
        batch.push(change);
        last = revision;
      }
    }
    return { revision: last, changes: batch };
  }

  #forget(count: number): void {
    const newest = this.#revisions[count - 1];
    if (newest === undefined) return;
    this.#revisions = this.#revisions.slice(count);
    this.#compacted = newest.revision;
  }

  /** Index of the first kept revision that is `from` or later. */
  #indexFrom(from: Revision): number {
    let low = 0;
    let high = this.#revisions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#revisions[middle] as RevisionChanges).revision < from) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function keyOfChange(change: Change): string {
  return change.type === 'put' ? change.entry.key : change.key;
}
