/** What every journal line has: when (ms since epoch, the writer's clock) and what, in the past tense. */
export interface JournalEvent {
  readonly type: string;
  readonly atMs: number;
}

/** An event with its place in the journal: from 1, one more each, never used twice. */
export interface Sequenced<E extends JournalEvent> {
  readonly sequence: number;
  readonly event: E;
}

/**
 * Sequence numbers that were given out and whose events are not in the journal. Both bounds belong to the gap.
 * An answer drawn from the journal that touches a gap must say so.
 */
export interface JournalGap {
  /** When the gap ended, by the writer's clock; for a corrupt line, the time of the next event that can be read. */
  readonly atMs: number;
  readonly fromSequence: number;
  readonly toSequence: number;
  /** How many events; absent when nobody can know (the process or the machine died). */
  readonly lost?: number;
  readonly reason: JournalGapReason;
}

/**
 * `unwritable`: the disk refused. `overflow`: events came faster than the disk took them. `unencodable`: no JSON, or too
 * long. `crash`: the journal was not closed; what was not on disk yet is missing, and the numbers it may have had are
 * left out. `corrupt`: the lines are there and cannot be read, or their file is gone.
 */
export type JournalGapReason = 'unwritable' | 'overflow' | 'unencodable' | 'crash' | 'corrupt';

/** What a reader that must tell the whole truth gets: events, and where some are missing. */
export type JournalEntry<E extends JournalEvent> =
  | ({ readonly kind: 'event' } & Sequenced<E>)
  | { readonly kind: 'gap'; readonly gap: JournalGap };

/** All bounds are inclusive and may be left out. Times are compared with each event's own `atMs`. */
export interface JournalRange {
  readonly fromSequence?: number;
  readonly toSequence?: number;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  /**
   * All before `fromSequence` is known, from a snapshot: what the journal lacks from there on is told as a gap also where it
   * is older than the oldest segment. Otherwise a journal begins where its oldest segment does.
   */
  readonly isBehindSnapshot?: boolean;
  /**
   * Of an event whose line does not match (its octets as Latin-1, without regard to case) nobody wants to know: it may be left
   * out, and is then not even parsed. Gaps are told all the same.
   */
  readonly matching?: RegExp;
  /** When it is aborted, the reading ends as if there were no more: whoever asked has gone away. */
  readonly signal?: AbortSignal;
}
