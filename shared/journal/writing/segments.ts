import { truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundJournal, TornSegment } from '../directory.ts';
import { causeOf } from '../error.ts';
import { encodeHeader, FORMAT_VERSION } from '../line.ts';
import type { ReadableSegment } from '../reading/reader.ts';
import { segmentName } from './retention.ts';
import { type OpenFile, SegmentWriter } from './segment-writer.ts';
import type { Syncer } from './syncer.ts';

export interface SegmentsSettings {
  readonly directory: string;
  readonly kind: string;
  readonly segmentOctets: number;
  readonly nowMs: () => number;
  readonly openFile: OpenFile;
  readonly syncer: Syncer;
  /** Of the first line of the next segment: the oldest that is not written yet. */
  readonly firstSequence: () => number;
  /** Whether the directory is still ours is looked at before each new file. */
  readonly makeWritable: () => Promise<void>;
  readonly onNewSegment: () => void;
  readonly warn: (event: string, text: string) => void;
}

/** The files of a journal, oldest first: those that are finished, and the one that is written to, if any is. */
export class Segments {
  readonly #settings: SegmentsSettings;
  #finished: ReadableSegment[];
  #writer: SegmentWriter | undefined;
  #torn: TornSegment | undefined;

  constructor(settings: SegmentsSettings, found: readonly ReadableSegment[]) {
    this.#settings = settings;
    this.#finished = [...found];
  }

  /** The one that is written to. */
  get current(): SegmentWriter | undefined {
    return this.#writer;
  }

  get all(): readonly ReadableSegment[] {
    return this.#writer === undefined ? [...this.#finished] : [...this.#finished, readableOf(this.#writer)];
  }

  /** Retention took these away. */
  forget(paths: ReadonlySet<string>): void {
    this.#finished = this.#finished.filter((segment) => !paths.has(segment.path));
  }

  /** What the last process left torn goes when there is a segment to write to. */
  leftTorn(torn: TornSegment | undefined): void {
    this.#torn = torn;
  }

  /** Opens the segment to write to: the newest when it has room, else a new one. */
  async open(found: FoundJournal['newest']): Promise<void> {
    const { openFile, segmentOctets } = this.#settings;
    const newest = this.#finished.at(-1);
    if (found === undefined || newest === undefined || newest.octets >= segmentOctets) {
      await this.create();
      return;
    }
    const { path, firstSequence, octets } = newest;
    this.#writer = await SegmentWriter.resume(openFile, path, firstSequence, octets, found === 'has-records');
    this.#finished.pop();
    this.#torn = undefined;
  }

  /** The one to write to, and a new one when that is full or has failed. */
  async writable(): Promise<SegmentWriter> {
    const writer = this.#writer;
    if (writer !== undefined && !writer.hasFailed && (writer.isEmpty || writer.octets < this.#settings.segmentOctets)) {
      return writer;
    }
    await this.retire();
    await this.#settings.makeWritable();
    return this.create();
  }

  async create(): Promise<SegmentWriter> {
    const { directory, kind, nowMs, openFile, onNewSegment } = this.#settings;
    const firstSequence = this.#settings.firstSequence();
    const header = {
      format: 'rollcall-journal',
      version: FORMAT_VERSION,
      kind,
      firstSequence,
      createdAtMs: nowMs(),
    } as const;
    const path = join(directory, segmentName(firstSequence));
    this.#writer = await SegmentWriter.create(openFile, path, firstSequence, encodeHeader(header));
    this.#finished = this.#finished.filter((segment) => segment.path !== path); // an empty one it has replaced
    await this.#takeAwayTorn(path);
    onNewSegment();
    return this.#writer;
  }

  /** Takes the one that is written to out of use; what was written to it stays readable. */
  async retire(): Promise<void> {
    const writer = this.#writer;
    if (writer === undefined) return;
    this.#writer = undefined;
    if (!writer.isEmpty) this.#finished.push(readableOf(writer));
    await this.#finish(writer);
  }

  async close(): Promise<void> {
    const writer = this.#writer;
    this.#writer = undefined;
    if (writer !== undefined) await this.#finish(writer);
  }

  /** Not before there is a new segment: until then a torn one's name says which numbers may have been given out. */
  async #takeAwayTorn(newPath: string): Promise<void> {
    const torn = this.#torn;
    this.#torn = undefined;
    if (torn === undefined || torn.path === newPath) return;
    try {
      if (torn.wholeOctets > 0) await truncate(torn.path, torn.wholeOctets);
      else await unlink(torn.path);
    } catch (error) {
      // Readers pass over it, as over any corrupt line.
      this.#settings.warn(
        'journal-torn-stays',
        `what is torn of ${torn.path} cannot be taken away (${causeOf(error)}); \`rollcall journal verify\` will name it`,
      );
    }
  }

  async #finish(writer: SegmentWriter): Promise<void> {
    await this.#settings.syncer.finish(writer);
    try {
      if (writer.isEmpty && writer.hasFailed) await writer.abandon();
      else await writer.close();
    } catch (error) {
      this.#settings.warn('journal-close-failed', `${writer.path} could not be closed (${causeOf(error)})`);
    }
  }
}

function readableOf({ path, firstSequence, octets }: SegmentWriter): ReadableSegment {
  return { path, firstSequence, octets };
}
