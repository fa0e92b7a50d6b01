import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Journal, JournalError, type JournalSnapshot } from '../../shared/journal/journal.ts';
import type { Log } from '../../shared/log.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { type EntryLine, eventOf, type HeadLine, linesOf, stateOf, syncOf } from '../zone/lines.ts';
import type { LiveZone } from './live-zone.ts';

export interface ZoneJournalSettings {
  /** The resolver's own directory. */
  readonly directory: string;
  readonly log: Log;
  readonly nowMs?: () => number;
}

/** How often a snapshot is considered, and how much must have changed: a restart replays at most this. */
const SNAPSHOT_EVERY_MS = 60_000;
const SNAPSHOT_EVENTS_MIN = 1000;
const SNAPSHOT_SHARE = 1 / 10;
/** A burst does not wait for the minute: what stood at a moment in the past is folded from the snapshot before it. */
const SNAPSHOT_EVENTS_SOON = 20_000;
/** At a stop only small zones are written once more; a large one replays a little longer. */
const SNAPSHOT_AT_STOP_RECORDS_MAX = 50_000;
/**
 * Events wait so long to be written together. A process that is killed loses those that wait; the store has them, and a
 * restart reads it.
 */
const GATHER_MS = 50;
/** The error of the moment from which `--max-stale` counts after a crash. */
const CONFIRMED_EVERY_MS = 5000;

/**
 * Keeps the zone on disk: events as they come, now and then a snapshot of the whole, and the moment at which the zone was
 * last known to be true (the modification time of the file `confirmed`, at most {@link CONFIRMED_EVERY_MS} old). A resolver
 * that starts while the store is away has the zone from here, and knows how stale it is.
 */
export class ZoneJournal {
  readonly journal: Journal<ZoneEvent>;
  readonly #live: LiveZone;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #confirmedPath: string;
  #eventsSinceSnapshot = 0;
  /** Events were applied that are in no journal: only a snapshot has them. */
  #needsSnapshot = false;
  #snapshotting: Promise<void> | undefined;
  #snapshotFailed = false;
  #touchedAtMs = Number.NEGATIVE_INFINITY;
  #touchFailed = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(journal: Journal<ZoneEvent>, live: LiveZone, settings: Required<ZoneJournalSettings>) {
    this.journal = journal;
    this.#live = live;
    this.#log = settings.log;
    this.#now = settings.nowMs;
    this.#confirmedPath = confirmedPath(settings.directory);
  }

  /**
   * Opens the journal and brings `live` to where the last process left it: not live, as stale as it is by now.
   *
   * @throws {JournalOpenError}
   */
  static async open(live: LiveZone, given: ZoneJournalSettings): Promise<ZoneJournal> {
    const settings = { nowMs: Date.now, ...given };
    let opened: ZoneJournal | undefined;
    const journal = await Journal.open<ZoneEvent>({
      directory: join(settings.directory, 'journal'),
      kind: 'resolver',
      log: settings.log,
      nowMs: settings.nowMs,
      gatherMs: GATHER_MS,
      onRegained: () => {
        if (opened !== undefined) opened.#regained();
      },
    });
    opened = new ZoneJournal(journal, live, settings);
    await opened.#restore(settings.directory);
    const zoneJournal = opened;
    zoneJournal.#timer = setInterval(() => zoneJournal.#considerSnapshot(), SNAPSHOT_EVERY_MS);
    zoneJournal.#timer.unref();
    return zoneJournal;
  }

  /**
   * Events that were just applied to the zone. Bulk ones are kept by the snapshot that follows their `ZoneSynced`.
   *
   * @returns the number of the first, the others' follow it; undefined of bulk ones, which have none
   */
  record(events: readonly ZoneEvent[], bulk: boolean): number | undefined {
    if (bulk) {
      this.#needsSnapshot = true;
      return undefined;
    }
    const first = this.journal.lastSequence + 1;
    for (const event of events) this.journal.append(event);
    this.#eventsSinceSnapshot += events.length;
    if (this.#needsSnapshot && events.some(({ type }) => type === 'ZoneSynced')) this.#snapshot();
    else if (this.#eventsSinceSnapshot >= Math.max(SNAPSHOT_EVENTS_SOON, this.#live.zone.size)) this.#snapshot();
    return first;
  }

  /** The zone is known to be true at this moment: a restart counts its staleness from here. */
  confirmed(atMs: number): void {
    // In both directions: the clock may be set back.
    if (Math.abs(atMs - this.#touchedAtMs) < CONFIRMED_EVERY_MS) return;
    this.#touchedAtMs = atMs;
    void this.#touch(atMs);
  }

  /** Writes a snapshot when it is worth it, and closes the journal. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const { confirmedAtMs, zone } = this.#live;
    if (confirmedAtMs !== undefined) await this.#touch(confirmedAtMs);
    if (this.#eventsSinceSnapshot > 0 && zone.size <= SNAPSHOT_AT_STOP_RECORDS_MAX) this.#snapshot(true);
    await this.#snapshotting;
    await this.journal.close();
  }

  async #restore(directory: string): Promise<void> {
    const live = this.#live;
    const snapshot = await this.journal.newestSnapshot();
    if (snapshot !== undefined && !(await this.#restoreSnapshot(snapshot))) return;
    let replayed = 0;
    for await (const { event } of this.journal.read({ fromSequence: (snapshot?.sequence ?? 0) + 1 })) {
      live.apply(event);
      if (isSignOfTruth(event)) live.wasConfirmed(Math.min(event.atMs, this.#now()));
      replayed += 1;
    }
    this.#eventsSinceSnapshot = replayed;
    const touchedMs = await modifiedMs(confirmedPath(directory));
    // A clock that was set back must not make the zone younger than it is.
    if (touchedMs !== undefined && live.confirmedAtMs !== undefined)
      live.wasConfirmed(Math.min(touchedMs, this.#now()));
    if (live.zone.storeId === undefined) return;
    const staleSeconds = (live.staleMs(this.#now()) / 1000).toFixed(0);
    this.#log.info(
      'zone-restored',
      `${live.zone.size} records of revision ${live.zone.revision} are back from disk, last known to be true ${staleSeconds} s ago`,
      { records: live.zone.size, replayedEvents: replayed, revision: String(live.zone.revision) },
    );
  }

  /** @returns false when the snapshot is of another prefix: then so is what follows it, and nothing is taken over */
  async #restoreSnapshot({ lines, atMs }: JournalSnapshot): Promise<boolean> {
    const live = this.#live;
    let head: HeadLine | undefined;
    for await (const line of lines()) {
      if (head !== undefined) {
        live.apply(eventOf(line as EntryLine, atMs));
        continue;
      }
      head = line as HeadLine;
      if (head.prefix === live.zone.prefix) continue;
      this.#log.warn(
        'zone-not-restored',
        `the zone on disk is of prefix ${head.prefix}, this resolver follows ${live.zone.prefix}; it starts empty`,
      );
      return false;
    }
    if (head === undefined) return true;
    const sync = syncOf(head, live.zone, atMs);
    if (sync !== undefined) live.apply(sync);
    live.restore(stateOf(head));
    // That of a first sync is written before anything else confirms it.
    if (sync !== undefined) live.wasConfirmed(Math.min(head.confirmedAtMs ?? atMs, this.#now()));
    return true;
  }

  /** A snapshot at once, for what is asked of the moments behind the gap is folded from it; but none of half a zone. */
  #regained(): void {
    this.#needsSnapshot = true;
    const isRestored = this.#timer !== undefined;
    if (isRestored) this.#considerSnapshot();
  }

  #considerSnapshot(): void {
    const enough = Math.max(SNAPSHOT_EVENTS_MIN, this.#live.zone.size * SNAPSHOT_SHARE);
    if (this.#needsSnapshot || this.#eventsSinceSnapshot >= enough) this.#snapshot();
  }

  #snapshot(isStopped = false): void {
    if (this.#snapshotting !== undefined) return;
    const before = { events: this.#eventsSinceSnapshot, needs: this.#needsSnapshot };
    this.#eventsSinceSnapshot = 0;
    this.#needsSnapshot = false;
    const { zone, state, confirmedAtMs, isLive } = this.#live;
    this.#snapshotting = this.journal
      .snapshot(linesOf(zone, state, { confirmedAtMs, isLive, isStopped }))
      .then(
        () => {
          this.#snapshotFailed = false;
        },
        (error: unknown) => {
          if (!(error instanceof JournalError)) throw error;
          this.#eventsSinceSnapshot += before.events;
          this.#needsSnapshot ||= before.needs;
          if (!this.#snapshotFailed) {
            this.#log.warn(
              'snapshot-failed',
              `${error.message}; a restart will take longer, trying again every minute`,
            );
          }
          this.#snapshotFailed = true;
        },
      )
      .finally(() => {
        this.#snapshotting = undefined;
      });
  }

  async #touch(atMs: number): Promise<void> {
    try {
      const handle = await open(this.#confirmedPath, 'a');
      try {
        await handle.utimes(atMs / 1000, atMs / 1000);
      } finally {
        await handle.close();
      }
      this.#touchFailed = false;
    } catch (error) {
      if (!this.#touchFailed) {
        const message = `${this.#confirmedPath} cannot be written (${(error as Error).message}); after a restart the zone will count as older than it is`;
        this.#log.warn('confirmation-failed', message);
      }
      this.#touchFailed = true;
    }
  }
}

function confirmedPath(directory: string): string {
  return join(directory, 'confirmed');
}

/** Events that only a resolver that sees the store can have had. */
function isSignOfTruth(event: ZoneEvent): boolean {
  if (event.type === 'RecordPut' || event.type === 'RecordDeleted') return event.late === undefined;
  return event.type === 'ZoneSynced' || event.type === 'ZoneConfirmed' || event.type === 'StoreRegained';
}

async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
