import { compareKeys } from '../shared/name.ts';
import type { Entry, Snapshot } from '../shared/store.ts';
import type { StoredEntry } from './stored-record.ts';
import type { Zone } from './zone.ts';
import type { ZoneEvent } from './zone-event.ts';

/**
 * The events that make `zone` what the store held at the snapshot's revision, in key order: all late, since nobody saw
 * them happen. Neither argument is changed. Keys outside the zone's prefix are passed over.
 *
 * @param snapshot its entries in key order
 * @throws {RangeError} when they are not: the comparison would invent deletions
 */
export function diffZone(zone: Zone, snapshot: Snapshot, atMs: number): ZoneEvent[] {
  const events: ZoneEvent[] = [];
  const held = zone.entries();
  let have = held.next();
  let last = '';
  for (const want of snapshot.entries) {
    if (!zone.covers(want.key)) continue;
    if (compareKeys(want.key, last) <= 0) {
      throw new RangeError(`snapshot of revision ${snapshot.revision} is not in key order: ${want.key} after ${last}`);
    }
    last = want.key;
    for (; !have.done && compareKeys(have.value.key, want.key) < 0; have = held.next()) {
      events.push(deletionOf(have.value, snapshot, atMs));
    }
    const same = !have.done && have.value.key === want.key ? have.value : undefined;
    if (same === undefined || !isSame(same, want)) events.push(putOf(want, atMs));
    if (same !== undefined) have = held.next();
  }
  for (; !have.done; have = held.next()) events.push(deletionOf(have.value, snapshot, atMs));
  return events;
}

function isSame(held: StoredEntry, entry: Entry): boolean {
  return held.revision === String(entry.modRevision) && held.value === entry.value && held.lease === entry.lease;
}

function putOf(entry: Entry, atMs: number): ZoneEvent {
  const { key, value, lease } = entry;
  const revision = String(entry.modRevision);
  return { atMs, type: 'RecordPut', revision, key, value, ...(lease === undefined ? {} : { lease }), late: true };
}

/** When it was deleted is not known; at the snapshot's revision it is gone. */
function deletionOf({ key }: StoredEntry, snapshot: Snapshot, atMs: number): ZoneEvent {
  return { atMs, type: 'RecordDeleted', revision: String(snapshot.revision), key, late: true };
}
