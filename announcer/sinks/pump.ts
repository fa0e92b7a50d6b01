import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../../shared/log.ts';
import { backoffMs } from '../../shared/rx.ts';
import type { Feed } from './feed.ts';
import type { Delivery, Receiver } from './receiver.ts';
import type { SinkRecord } from './record.ts';

export interface PumpSettings {
  /** For messages. */
  readonly name: string;
  readonly receiver: Receiver;
  readonly feed: Feed;
  /** The first event to send. */
  readonly next: number;
  /** Told whenever the receiver has taken all before this event. */
  readonly onTaken: (next: number) => void;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly random?: () => number;
  /** Between a failed attempt and the next; default 250 ms to 30 s. */
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
  /** What comes within this time of an event goes with it; default 250. */
  readonly lingerMs?: number;
}

export interface PumpCounts {
  readonly sent: number;
  readonly retried: number;
  readonly dropped: number;
  readonly gaps: number;
}

const BATCH_RECORDS_MAX = 500;
const BACKOFF = { baseMs: 250, maxMs: 30_000 };
const LINGER_MS = 250;

/**
 * Brings records to one receiver: in order, one batch at a time, again until it has taken them. It holds no more than that
 * batch; what waits behind it waits in the journal. A receiver that fails gets smaller batches, so that a slow one gets
 * through what a fast one takes at once.
 */
export class Pump {
  readonly #settings: PumpSettings;
  readonly #counts = { sent: 0, retried: 0, dropped: 0, gaps: 0 };
  readonly #abort = new AbortController();
  /** Ends waiting, but no delivery that is under way. */
  readonly #rest = new AbortController();
  #next: number;
  #batchMax = BATCH_RECORDS_MAX;
  #attempts = 0;
  #failing: { readonly sinceMs: number } | undefined;
  /** Of the oldest record that the receiver has not taken. */
  #waitingSinceMs: number | undefined;
  #done: Promise<void> | undefined;

  constructor(settings: PumpSettings) {
    this.#settings = settings;
    this.#next = settings.next;
  }

  get counts(): PumpCounts {
    return this.#counts;
  }

  get isFailing(): boolean {
    return this.#failing !== undefined;
  }

  /** How far it is behind the journal: in events, and by the age of the oldest record that waits. */
  get lag(): { readonly events: number; readonly ms: number } {
    const { feed, nowMs } = this.#settings;
    const since = this.#waitingSinceMs;
    return {
      events: Math.max(0, feed.lastSequence + 1 - this.#next),
      ms: since === undefined ? 0 : Math.max(0, nowMs() - since),
    };
  }

  start(): void {
    this.#done ??= this.#run();
  }

  /** Sends what there is, for at most `graceMs`; the rest is sent after the next start. */
  async stop(graceMs: number): Promise<void> {
    this.#rest.abort();
    const deadline = setTimeout(() => this.#abort.abort(), graceMs);
    await this.#done;
    clearTimeout(deadline);
    await this.#settings.receiver.close();
  }

  async #run(): Promise<void> {
    const { feed, lingerMs = LINGER_MS } = this.#settings;
    for (;;) {
      await feed.reached(this.#next, this.#rest.signal);
      // A whole batch that waits has lingered enough.
      if (feed.lastSequence - this.#next < this.#batchMax) await this.#pause(lingerMs);
      // On a stop all that is there is sent first, unless the receiver does not take it.
      if (this.#isStopping && (this.#isFailingOrAborted || feed.lastSequence < this.#next)) return;
      await this.#pass();
    }
  }

  async #pass(): Promise<void> {
    const { feed } = this.#settings;
    try {
      const { records, next, gaps } = await feed.take(this.#next, this.#batchMax);
      this.#counts.gaps += gaps;
      if (await this.#deliver(records)) this.#taken(next);
      this.#waitingSinceMs = undefined;
    } catch (error) {
      await this.#fail(error);
    }
  }

  /** @returns whether all of it was settled; when not, the pump is being stopped */
  async #deliver(records: readonly SinkRecord[]): Promise<boolean> {
    let rest = records;
    while (rest.length > 0) {
      this.#waitingSinceMs = timeOf(rest[0]);
      if (this.#abort.signal.aborted) return false;
      const batch = rest.slice(0, this.#batchMax);
      const delivery = await this.#attempt(batch);
      if (delivery === undefined) {
        if (this.#isStopping) return false;
        continue;
      }
      const { dropped, again } = delivery;
      this.#counts.sent += batch.length - dropped.length - again.length;
      this.#counts.dropped += dropped.length;
      if (dropped.length > 0) this.#sayDropped(dropped);
      rest = [...again, ...rest.slice(batch.length)];
      if (again.length > 0) {
        this.#counts.retried += again.length;
        await this.#fail(new Error(`${again.length} of ${batch.length} records are refused for now`));
        if (this.#isStopping) return false;
      } else {
        this.#recover();
        this.#taken((batch.at(-1) as SinkRecord).sequence + 1);
      }
    }
    return true;
  }

  async #attempt(batch: readonly SinkRecord[]): Promise<Delivery | undefined> {
    try {
      return await this.#settings.receiver.deliver(batch, this.#abort.signal);
    } catch (error) {
      this.#counts.retried += batch.length;
      this.#batchMax = Math.ceil(batch.length / 2);
      await this.#fail(error);
      return undefined;
    }
  }

  #taken(next: number): void {
    this.#next = next;
    this.#settings.onTaken(next);
  }

  /** Says it once, then waits. */
  async #fail(error: unknown): Promise<void> {
    const { name, log, nowMs, random, backoff = BACKOFF } = this.#settings;
    this.#attempts += 1;
    if (this.#failing === undefined && !this.#abort.signal.aborted) {
      this.#failing = { sinceMs: nowMs() };
      const text = `${name} does not take records: ${messageOf(error)}; they wait in the journal, and are sent again until it does`;
      log.warn('sink-failing', text, { sink: name });
    }
    await this.#pause(backoffMs({ ...backoff, ...(random === undefined ? {} : { random }) }, this.#attempts));
  }

  #recover(): void {
    const { name, log, nowMs } = this.#settings;
    this.#attempts = 0;
    this.#batchMax = Math.min(BATCH_RECORDS_MAX, this.#batchMax * 2);
    if (this.#failing === undefined) return;
    const awayMs = nowMs() - this.#failing.sinceMs;
    this.#failing = undefined;
    log.info('sink-delivering', `${name} takes records again after ${(awayMs / 1000).toFixed(1)} s`, {
      sink: name,
      awayMs,
    });
  }

  #sayDropped(dropped: Delivery['dropped']): void {
    const { name, log } = this.#settings;
    const [first] = dropped;
    const text = `${name} refuses ${dropped.length} records for good, and they are left out; the first is event ${first?.record.sequence}: ${first?.reason}`;
    log.warn('sink-dropped', text, { sink: name, dropped: dropped.length });
  }

  get #isStopping(): boolean {
    return this.#rest.signal.aborted;
  }

  get #isFailingOrAborted(): boolean {
    return this.isFailing || this.#abort.signal.aborted;
  }

  async #pause(ms: number): Promise<void> {
    try {
      await wait(ms, undefined, { signal: this.#rest.signal });
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error;
    }
  }
}

function timeOf(record: SinkRecord | undefined): number | undefined {
  return record === undefined ? undefined : Date.parse(record['@timestamp']);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
