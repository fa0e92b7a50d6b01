import type { ServerResponse } from 'node:http';
import type { Observable } from 'rxjs';
import { HttpError } from '../shared/http.ts';
import type { Sequenced } from '../shared/journal/event.ts';
import type { AnnouncerEvent } from './event.ts';

const STREAMS_MAX = 64;
/** A reader that is further behind is cut off: it can come back, and ask `/v1/history` for what it missed. */
const BACKLOG_OCTETS = 1024 * 1024;
const KEEPALIVE_MS = 15_000;

/** Server-sent events: each event of the announcer as it happens, from now on; its `id` is its number in the journal. */
export class EventStreams {
  #open = 0;

  /** @throws {HttpError} when there are too many already */
  check(): void {
    if (this.#open < STREAMS_MAX) return;
    throw new HttpError(429, 'busy', `${STREAMS_MAX} readers follow the events already; close one of them`);
  }

  add(recorded$: Observable<Sequenced<AnnouncerEvent>>, response: ServerResponse): void {
    this.#open += 1;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': rollcall announcer events\n\n');
    const keepalive = setInterval(() => response.write(':\n\n'), KEEPALIVE_MS);
    const following = recorded$.subscribe({
      next: ({ sequence, event }) => {
        if (response.writableLength > BACKLOG_OCTETS) response.destroy();
        else response.write(`id: ${sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
      },
      complete: () => response.end(),
    });
    response.once('close', () => {
      this.#open -= 1;
      clearInterval(keepalive);
      following.unsubscribe();
    });
  }
}
