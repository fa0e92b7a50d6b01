/** What dig said, with the time around each question: to be held against what is told of the past. */
import type { HostPort } from '../../../shared/address.ts';
import { type DigAnswer, dig } from '../servers/dig.ts';

/** One answer of dig's; `none` when nothing answered. TTLs are left out: how much of a lease was left is not recorded. */
export interface Entry extends Message {
  readonly name: string;
  readonly type: string;
  /** Milliseconds since the epoch, just before dig began and just after it ended. */
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** What two answers are compared by. Records are sorted: rotation has its own tests. */
export interface Message {
  readonly status: string;
  readonly isAuthoritative: boolean;
  /** RFC 8914. */
  readonly extendedError: number | undefined;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

/** `/v1/at`, as far as it is compared. */
export interface PastJson {
  readonly status: string;
  readonly authoritative: boolean;
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly extendedError?: number;
  readonly standing: string;
  readonly madeBy?: { readonly type: string; readonly sequence: number };
  readonly gaps: readonly unknown[];
}

const NOTHING: Message = {
  status: 'none',
  isAuthoritative: false,
  extendedError: undefined,
  answer: [],
  authority: [],
  additional: [],
};

export class Diary {
  readonly entries: Entry[] = [];
  readonly #server: () => HostPort;

  constructor(server: () => HostPort) {
    this.#server = server;
  }

  async ask(name: string, type: string): Promise<Entry> {
    const beforeMs = Date.now();
    const message = await dig(this.#server(), name, type).then(messageOfDig, () => NOTHING);
    const entry = { name, type, beforeMs, afterMs: Date.now(), ...message };
    this.entries.push(entry);
    return entry;
  }
}

function messageOfDig({ status, flags, answer, authority, additional, text }: DigAnswer): Message {
  const code = /^; EDE: (\d+)/m.exec(text)?.[1];
  return {
    status,
    isAuthoritative: flags.includes('aa'),
    extendedError: code === undefined ? undefined : Number(code),
    answer: withoutTtls(answer),
    authority: withoutTtls(authority),
    additional: withoutTtls(additional),
  };
}

export function messageOfPast(past: PastJson): Message {
  return {
    status: past.status,
    isAuthoritative: past.authoritative,
    extendedError: past.extendedError,
    answer: withoutTtls(past.answer),
    authority: withoutTtls(past.authority),
    additional: withoutTtls(past.additional),
  };
}

export function messageOf({ name: _name, type: _type, beforeMs: _beforeMs, afterMs: _afterMs, ...message }: Entry) {
  return message;
}

/** `web.example.org. 5 IN A 192.0.2.1` becomes `web.example.org. IN A 192.0.2.1`. */
export function withoutTtls(records: readonly string[]): string[] {
  return records.map((record) => record.replace(/^(\S+) \d+ /, '$1 ')).sort();
}

/**
 * The moments at which an entry's answer may have been given: one, when nothing happened around the question. Within a
 * millisecond with an event, before and after cannot be told apart.
 *
 * @param eventsAtMs when anything happened that answers depend on
 */
export function momentsOf({ beforeMs, afterMs }: Entry, eventsAtMs: readonly number[]): number[] {
  const near = eventsAtMs.filter((atMs) => atMs >= beforeMs - 1 && atMs <= afterMs + 1);
  if (near.length === 0) return [Math.floor((beforeMs + afterMs) / 2)];
  return [...new Set([beforeMs - 2, ...near.flatMap((atMs) => [atMs - 1, atMs]), afterMs + 2])];
}
