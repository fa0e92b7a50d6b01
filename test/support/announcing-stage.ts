import { silentLog } from '../../shared/log.ts';
import { openEmbeddedStore } from '../../shared/store/embedded/embedded.ts';
import type { Change, Store } from '../../shared/store.ts';
import { type Announcing, type AnnouncingOptions, DOMAIN_PREFIX, startAnnouncing } from './announcing.ts';
import { FaultyStore } from './doubles/faulty-store.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** Announcers that one test starts, and that end with it. */
export interface AnnouncingStage {
  started: Announcing[];
  start(options?: AnnouncingOptions): Announcing;
}

/** On an embedded store, whose calls the test may let fail. */
export interface FaultyStage extends AnnouncingStage {
  backend: Store;
  store: FaultyStore;
}

/** @param defaults for every announcer that says nothing else */
export function announcingOn(store: Store, defaults: AnnouncingOptions = {}): AnnouncingStage {
  const started: Announcing[] = [];
  return {
    started,
    start: (options = {}) => {
      const announcing = startAnnouncing(store, { ...defaults, ...options });
      started.push(announcing);
      return announcing;
    },
  };
}

export async function openFaultyStage(): Promise<FaultyStage> {
  const backend = await openEmbeddedStore({ directory: temporaryDirectory(), log: silentLog });
  const store = new FaultyStore(backend);
  return { backend, store, ...announcingOn(store) };
}

export async function closeFaultyStage({ backend, started }: FaultyStage): Promise<void> {
  abandonAll(started);
  await backend.close();
}

export function abandonAll(started: readonly Announcing[]): void {
  for (const announcing of started) announcing.abandon();
}

/** Everything that happens below the domain from now on, as a resolver's watch would see it. */
export async function watching(store: Store): Promise<{ changes: Change[]; stop(): void }> {
  const changes: Change[] = [];
  const { revision } = await store.snapshot(DOMAIN_PREFIX);
  let isLive = false;
  const subscription = store.changes(DOMAIN_PREFIX, revision + 1n).subscribe((batch) => {
    isLive = true;
    changes.push(...batch.changes);
  });
  await until('the watch', () => isLive);
  return { changes, stop: () => subscription.unsubscribe() };
}
