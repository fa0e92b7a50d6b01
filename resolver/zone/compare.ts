import { compareKeys } from '../../shared/name.ts';
import type { Entry, Snapshot } from '../../shared/store.ts';
import type { RecordEvent } from '../following/state.ts';
import type { StoredEntry } from './stored-record.ts';
import type { Zone } from './zone.ts';

/** So many keys are compared between two places where the caller may let others run: about a millisecond's worth. */
const PAUSE_KEYS = 1000;

/**
 * The events that make `zone` what the store held at the snapshot's revision, in key order: all late, since nobody saw
 * them happen. Keys outside the zone's prefix are passed over.
 *
 * An undefined comes now and then, as a place to pause: a comparison of a million keys must not hold up answers. When the
 * zone changes during a pause, differences of the keys that changed mean nothing, and only theirs.
 *
 * @param snapshot its entries in key order
 * @throws {RangeError} when they are not: the comparison would invent deletions
 */
export function* compareZone(zone: Zone, snapshot: Snapshot, atMs: number): Generator<RecordEvent | undefined> {
  const held = zone.entries();
  let have = held.next();
  let last = '';
  let compared = 0;
  for (const want of snapshot.entries) {
    compared += 1;
    if (compared % PAUSE_KEYS === 0) yield undefined;
    if (!zone.covers(want.key)) continue;
    if (compareKeys(want.key, last) <= 0) {
      throw new RangeError(`snapshot of revision ${snapshot.revision} is not in key order: ${want.key} after ${last}`);
    }
    last = want.key;
    let order = have.done ? 1 : compareKeys(have.value.key, want.key);
    for (; order < 0; order = have.done ? 1 : compareKeys(have.value.key, want.key)) {
      yield deletionOf(have.value as StoredEntry, snapshot, atMs);
      have = held.next();
    }
    const same = order === 0 ? (have.value as StoredEntry) : undefined;
    if (same === undefined || !isSame(same, want)) yield putOf(want, atMs);
    if (same !== undefined) have = held.next();
  }
  for (; !have.done; have = held.next()) {
    compared += 1;
    if (compared % PAUSE_KEYS === 0) yield undefined;
    yield deletionOf(have.value, snapshot, atMs);
  }
}

function isSame(held: StoredEntry, entry: Entry): boolean {
  return held.revision === String(entry.modRevision) && held.value === entry.value && held.lease === entry.lease;
}

function putOf({ key, value, lease, modRevision }: Entry, atMs: number): RecordEvent {
  const revision = String(modRevision);
  return { atMs, type: 'RecordPut', revision, key, value, ...(lease !== undefined && { lease }), late: true };
}

/** When it was deleted is not known; at the snapshot's revision it is gone. */
function deletionOf({ key }: StoredEntry, snapshot: Snapshot, atMs: number): RecordEvent {
  return { atMs, type: 'RecordDeleted', revision: String(snapshot.revision), key, late: true };
}
