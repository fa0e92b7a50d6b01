import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Log } from '../../shared/log.ts';

export interface KeptJsonSettings {
  readonly path: string;
  readonly log: Log;
  /** What it holds, for messages: `position of sink 0`. */
  readonly what: string;
  /** What a failure to write it costs, for messages. */
  readonly cost: string;
  /** What it costs when it is there and cannot be read, for messages. */
  readonly costOfDamage: string;
  /** At most one write in this time. */
  readonly everyMs: number;
}

/** There is one, and nothing can be read from it. */
export const DAMAGED = Symbol('damaged');

/** A small JSON file that follows a value in memory: written beside its name, flushed, then put in its place. */
export class KeptJson {
  readonly #settings: KeptJsonSettings;
  #value: (() => unknown) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;

  constructor(settings: KeptJsonSettings) {
    this.#settings = settings;
  }

  /** Undefined when there is none, {@link DAMAGED} when there is one that cannot be read: the second is said. */
  async read(): Promise<unknown> {
    const { path, log, what, costOfDamage } = this.#settings;
    try {
      return JSON.parse(await readFile(path, 'utf8')) as unknown;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      log.warn(
        'sink-file-unreadable',
        `${what} in ${path} cannot be read (${(error as Error).message}); ${costOfDamage}`,
      );
      return DAMAGED;
    }
  }

  /** Writes what `value` gives then, within the time that the settings say. */
  keep(value: () => unknown): void {
    this.#value = value;
    this.#timer ??= setTimeout(() => void this.flush(), this.#settings.everyMs).unref();
  }

  /** Writes at once what is to be kept, if anything. Never rejects: what cannot be written is said once. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const { path, log, what, cost } = this.#settings;
    const value = this.#value;
    if (value === undefined) return;
    this.#value = undefined;
    try {
      await mkdir(dirname(path), { recursive: true, mode: 0o750 }); // someone may have removed it
      const handle = await open(`${path}.tmp`, 'w', 0o640);
      try {
        await handle.writeFile(`${JSON.stringify(value())}\n`);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${path}.tmp`, path);
      if (this.#hasFailed) log.info('sink-file-written', `${what} is written to ${path} again`);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        log.warn('sink-file-unwritable', `${what} cannot be written to ${path} (${(error as Error).message}); ${cost}`);
      }
      this.#hasFailed = true;
    }
  }
}
