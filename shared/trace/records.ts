import type { TracedEvent } from './event.ts';

/** A change of a key as a resolver saw it. */
export interface SeenChange {
  readonly key: string;
  readonly kind: 'put' | 'delete';
  readonly revision: string;
  readonly record: TracedEvent;
  readonly explained: TracedEvent | undefined;
  readonly answered: TracedEvent | undefined;
  /** The next change of the key, before which nobody asked when `answered` is missing. */
  readonly next: TracedEvent | undefined;
  /** The record stood before, by the events at hand. */
  readonly stoodBefore: boolean;
}

/** The changes of one key by a resolver's events, in its order. */
export function seenChanges(key: string, events: readonly TracedEvent[]): SeenChange[] {
  const records = new Map<string, TracedEvent>();
  const explained = new Map<string, TracedEvent>();
  const answered = new Map<string, TracedEvent>();
  for (const event of events) {
    const { revision } = event;
    if (revision === undefined) continue;
    const into =
      event.type === 'RecordPut' || event.type === 'RecordDeleted'
        ? records
        : event.type === 'ChangeExplained'
          ? explained
          : event.type === 'ChangeAnswered'
            ? answered
            : undefined;
    if (into !== undefined && !into.has(revision)) into.set(revision, event);
  }
  const ordered = [...records.entries()];
  return ordered.map(([revision, record], at) => ({
    key,
    kind: record.type === 'RecordPut' ? 'put' : 'delete',
    revision,
    record,
    explained: explained.get(revision),
    answered: answered.get(revision),
    next: ordered[at + 1]?.[1],
    stoodBefore: ordered[at - 1]?.[1].type === 'RecordPut',
  }));
}
