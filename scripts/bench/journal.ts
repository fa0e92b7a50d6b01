/** The journal with a million events in it: writing, starting from it, and asking it for a moment in the past. */
import { join } from 'node:path';
import { LiveZone } from '../../resolver/following/live-zone.ts';
import { readPastAnswer } from '../../resolver/report/past-answer.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { type EntryLine, eventOf, linesOf } from '../../resolver/zone/lines.ts';
import { Journal } from '../../shared/journal/journal.ts';
import { silentLog } from '../../shared/log.ts';
import { type EtcdKey, parseName } from '../../shared/name.ts';
import type { Figure } from './announcer.ts';

export interface JournalBenchSettings {
  readonly directory: string;
  /** Default 1,000,000. */
  readonly events?: number;
}

const PREFIX = '/skydns';
const SERVICES = 1000;
const INSTANCES = 5;
/** As the resolver does it under load. */
const EVENTS_PER_SNAPSHOT = 20_000;
const START_MS = Date.UTC(2026, 0, 1);
/** Between two events: a million of them are some eleven days. */
const STEP_MS = 1000;
const MOMENTS = 20;

/** Budgets: 50,000 appends a second, 1 s for a start, 300 ms for a moment in the past. */
export async function benchJournal({
  directory,
  events = 1_000_000,
}: JournalBenchSettings): Promise<readonly Figure[]> {
  const path = join(directory, 'journal');
  let nowMs = START_MS;
  const open = (): Promise<Journal<ZoneEvent>> =>
    Journal.open<ZoneEvent>({ directory: path, kind: 'resolver', log: silentLog, nowMs: () => nowMs });
  const writing = await open();
  const live = new LiveZone(PREFIX);
  let appendMs = 0;
  for (let from = 0; from < events; from += EVENTS_PER_SNAPSHOT) {
    const batch = Array.from({ length: Math.min(EVENTS_PER_SNAPSHOT, events - from) }, (_, at) => eventAt(from + at));
    const startMs = performance.now();
    for (const event of batch) writing.append(event);
    await writing.flush();
    appendMs += performance.now() - startMs;
    for (const event of batch) live.apply(event);
    nowMs = (batch.at(-1) as ZoneEvent).atMs;
    if (from + batch.length < events) await writing.snapshot(linesOf(live.zone, live.state, live));
  }
  if (writing.status.lost > 0) throw new Error(`${writing.status.lost} events were lost: the disk is too slow`);
  await writing.close();

  const [journal, startMs, startCpuMs] = await timed(async () => {
    const opened = await open();
    await restore(opened);
    return opened;
  });
  const settings = {
    lookup: {
      zones: [parseName('example.org')],
      defaultTtlSeconds: 5,
      negativeTtlSeconds: 5,
      srvWeights: 'percent' as const,
      legacyApex: false,
    },
    prefix: PREFIX,
    maxStaleMs: 3_600_000,
  };
  const tookMs: number[] = [];
  const cpuMs: number[] = [];
  for (let at = 0; at < MOMENTS; at += 1) {
    const atMs = START_MS + Math.floor((events * STEP_MS * (2 * at + 1)) / (2 * MOMENTS));
    const name = parseName(`s${(at * 37) % SERVICES}.example.org`);
    const [answer, ms, ofProcessor] = await timed(() => readPastAnswer(journal, { name, type: 'SRV', atMs }, settings));
    if (answer === undefined) throw new Error(`the journal does not reach back to ${new Date(atMs).toISOString()}`);
    tookMs.push(ms);
    cpuMs.push(ofProcessor);
  }
  await journal.close();
  const [first = 0, ...later] = tookMs;
  return [
    { name: `append, of ${events} events`, value: round((appendMs * 1000) / events), unit: 'µs', budget: 20 },
    { name: 'start from the newest snapshot', value: round(startMs), unit: 'ms', budget: 1000 },
    { name: 'the same, of the processor', value: round(startCpuMs), unit: 'ms' },
    { name: 'state at a time, the first after a start', value: round(first), unit: 'ms', budget: 300 },
    { name: 'state at a time, then, at worst', value: round(Math.max(...later)), unit: 'ms', budget: 300 },
    { name: 'the same, of the processor', value: round(Math.max(...cpuMs)), unit: 'ms' },
  ];
}

function eventAt(index: number): ZoneEvent {
  const number = (index * 7919) % (SERVICES * INSTANCES);
  const [service, instance] = [Math.floor(number / INSTANCES), number % INSTANCES];
  const key = `${PREFIX}/org/example/s${service}/node-${instance}/3f2a9c01d4e7` as EtcdKey;
  const common = { atMs: START_MS + index * STEP_MS, revision: String(index + 1), key };
  if (index % 10 === 9) return { type: 'RecordDeleted', ...common };
  const value = JSON.stringify({ host: `10.0.${index % 250}.${instance}`, port: 8000 + (index % 1000), ttl: 30 });
  return { type: 'RecordPut', ...common, value };
}

/** As the resolver does at its start. */
async function restore(journal: Journal<ZoneEvent>): Promise<void> {
  const live = new LiveZone(PREFIX);
  const snapshot = await journal.newestSnapshot();
  let isHead = true;
  for await (const line of snapshot?.lines() ?? []) {
    if (!isHead) live.apply(eventOf(line as EntryLine, 0));
    isHead = false;
  }
  for await (const { event } of journal.read({ fromSequence: (snapshot?.sequence ?? 0) + 1 })) live.apply(event);
}

/** @returns beside the result, milliseconds by the clock and of the processor: they differ by what else the machine does */
async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number, number]> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  return [result, performance.now() - startMs, (user + system) / 1000];
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
