import type { JournalEntry, JournalEvent, JournalRange } from '../journal/event.ts';

/** Who follows events as they happen. */
export interface FeedListener {
  /** `sequence` is absent of an event that is in no journal: a record that came in bulk, with a read of the whole store. */
  event(event: JournalEvent, sequence: number | undefined): void;
  /** The program stops. */
  end(): void;
}

/** The events of one program: those of the past from its journal, and those to come. */
export interface EventFeed {
  readonly source: 'announcer' | 'resolver';
  /** Undefined until the program has opened it, and every event from then on is told to those who follow. */
  journal(): FeedJournal | undefined;
  /** @returns what ends it */
  follow(listener: FeedListener): () => void;
}

/** What a feed needs of a journal. */
export interface FeedJournal {
  /** The oldest number that may still be in it. */
  readonly firstSequence: number;
  readonly status: { readonly lastSequence: number };
  entries(range: JournalRange): AsyncIterable<JournalEntry<JournalEvent>>;
}

/** A feed that its program pushes into. */
export class PushedFeed implements EventFeed {
  readonly source: EventFeed['source'];
  readonly journal: () => FeedJournal | undefined;
  readonly #listeners = new Set<FeedListener>();

  constructor(source: EventFeed['source'], journal: () => FeedJournal | undefined) {
    this.source = source;
    this.journal = journal;
  }

  follow(listener: FeedListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  push(event: JournalEvent, sequence: number | undefined): void {
    for (const listener of this.#listeners) listener.event(event, sequence);
  }

  end(): void {
    for (const listener of this.#listeners) listener.end();
  }
}

/** Where a reader stands: a number for each feed, in the feeds' order; undefined: from now on. */
export type FeedPositions = readonly (number | undefined)[];

/** The `id` of a message: the numbers of the last event of each feed, `12` or, of two feeds, `12,345`. */
export function formatPositions(positions: FeedPositions): string {
  return positions.map((position) => position ?? '').join(',');
}

/** Undefined when it is none of ours, or of another number of feeds. */
export function parsePositions(text: string, feeds: number): FeedPositions | undefined {
  const parts = text.split(',');
  if (parts.length !== feeds || !parts.every((part) => /^\d{0,15}$/.test(part))) return undefined;
  return parts.map((part) => (part === '' ? undefined : Number(part)));
}

/** Numbers whose events a reader will not get, and why. */
export interface EventsMissing {
  readonly type: 'EventsMissing';
  readonly atMs: number;
  readonly fromSequence: number;
  readonly toSequence: number;
  readonly reason: string;
}

/** What a reader that resumes behind `position` cannot be given, for the journal does not reach back, or is another one. */
export function missingBefore(position: number, journal: FeedJournal, atMs: number): EventsMissing | undefined {
  const { firstSequence, status } = journal;
  if (position > status.lastSequence) {
    return {
      type: 'EventsMissing',
      atMs,
      fromSequence: 1,
      toSequence: status.lastSequence,
      reason: `event ${position} is of another journal: this one ends with ${status.lastSequence}; going on from there`,
    };
  }
  if (position + 1 >= firstSequence) return undefined;
  return {
    type: 'EventsMissing',
    atMs,
    fromSequence: position + 1,
    toSequence: firstSequence - 1,
    reason: `the journal begins with event ${firstSequence}; what was before is kept no more`,
  };
}

/** A gap of the journal, as a reader of events is told of it. */
export function missingIn(entry: Extract<JournalEntry<JournalEvent>, { kind: 'gap' }>): EventsMissing {
  const { atMs, fromSequence, toSequence, reason } = entry.gap;
  return { type: 'EventsMissing', atMs, fromSequence, toSequence, reason };
}
