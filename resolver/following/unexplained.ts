import type { Journal } from '../../shared/journal/journal.ts';
import type { Revision } from '../../shared/store.ts';
import type { ZoneEvent } from '../zone/event.ts';
import type { RecordEvent } from './state.ts';

/** Where the process before ours stopped with its explanations. */
export interface LeftUnexplained {
  /** Causes are wanted from behind this revision on; 0 when nothing was seen before. */
  readonly sinceRevision: Revision;
  /** The changes that it wrote down without their causes, in order. */
  readonly changes: readonly RecordEvent[];
}

/** Causes are read again so far back: what is older is the end of a lease, or somebody else's, and never has one. */
export const REVISIONS_BACK = 1000n;
/** Of the journal's end, so that a start does not take longer the longer the journal is. */
const EVENTS_BACK = 10_000;
const TEXTS = ['"RecordPut"', '"RecordDeleted"', '"ChangeExplained"', '"StoreReplaced"'];

/**
 * The newest changes in the journal whose causes are not there: a process may end between a change and its cause, as both
 * come on watches of their own.
 *
 * @param journal as the process before left it @param revision the last that it saw
 */
export async function readUnexplained(
  journal: Pick<Journal<ZoneEvent>, 'searchBackward' | 'lastSequence'>,
  revision: Revision,
): Promise<LeftUnexplained> {
  const floor = revision > REVISIONS_BACK ? revision - REVISIONS_BACK : 0n;
  const explained = new Set<string>();
  const changes: RecordEvent[] = [];
  let sinceRevision = revision;
  let left = EVENTS_BACK;
  for await (const { event } of journal.searchBackward({ toSequence: journal.lastSequence, texts: TEXTS })) {
    left -= 1;
    // Revisions of the store before count differently.
    if (left < 0 || event.type === 'StoreReplaced') break;
    if (event.type === 'ChangeExplained') explained.add(`${event.revision} ${event.key}`);
    if (event.type !== 'RecordPut' && event.type !== 'RecordDeleted') continue;
    const at = BigInt(event.revision);
    if (at <= floor || explained.has(`${event.revision} ${event.key}`)) continue;
    changes.push(event);
    // Of a key that was found gone nobody knows at which revision before it went.
    const before = event.type === 'RecordDeleted' && event.late === true ? floor : at - 1n;
    if (before < sinceRevision) sinceRevision = before;
  }
  return { sinceRevision, changes: changes.reverse() };
}
