import type { Change, ChangeBatch, Revision } from '../../store.ts';

/**
 * Puts the responses of one watch together to batches of whole revisions.
 *
 * etcd cuts a response over about 2 MB into fragments, anywhere; without fragments a response holds whole revisions.
 * The revision that a fragment ends in is kept back until the next one shows where it ends.
 */
export class RevisionAssembler {
  /** Of the last change that was given out. */
  #given: Revision;
  #kept: Change[] = [];

  constructor(from: Revision) {
    this.#given = from - 1n;
  }

  /**
   * @param fragment  more of the same response follows
   * @returns undefined when there is no whole revision yet
   */
  take(changes: readonly Change[], fragment: boolean): ChangeBatch | undefined {
    // A member that was behind may send revisions again after it caught up (etcd before 3.4.25).
    this.#kept.push(...changes.filter((change) => revisionOf(change) > this.#given));
    const whole = fragment ? this.#kept.splice(0, this.#startOfLastRevision()) : this.#kept.splice(0);
    const last = whole.at(-1);
    if (last === undefined) return undefined;
    this.#given = revisionOf(last);
    return { revision: this.#given, changes: whole };
  }

  /**
   * etcd says that it has sent everything up to `revision`.
   *
   * @returns undefined when that is no news: a member that is behind says a revision before the watch's first
   */
  progress(revision: Revision): ChangeBatch | undefined {
    return revision > this.#given ? { revision, changes: [] } : undefined;
  }

  #startOfLastRevision(): number {
    const last = this.#kept.at(-1);
    return last === undefined ? 0 : this.#kept.findIndex((change) => revisionOf(change) === revisionOf(last));
  }
}

export function revisionOf(change: Change): Revision {
  return change.type === 'put' ? change.entry.modRevision : change.modRevision;
}
