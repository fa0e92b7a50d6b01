import type { Subscriber } from 'rxjs';
import { type ChangeBatch, type Revision, StoreError } from '../../store.ts';
import type { ChangeHistory } from './history.ts';

interface Watcher {
  readonly prefix: string;
  readonly subscriber: Subscriber<ChangeBatch>;
  next: Revision;
  stands: boolean;
}

/**
 * Who follows a store. Watchers read the history at their own place, so nothing is queued for them; they are served in a
 * microtask, never inside the call that made a change, so a watcher may call the store.
 */
export class Watchers {
  readonly #history: ChangeHistory;
  readonly #revision: () => Revision;
  readonly #watchers = new Set<Watcher>();
  #scheduled = false;

  constructor(history: ChangeHistory, revision: () => Revision) {
    this.#history = history;
    this.#revision = revision;
  }

  /** @returns the teardown */
  add(prefix: string, from: Revision, subscriber: Subscriber<ChangeBatch>): () => void {
    const watcher: Watcher = { prefix, subscriber, next: from, stands: false };
    this.#watchers.add(watcher);
    this.wake();
    return () => this.#watchers.delete(watcher);
  }

  /** There is something new in the history. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const watcher of [...this.#watchers]) this.#serve(watcher);
      this.#history.trim(); // after they have read, so that a burst costs nobody its place
    });
  }

  close(error: Error): void {
    for (const { subscriber } of [...this.#watchers]) subscriber.error(error);
    this.#watchers.clear();
  }

  #serve(watcher: Watcher): void {
    const { prefix, subscriber } = watcher;
    if (subscriber.closed) return;
    const revision = this.#revision();
    const { next } = watcher;
    const batch = this.#history.read(prefix, next);
    if (batch === undefined) {
      const text = `revision ${next} is no longer kept (compacted up to ${this.#history.compacted}); read anew`;
      subscriber.error(new StoreError('compacted', text));
      return;
    }
    if (revision >= next) watcher.next = revision + 1n;
    if (!watcher.stands) {
      watcher.stands = true;
      subscriber.next({ revision: next - 1n < revision ? next - 1n : revision, changes: [] });
    }
    if (batch.changes.length > 0 && !subscriber.closed) subscriber.next(batch);
  }
}
