import type { JournalGap } from '../journal/event.ts';

/**
 * An event of either journal as far as a trace looks at it: as JSON from a daemon, perhaps of another version. `docs/events.md`
 * has the types and the fields.
 */
export interface TracedEvent {
  readonly type: string;
  readonly atMs: number;
  readonly sequence: number;
  readonly key?: string;
  /** In decimal digits. */
  readonly revision?: string;
  readonly container?: string;
  readonly containerName?: string;
  readonly service?: string;
  readonly host?: string;
  readonly cause?: string;
  readonly causedAtMs?: number;
  readonly decidedAtMs?: number;
  readonly reason?: string;
  readonly detail?: string;
  /** Of `ChangeExplained`: what the write was for. */
  readonly write?: string;
  readonly late?: true;
  readonly name?: string;
  readonly question?: string;
  readonly outcome?: string;
}

/** What one journal says of the keys of a trace. */
export interface TracePart {
  /** Each once; in any order. */
  readonly events: readonly TracedEvent[];
  /** Where events are missing that may have been of them. */
  readonly gaps: readonly JournalGap[];
  /** There were more events than are given: the newest are. */
  readonly isCut: boolean;
  /** Of an announcer: whose keys it writes. */
  readonly host?: string;
}

/** Two readings of the same journal. */
export function mergeParts(one: TracePart, other: TracePart): TracePart {
  const events = new Map([...one.events, ...other.events].map((event) => [event.sequence, event]));
  const gaps = new Map([...one.gaps, ...other.gaps].map((gap) => [gap.toSequence, gap]));
  const host = one.host ?? other.host;
  return {
    events: [...events.values()],
    gaps: [...gaps.values()],
    isCut: one.isCut || other.isCut,
    ...(host !== undefined && { host }),
  };
}
