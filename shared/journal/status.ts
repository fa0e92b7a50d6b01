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
