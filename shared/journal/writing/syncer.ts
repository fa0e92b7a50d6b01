import { causeOf } from '../error.ts';
import { SegmentGoneError, type SegmentWriter } from './segment-writer.ts';

export interface SyncerSettings {
  /** From a write to its fsync. */
  readonly fsyncMs: number;
  /** The segment that is written to. */
  readonly current: () => SegmentWriter | undefined;
  readonly onFailed: (text: string, cause: string) => void;
  /** Told once of a segment that was found to be gone. */
  readonly onGone: (writer: SegmentWriter, error: SegmentGoneError) => void;
}

/** Brings what was written to the disk a little later, beside the writes, one fsync at a time. */
export class Syncer {
  readonly #settings: SyncerSettings;
  #timer: NodeJS.Timeout | undefined;
  #syncing: Promise<void> | undefined;
  #failures = 0;

  constructor(settings: SyncerSettings) {
    this.#settings = settings;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Something was written. */
  schedule(): void {
    if (this.#timer !== undefined || this.#syncing !== undefined) return;
    this.#timer = setTimeout(() => void this.#sync(), this.#settings.fsyncMs).unref();
  }

  /** Resolves when everything written before this call is on the disk, or the fsync failed and was said. */
  async flush(): Promise<void> {
    await this.#syncing; // it may have begun before the last write
    await this.#sync();
  }

  /** The last fsync of a segment that is taken out of use. */
  async finish(writer: SegmentWriter): Promise<void> {
    await this.#syncing;
    await this.#syncFile(writer);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #sync(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const writer = this.#settings.current();
    if (writer === undefined) return Promise.resolve();
    this.#syncing ??= this.#syncFile(writer).finally(() => {
      this.#syncing = undefined;
      if (writer.unsynced > 0 && !writer.hasFailed) this.schedule();
    });
    return this.#syncing;
  }

  async #syncFile(writer: SegmentWriter): Promise<void> {
    try {
      await writer.sync();
    } catch (error) {
      if (error instanceof SegmentGoneError) {
        this.#settings.onGone(writer, error);
        return;
      }
      this.#failures += 1;
      const text = `fsync of ${writer.path} failed (${causeOf(error)}): its last ${writer.unsynced} lines may not survive a power loss; going on in a new segment`;
      this.#settings.onFailed(text, causeOf(error));
    }
  }
}
