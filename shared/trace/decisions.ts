import type { TracedEvent } from './event.ts';

/** What an announcer decided of a key, and how etcd took it. */
export interface DecidedChange {
  readonly key: string;
  readonly kind: 'put' | 'delete';
  /** Undefined of a write that no decision of these events asked for: a repair, a lease that ended. */
  readonly decision: TracedEvent | undefined;
  /** `KeyWritten` or `KeyRemoved`; undefined when etcd has not acknowledged it, or never will. */
  readonly write: TracedEvent | undefined;
  /** Why it never will be written: a later decision came before, or what it takes away was never there. */
  readonly unwritten: 'overtaken' | 'needless' | undefined;
  /** The last revision that the announcer knew of before it: where a change that has none stands among the others. */
  readonly after: bigint;
  /** Whether the record stood before; undefined when that is before the events at hand. */
  readonly stoodBefore: boolean | undefined;
}

/**
 * The changes of one key by an announcer's events, in its order. An announcement is written by the next `KeyWritten`, a
 * withdrawal by the next `KeyRemoved`; of decisions that follow each other faster than etcd takes them, only the last is.
 *
 * @param knownAt the last revision that the announcer had learned, of any key, when it came to an event
 */
export function decidedChanges(
  key: string,
  events: readonly TracedEvent[],
  knownAt: (event: TracedEvent) => bigint,
): DecidedChange[] {
  const changes: DecidedChange[] = [];
  const written = new Set<string>();
  let open: TracedEvent | undefined;
  let stands: boolean | undefined;
  const add = (
    decision: TracedEvent | undefined,
    write: TracedEvent | undefined,
    unwritten?: DecidedChange['unwritten'],
  ): void => {
    const isPut = decision === undefined ? write?.type === 'KeyWritten' : decision.type === 'InstanceAnnounced';
    const after = knownAt((decision ?? write) as TracedEvent);
    changes.push({ key, kind: isPut ? 'put' : 'delete', decision, write, unwritten, after, stoodBefore: stands });
  };
  const isNeedless = (): boolean => {
    const before = changes.at(-1);
    const isTakenBack = before?.kind === 'put' && before.unwritten === 'overtaken';
    return open?.type === 'InstanceWithdrawn' && isTakenBack && stands !== true;
  };
  for (const event of events) {
    if (event.type === 'InstanceAnnounced' || event.type === 'InstanceWithdrawn') {
      if (open !== undefined) add(open, undefined, isNeedless() ? 'needless' : 'overtaken');
      // It may be seen to be gone by no write of its own: with a lease that was given back.
      if (open?.type === 'InstanceWithdrawn') stands = false;
      open = event;
      continue;
    }
    const { revision } = event;
    if (revision === undefined || (event.type !== 'KeyWritten' && event.type !== 'KeyRemoved')) continue;
    // After a restart what stands is found again, at the revision at which it was written.
    if (written.has(revision)) continue;
    written.add(revision);
    const isPut = event.type === 'KeyWritten';
    const isAsked = open !== undefined && (open.type === 'InstanceAnnounced') === isPut;
    add(isAsked ? open : undefined, event);
    if (isAsked) open = undefined;
    stands = isPut;
  }
  if (open !== undefined) add(open, undefined, isNeedless() ? 'needless' : undefined);
  return changes;
}
