import { open } from 'node:fs/promises';
import type { Log } from '../log.ts';
import { JournalDirectory, SEQUENCES_SKIPPED_AFTER_CRASH } from './directory.ts';
import { causeOf, JournalError } from './error.ts';
import type { JournalEntry, JournalEvent, JournalRange, Sequenced } from './event.ts';
import { encodeEventLine, FORMAT_VERSION } from './line.ts';
import { type BackwardSearch, searchBackward } from './reading/backward.ts';
import { type CorruptLines, readEntries } from './reading/reader.ts';
import { TimeIndex } from './reading/time-index.ts';
import type { JournalSnapshot } from './snapshot.ts';
import type { JournalStatus } from './status.ts';
import { Appender } from './writing/appender.ts';
import { Archive } from './writing/archive.ts';
import type { OpenFile } from './writing/segment-writer.ts';

export { JournalError, JournalOpenError } from './error.ts';
export type { JournalSnapshot } from './snapshot.ts';
export type { JournalStatus } from './status.ts';

export interface JournalSettings {
  /** On a local file system; made when it is not there. One process at a time. */
  readonly directory: string;
  readonly kind: 'announcer' | 'resolver' | 'store';
  readonly log: Log;
  /** A segment that has grown to this is followed by a new one; default 64 MiB. */
  readonly segmentOctets?: number;
  /** Segments and snapshots together; default 1 GiB. What the newest snapshots need stays, even beyond. */
  readonly keepOctets?: number;
  /** Default 30 days. */
  readonly keepMs?: number;
  /** Keep segments until two snapshots cover them, whatever the limits; default false. */
  readonly keepUncovered?: boolean;
  /** What was written is on the disk this much later, as far as the disk keeps up; default 1000. */
  readonly fsyncMs?: number;
  /** An event waits at most so long for others to be written with, unless someone waits for it; default 0. */
  readonly gatherMs?: number;
  /** Wall clock, for headers and gaps; events bring their own times. */
  readonly nowMs?: () => number;
  /** Everything queued is written again, after an outage or after `lost` events had to be left out: time for a snapshot. */
  readonly onRegained?: (lost: number) => void;
  /** Octets that may wait for the disk; default 32 MiB. */
  readonly queueOctetsMax?: number;
  /** Between two tries of a journal that cannot be written; default 3000. */
  readonly retryMs?: number;
  /** For tests: files that fail as disks do. */
  readonly openFile?: OpenFile;
}

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

/**
 * An append-only log of events in segment files, with snapshots beside them (`line.ts` has the format). It never makes
 * its user wait and never throws at it: what the disk does not take is counted, said, and marked as a gap.
 */
export class Journal<E extends JournalEvent> {
  readonly #kind: JournalSettings['kind'];
  readonly #log: Log;
  readonly #nowMs: () => number;
  readonly #directory: JournalDirectory;
  readonly #appender: Appender;
  readonly #archive: Archive;
  readonly #timeIndex = new TimeIndex();
  /** Corrupt lines already said, by file. */
  readonly #corruptSaid = new Map<string, number>();
  #corruptLines: number;
  #nextSequence: number;
  #appended = 0;
  #lostAfterClose = 0;
  #unencodableSaid = false;
  #closed: Promise<void> | undefined;

  private constructor(settings: JournalSettings, directory: JournalDirectory) {
    const {
      kind,
      log,
      nowMs = Date.now,
      keepOctets = 1024 * MIB,
      keepMs = 30 * DAY_MS,
      keepUncovered = false,
    } = settings;
    const { found, path } = directory;
    this.#kind = kind;
    this.#log = log;
    this.#nowMs = nowMs;
    this.#directory = directory;
    this.#nextSequence = found.nextSequence;
    this.#corruptLines = found.corruptLines;
    const newest = found.segments.at(-1);
    if (newest !== undefined) this.#corruptSaid.set(newest.path, found.corruptLines);
    this.#archive = new Archive({
      directory: path,
      kind,
      log,
      nowMs,
      limits: { keepOctets, keepMs, keepUncovered },
      onRemoved: (paths) => {
        this.#appender.forget(paths);
        this.#timeIndex.forget(paths);
      },
    });
    this.#appender = new Appender(
      {
        directory: path,
        kind,
        log,
        nowMs,
        segmentOctets: settings.segmentOctets ?? 64 * MIB,
        fsyncMs: settings.fsyncMs ?? 1000,
        openFile: settings.openFile ?? open,
        ...(settings.gatherMs === undefined ? {} : { gatherMs: settings.gatherMs }),
        ...(settings.queueOctetsMax === undefined ? {} : { queueOctetsMax: settings.queueOctetsMax }),
        ...(settings.retryMs === undefined ? {} : { retryMs: settings.retryMs }),
        makeWritable: () => directory.makeWritable(this.#nextSequence),
        nextSequence: () => this.#nextSequence,
        onNewSegment: () => void this.#archive.retain(),
        onRegained: (lost) => settings.onRegained?.(lost),
      },
      found.segments,
    );
  }

  /**
   * Makes the directory, and goes on where the last process stopped. A disk that cannot be written is no error here: the
   * journal starts stopped and tries again.
   *
   * @throws {JournalOpenError} `locked`, `newer-format`, `wrong-kind`, `unreadable`
   */
  static async open<E extends JournalEvent>(settings: JournalSettings): Promise<Journal<E>> {
    const directory = await JournalDirectory.open(settings.directory, settings.kind, settings.log);
    const journal = new Journal<E>(settings, directory);
    const { crashed, corruptLines, newest, torn } = directory.found;
    if (corruptLines > 0) journal.#say('warn', 'journal-corrupt', `its last ${corruptLines} lines cannot be read`);
    if (crashed) journal.#skipSequences();
    await journal.#appender.start(newest, torn);
    await journal.#archive.retain();
    return journal;
  }

  /** Never throws and never waits. @returns the event's number, also when it will not get into the journal */
  append(event: E): number {
    const sequence = this.#nextSequence;
    this.#nextSequence += 1;
    this.#appended += 1;
    if (this.#closed !== undefined) {
      this.#lostAfterClose += 1;
      return sequence;
    }
    try {
      const line = encodeEventLine(event, sequence);
      this.#appender.enqueue(line, sequence);
    } catch (error) {
      this.#appender.lose(sequence, 'unencodable');
      if (!this.#unencodableSaid) {
        const text = `event ${sequence} (${event.type}) has no place in it (${(error as Error).message}); it is lost, and so are others like it`;
        this.#say('error', 'journal-unencodable', text);
      }
      this.#unencodableSaid = true;
    }
    return sequence;
  }

  /** The events of a range, in order, up to the last that was appended before this call, written or not. */
  read(range: JournalRange = {}): AsyncIterable<Sequenced<E>> {
    return eventsOf(this.entries(range));
  }

  /** Like {@link read}, with the gaps: for answers that must say where they do not know. */
  entries(range: JournalRange = {}): AsyncIterable<JournalEntry<E>> {
    const onCorrupt = (corrupt: CorruptLines): void => this.#sayCorrupt(corrupt);
    return readEntries<E>({ ...this.#appender.readable(), onCorrupt, timeIndex: this.#timeIndex }, range);
  }

  /** Events in a file that hold one of some texts, the newest first. What still waits for the disk is not looked at. */
  searchBackward(search: BackwardSearch): AsyncIterable<Sequenced<E>> {
    return searchBackward<E>(this.#appender.segments, search);
  }

  /**
   * Writes a state that belongs to the last event appended before this call. `lines` is consumed in slices over many
   * turns of the event loop: hand in what does not change meanwhile (a persistent map, or a copy of the references).
   *
   * @throws {JournalError} `unwritable`: no trace of the snapshot is left, and the one before is still good
   */
  snapshot(lines: Iterable<unknown>): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new JournalError('closed', `the journal in ${this.#directory.path} is closed`));
    }
    const header = {
      format: 'rollcall-snapshot',
      version: FORMAT_VERSION,
      kind: this.#kind,
      sequence: this.#nextSequence - 1,
      createdAtMs: this.#nowMs(),
    } as const;
    return this.#archive.snapshot(header, lines, () => this.flush());
  }

  /** The newest snapshot taken at `untilMs` or before; one that is damaged is said, counted and passed over. */
  newestSnapshot(untilMs = Number.POSITIVE_INFINITY): Promise<JournalSnapshot | undefined> {
    return this.#archive.newestSnapshot(untilMs);
  }

  /** Resolves when what was appended so far is on the disk, or the journal is stopped. */
  flush(): Promise<void> {
    return this.#appender.flush();
  }

  /** Resolves true when what was appended so far is in the file (which outlives the process, not the machine), else false. */
  written(): Promise<boolean> {
    return this.#appender.written();
  }

  /** Of the last event appended. */
  get lastSequence(): number {
    return this.#nextSequence - 1;
  }

  get status(): JournalStatus {
    const { found } = this.#directory;
    const { counts, segments, state } = this.#appender;
    return {
      ...state,
      recovered: found.crashed,
      appended: this.#appended,
      lost: counts.lost + this.#lostAfterClose,
      lastSequence: this.lastSequence,
      corruptLines: this.#corruptLines,
      tornOctets: found.tornOctets,
      damagedSnapshots: this.#archive.damagedSnapshots,
      fsyncFailures: counts.fsyncFailures,
      segments: segments.length,
      octets: segments.reduce((sum, segment) => sum + segment.octets, this.#archive.snapshotOctets),
      queuedOctets: counts.queuedOctets,
    };
  }

  /** The oldest number that may still be in it. */
  get firstSequence(): number {
    return this.#appender.segments[0]?.firstSequence ?? this.#nextSequence;
  }

  /** Writes what is queued and gives the directory free. What is appended afterwards is lost, and counted. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const complete = await this.#appender.close();
    await this.#archive.settled();
    try {
      if (complete) await this.#directory.markClosed(this.#nextSequence);
      else this.#say('error', 'journal-incomplete', 'was closed with events that could not be written; they are lost');
    } catch (error) {
      this.#say('warn', 'journal-not-marked', `could not be marked as closed (${causeOf(error)})`);
    } finally {
      await this.#directory.release();
    }
  }

  #skipSequences(): void {
    const fromSequence = this.#nextSequence;
    this.#nextSequence += SEQUENCES_SKIPPED_AFTER_CRASH;
    const toSequence = this.#nextSequence - 1;
    this.#appender.mark({ atMs: this.#nowMs(), fromSequence, toSequence, reason: 'crash' });
    const text = `was not closed by the process that had it: what that had not written yet is missing; the next event is ${this.#nextSequence}`;
    this.#say('warn', 'journal-recovered', text);
  }

  #sayCorrupt({ path, count, firstAt, reason }: CorruptLines): void {
    const said = this.#corruptSaid.get(path) ?? 0;
    if (count <= said) return;
    this.#corruptSaid.set(path, count);
    this.#corruptLines += count - said;
    const text = `${count} lines of ${path} cannot be read and are left out, the first at octet ${firstAt} (${reason})`;
    this.#say('warn', 'journal-corrupt', text);
  }

  #say(level: 'warn' | 'error', event: string, text: string): void {
    const { path } = this.#directory;
    this.#log[level](event, `journal of the ${this.#kind} in ${path}: ${text}`, { directory: path });
  }
}

async function* eventsOf<E extends JournalEvent>(
  entries: AsyncIterable<JournalEntry<E>>,
): AsyncGenerator<Sequenced<E>> {
  for await (const entry of entries) {
    if (entry.kind === 'event') yield { sequence: entry.sequence, event: entry.event };
  }
}
