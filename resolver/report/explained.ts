import type { EtcdKey } from '../../shared/name.ts';
import type { ChangeExplained, ZoneEvent } from '../zone/event.ts';
import type { ZoneEvents } from './zone-events.ts';

/** Why a change was made, as it is shown with the change. */
export type Explanation = Omit<ChangeExplained, 'type' | 'atMs' | 'revision' | 'key'>;

/** An event with its number; of a record first seen in a snapshot, the number of the snapshot. */
export type NumberedEvent = ZoneEvent & {
  readonly sequence: number;
  /** Of a change: why it was made, where its announcer said so. */
  readonly explained?: Explanation;
};

export function explanationOf({
  type: _type,
  atMs: _atMs,
  revision: _revision,
  key: _key,
  ...explanation
}: ChangeExplained): Explanation {
  return explanation;
}

/** Whether `change` is what the event explains. */
export function isExplainedBy(change: ZoneEvent, { key, revision }: ChangeExplained): boolean {
  if (change.type !== 'RecordPut' && change.type !== 'RecordDeleted') return false;
  return change.key === key && change.revision === revision;
}

/** The event as one that `by` explains, or as it is. */
export function explainedBy<E extends NumberedEvent | undefined>(event: E, by: ChangeExplained): E {
  if (event === undefined || !isExplainedBy(event, by)) return event;
  return { ...event, explained: explanationOf(by) };
}

/** A record as it stands now. */
export interface StandingRecord {
  readonly key: EtcdKey;
  readonly revision: string;
}

/**
 * Why records were written as they stand. Goes back in the journal no further than to where each of them was written.
 *
 * @param texts as in `BackwardSearch`: of which every event of the records holds one
 */
export async function readExplanations(
  journal: Pick<ZoneEvents, 'searchBackward'>,
  records: readonly StandingRecord[],
  texts: readonly string[],
): Promise<ReadonlyMap<EtcdKey, Explanation>> {
  const wanted = new Map(records.map(({ key, revision }) => [key, revision]));
  const explanations = new Map<EtcdKey, Explanation>();
  if (wanted.size === 0) return explanations;
  for await (const { event } of journal.searchBackward({ toSequence: Number.MAX_SAFE_INTEGER, texts })) {
    if (!('key' in event) || !('revision' in event) || wanted.get(event.key) !== event.revision) continue;
    // That the change was answered with is told behind its explanation, and says nothing of why.
    if (event.type === 'ChangeAnswered') continue;
    if (event.type === 'ChangeExplained') explanations.set(event.key, explanationOf(event));
    // What explains a change comes behind it.
    wanted.delete(event.key);
    if (wanted.size === 0) break;
  }
  return explanations;
}
