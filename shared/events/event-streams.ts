import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { HttpError, type HttpRequest, type Route } from '../http.ts';
import type { JournalEvent } from '../journal/event.ts';
import { Pacer } from '../journal/reading/pacing.ts';
import {
  type EventFeed,
  type FeedJournal,
  type FeedPositions,
  formatPositions,
  missingBefore,
  missingIn,
  parsePositions,
} from './event-feed.ts';
import { isAboutSubject } from './event-subject.ts';
import { Turn, Turns } from './turns.ts';

export interface StreamLimits {
  /** Readers at once. */
  readonly streamsMax: number;
  /** Readers that are given what they missed at once: each goes through the journal's files. The others wait. */
  readonly resumesMax: number;
  /** A reader that is further behind is dropped: it can come back with the last id it has. */
  readonly backlogOctets: number;
  /** So long a reader that resumes may take nothing of what it missed. */
  readonly stallMs: number;
  /** Between two that only say that the connection stands, and where the reader does. */
  readonly keepaliveMs: number;
}

export const STREAM_LIMITS: StreamLimits = {
  streamsMax: 64,
  resumesMax: 2,
  backlogOctets: 1024 * 1024,
  stallMs: 10_000,
  keepaliveMs: 15_000,
};

/** Of what was missed so much is handed to the connection before it is waited for. */
const PACE_OCTETS = 256 * 1024;
/** A journal is opened and replayed in seconds. */
const STARTING_SECONDS = 1;

/**
 * `/v1/events`: server-sent events of one program, or of two that run as one. `Last-Event-ID` (or `?after=`) resumes behind
 * an event: what was missed comes from the journal first, and an `EventsMissing` where it cannot. `?name=` leaves out what is
 * not about a name. Nobody waits for a reader: one that does not keep up is dropped. Until every journal is open there is
 * nothing to tell a reader where it stands: 503.
 */
export function eventsRoute(feeds: readonly EventFeed[], limits: StreamLimits = STREAM_LIMITS): Route {
  let open = 0;
  const turns = new Turns(limits.resumesMax);
  return {
    method: 'GET',
    path: '/v1/events',
    handle: ({ headers, query, signal }: HttpRequest) => {
      if (open >= limits.streamsMax) {
        throw new HttpError(429, 'busy', `${limits.streamsMax} readers follow the events already; close one of them`);
      }
      const after = headers['last-event-id'] ?? query.get('after') ?? '';
      const positions = after === '' ? feeds.map(() => undefined) : parsePositions(String(after), feeds.length);
      if (positions === undefined) {
        throw new HttpError(400, 'bad-id', `${JSON.stringify(after)} is no id that was sent here; leave it out`);
      }
      const sources = openSources(feeds);
      const name = query.get('name') ?? '';
      // Not when the stream begins: of requests that come in one go none has begun when the last is looked at.
      open += 1;
      whenAborted(signal, () => {
        open -= 1;
      });
      return {
        headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' },
        stream: (response) => new EventStream({ sources, turns, limits }, positions, name, response).begin(signal),
      };
    },
  };
}

function whenAborted(signal: AbortSignal, end: () => void): void {
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}

interface Source {
  readonly feed: EventFeed;
  readonly journal: FeedJournal;
}

/** @throws {HttpError} 503 while one of the programs starts */
function openSources(feeds: readonly EventFeed[]): readonly Source[] {
  return feeds.map((feed) => {
    const journal = feed.journal();
    if (journal !== undefined) return { feed, journal };
    const text = `the journal of the ${feed.source} is not open yet; ask again in ${STARTING_SECONDS} s`;
    throw new HttpError(503, 'starting', text, { 'retry-after': String(STARTING_SECONDS) });
  });
}

interface Shared {
  readonly sources: readonly Source[];
  /** Of those who are given what they missed. */
  readonly turns: Turns;
  readonly limits: StreamLimits;
}

/** One reader. */
class EventStream {
  readonly #shared: Shared;
  readonly #positions: (number | undefined)[];
  readonly #name: string;
  readonly #response: ServerResponse;
  readonly #over = new AbortController();

  constructor(shared: Shared, positions: FeedPositions, name: string, response: ServerResponse) {
    this.#shared = shared;
    this.#positions = [...positions];
    this.#name = name;
    this.#response = response;
  }

  /** @param signal aborted when the reader is gone */
  begin(signal: AbortSignal): void {
    const response = this.#response;
    const { sources, limits } = this.#shared;
    const resumed = this.#positions.map((position) => position !== undefined);
    for (const [at, { journal }] of sources.entries()) this.#positions[at] ??= journal.status.lastSequence;
    // With where it stands: a break may come before the first event, and what is left out has no id of its own.
    response.write(`: rollcall events of ${sources.map(({ feed }) => feed.source).join(' and ')}\n`);
    response.write(`${this.#id()}\n`);
    const keepalive = setInterval(() => this.#write(`${this.#id()}\n`), limits.keepaliveMs);
    whenAborted(this.#over.signal, () => clearInterval(keepalive));
    whenAborted(signal, () => this.#over.abort());
    for (const at of sources.keys()) {
      if (!resumed[at]) this.#follow(at);
      // A file that cannot be read ends this reader's connection; it can come back.
      else this.#resume(at).catch(() => this.#drop());
    }
  }

  /** What was missed, from the journal, until nothing is; then as it happens. */
  async #resume(at: number): Promise<void> {
    const { signal } = this.#over;
    const { journal } = this.#sourceOf(at);
    const missing = missingBefore(this.#positions[at] as number, journal, Date.now());
    if (missing !== undefined) this.#send(at, missing, missing.toSequence);
    const turn = new Turn(this.#shared.turns, signal);
    await turn.take();
    const pacer = new Pacer();
    try {
      // No event can come between the last look and the following: nothing is awaited there.
      while ((this.#positions[at] as number) < journal.status.lastSequence && !signal.aborted) {
        const before = this.#positions[at] as number;
        for await (const entry of journal.entries({ fromSequence: before + 1 })) {
          if (signal.aborted) return;
          if (entry.kind === 'gap') this.#send(at, missingIn(entry), entry.gap.toSequence);
          else this.#send(at, entry.event, entry.sequence);
          if (this.#response.writableLength >= PACE_OCTETS) await this.#waitForReader(turn, pacer);
          await pacer.pause();
        }
        // The last numbers may have no line: their events could not be written.
        if (this.#positions[at] === before) break;
      }
      if (!signal.aborted) this.#follow(at);
    } finally {
      turn.give();
    }
  }

  #follow(at: number): void {
    const end = this.#sourceOf(at).feed.follow({
      event: (event, sequence) => this.#send(at, event, sequence),
      end: () => this.#response.end(),
    });
    whenAborted(this.#over.signal, end);
  }

  #send(at: number, event: JournalEvent, sequence: number | undefined): void {
    if (sequence !== undefined) this.#positions[at] = sequence;
    const isForAll = event.type === 'EventsMissing';
    if (this.#name !== '' && !isForAll && !isAboutSubject({ ...event }, this.#name)) return;
    const { source } = this.#sourceOf(at).feed;
    const data = JSON.stringify({ ...event, source, ...(sequence !== undefined && { sequence }) });
    this.#write(`${sequence === undefined ? '' : this.#id()}event: ${event.type}\ndata: ${data}\n\n`);
  }

  #sourceOf(at: number): Source {
    return this.#shared.sources[at] as Source;
  }

  #id(): string {
    return `id: ${formatPositions(this.#positions)}\n`;
  }

  #write(text: string): void {
    const response = this.#response;
    if (this.#over.signal.aborted || response.writableEnded) return;
    if (response.writableLength > this.#shared.limits.backlogOctets) this.#drop();
    else response.write(text);
  }

  /** Of a response that has no connection yet, the end is told nobody. */
  #drop(): void {
    this.#response.destroy();
    this.#over.abort();
  }

  /** What was missed may be more than a reader's connection holds: it is given the time to take it, but not for ever. */
  async #waitForReader(turn: Turn, pacer: Pacer): Promise<void> {
    const { signal } = this.#over;
    if (signal.aborted) return;
    turn.give();
    const stalled = setTimeout(() => this.#drop(), this.#shared.limits.stallMs);
    try {
      await once(this.#response, 'drain', { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      clearTimeout(stalled);
    }
    await turn.take();
    pacer.restart();
  }
}
