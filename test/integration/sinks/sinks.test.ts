import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { sinkConfigOf, sinkSettings } from '../../../announcer/sinks/settings.ts';
import { Sinks } from '../../../announcer/sinks/sinks.ts';
import type { Sequenced } from '../../../shared/journal/event.ts';
import { Journal } from '../../../shared/journal/journal.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { type RecordingLog, recordingLog } from '../../support/doubles/recording-log.ts';
import { numbers, sequencesOf } from '../../support/pumping.ts';
import { type LineServer, lineServer, neverReads, reads } from '../../support/servers/line-server.ts';
import { freePort } from '../../support/servers/ports.ts';
import { EVENTS } from '../../support/sink-events.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/sinks');
const open: { stop(): Promise<void> }[] = [];

test.after.each(async () => {
  for (const each of open.splice(0)) await each.stop();
});

interface Process {
  readonly log: RecordingLog;
  readonly metrics: Metrics;
  readonly journal: Journal<AnnouncerEvent>;
  record(...events: AnnouncerEvent[]): void;
  stop(graceMs?: number): Promise<void>;
}

/** What the announcer is to its sinks: a journal, and the events as they are recorded. */
async function started(
  dataDir: string,
  urls: readonly string[],
  {
    labels = [] as string[],
    failingReads = 0,
    ...journalSettings
  }: { labels?: string[]; failingReads?: number; segmentOctets?: number; keepOctets?: number } = {},
): Promise<Process> {
  const [log, metrics, recorded$] = [recordingLog(), new Metrics(), new Subject<Sequenced<AnnouncerEvent>>()];
  const journal = await Journal.open<AnnouncerEvent>({
    directory: join(dataDir, 'journal'),
    kind: 'announcer',
    log,
    ...journalSettings,
  });
  failReads(journal, failingReads);
  const problems: string[] = [];
  const none = { sinkPasswordFile: undefined, sinkCa: undefined, sinkCert: undefined, sinkKey: undefined };
  const config = sinkConfigOf({ sinks: sinkSettings.sinks.read(urls), sinkLabels: labels, ...none }, problems);
  assert.equal(problems, []);
  const sinks = new Sinks({ config, journal, recorded$, host: 'node-1', dataDir, log, metrics });
  sinks.start();
  let stopped: Promise<void> | undefined;
  const process = {
    log,
    metrics,
    journal,
    record: (...events: AnnouncerEvent[]) => {
      for (const event of events) recorded$.next({ sequence: journal.append(event), event });
    },
    stop: (graceMs = 1_000) => {
      stopped ??= sinks.stop(graceMs).then(() => journal.close());
      return stopped;
    },
  };
  open.unshift(process);
  return process;
}

/** So many of the next readings of the journal fail. */
function failReads(journal: Journal<AnnouncerEvent>, count: number): void {
  const entries = journal.entries.bind(journal);
  let left = count;
  journal.entries = (range) => {
    left -= 1;
    if (left >= 0) throw new Error('EMFILE: too many open files');
    return entries(range);
  };
}

async function serving(): Promise<LineServer> {
  const server = await lineServer(reads);
  open.push({ stop: () => server.close() });
  return server;
}

const held = (count: number): AnnouncerEvent[] => Array.from({ length: count }, () => EVENTS.InstanceHeld);

test('a new sink begins with this process, and goes on where it was after a restart', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  const url = `logstash://127.0.0.1:${server.port}`;
  const first = await started(dataDir, []);
  first.record(...held(3));
  await first.stop();
  const second = await started(dataDir, [url]);
  second.record(...held(4));
  await second.stop();
  const third = await started(dataDir, [url]);
  third.record(...held(2));
  await third.stop();
  assert.equal(sequencesOf(server.text()), [4, 5, 6, 7, 8, 9]);
});

test('a sink whose password or certificates lie elsewhere now keeps its place', async () => {
  const dataDir = temporaryDirectory();
  const port = await freePort();
  for (const name of ['one', 'two']) {
    const file = join(dataDir, name);
    writeFileSync(file, 'secret');
    const announcer = await started(dataDir, [`elasticsearch://u@127.0.0.1:${port}/audit?password-file=${file}`]);
    await announcer.stop(0);
  }
  const positions = readdirSync(join(dataDir, 'sinks')).filter((name) => name.startsWith('elasticsearch-'));
  assert.is(positions.length, 1);
});

test('what a receiver did not take before the stop is sent after the next start', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  const url = `logstash://127.0.0.1:${server.port}`;
  server.behave(neverReads);
  const first = await started(dataDir, [url]);
  first.record(...held(20));
  await until('a connection', () => server.connections() > 0);
  const began = performance.now();
  await first.stop(50);
  // A receiver that does not read has 10 s otherwise.
  assert.ok(performance.now() - began < 8_000);
  server.behave(reads);
  const second = await started(dataDir, [url]);
  second.record(...held(1));
  await until('all of it', () => sequencesOf(server.text()).length === 21);
  assert.equal(sequencesOf(server.text()), numbers(21));
});

test('sinks do not wait for each other, and each has its own place', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  server.behave(neverReads);
  const [hanging, file] = [`logstash://127.0.0.1:${server.port}`, join(dataDir, 'audit.jsonl')];
  const announcer = await started(dataDir, [hanging, `file://${file}`]);
  announcer.record(...held(5));
  const text = await until('the file', async () => {
    const found = await announcer.metrics.text();
    return found.includes('rollcall_sink_sent_total{kind="file",index="1"} 5') && found;
  });
  assert.equal(sequencesOf(readFileSync(file, 'utf8')), numbers(5));
  assert.match(text, 'rollcall_sink_sent_total{kind="logstash",index="0"} 0');
  assert.match(text, 'rollcall_sink_lag_events{kind="logstash",index="0"} 5');
  assert.match(text, 'rollcall_sink_lag_events{kind="file",index="1"} 0');
  await announcer.stop(10);
  const places = readdirSync(join(dataDir, 'sinks')).filter((name) => name !== 'containers.json');
  assert.equal(
    places.sort().map((name) => JSON.parse(readFileSync(join(dataDir, 'sinks', name), 'utf8'))),
    [
      { next: 6, sink: `file://${file}` },
      { next: 1, sink: hanging },
    ],
  );
});

test('a sink that comes back when the journal has removed what it missed is told so, and goes on', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  const url = `logstash://127.0.0.1:${server.port}`;
  const first = await started(dataDir, [url]);
  first.record(...held(2));
  await first.stop();
  const away = await started(dataDir, [], { segmentOctets: 2_000, keepOctets: 8_000 });
  for (let at = 0; at < 50; at += 1) {
    away.record(...held(10));
    await away.journal.flush();
  }
  await until('retention', () => away.journal.status.octets < 20_000);
  await away.stop();
  const second = await started(dataDir, [url], { segmentOctets: 2_000, keepOctets: 8_000 });
  second.record(...held(1));
  await until('the last', () => sequencesOf(server.text()).at(-1) === 503);
  const records = server
    .text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const gap = records[2] ?? {};
  assert.equal([gap.action, gap.reason, gap.gap_from], ['gap', 'expired', 3]);
  const after = (gap.gap_to as number) + 1;
  const rest = numbers(503).filter((sequence) => sequence >= after);
  assert.equal(
    records.slice(3).map(({ sequence }) => sequence),
    rest,
  );
  assert.match(await second.metrics.text(), 'rollcall_sink_gaps_total{kind="logstash",index="0"} 1');
});

test('a journal that was lost is noticed: the sink goes on with what comes', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  const url = `logstash://127.0.0.1:${server.port}`;
  const first = await started(dataDir, [url]);
  first.record(...held(20));
  await first.stop();
  rmSync(join(dataDir, 'journal'), { recursive: true });
  const second = await started(dataDir, [url]);
  second.record(...held(2));
  await until('what came', () => sequencesOf(server.text()).length === 22);
  assert.equal(sequencesOf(server.text()).slice(20), [1, 2]);
  assert.is(second.log.of('sink-journal-replaced').length, 1);
});

for (const [what, text] of [
  ['cannot be read', '{"nex'],
  ['is empty', ''],
  ['is no number', '{"next":"3"}'],
  ['is of no event', '{"next":0}'],
] as const) {
  test(`a position that ${what} is said, and the sink is sent all that the journal has: at least once`, async () => {
    const [dataDir, server] = [temporaryDirectory(), await serving()];
    const url = `logstash://127.0.0.1:${server.port}`;
    const first = await started(dataDir, [url]);
    first.record(...held(2));
    await first.stop();
    const directory = join(dataDir, 'sinks');
    for (const name of readdirSync(directory)) writeFileSync(join(directory, name), text);
    const second = await started(dataDir, [url]);
    second.record(...held(1));
    await until('the last', () => sequencesOf(server.text()).at(-1) === 3);
    assert.equal(sequencesOf(server.text()), [1, 2, 1, 2, 3]);
    assert.ok(second.log.of('sink-file-unreadable').length > 0);
  });
}

test('the place of a sink is kept, also when its directory was removed', async () => {
  const [dataDir, server] = [temporaryDirectory(), await serving()];
  const url = `logstash://127.0.0.1:${server.port}`;
  const first = await started(dataDir, [url]);
  first.record(...held(2));
  await until('the first two', () => sequencesOf(server.text()).length === 2);
  rmSync(join(dataDir, 'sinks'), { recursive: true });
  first.record(...held(1));
  await first.stop();
  const second = await started(dataDir, [url]);
  second.record(...held(1));
  await until('what came', () => sequencesOf(server.text()).at(-1) === 4);
  assert.equal(sequencesOf(server.text()), [1, 2, 3, 4]);
  assert.is(first.log.of('sink-file-unwritable').length, 0);
});

test('labels and service of a container that has long been running are in its records, after a restart too', async () => {
  const dataDir = temporaryDirectory();
  const file = join(dataDir, 'audit.jsonl');
  const first = await started(dataDir, []);
  first.record(EVENTS.ContainerStarted, EVENTS.InstanceAnnounced);
  await first.stop();
  const second = await started(dataDir, [`file://${file}`], { labels: ['org.example.team'] });
  second.record(EVENTS.ContainerHealthChanged);
  await second.stop();
  const third = await started(dataDir, [`file://${file}`], { labels: ['org.example.team'] });
  third.record(EVENTS.ContainerStopped, EVENTS.ContainerRemoved);
  await third.stop();
  const records = readFileSync(file, 'utf8').trim().split('\n');
  assert.equal(
    records.map((line) => {
      const { action, service, labels } = JSON.parse(line) as Record<string, unknown>;
      return [action, service, labels];
    }),
    ['healthy', 'die', 'removed'].map((action) => [action, 'web', { org_example_team: 'payments' }]),
  );
});

test('a journal that cannot be read at the start costs the labels of this process, and no record', async () => {
  const dataDir = temporaryDirectory();
  const file = join(dataDir, 'audit.jsonl');
  const labels = ['org.example.team'];
  const first = await started(dataDir, []);
  first.record(EVENTS.ContainerStarted, EVENTS.InstanceAnnounced);
  await first.stop();
  const second = await started(dataDir, [`file://${file}`], { labels, failingReads: 1 });
  await until('that it is said', () => second.log.of('sink-book-incomplete').length === 1);
  second.record(EVENTS.ContainerHealthChanged);
  await until('its record', () => sequencesOf(readFileSync(file, 'utf8')).length === 1);
  await second.stop();
  const third = await started(dataDir, [`file://${file}`], { labels });
  third.record(EVENTS.ContainerStopped);
  await third.stop();
  const records = readFileSync(file, 'utf8').trim().split('\n');
  assert.equal(
    records.map((line) => {
      const { action, labels: told } = JSON.parse(line) as Record<string, unknown>;
      return [action, told];
    }),
    [
      ['healthy', undefined],
      ['die', { org_example_team: 'payments' }],
    ],
  );
});

test('SIGHUP opens the file anew, and ends nothing', async () => {
  const dataDir = temporaryDirectory();
  const file = join(dataDir, 'audit.jsonl');
  const announcer = await started(dataDir, [`file://${file}`]);
  announcer.record(...held(1));
  await until('the first', () => sequencesOf(readFileSync(file, 'utf8')).length === 1);
  rmSync(file);
  process.kill(process.pid, 'SIGHUP');
  announcer.record(...held(1));
  await until('the second', () => sequencesOf(readFileSync(file, 'utf8')).length === 1);
  assert.equal(sequencesOf(readFileSync(file, 'utf8')), [2]);
  await announcer.stop();
  assert.is(process.listenerCount('SIGHUP'), 0);
});

test.run();
