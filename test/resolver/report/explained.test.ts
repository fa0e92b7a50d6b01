import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../../resolver/following/live-zone.ts';
import { readExplanations } from '../../../resolver/report/explained.ts';
import { EVENTS_MAX, readHistory } from '../../../resolver/report/history-reader.ts';
import { readPastAnswer } from '../../../resolver/report/past-answer.ts';
import { readDifference } from '../../../resolver/report/past-difference.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { linesOf } from '../../../resolver/zone/lines.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import { openJournal } from '../../support/journal-files.ts';
import { SETTINGS as LOOKUP } from '../../support/lookup-table.ts';
import { deletion, keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/explained');

const A = keyFor('a.web.example.org');
const B = keyFor('b.web.example.org');
const NAME = parseName('web.example.org');
const SETTINGS = { lookup: LOOKUP, prefix: PREFIX, maxStaleMs: 1000 };
const T0 = 1_700_000_000_000;

const because = (key: EtcdKey, revision: number, cause: string): ZoneEvent => ({
  type: 'ChangeExplained',
  atMs: T0 + 10 * revision,
  key,
  revision: String(revision),
  host: 'node-1',
  write: 'announced',
  cause,
  decidedAtMs: T0,
});
const at = (event: ZoneEvent): ZoneEvent => ({
  ...event,
  atMs: T0 + 10 * Number('revision' in event && event.revision),
});

/** `snapshot` stands for one of the zone, as the events before it made it. */
async function journalOf(...steps: (ZoneEvent | 'snapshot')[]): Promise<Journal<ZoneEvent>> {
  let nowMs = T0;
  const journal = await openJournal<ZoneEvent>({ nowMs: () => nowMs });
  const live = new LiveZone(PREFIX);
  const begin: ZoneEvent[] = [
    { type: 'ResolverStarted', atMs: T0, version: 'test' },
    { type: 'ZoneSynced', atMs: T0, revision: '1', storeId: 's', records: 0 },
    { type: 'ZoneConfirmed', atMs: T0, revision: '1' },
  ];
  live.confirm(T0);
  for (const step of [...begin, ...steps]) {
    if (step === 'snapshot') {
      nowMs += 1;
      await journal.snapshot(linesOf(live.zone, live.state, live));
      continue;
    }
    nowMs = Math.max(nowMs, step.atMs);
    journal.append(step);
    live.apply(step);
  }
  await journal.written();
  return journal;
}

const value = (octet: number): string => JSON.stringify({ host: `192.0.2.${octet}` });
const PAST = [
  at(put(A, value(1), 2)),
  because(A, 2, 'docker start'),
  at(put(B, value(2), 3)),
  at(deletion(A, 4)),
  because(A, 4, 'docker die'),
];
const whole = { sinceMs: 0, untilMs: T0 + 10_000 };

test('history tells each change with its cause, in one line', async () => {
  const journal = await journalOf(...PAST);
  const { events } = await readHistory(journal, [NAME], PREFIX, whole);
  assert.equal(
    events.flatMap((event) => ('key' in event ? [[event.type, event.explained?.cause]] : [])),
    [
      ['RecordPut', 'docker start'],
      ['RecordPut', undefined],
      ['RecordDeleted', 'docker die'],
    ],
  );
  assert.not.ok('revision' in (events.find((event) => event.explained)?.explained ?? {}));
  await journal.close();
});

test('a cause whose change is not told stands for itself', async () => {
  const journal = await journalOf(because(B, 9, 'docker start'), ...PAST);
  const { events } = await readHistory(journal, [NAME], PREFIX, whole);
  assert.equal(
    events.flatMap((event) => (event.type === 'ChangeExplained' ? [event.revision] : [])),
    ['9'],
  );
  await journal.close();
});

test('a cause whose change was left out of a long history stands for itself', async () => {
  const others = Array.from({ length: 2 * EVENTS_MAX }, (_, at_) =>
    at(put(keyFor(`n${at_}.web.example.org`), value(1), 10 + at_)),
  );
  const journal = await journalOf(at(put(A, value(1), 2)), ...others, because(A, 2, 'docker start'));
  const { events, isCut } = await readHistory(journal, [NAME], PREFIX, { ...whole, untilMs: T0 + 1_000_000 });
  assert.ok(isCut);
  assert.is(events.at(-1)?.type, 'ChangeExplained');
  await journal.close();
});

for (const [where, steps] of [
  ['behind the snapshot', ['snapshot', ...PAST]],
  ['before the snapshot', [...PAST, 'snapshot']],
  ['on both sides of it', [...PAST.slice(0, 1), 'snapshot', ...PAST.slice(1)]],
  ['of which the cause alone is behind it', [...PAST.slice(0, 4), 'snapshot', ...PAST.slice(4)]],
] as const) {
  test(`at names the cause of the event that made it so, ${where}`, async () => {
    const journal = await journalOf(...steps);
    const causeAt = async (atMs: number) =>
      (await readPastAnswer(journal, { name: NAME, type: 'A', atMs }, SETTINGS))?.madeBy?.explained?.cause;
    assert.is(await causeAt(T0 + 1000), 'docker die');
    if (where === 'behind the snapshot') {
      assert.is(await causeAt(T0 + 25), 'docker start');
      assert.is(await causeAt(T0 + 35), undefined);
    }
    await journal.close();
  });
}

test('diff names the cause of the last change of a key', async () => {
  const journal = await journalOf(...PAST);
  const difference = await readDifference(journal, undefined, { fromMs: T0 + 25, toMs: T0 + 1000 }, SETTINGS);
  assert.equal(
    difference?.changes.map(({ key, madeBy }) => [key, madeBy?.explained?.cause]),
    [
      [A, 'docker die'],
      [B, undefined],
    ],
  );
  await journal.close();
});

test('explain finds why each key was written as it stands, and no older reason', async () => {
  const journal = await journalOf(...PAST, at(put(A, value(9), 5)));
  const standing = [
    { key: A, revision: '5' },
    { key: B, revision: '3' },
  ];
  assert.equal(await readExplanations(journal, standing, ['"key":']), new Map());
  journal.append(because(B, 3, 'docker unpause'));
  await journal.written();
  const found = await readExplanations(journal, standing, ['"key":']);
  assert.equal(
    [...found].map(([key, { cause }]) => [key, cause]),
    [[B, 'docker unpause']],
  );
  await journal.close();
});

test('explain still knows why once the change was answered with', async () => {
  const answered: ZoneEvent = {
    type: 'ChangeAnswered',
    atMs: T0 + 60,
    key: A,
    revision: '2',
    name: parseName('a.web.example.org.'),
    question: 'web.example.org. A',
    outcome: 'answer',
    afterMs: 40,
  };
  const journal = await journalOf(at(put(A, value(1), 2)), because(A, 2, 'docker start'), answered);
  const found = await readExplanations(journal, [{ key: A, revision: '2' }], ['"key":']);
  assert.is(found.get(A)?.cause, 'docker start');
  await journal.close();
});

test.run();
