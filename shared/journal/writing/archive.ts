import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../log.ts';
import { causeOf, hasCode, JournalError } from '../error.ts';
import { listFiles } from '../files.ts';
import type { SnapshotHeader } from '../line.ts';
import { type JournalSnapshot, openSnapshot, writeSnapshot } from '../snapshot.ts';
import { planRetention, type RetentionLimits } from './retention.ts';

export interface ArchiveSettings {
  readonly directory: string;
  readonly kind: string;
  readonly log: Log;
  readonly limits: RetentionLimits;
  readonly nowMs: () => number;
  /** Told which files retention took away. */
  readonly onRemoved: (paths: ReadonlySet<string>) => void;
}

/** What a journal keeps of the past: snapshots, and the segments that are finished. One task at a time. */
export class Archive {
  readonly #settings: ArchiveSettings;
  readonly #damaged = new Set<string>();
  #tasks: Promise<unknown> = Promise.resolve();
  #snapshotOctets = 0;
  #overLimit = false;

  constructor(settings: ArchiveSettings) {
    this.#settings = settings;
  }

  get damagedSnapshots(): number {
    return this.#damaged.size;
  }

  get snapshotOctets(): number {
    return this.#snapshotOctets;
  }

  /** @throws {JournalError} `unwritable` */
  snapshot(header: SnapshotHeader, lines: Iterable<unknown>, flush: () => Promise<void>): Promise<void> {
    const { directory } = this.#settings;
    return this.#enqueue(async () => {
      await flush();
      try {
        await writeSnapshot(directory, header, lines);
      } catch (error) {
        const text = `snapshot after event ${header.sequence} could not be written to ${directory} (${causeOf(error)}); the one before it stays`;
        throw new JournalError('unwritable', text, { cause: error });
      }
      await this.#prune();
    });
  }

  async newestSnapshot(untilMs: number): Promise<JournalSnapshot | undefined> {
    const { directory, kind } = this.#settings;
    const snapshots = (await listFiles(directory, kind)).filter(({ type }) => type === 'snapshot');
    let nextSequence: number | undefined;
    for (const { name, createdAtMs, sequence } of snapshots.reverse()) {
      const next = nextSequence;
      nextSequence = sequence;
      if (createdAtMs > untilMs) continue;
      const snapshot = await openSnapshot(join(directory, name));
      if (typeof snapshot === 'object') return { ...snapshot, ...(next !== undefined && { nextSequence: next }) };
      if (snapshot !== undefined) this.#sayDamaged(join(directory, name), snapshot);
    }
    return undefined;
  }

  /** Removes what is too old or too much. Never rejects: what cannot be removed is said. */
  retain(): Promise<void> {
    return this.#enqueue(() => this.#prune());
  }

  /** Resolves when no task runs any more. */
  async settled(): Promise<void> {
    await this.#tasks;
  }

  #enqueue(task: () => Promise<void>): Promise<void> {
    const done = this.#tasks.then(task);
    this.#tasks = done.catch(() => undefined); // told to whoever asked for it; the next task runs all the same
    return done;
  }

  async #prune(): Promise<void> {
    const { directory, kind, limits, log, nowMs, onRemoved } = this.#settings;
    try {
      const files = await listFiles(directory, kind);
      const { remove, overOctets } = planRetention(files, limits, nowMs());
      for (const { name } of remove) await removeIfThere(join(directory, name));
      onRemoved(new Set(remove.map(({ name }) => join(directory, name))));
      this.#snapshotOctets = files
        .filter((file) => file.type === 'snapshot' && !remove.includes(file))
        .reduce((sum, file) => sum + file.octets, 0);
      this.#sayOver(overOctets);
    } catch (error) {
      log.warn('journal-not-pruned', `old files in ${directory} could not be removed (${causeOf(error)})`, {
        directory,
      });
    }
  }

  #sayOver(overOctets: number): void {
    const { directory, limits, log } = this.#settings;
    if (overOctets > 0 && !this.#overLimit) {
      const text = `journal in ${directory} is ${overOctets} octets over its ${limits.keepOctets}: the state could not be rebuilt without what is there; a snapshot makes the rest removable`;
      log.warn('journal-over-limit', text, { directory, overOctets });
    }
    this.#overLimit = overOctets > 0;
  }

  #sayDamaged(path: string, reason: string): void {
    if (this.#damaged.has(path)) return;
    this.#damaged.add(path);
    const text = `snapshot ${path} is damaged (${reason}); the one before it is taken`;
    this.#settings.log.warn('journal-snapshot-damaged', text, { path });
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}
