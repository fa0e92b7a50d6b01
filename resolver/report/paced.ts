import { setTimeout as pause } from 'node:timers/promises';
import type { ZoneEvents } from './history-reader.ts';

/** Of reading in one go; a chunk that is being parsed is finished first. */
const SLICE_MS = 2;
/** Looking at the clock costs, too. */
const ENTRIES_PER_LOOK = 32;

/**
 * A journal whose reading takes half of the processor at most: after each slice comes a pause as long. Queries and the
 * watch have their turn between two chunks in any case; without the pauses, most of each turn would go to the reading.
 */
export function paced(journal: ZoneEvents): ZoneEvents {
  return {
    entries: (range) => pacing(journal.entries(range)),
    searchBackward: (search) => pacing(journal.searchBackward(search)),
    newestSnapshot: async (untilMs) => {
      const snapshot = await journal.newestSnapshot(untilMs);
      return snapshot && { ...snapshot, lines: () => pacing(snapshot.lines()) };
    },
  };
}

async function* pacing<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  let sinceMs = performance.now();
  let count = 0;
  for await (const item of items) {
    yield item;
    count += 1;
    if (count % ENTRIES_PER_LOOK > 0) continue;
    const tookMs = performance.now() - sinceMs;
    if (tookMs < SLICE_MS) continue;
    await pause(tookMs);
    sinceMs = performance.now();
  }
}
