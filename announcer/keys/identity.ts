import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import stringify from 'fast-json-stable-stringify';
import { StartError } from '../../shared/component.ts';

/** What keys are made of, besides containers: when it changes, what was announced stands under other names. */
export interface Scope {
  readonly host: string;
  readonly domain: string;
  readonly prefix: string;
}

export interface Identity {
  /** 12 hex digits, the same for every process on this data directory. */
  readonly announcer: string;
  /**
   * The predecessor announced under other names: its leases are to be given back, not adopted. The new scope is not saved
   * yet; {@link saveIdentity} once that is known to the journal.
   */
  readonly scopeChanged: boolean;
  /** Why the file that was there could not be used; a new id was made. */
  readonly unreadable?: string;
}

const FILE = 'identity.json';

/**
 * Reads who we are from the data directory, or settles it.
 *
 * @throws {StartError} when the directory can be neither read nor written
 */
export async function loadIdentity(directory: string, scope: Scope): Promise<Identity> {
  const path = join(directory, FILE);
  const found = await read(path);
  const known = found === undefined ? undefined : parse(found);
  const announcer = known?.announcer ?? randomBytes(6).toString('hex');
  const scopeChanged = known !== undefined && stringify(known) !== stringify({ announcer, ...scope });
  if (known === undefined) await saveIdentity(directory, announcer, scope);
  const unreadable = found !== undefined && known === undefined ? `${path} holds no announcer id` : undefined;
  return { announcer, scopeChanged, ...(unreadable === undefined ? {} : { unreadable }) };
}

/** The id that {@link loadIdentity} would give, without settling one; undefined when there is none yet. @throws {StartError} */
export async function knownAnnouncer(directory: string): Promise<string | undefined> {
  const found = await read(join(directory, FILE));
  return found === undefined ? undefined : parse(found)?.announcer;
}

/** @throws {StartError} when it cannot be written */
export async function saveIdentity(directory: string, announcer: string, scope: Scope): Promise<void> {
  await write(join(directory, FILE), stringify({ announcer, ...scope }));
}

function parse(text: string): ({ readonly announcer: string } & Partial<Scope>) | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const announcer = (json as { announcer?: unknown } | null)?.announcer;
    return typeof announcer === 'string' && /^[0-9a-f]{12}$/.test(announcer)
      ? (json as { announcer: string })
      : undefined;
  } catch {
    return undefined; // the caller says so
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new StartError(`cannot read ${path}: ${(error as Error).message}; see --data-dir`, { cause: error });
  }
}

/** Beside its name, then in its place: a crash leaves the old one or the new one. */
async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.tmp`, `${text}\n`, { flush: true });
    await rename(`${path}.tmp`, path);
  } catch (error) {
    throw new StartError(`cannot write ${path}: ${(error as Error).message}; see --data-dir`, { cause: error });
  }
}
