import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log, LogFields } from '../../log.ts';
import type { FoundJournal, TornSegment } from '../directory.ts';
import { causeOf } from '../error.ts';
import type { JournalGap, JournalGapReason } from '../event.ts';
import type { ReadableSegment } from '../reading/reader.ts';
import { AppendQueue, QUEUE_OCTETS_MAX } from './queue.ts';
import { type OpenFile, type SegmentGoneError, SegmentWriteError, type SegmentWriter } from './segment-writer.ts';
import { Segments } from './segments.ts';
import { Syncer } from './syncer.ts';

/** Between two tries of a journal that cannot be written. */
export const RETRY_MS = 3000;
/** Octets of one write: a segment grows at most that much beyond its size. */
const WRITE_OCTETS_MAX = 1024 * 1024;
/** So many octets wait for no others. */
const GATHERED_OCTETS_MAX = 64 * 1024;

export interface AppenderSettings {
  readonly directory: string;
  readonly kind: string;
  readonly log: Log;
  readonly segmentOctets: number;
  readonly fsyncMs: number;
  /** How long an event may wait for others to be written with. 0: they are written as they come. */
  readonly gatherMs?: number;
  readonly nowMs: () => number;
  readonly openFile: OpenFile;
  readonly queueOctetsMax?: number;
  readonly retryMs?: number;
  /** Before the first write, and again after every one that failed. */
  readonly makeWritable: () => Promise<void>;
  /** The number that the next event will have. */
  readonly nextSequence: () => number;
  readonly onNewSegment: () => void;
  readonly onRegained: (lost: number) => void;
}

/**
 * The writing half of a journal: one write at a time, everything that is queued in the next one, fsynced a little later.
 * When the disk refuses it stops, keeps what the queue holds, and tries again with a new segment every {@link RETRY_MS}.
 */
export class Appender {
  readonly #settings: AppenderSettings;
  readonly #queue: AppendQueue;
  readonly #segments: Segments;
  /** Nothing is written before {@link start} has found the place to write to. */
  #pumping = true;
  #pumped: Promise<void> = Promise.resolve();
  #gatherTimer: NodeJS.Timeout | undefined;
  #stopped: string | undefined;
  /** From the first failure until everything queued is written again. */
  #outage: { readonly sinceMs: number } | undefined;
  /** Lines that were written to files that are gone. */
  #goneLines = 0;
  /** Those of them that {@link AppenderSettings.onRegained} was told of: a snapshot has what was in them. */
  #goneLinesTold = 0;
  #leaving: Promise<void> = Promise.resolve();
  /** Events lost up to the last time that everything was written. */
  #lostBefore = 0;
  #waiters: { readonly sequence: number; readonly resolve: (written: boolean) => void }[] = [];
  readonly #syncer: Syncer;
  #retryTimer: NodeJS.Timeout | undefined;
  #retrying: Promise<void> | undefined;
  #closing = false;

  constructor(settings: AppenderSettings, segments: readonly ReadableSegment[]) {
    this.#settings = settings;
    this.#queue = new AppendQueue(settings.queueOctetsMax);
    this.#syncer = new Syncer({
      fsyncMs: settings.fsyncMs,
      current: () => this.#segments.current,
      onFailed: (text, cause) => this.#say('error', 'journal-fsync-failed', text, { cause }),
      onGone: (writer, error) => {
        this.#leaving = this.#leave(writer, error);
      },
    });
    this.#segments = new Segments(
      {
        ...settings,
        syncer: this.#syncer,
        firstSequence: () => this.#queue.firstSequence ?? settings.nextSequence(),
        warn: (event, text) => this.#say('warn', event, text),
      },
      segments,
    );
  }

  /** Opens the segment to write to: the newest when it has room, else a new one. Never rejects; see {@link state}. */
  async start(found: FoundJournal['newest'], torn: TornSegment | undefined): Promise<void> {
    this.#segments.leftTorn(torn);
    try {
      await this.#settings.makeWritable();
      await this.#segments.open(found);
    } catch (error) {
      await this.#stop(error);
    }
    this.#pumping = false;
    this.#wake();
  }

  enqueue(line: string, sequence: number): void {
    if (this.#queue.push(line, sequence)) this.#wake();
    else this.lose(sequence, this.#stopped === undefined ? 'overflow' : 'unwritable');
  }

  /** A gap that is known at once. */
  mark(gap: JournalGap): void {
    this.#queue.mark(gap);
    this.#wake();
  }

  /** Counts an event that cannot go into the journal. */
  lose(sequence: number, reason: JournalGapReason): void {
    const opened = this.#queue.lose(sequence, reason);
    if (reason === 'unencodable') {
      this.#closeGap();
      this.#wake();
    } else if (opened) {
      const limit = this.#settings.queueOctetsMax ?? QUEUE_OCTETS_MAX;
      this.#say(
        'error',
        'journal-queue-full',
        `${limit} octets wait for the disk: from event ${sequence} on, events are lost`,
      );
    }
  }

  /** Everything queued so far is in the file (true), or the journal is stopped or loses events (false). */
  written(): Promise<boolean> {
    if (this.#stopped !== undefined) return Promise.resolve(false);
    const last = this.#queue.lastSequence;
    if (last === undefined) return Promise.resolve(!this.#queue.hasGap);
    return new Promise((resolve) => {
      this.#waiters.push({ sequence: last, resolve });
      this.#wake();
    });
  }

  /** Everything queued so far is on the disk, or the journal is stopped. */
  async flush(): Promise<void> {
    await this.written();
    if (this.#stopped === undefined) await this.#syncer.flush();
  }

  /** @returns whether everything is in the files, or is marked there as lost */
  async close(): Promise<boolean> {
    this.#closing = true;
    clearTimeout(this.#retryTimer);
    if (this.#stopped !== undefined) {
      await this.#pumped; // it may still be closing the file that failed
      await this.#retry();
    }
    await this.flush();
    this.#syncer.stop();
    await this.#segments.close();
    await this.#leaving; // both may have found a file gone
    this.#stopped ??= 'closed';
    clearTimeout(this.#retryTimer);
    return this.#queue.isEmpty && !this.#queue.hasGap && this.#goneLines === this.#goneLinesTold;
  }

  /** What there is to read at this moment. */
  readable(): { readonly segments: readonly ReadableSegment[]; readonly pending: readonly string[] } {
    const { segments } = this;
    return { segments, pending: this.#queue.pending().map(({ line }) => line) };
  }

  get segments(): readonly ReadableSegment[] {
    return this.#segments.all;
  }

  /** Retention took these away. */
  forget(paths: ReadonlySet<string>): void {
    this.#segments.forget(paths);
  }

  get state(): { readonly state: 'writing' } | { readonly state: 'stopped'; readonly reason: string } {
    const reason = this.#stopped ?? (this.#outage === undefined ? undefined : 'writing what was queued');
    return reason === undefined ? { state: 'writing' } : { state: 'stopped', reason };
  }

  get counts(): { readonly lost: number; readonly queuedOctets: number; readonly fsyncFailures: number } {
    return { lost: this.#lost, queuedOctets: this.#queue.octets, fsyncFailures: this.#syncer.failures };
  }

  get #lost(): number {
    return this.#queue.lost + this.#goneLines;
  }

  #wake(): void {
    if (this.#pumping || this.#stopped !== undefined) return;
    const { gatherMs = 0 } = this.#settings;
    // Each write costs the same, whatever is in it; someone who waits for it does not wait for others.
    if (gatherMs > 0 && this.#waiters.length === 0 && this.#queue.octets < GATHERED_OCTETS_MAX) {
      this.#gatherTimer ??= setTimeout(() => this.#startPump(), gatherMs).unref();
    } else {
      this.#startPump();
    }
  }

  #startPump(): void {
    clearTimeout(this.#gatherTimer);
    this.#gatherTimer = undefined;
    if (this.#pumping || this.#stopped !== undefined) return;
    this.#pumping = true;
    // When this turn of the event loop ends: what is appended in it is one write, and a write costs as much as an event.
    this.#pumped = nextTurn().then(() => this.#pump());
  }

  async #pump(): Promise<void> {
    while (this.#stopped === undefined && !this.#queue.isEmpty) {
      const batch = this.#queue.take(WRITE_OCTETS_MAX);
      try {
        const writer = await this.#segments.writable();
        await writer.write(batch.map(({ line }) => line));
        this.#settle(batch.length, batch[batch.length - 1]?.sequence);
      } catch (error) {
        const whole = error instanceof SegmentWriteError ? error.wholeLines : 0;
        this.#settle(whole, batch[whole - 1]?.sequence);
        await this.#stop(error);
      }
    }
    this.#pumping = false;
    if (this.#stopped !== undefined) return;
    const lost = this.#lost - this.#lostBefore;
    this.#lostBefore = this.#lost;
    if (this.#outage !== undefined) this.#sayRegained(this.#outage.sinceMs, lost);
    else if (lost === 0) return;
    this.#outage = undefined;
    if (!this.#closing) this.#goneLinesTold = this.#goneLines;
    this.#settings.onRegained(lost);
  }

  #settle(count: number, lastSequence: number | undefined): void {
    this.#queue.settle(count);
    if (lastSequence !== undefined) this.#release((waiter) => waiter.sequence <= lastSequence, true);
    if (count > 0) this.#closeGap();
    this.#syncer.schedule();
  }

  #closeGap(): void {
    const gap = this.#queue.closeGap(this.#settings.nowMs());
    if (gap === undefined) return;
    const { fromSequence, toSequence, lost = 0, reason } = gap;
    const text = `events ${fromSequence} to ${toSequence} (${lost}) are not in the journal (${reason})`;
    this.#say('warn', 'journal-gap', text, { fromSequence, toSequence, lost, reason });
  }

  #release(which: (waiter: { readonly sequence: number }) => boolean, written: boolean): void {
    const released = this.#waiters.filter(which);
    if (released.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !which(waiter));
    for (const { resolve } of released) resolve(written && !this.#queue.hasGap);
  }

  async #stop(error: unknown): Promise<void> {
    this.#stopped = error instanceof Error ? error.message : String(error);
    this.#release(() => true, false);
    if (this.#outage === undefined) {
      this.#outage = { sinceMs: this.#settings.nowMs() };
      const text = `cannot be written: ${this.#stopped}; events are kept in memory up to ${this.#settings.queueOctetsMax ?? QUEUE_OCTETS_MAX} octets and then lost, until a write succeeds`;
      this.#say('error', 'journal-stopped', text, { cause: causeOf((error as Error).cause ?? error) });
    }
    await this.#segments.retire();
    this.#armRetry();
  }

  /** Someone has taken its file away: what is in it is lost, and what comes waits for another one. */
  async #leave(writer: SegmentWriter, error: SegmentGoneError): Promise<void> {
    await this.#pumped; // a write to it may be under way
    this.#goneLines += writer.written;
    if (this.#segments.current === writer && this.#stopped === undefined) await this.#stop(error);
    else this.#wake();
  }

  #armRetry(): void {
    if (this.#closing) return;
    this.#retryTimer = setTimeout(() => void this.#retry(), this.#settings.retryMs ?? RETRY_MS).unref();
  }

  /** One at a time: a second segment of the same name would be unlinked under the first. */
  #retry(): Promise<void> {
    this.#retrying ??= this.#tryAgain().finally(() => {
      this.#retrying = undefined;
    });
    return this.#retrying;
  }

  async #tryAgain(): Promise<void> {
    try {
      await this.#settings.makeWritable();
      await this.#segments.create();
    } catch (error) {
      this.#stopped = (error as Error).message; // said once, when it stopped; the status has the newest reason
      this.#armRetry();
      return;
    }
    this.#stopped = undefined;
    this.#wake();
  }

  #sayRegained(sinceMs: number, lost: number): void {
    const awayMs = this.#settings.nowMs() - sinceMs;
    this.#say('warn', 'journal-writing-again', `is written again after ${awayMs} ms; ${lost} events were lost`, {
      awayMs,
      lost,
    });
  }

  #say(level: 'warn' | 'error', event: string, text: string, fields: LogFields = {}): void {
    const { kind, directory, log } = this.#settings;
    log[level](event, `journal of the ${kind} in ${directory}: ${text}`, { ...fields, directory });
  }
}
