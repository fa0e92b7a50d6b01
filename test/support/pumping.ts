/** A pump on a receiver of the test's own, fed from a journal in memory. */
import type { AnnouncerEvent } from '../../announcer/event.ts';
import { ContainerBook } from '../../announcer/sinks/container-book.ts';
import { Feed } from '../../announcer/sinks/feed.ts';
import { Pump, type PumpSettings } from '../../announcer/sinks/pump.ts';
import type { Receiver } from '../../announcer/sinks/receiver.ts';
import { type RecordingLog, recordingLog } from './doubles/recording-log.ts';
import { EVENTS } from './sink-events.ts';
import { until } from './until.ts';

export interface Pumping {
  readonly pump: Pump;
  readonly log: RecordingLog;
  /** The number up to which the receiver has taken everything. */
  taken(): number;
  /** Records that many events; their numbers go on from the last. */
  record(count: number, detail?: string): void;
  /** Resolves when the receiver has taken all that was recorded. */
  allTaken(): Promise<void>;
  stop(graceMs?: number): Promise<void>;
}

export async function pumping(receiver: Receiver, settings: Partial<PumpSettings> = {}): Promise<Pumping> {
  const journal: { sequence: number; event: AnnouncerEvent }[] = [];
  const feed = new Feed({
    host: 'node-1',
    book: new ContainerBook([]),
    nowMs: Date.now,
    lastSequence: 0,
    read: async function* (from) {
      for (const entry of journal.slice(from - 1)) yield { kind: 'event', ...entry };
    },
  });
  const log = recordingLog();
  let taken = 0;
  const pump = new Pump({
    name: 'test:',
    receiver,
    feed,
    next: 1,
    onTaken: (next) => {
      taken = next - 1;
    },
    log,
    nowMs: Date.now,
    backoff: { baseMs: 10, maxMs: 50 },
    lingerMs: 1,
    ...settings,
  });
  await feed.open(new AbortController().signal);
  pump.start();
  return {
    pump,
    log,
    taken: () => taken,
    record: (count, detail = 'held') => {
      for (let at = 0; at < count; at += 1) {
        const entry = { sequence: journal.length + 1, event: { ...EVENTS.InstanceHeld, atMs: Date.now(), detail } };
        journal.push(entry);
        feed.push(entry);
      }
    },
    allTaken: async () => {
      await until(`record ${journal.length}, at ${taken}`, () => taken === journal.length, { timeoutMs: 60_000 });
    },
    stop: (graceMs = 200) => pump.stop(graceMs),
  };
}

/** `1, 2, …, count`. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}

/** The numbers of records in lines of JSON, as they came. */
export function sequencesOf(text: string): number[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { sequence: number }).sequence);
}
