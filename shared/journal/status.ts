/** How a journal is doing, for health, metrics and `rollcall journal stat`. Counts are since the start of the process. */
export interface JournalStatus {
  readonly state: 'writing' | 'stopped';
  /** Why it is stopped. */
  readonly reason?: string;
  /** The last process did not close the journal: what it had not written yet is missing. */
  readonly recovered: boolean;
  /** Events given to `append`. */
  readonly appended: number;
  /** Of those, the ones that are not in the journal and will not be. */
  readonly lost: number;
  readonly lastSequence: number;
  /** Found when opening or reading; each line once. */
  readonly corruptLines: number;
  readonly tornOctets: number;
  readonly damagedSnapshots: number;
  readonly fsyncFailures: number;
  readonly segments: number;
  /** Segments and snapshots. */
  readonly octets: number;
  readonly queuedOctets: number;
}

/** Of a journal that is stopped, a sentence for `/health`; none while it is written. */
export function journalTroubles({ state, reason, lost }: JournalStatus): string[] {
  if (state === 'writing') return [];
  const why = reason === undefined ? '' : ` (${reason})`;
  const gone = lost === 0 ? '' : `; ${lost} events of it are lost`;
  return [`the journal cannot be written${why}${gone}; everything else goes on`];
}
