import type { Journal } from '../../journal/journal.ts';
import { ChangeHistory } from './history.ts';
import { type StoreEvent, type StoreLine, StoreState } from './state.ts';

export interface Replayed {
  readonly state: StoreState;
  readonly history: ChangeHistory;
  /** Places in the journal where commits are missing. */
  readonly gaps: number;
}

/** Builds the state from the newest snapshot and the events after it, and the history from those events. */
export async function replay(journal: Journal<StoreEvent>, historyChangesMax: number): Promise<Replayed> {
  const state = new StoreState();
  const snapshot = await journal.newestSnapshot();
  if (snapshot !== undefined) {
    for await (const line of snapshot.lines()) state.restore(line as StoreLine);
  }
  const history = new ChangeHistory(historyChangesMax, snapshot === undefined ? 0n : state.revision);
  let gaps = 0;
  const range = { fromSequence: (snapshot?.sequence ?? 0) + 1, isBehindSnapshot: snapshot !== undefined };
  for await (const entry of journal.entries(range)) {
    if (entry.kind === 'gap') {
      // After a crash the revisions were skipped then.
      if (entry.gap.reason !== 'crash') gaps += 1;
      continue;
    }
    const changes = state.evolve(entry.event);
    if (entry.event.type === 'RevisionsSkipped') history.compact(state.revision);
    else if (changes.length > 0) history.add(state.revision, changes);
  }
  history.trim();
  return { state, history, gaps };
}
