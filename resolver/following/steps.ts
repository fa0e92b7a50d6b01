/** What a session says of the store, as steps that the zone takes one after the other. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ZoneEvent } from '../zone/event.ts';
import type { FollowStep } from './follow.ts';
import type { Head, RecordEvent } from './state.ts';

/** More differences than this are not written to the journal one by one. */
export const BULK_EVENTS = 5000;
const CHUNK_EVENTS = 500;

export function stepOf(events: readonly ZoneEvent[], bulk = false): FollowStep {
  return { type: 'events', events, bulk };
}

export function synced({ revision, storeId }: Head, records: number, atMs: number): ZoneEvent {
  return { type: 'ZoneSynced', atMs, revision: String(revision), storeId, records };
}

/**
 * In chunks, with a pause for answers between them. Deletions come last, so that a name whose record moved to another
 * key is never without one.
 *
 * @param differences an undefined is a place to pause
 */
export async function* stepsOfDifferences(differences: Iterable<RecordEvent | undefined>): AsyncGenerator<FollowStep> {
  let chunk: RecordEvent[] = [];
  let bulk = false;
  const deletions: RecordEvent[] = [];
  const limit = (): number => (bulk ? CHUNK_EVENTS : BULK_EVENTS);
  for (const event of differences) {
    if (event === undefined) await nextTurn();
    else if (event.type === 'RecordDeleted') deletions.push(event);
    else chunk.push(event);
    if (chunk.length < limit()) continue;
    bulk = true;
    yield stepOf(chunk, true);
    chunk = [];
    await nextTurn();
  }
  if (chunk.length > 0) yield stepOf(chunk, bulk);
  bulk ||= deletions.length > BULK_EVENTS;
  for (let at = 0; at < deletions.length; at += CHUNK_EVENTS) {
    yield stepOf(deletions.slice(at, at + CHUNK_EVENTS), bulk);
    await nextTurn();
  }
}

/** For the journal and who reads it: each of these differences should have come by the watch. */
export function* stepsOfDrift(found: readonly RecordEvent[]): Generator<FollowStep> {
  const bulk = found.length > BULK_EVENTS;
  for (let at = 0; at < found.length; at += CHUNK_EVENTS) {
    yield stepOf(found.slice(at, at + CHUNK_EVENTS).map(driftOf), bulk);
  }
}

function driftOf(event: RecordEvent): ZoneEvent {
  const detail =
    event.type === 'RecordPut'
      ? `the store has it at revision ${event.revision}, the zone had not`
      : `the store has it not at revision ${event.revision}, the zone had`;
  return { type: 'DriftFound', atMs: event.atMs, key: event.key, detail };
}
