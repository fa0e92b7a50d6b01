import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type PastDifference, readDifference } from '../../../resolver/report/past-difference.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { parseName } from '../../../shared/name.ts';
import { openJournal } from '../../support/journal-files.ts';
import { SETTINGS as LOOKUP } from '../../support/lookup-table.ts';
import { deletion, keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/past difference');

const A = keyFor('a.web.example.org');
const B = keyFor('b.web.example.org');
const OTHER = keyFor('x.api.example.org');

async function between(fromMs: number, toMs: number, name?: string): Promise<PastDifference> {
  const journal = await openJournal<ZoneEvent>();
  const events: ZoneEvent[] = [
    { type: 'ResolverStarted', atMs: 1, version: 'test' },
    { type: 'ZoneConfirmed', atMs: 2, revision: '1' },
    { ...put(A, '{"host":"192.0.2.1"}', 2), atMs: 10 },
    { ...put(B, '{"host":"192.0.2.2"}', 3), atMs: 20 },
    { ...deletion(A, 4), atMs: 30 },
    { ...put(OTHER, '{"host":"192.0.2.9"}', 5), atMs: 40 },
    { ...put(B, '{"host":"192.0.2.3"}', 6), atMs: 50 },
    { ...deletion(OTHER, 7), atMs: 60 },
  ];
  for (const event of events) journal.append(event);
  const settings = { lookup: LOOKUP, prefix: PREFIX, maxStaleMs: 1000 };
  const named = name === undefined ? undefined : parseName(name);
  const difference = await readDifference(journal, named, { fromMs, toMs }, settings);
  await journal.close();
  if (difference === undefined) throw new Error('the journal does not reach back');
  return difference;
}

const brief = ({ changes }: PastDifference) =>
  changes.map(({ name, before, after, madeBy }) => [name, before, after, madeBy?.sequence]);

test('says what came, went and changed, with the last event of each', async () => {
  assert.equal(brief(await between(20, 50)), [
    ['x.api.example.org.', undefined, '{"host":"192.0.2.9"}', 6],
    ['a.web.example.org.', '{"host":"192.0.2.1"}', undefined, 5],
    ['b.web.example.org.', '{"host":"192.0.2.2"}', '{"host":"192.0.2.3"}', 7],
  ]);
});

test('what came and went in between is no difference', async () => {
  assert.equal(brief(await between(35, 60, 'api.example.org')), []);
});

test('of a name, only what its answers depend on, and the answers before and after', async () => {
  const difference = await between(20, 50, 'web.example.org');
  assert.equal(
    difference.changes.map(({ name }) => name),
    ['a.web.example.org.', 'b.web.example.org.'],
  );
  assert.equal(
    difference.answers?.find(({ type }) => type === 'A'),
    {
      type: 'A',
      before: {
        outcome: 'answer',
        records: ['web.example.org. 5 IN A 192.0.2.1', 'web.example.org. 5 IN A 192.0.2.2'],
      },
      after: { outcome: 'answer', records: ['web.example.org. 5 IN A 192.0.2.3'] },
    },
  );
  assert.is(
    difference.answers?.find(({ type }) => type === 'AAAA'),
    undefined,
    'NODATA at both moments',
  );
});

test('nothing differs between a moment and itself', async () => {
  assert.equal(brief(await between(30, 30)), []);
});

test.run();
