import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAbout } from '../../../resolver/report/history.ts';
import { linesAbout } from '../../../resolver/report/history-lines.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { encodeEventLine } from '../../../shared/journal/line.ts';
import { type EtcdKey, nameOf, type OwnerName, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/history lines');

const PREFIX = '/sky.dns';
const lineOf = (event: ZoneEvent): string => Buffer.from(encodeEventLine(event, 7)).toString('latin1');
const put = (key: string): ZoneEvent => ({
  type: 'RecordPut',
  atMs: 1,
  revision: '2',
  key: key as EtcdKey,
  value: '{}',
});

/** What is escaped in JSON, in names or in regular expressions, is folded, or takes several octets. */
const segment = fc.oneof(
  fc.constantFrom(
    'web',
    'WEB',
    'wEb',
    'org',
    'Example',
    '*',
    'a.b',
    'ä',
    'Ä',
    '日本',
    '😀',
    '"',
    '\\',
    '(x',
    '[',
    '$',
    '+',
    'ſ',
    'K',
  ),
  fc.string({
    unit: fc.constantFrom('a', 'B', '.', '*', '"', '\\', '\n', '\u0001', 'é', '|', '^'),
    minLength: 1,
    maxLength: 3,
  }),
);
const key = fc
  .tuple(fc.constantFrom(PREFIX, '/other', ''), fc.array(segment, { minLength: 1, maxLength: 4 }))
  .map(([prefix, segments]) => [prefix, ...segments].join('/'));
const event: fc.Arbitrary<ZoneEvent> = fc.oneof(
  key.map(put),
  key.map((each): ZoneEvent => ({ type: 'RecordDeleted', atMs: 1, revision: '2', key: each as EtcdKey })),
  key.map((each): ZoneEvent => ({ type: 'DriftFound', atMs: 1, key: each as EtcdKey, detail: 'x' })),
  fc.constantFrom<ZoneEvent>(
    { type: 'ResolverStarted', atMs: 1, version: '1' },
    { type: 'ResolverStopped', atMs: 1 },
    { type: 'ZoneConfirmed', atMs: 1, revision: '3' },
    { type: 'ZoneSynced', atMs: 1, revision: '3', storeId: 's', records: 1 },
    { type: 'StoreLost', atMs: 1, reason: 'away' },
    { type: 'StoreRegained', atMs: 1, awayMs: 1 },
    { type: 'StoreReplaced', atMs: 1, storeId: 's', revision: '3' },
  ),
);
/** The letters whose place is in `flips` in the other case. */
const flipped = (text: string, flips: number): string =>
  text.replace(/[a-z]/gi, (letter, at: number) => {
    if ((flips & (1 << (at % 31))) === 0) return letter;
    return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
  });
/** A name, some of its labels a `*`, and a key that is mostly its own or below it, in other letters. */
const related = fc
  .record({
    above: fc.array(segment, { minLength: 1, maxLength: 3 }),
    below: fc.array(segment, { maxLength: 2 }),
    stars: fc.nat(7),
    flips: fc.nat(),
    prefix: fc.constantFrom(PREFIX, PREFIX, PREFIX, '/other'),
  })
  .map(({ above, below, stars, flips, prefix }): { name: OwnerName; event: ZoneEvent } => {
    const labels = above.map((each) => Buffer.from(each).toString('latin1'));
    const name = nameOf(labels.map((label, at) => (stars & (1 << at) && at > 0 ? '*' : label)).reverse());
    return { name, event: put(`${prefix}/${flipped([...above, ...below].join('/'), flips)}`) };
  });

test('no event of a name’s history is in a line that does not pass', () => {
  let about = 0;
  const events = fc.array(event, { maxLength: 10 });
  fc.assert(
    fc.property(related, related, events, (one, other, others) => {
      const names = [one.name, other.name];
      const lines = linesAbout(names, PREFIX);
      for (const each of [one.event, other.event, ...others]) {
        if (!isAbout(each, names, PREFIX)) continue;
        if ('key' in each) about += 1;
        assert.ok(lines?.test(lineOf(each)) ?? true, `${names} ${lineOf(each)}`);
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(about > 1000, `only ${about} keys were of their names`);
});

test('a key that is named passes; what is of another name does not', () => {
  const lines = linesAbout([parseName('web.example.org')], PREFIX, new Set(['/sky.dns/org/example/API/x' as EtcdKey]));
  assert.is(lines?.test(lineOf(put('/sky.dns/org/example/web/1'))), true);
  assert.is(lines?.test(lineOf(put('/sky.dns/ORG/Example/Web'))), true);
  assert.is(lines?.test(lineOf(put('/sky.dns/org/example/API/x'))), true);
  assert.is(lines?.test(lineOf(put('/sky.dns/org/example/api2/x'))), false);
  assert.is(lines?.test(lineOf(put('/skyXdns/org/example/web/1'))), false, 'a dot is a dot');
});

test('where a text cannot tell, or would be too long, every line is looked at', () => {
  assert.is(linesAbout([nameOf(['a/b', 'org'])], PREFIX), undefined);
  const keys = Array.from({ length: 100 }, (_, at) => `/sky.dns/${at}` as EtcdKey);
  assert.is(linesAbout([parseName('web')], PREFIX, new Set(keys)), undefined);
});

test.run();
