import type { LogOutput } from './log-output.ts';

/** What may wait for the reader of the log; lines beyond it are dropped, and counted. */
export const WAITING_MAX_OCTETS = 1024 * 1024;
/** Put together for one write, and a line more. */
const WRITE_OCTETS = 64 * 1024;
const RETRY_MS = 100;
/** At the end of the process; docs/stopping.md counts it in. */
const LAST_WAIT_MS = 100;
const LAST_PAUSE_MS = 5;

/**
 * Lines to an output whose reader may stall and whose disk may be full: neither makes anything else wait, or end. What is not
 * taken waits, up to {@link WAITING_MAX_OCTETS}, and is tried again.
 */
export class LogWriter {
  readonly #output: LogOutput;
  readonly #onDropped: (count: number) => void;
  /** Without what is being written. */
  readonly #waiting: Buffer[] = [];
  /** Of all that was not taken yet. */
  #octets = 0;
  #isWriting = false;
  /** The output has octets of which it did not say yet how many it took: a thread writes them. */
  #isInHand = false;
  #dropped = 0;

  /** @param onDropped so many lines were dropped, and there is room again: to be said in a line of its own */
  constructor(output: LogOutput, onDropped: (count: number) => void) {
    this.#output = output;
    this.#onDropped = onDropped;
  }

  /** @param line with its newline */
  write(line: string): void {
    const octets = Buffer.from(line);
    // Once lines are missing, the count comes before any further one, and not for each that still finds room.
    const isMissingSome = this.#dropped > 0 && this.#octets > WAITING_MAX_OCTETS / 2;
    if (isMissingSome || this.#octets + octets.length > WAITING_MAX_OCTETS) {
      this.#dropped += 1;
      return;
    }
    this.#sayDropped();
    this.#waiting.push(octets);
    this.#octets += octets.length;
    if (!this.#isWriting) this.#begin();
  }

  /** At the end of the process: what waits is written, as far as it is taken within {@link LAST_WAIT_MS}. */
  flush(): void {
    const untilMs = performance.now() + LAST_WAIT_MS;
    this.#isWriting = true;
    // What a thread has in hand, it ends itself: the end of the process waits for it. What waits is to stand behind it.
    while (this.#isInHand && this.#waiting.length > 0 && !this.#output.hasTaken() && performance.now() < untilMs) {
      pause(LAST_PAUSE_MS);
    }
    while (this.#waiting.length > 0) {
      const octets = this.#takeWaiting();
      let taken = 0;
      try {
        taken = this.#output.writeNow(octets);
      } catch {
        return;
      }
      this.#took(octets, taken);
      if (taken > 0) continue;
      if (performance.now() > untilMs) return;
      pause(LAST_PAUSE_MS);
    }
  }

  /** For a thread, the lines of a moment together: an end of the process in the same moment finds all of them here. */
  #begin(): void {
    this.#isWriting = true;
    if (this.#output.isThreaded) setImmediate(() => this.#writeWaiting());
    else this.#writeWaiting();
  }

  #writeWaiting(): void {
    if (this.#waiting.length === 0) {
      this.#isWriting = false;
      return;
    }
    const octets = this.#takeWaiting();
    this.#isInHand = true;
    this.#output.write(octets, (error, taken) => {
      this.#isInHand = false;
      this.#took(octets, taken);
      if (error === null && taken > 0) this.#writeWaiting();
      else setTimeout(() => this.#writeWaiting(), RETRY_MS).unref();
    });
  }

  #takeWaiting(): Buffer {
    let [lines, octets] = [0, 0];
    while (lines < this.#waiting.length && octets < WRITE_OCTETS) {
      octets += this.#waiting[lines]?.length ?? 0;
      lines += 1;
    }
    return Buffer.concat(this.#waiting.splice(0, lines));
  }

  #took(octets: Buffer, taken: number): void {
    this.#octets -= taken;
    if (taken < octets.length) this.#waiting.unshift(octets.subarray(taken));
    if (this.#octets === 0) this.#sayDropped();
  }

  #sayDropped(): void {
    const dropped = this.#dropped;
    if (dropped === 0) return;
    this.#dropped = 0;
    this.#onDropped(dropped);
  }
}

/** Nothing else is to happen any more. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
