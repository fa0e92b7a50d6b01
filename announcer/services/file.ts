/** Edge: `--services FILE`, read and followed. */
import { readFile, stat } from 'node:fs/promises';
import { exhaustMap, filter, type Observable, timer } from 'rxjs';
import { StartError } from '../../shared/component.ts';
import { printOf } from '../../shared/file-print.ts';
import type { Log } from '../../shared/log.ts';
import type { Observation } from '../observation.ts';
import { readServices } from './json.ts';

export interface ServicesFileSettings {
  readonly path: string;
  readonly log: Log;
  readonly nowMs: () => number;
}

/**
 * How often the file is looked at. Asking the path sees what a watch on a file does not: another file renamed over it,
 * and a link set elsewhere, as ConfigMaps do. A change is taken once it has stood for one look, so that a file that is
 * being written is not read half: within twice this.
 */
const LOOK_MS = 250;
/** Room for a hundred thousand entries. */
const FILE_OCTETS_MAX = 16 * 1024 * 1024;

/** A services file that could be used at first. */
export interface ServicesFile {
  /** What it held then. */
  readonly first: Observation;
  /** What it holds after each change. When that cannot be used, what it held last stands, and the log says why. */
  readonly changes$: Observable<Observation>;
}

/** @throws {StartError} when it cannot be used */
export async function openServicesFile(settings: ServicesFileSettings): Promise<ServicesFile> {
  const follower = new Follower(settings);
  const first = await follower.readFirst();
  const changes$ = timer(LOOK_MS, LOOK_MS).pipe(
    exhaustMap(() => follower.look()),
    filter((seen) => seen !== undefined),
  );
  return { first, changes$ };
}

/** What the file holds now. @throws {StartError} when it cannot be used */
export async function readServicesFile(settings: ServicesFileSettings): Promise<Observation> {
  return new Follower(settings).readFirst();
}

class Follower {
  readonly #settings: ServicesFileSettings;
  /** Of the file that was read last, and of the one seen at the last look. */
  #readPrint = '';
  #seenPrint = '';
  /** Said last; the same is not said again. */
  #complaint = '';

  constructor(settings: ServicesFileSettings) {
    this.#settings = settings;
  }

  async readFirst(): Promise<Observation> {
    const { path } = this.#settings;
    try {
      this.#readPrint = await printOf(path);
      this.#seenPrint = this.#readPrint;
      return await this.#read();
    } catch (error) {
      throw new StartError(`--services=${JSON.stringify(path)}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async look(): Promise<Observation | undefined> {
    const { path } = this.#settings;
    try {
      const print = await printOf(path);
      const stands = print === this.#seenPrint;
      this.#seenPrint = print;
      if (!stands || print === this.#readPrint) return undefined;
      this.#readPrint = print;
      const seen = await this.#read();
      this.#complaint = '';
      return seen;
    } catch (error) {
      this.#complain(reasonOf(error));
      return undefined;
    }
  }

  async #read(): Promise<Observation> {
    const { path, log, nowMs } = this.#settings;
    const { size } = await stat(path);
    if (size > FILE_OCTETS_MAX) throw new Error(`it has ${size} octets; at most ${FILE_OCTETS_MAX}`);
    const read = readServices(await readFile(path, 'utf8'));
    if (!read.ok) throw new Error(read.reason);
    for (const problem of read.problems) {
      log.error('service-refused', `${path}: ${problem}; it is not announced, the other entries are`);
    }
    for (const problem of read.leftOut) {
      log.warn('service-value-left-out', `${path}: ${problem}; it is left out, the rest of the entry stands`);
    }
    log.info(
      'services-read',
      `${path} holds ${read.services.length} ${read.services.length === 1 ? 'entry' : 'entries'}`,
      { services: read.services.length },
    );
    return { type: 'services-read', atMs: nowMs(), services: read.services };
  }

  #complain(reason: string): void {
    if (reason === this.#complaint) return;
    this.#complaint = reason;
    const { path, log } = this.#settings;
    log.error('services-file-unusable', `${path} cannot be used: ${reason}; what it held before stays announced`);
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'it may not be read by this user';
  if (code === 'EISDIR') return 'it is a directory';
  return message;
}
