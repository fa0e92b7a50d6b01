import type { SinkRecord } from './record.ts';

/** What became of a batch that a receiver has answered. What is in neither list was taken. */
export interface Delivery {
  /** Refused for good: to send it again would not help. */
  readonly dropped: readonly { readonly record: SinkRecord; readonly reason: string }[];
  /** Refused for now, in order. */
  readonly again: readonly SinkRecord[];
}

export const ALL_TAKEN: Delivery = { dropped: [], again: [] };

/** One receiver of records, whatever it speaks. Called with one batch at a time. */
export interface Receiver {
  /**
   * Resolves once the receiver has taken the batch, as far as its protocol can tell. Ends within a bounded time, and soon
   * after `signal` is aborted.
   *
   * @throws {SinkError} when nothing can be said of any record: the whole batch is sent again
   */
  deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivery>;
  /** Opens its file anew before the next batch; for those that have none, nothing. */
  reopen(): void;
  close(): Promise<void>;
}

/** A delivery that failed as a whole, in a sentence; it is tried again. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
}
