import { pacing } from '../../shared/journal/reading/pacing.ts';
import type { ZoneEvents } from './zone-events.ts';

/** A journal whose reading takes half of the processor at most: queries and the watch have the rest. */
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
