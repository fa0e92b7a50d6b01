import type { EtcdKey } from '../../shared/name.ts';
import type { Change, Revision, Store } from '../../shared/store.ts';
import { until } from './until.ts';

let markers = 0;

/** Every change below a prefix since a revision, as a watcher would have seen it. Writes a marker of its own to know the end. */
export async function changesSince(store: Store, prefix: string, since: Revision): Promise<Change[]> {
  markers += 1;
  const marker = `${prefix}marker/of-the-test/${markers}` as EtcdKey;
  await store.commit({ expect: [], writes: [{ type: 'put', key: marker, value: '{}' }] });
  const changes: Change[] = [];
  const watching = store.changes(prefix, since + 1n).subscribe((batch) => changes.push(...batch.changes));
  try {
    const isMarker = (change: Change): boolean => change.type === 'put' && change.entry.key === marker;
    await until('the marker in the watch', () => changes.some(isMarker));
  } finally {
    watching.unsubscribe();
    await store.commit({ expect: [], writes: [{ type: 'delete', key: marker }] });
  }
  return changes.filter((change) => !(change.type === 'put' ? change.entry.key : change.key).includes('/of-the-test/'));
}
