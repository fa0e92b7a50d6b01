import type { JournalEntry, Sequenced } from '../../shared/journal/event.ts';
import type { AnnouncerEvent } from '../event.ts';
import type { ContainerBook } from './container-book.ts';
import { gapRecordOf, recordOf, type SinkGap, type SinkRecord } from './record.ts';

/** What a sink is to send next. */
export interface Batch {
  readonly records: readonly SinkRecord[];
  /** The first event that is not in it, nor before it. */
  readonly next: number;
  /** How many of the records say that events are missing. */
  readonly gaps: number;
}

export interface FeedSettings {
  readonly host: string;
  readonly book: ContainerBook;
  /** The journal's events from a number on, with the gaps. */
  readonly read: (fromSequence: number) => AsyncIterable<JournalEntry<AnnouncerEvent>>;
  readonly nowMs: () => number;
  /** The last event that was appended before the feed was made. */
  readonly lastSequence: number;
}

/** Events that sinks which keep up take from memory; one that is further behind reads the journal. */
export const RECENT_MAX = 2_048;
/** Looked at for one batch: most events of a busy announcer are of keys and leases, and become no record. */
const LOOKED_AT_MAX = 5_000;

interface Waiter {
  readonly next: number;
  readonly resolve: () => void;
}

interface Recent {
  readonly sequence: number;
  readonly record: SinkRecord | undefined;
}

/**
 * The announcer's events as records, for every sink from where it is. It keeps the newest in memory and reads the rest from
 * the journal, so that a sink which lags costs no memory, and waits for no one.
 */
export class Feed {
  readonly #settings: FeedSettings;
  /** Without a hole: each number is one more than the one before. */
  #recent: Recent[] = [];
  #isOpen = false;
  #lastSequence: number;
  #waiters: readonly Waiter[] = [];

  constructor(settings: FeedSettings) {
    this.#settings = settings;
    this.#lastSequence = settings.lastSequence;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Takes an event that was just appended to the journal. */
  push(entry: Sequenced<AnnouncerEvent>): void {
    this.#lastSequence = entry.sequence;
    if (!this.#isOpen) return;
    const { host, book } = this.#settings;
    book.learn(entry.event, entry.sequence);
    this.#recent.push({ sequence: entry.sequence, record: recordOf(entry, host, book) });
    // Half at once: to move the rest for each event would cost more than the event.
    if (this.#recent.length > RECENT_MAX) this.#recent = this.#recent.slice(RECENT_MAX / 2);
    this.#wake();
  }

  /**
   * Lets the book catch up with the journal; what {@link take} is asked before that has to wait, also when it does not succeed.
   *
   * @throws what the file system said: the book lacks what it could not read, and everything else goes on
   */
  async open(signal: AbortSignal): Promise<void> {
    try {
      await this.#catchUp(signal);
    } finally {
      if (!signal.aborted) {
        this.#isOpen = true;
        this.#wake();
      }
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const { book, read } = this.#settings;
    for (let before = -1; book.sequence < this.#lastSequence && book.sequence !== before; ) {
      before = book.sequence;
      for await (const entry of read(book.sequence + 1)) {
        if (signal.aborted) return;
        if (entry.kind === 'event') book.learn(entry.event, entry.sequence);
      }
    }
  }

  /** Resolves when there is an event with this number or a higher one, or `signal` is aborted. */
  reached(next: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const onAbort = (): void => {
        this.#waiters = this.#waiters.filter((each) => each !== waiter);
        resolve();
      };
      const waiter: Waiter = {
        next,
        resolve: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      this.#waiters = [...this.#waiters, waiter];
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort, { once: true });
      this.#wake();
    });
  }

  /**
   * What comes from `next` on. Numbers that neither the memory nor the journal has are a gap, and a record says so.
   * @throws what the file system said
   */
  async take(next: number, recordsMax: number): Promise<Batch> {
    const collected = new Collected(next, this.#settings.host, recordsMax);
    const first = this.#recent[0]?.sequence ?? Number.POSITIVE_INFINITY;
    if (next >= first) {
      for (let at = next - first; at < this.#recent.length && !collected.isFull; at += 1) {
        collected.add(this.#recent[at] as Recent);
      }
      return collected.batch;
    }
    const upTo = this.#lastSequence;
    for await (const entry of this.#settings.read(next)) {
      collected.addEntry(entry, this.#settings.book);
      if (collected.isFull) return collected.batch;
    }
    // The journal does not write for the time being, and says so itself only later on: what the memory has goes on behind it.
    const known = this.#recent[0]?.sequence ?? upTo + 1;
    if (collected.isEmpty && known > next) collected.skipTo(known, this.#settings.nowMs(), 'unwritable');
    return collected.batch;
  }

  #wake(): void {
    if (!this.#isOpen || this.#waiters.length === 0) return;
    const due = this.#waiters.filter(({ next }) => next <= this.#lastSequence);
    this.#waiters = this.#waiters.filter(({ next }) => next > this.#lastSequence);
    for (const { resolve } of due) resolve();
  }
}

/** A batch in the making. */
class Collected {
  readonly #host: string;
  readonly #recordsMax: number;
  readonly #records: SinkRecord[] = [];
  #next: number;
  #gaps = 0;
  #lookedAt = 0;

  constructor(next: number, host: string, recordsMax: number) {
    this.#next = next;
    this.#host = host;
    this.#recordsMax = recordsMax;
  }

  get isFull(): boolean {
    return this.#records.length >= this.#recordsMax || this.#lookedAt >= LOOKED_AT_MAX;
  }

  get isEmpty(): boolean {
    return this.#lookedAt === 0;
  }

  get batch(): Batch {
    return { records: this.#records, next: this.#next, gaps: this.#gaps };
  }

  addEntry(entry: JournalEntry<AnnouncerEvent>, book: ContainerBook): void {
    if (entry.kind === 'gap') {
      const { gap } = entry;
      if (gap.fromSequence > this.#next) this.skipTo(gap.fromSequence, gap.atMs, 'expired');
      this.#addGap({ ...gap, fromSequence: Math.max(gap.fromSequence, this.#next) });
      return;
    }
    if (entry.sequence > this.#next) this.skipTo(entry.sequence, entry.event.atMs, 'expired');
    this.add({ sequence: entry.sequence, record: recordOf(entry, this.#host, book) });
  }

  add({ sequence, record }: Recent): void {
    this.#lookedAt += 1;
    this.#next = sequence + 1;
    if (record !== undefined) this.#records.push(record);
  }

  skipTo(sequence: number, atMs: number, reason: SinkGap['reason']): void {
    this.#addGap({ atMs, fromSequence: this.#next, toSequence: sequence - 1, reason });
  }

  #addGap(gap: SinkGap): void {
    this.#gaps += 1;
    this.add({ sequence: gap.toSequence, record: gapRecordOf(gap, this.#host) });
  }
}
