import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evolve } from '../../../announcer/decisions/decider.ts';
import { snapshotLines } from '../../../announcer/decisions/snapshot.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { isAbout, linesAbout, type StoodThen, subjectOf } from '../../../announcer/report/history.ts';
import { type HistoryRead, readHistory } from '../../../announcer/report/history-reader.ts';
import { Journal } from '../../../shared/journal/journal.ts';
import { encodeEventLine } from '../../../shared/journal/line.ts';
import { silentLog } from '../../../shared/log.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('announcer/history-reader');

const DOMAIN = parseName('s.example.org');
const PREFIX = '/skydns';
const START_MS = 1_700_000_000_000;

const about = (name: string) => ({
  container: `static:${name}`,
  containerName: name,
  image: '',
  cause: 'services file',
  key: `/skydns/org/example/s/${name}/node-1/a` as EtcdKey,
  service: name,
});
const announced = (name: string, atMs: number): AnnouncerEvent => ({
  type: 'InstanceAnnounced',
  atMs,
  ...about(name),
  value: `{"host":"192.0.2.1","text":"${atMs}"}`,
  check: 'none',
});
const withdrawn = (name: string, atMs: number): AnnouncerEvent => ({
  type: 'InstanceWithdrawn',
  atMs,
  ...about(name),
  reason: 'relabelled',
  detail: 'x',
});

/** An announcer's journal, on a clock of its own, with the state that its snapshots are of. */
class Written {
  nowMs = START_MS;
  state: AnnouncerState = initialState;
  journal!: Journal<AnnouncerEvent>;
  readonly events: { event: AnnouncerEvent; sequence: number }[] = [];
  readonly directory = temporaryDirectory();
  lastSnapshotMs: number | undefined;

  static async open(limits: { segmentOctets?: number; keepOctets?: number } = {}): Promise<Written> {
    const written = new Written();
    written.journal = await Journal.open<AnnouncerEvent>({
      directory: written.directory,
      kind: 'announcer',
      log: silentLog,
      nowMs: () => written.nowMs,
      ...limits,
    });
    return written;
  }

  append(make: (name: string, atMs: number) => AnnouncerEvent, name: string): void {
    this.nowMs += 1000;
    const event = make(name, this.nowMs);
    this.events.push({ event, sequence: this.journal.append(event) });
    this.state = evolve(this.state, event);
  }

  async snapshot(): Promise<void> {
    this.nowMs += 1000;
    await this.journal.snapshot(snapshotLines(this.state));
    this.lastSnapshotMs = this.nowMs;
  }

  read(name: string, atMs?: number): Promise<HistoryRead | undefined> {
    const subject = name === '' ? undefined : subjectOf(name, DOMAIN);
    return readHistory(this.journal, subject, PREFIX, { atMs, signal: new AbortController().signal });
  }

  /** As `read`, and the first event that the journal had meanwhile: retention may take files away beside a read. */
  async readWhileStill(name: string, atMs: number): Promise<{ read: HistoryRead | undefined; first: number }> {
    for (;;) {
      const files = this.#files();
      const read = await this.read(name, atMs);
      const first = this.journal.firstSequence;
      if (files.join() === this.#files().join() && Number.parseInt(files[0] ?? '', 10) === first)
        return { read, first };
    }
  }

  /** Segments, the oldest first. */
  #files(): string[] {
    return readdirSync(this.directory)
      .filter((name) => /^\d+\.jsonl$/.test(name))
      .sort();
  }

  /** Every event up to then, folded. */
  stood(name: string, atMs: number): StoodThen[] {
    const stands = new Map<EtcdKey, StoodThen>();
    for (const { event, sequence } of this.events) {
      if (event.atMs > atMs || !('service' in event) || (name !== '' && event.service !== name)) continue;
      const { key } = event;
      if (event.type === 'InstanceAnnounced')
        stands.set(key, { key, value: event.value, sequence, sinceMs: event.atMs });
      else stands.delete(key);
    }
    return [...stands.values()];
  }
}

const byKey = (one: StoodThen, other: StoodThen): number => (one.key < other.key ? -1 : 1);

test('what was announced before all that the journal still has stood then: a snapshot says so', async () => {
  const written = await Written.open({ segmentOctets: 5000, keepOctets: 20_000 });
  written.append(announced, 'web');
  const [sinceMs] = [written.nowMs];
  for (let n = 0; n < 300; n += 1) {
    written.append(announced, `other${n % 5}`);
    if (n % 50 === 49) await written.snapshot();
  }
  await written.journal.flush();
  assert.ok(written.journal.firstSequence > 1, 'its event is gone');
  const then = await written.read('web', written.nowMs);
  assert.equal(then?.stood?.stands, [
    { key: about('web').key, value: `{"host":"192.0.2.1","text":"${sinceMs}"}`, sinceMs },
  ]);
  assert.equal(then?.history, []);
  await written.journal.close();
});

test('of a moment that the journal has no state of nothing is said: before its first event, or what is left of it', async () => {
  const fresh = await Written.open();
  assert.is(await fresh.read('web', START_MS), undefined, 'nothing was ever written');
  fresh.append(announced, 'web');
  assert.is(await fresh.read('web', START_MS), undefined, 'before the first event');
  assert.is((await fresh.read('web', START_MS + 1000))?.stood?.stands.length, 1);
  assert.is((await fresh.read('web'))?.history.length, 1);
  await fresh.journal.close();
  const long = await Written.open({ segmentOctets: 5000, keepOctets: 20_000 });
  for (let n = 0; n < 300; n += 1) {
    long.append(announced, `other${n % 5}`);
    if (n % 50 === 49) await long.journal.flush();
  }
  await until('retention', () => long.journal.firstSequence > 1);
  assert.is(await long.read('other1', long.nowMs), undefined, 'without a snapshot nobody knows what stood before');
  assert.ok((await long.read('other1'))?.history.length, 'its events are told all the same');
  await long.journal.close();
});

test('at any moment, of any journal: what stood is what all events up to then say, or nothing is said', async () => {
  const name = fc.constantFrom('web', 'api', 'db');
  const step = fc.oneof(
    { weight: 4, arbitrary: name.map((each) => ({ do: 'announce' as const, name: each })) },
    { weight: 3, arbitrary: name.map((each) => ({ do: 'withdraw' as const, name: each })) },
    { weight: 2, arbitrary: fc.constantFrom({ do: 'snapshot' as const }, { do: 'flush' as const }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 60 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom('', 'web', 'api'),
      async (steps, moments, asked) => {
        const written = await Written.open({ segmentOctets: 600, keepOctets: 3000 });
        for (const each of steps) {
          if (each.do === 'snapshot') await written.snapshot();
          else if (each.do === 'flush') await written.journal.flush();
          else written.append(each.do === 'announce' ? announced : withdrawn, each.name);
        }
        await written.journal.flush();
        for (const share of [...moments, 1]) {
          const atMs = START_MS + Math.floor(share * (written.nowMs - START_MS));
          const { read, first } = await written.readWhileStill(asked, atMs);
          const isDue = written.lastSnapshotMs !== undefined && atMs >= written.lastSnapshotMs;
          if (read === undefined) assert.not(isDue, 'there is a snapshot');
          const expected = written.stood(asked, atMs).map(({ sequence = 0, ...stood }) => ({
            ...stood,
            ...(sequence >= first && { sequence }),
          }));
          if (read !== undefined) assert.equal([...(read.stood?.stands ?? [])].sort(byKey), expected.sort(byKey));
        }
        await written.journal.close();
      },
    ),
    { numRuns: 100 },
  );
});

test('no event of a subject is in a line that is passed over', () => {
  const containers = ['3f2a9c01d4e7'.padEnd(64, '0'), 'static:web', 'static:"x"'];
  const keys = [
    '/skydns/org/example/s/web/node-1/a',
    '/skydns/ORG/Example/s/Web/x',
    '/skydns/org/example/s/日本/x',
    '/a',
  ];
  const event = fc
    .record({
      container: fc.constantFrom(...containers),
      containerName: fc.constantFrom('web', 'a "b"', 'WEB', 'ü'),
      key: fc.constantFrom(...keys),
    })
    .map((fields): AnnouncerEvent => ({ ...announced('x', 1), ...fields }) as AnnouncerEvent);
  const text = fc.constantFrom(
    'web',
    'WEB',
    'a "b"',
    'ü',
    '日本',
    's',
    '.',
    '3f2a9c',
    'static:web',
    'static:"x"',
    'a/b',
  );
  fc.assert(
    fc.property(event, text, (each, asked) => {
      const subject = subjectOf(asked, DOMAIN);
      if (!isAbout(each, subject, PREFIX)) return;
      const line = Buffer.from(encodeEventLine(each, 1)).toString('latin1');
      assert.ok(linesAbout(subject, PREFIX)?.test(line) ?? true, `${asked}: ${line}`);
    }),
    { numRuns: 2000 },
  );
});

test.run();
