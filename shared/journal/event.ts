/** What every journal line has: when (ms since epoch, the writer's clock) and what, in the past tense. */
export interface JournalEvent {
  readonly type: string;
  readonly atMs: number;
}

/** An event with its place in the journal: from 1, one more each, never used twice. */
export interface Sequenced<E extends JournalEvent> {
  readonly sequence: number;
  readonly event: E;
}
