import type { JournalGap, JournalGapReason } from '../event.ts';
import { encodeGapLine } from '../line.ts';

/** Octets of lines that may wait for the disk. Past it, events are left out until half of it is free again. */
export const QUEUE_OCTETS_MAX = 32 * 1024 * 1024;

export interface QueuedLine {
  readonly line: string;
  readonly sequence: number;
}

/**
 * Lines on their way to the disk: first those that are being written, then those that wait. When it is full a gap opens:
 * everything is lost until there is room, and then one line says how much that was.
 */
export class AppendQueue {
  readonly #octetsMax: number;
  #inFlight: readonly QueuedLine[] = [];
  #waiting: QueuedLine[] = [];
  #octets = 0;
  #gap: { readonly fromSequence: number; readonly reason: JournalGapReason; toSequence: number } | undefined;
  #lost = 0;

  constructor(octetsMax = QUEUE_OCTETS_MAX) {
    this.#octetsMax = octetsMax;
  }

  /** @returns whether the line was taken; when not, it must be told to {@link lose} */
  push(line: string, sequence: number): boolean {
    if (this.#gap !== undefined || this.#octets + line.length > this.#octetsMax) return false;
    this.#add({ line, sequence });
    return true;
  }

  /** Opens the gap, or makes it longer. @returns whether it was opened by this */
  lose(sequence: number, reason: JournalGapReason): boolean {
    this.#lost += 1;
    if (this.#gap !== undefined) {
      this.#gap.toSequence = sequence;
      return false;
    }
    this.#gap = { fromSequence: sequence, toSequence: sequence, reason };
    return true;
  }

  /** Closes the gap once half the queue is free. @returns the gap when it was closed by this */
  closeGap(nowMs: number): JournalGap | undefined {
    const open = this.#gap;
    if (open === undefined || this.#octets > this.#octetsMax / 2) return undefined;
    const gap: JournalGap = { ...open, atMs: nowMs, lost: open.toSequence - open.fromSequence + 1 };
    this.#gap = undefined;
    this.mark(gap);
    return gap;
  }

  /** Queues the line that says so; its own numbers were given to the events that are lost. */
  mark(gap: JournalGap): void {
    this.#add({ line: encodeGapLine(gap), sequence: gap.toSequence });
  }

  /** Takes what waits, up to about `octetsMax` and at least one line, to be written. */
  take(octetsMax: number): readonly QueuedLine[] {
    let octets = 0;
    let count = 0;
    for (const { line } of this.#waiting) {
      if (count > 0 && octets + line.length > octetsMax) break;
      octets += line.length;
      count += 1;
    }
    this.#inFlight = this.#waiting.splice(0, count);
    return this.#inFlight;
  }

  /** The first `count` of what was taken is in the file; the rest goes back to the head of the queue. */
  settle(count: number): void {
    for (const { line } of this.#inFlight.slice(0, count)) this.#octets -= line.length;
    if (count < this.#inFlight.length) this.#waiting = [...this.#inFlight.slice(count), ...this.#waiting];
    this.#inFlight = [];
  }

  /** Everything that is not in the file yet, in order. */
  pending(): readonly QueuedLine[] {
    return [...this.#inFlight, ...this.#waiting];
  }

  get isEmpty(): boolean {
    return this.#inFlight.length === 0 && this.#waiting.length === 0;
  }

  /** The number of the oldest line that is not in the file yet. */
  get firstSequence(): number | undefined {
    return (this.#inFlight[0] ?? this.#waiting[0])?.sequence;
  }

  get lastSequence(): number | undefined {
    return (this.#waiting.at(-1) ?? this.#inFlight.at(-1))?.sequence;
  }

  get hasGap(): boolean {
    return this.#gap !== undefined;
  }

  get octets(): number {
    return this.#octets;
  }

  /** Events lost since the start. */
  get lost(): number {
    return this.#lost;
  }

  #add(queued: QueuedLine): void {
    this.#waiting.push(queued);
    this.#octets += queued.line.length;
  }
}
