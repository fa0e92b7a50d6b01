/** A state as the text of its snapshot: to be compared octet by octet, and read back. */
import stringify from 'fast-json-stable-stringify';
import { SnapshotReader, snapshotLines } from '../../announcer/decisions/snapshot.ts';
import type { AnnouncerState } from '../../announcer/decisions/state.ts';

export function textOfState(state: AnnouncerState): string {
  return [...snapshotLines(state)].map((line) => stringify(line)).join('\n');
}

export function stateOfText(text: string): AnnouncerState {
  const reader = new SnapshotReader();
  for (const line of text.split('\n')) reader.take(JSON.parse(line));
  return reader.state;
}
