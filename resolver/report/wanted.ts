import type { Journal } from '../../shared/journal/journal.ts';
import type { ZoneEvent } from '../zone/event.ts';
import type { ZoneEvents } from './zone-events.ts';

/** A journal as it is read for one request. */
export interface WantedJournal extends ZoneEvents {
  readonly status: Journal<ZoneEvent>['status'];
  written(): Promise<boolean>;
}

/** A journal that has no more to tell once `signal` is aborted: a client that went away is read for no further. */
export function whileWanted(journal: Journal<ZoneEvent>, signal: AbortSignal): WantedJournal {
  return {
    status: journal.status,
    written: () => journal.written(),
    entries: (range) => journal.entries({ ...range, signal }),
    searchBackward: (search) => journal.searchBackward({ ...search, signal }),
    newestSnapshot: async (untilMs) => {
      const snapshot = await journal.newestSnapshot(untilMs);
      return snapshot && { ...snapshot, lines: () => untilAborted(snapshot.lines(), signal) };
    },
  };
}

async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  for await (const item of items) {
    if (signal.aborted) return;
    yield item;
  }
}
