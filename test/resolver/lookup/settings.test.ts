import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nsHome, stripLabels, zoneOf } from '../../../resolver/lookup/settings.ts';
import { parseName } from '../../../shared/name.ts';

const test = suite('resolver/settings-of-lookup');

test('the longest zone that holds a name is its zone', () => {
  const zones = ['example.org', 'sub.example.org', 'org.example'].map(parseName);
  const rows: [name: string, zone: string | undefined][] = [
    ['example.org', 'example.org.'],
    ['web.example.org', 'example.org.'],
    ['sub.example.org', 'sub.example.org.'],
    ['a.b.sub.example.org', 'sub.example.org.'],
    ['xsub.example.org', 'example.org.'],
    ['org', undefined],
  ];
  for (const [name, zone] of rows) assert.is(zoneOf(parseName(name), zones), zone);
  assert.is(zoneOf(parseName('a'), [parseName('.'), parseName('a')]), 'a.');
});

test('labels come off the left; all or more of them: none', () => {
  const rows: [name: string, count: number, left: string][] = [
    ['a.b.c', 0, 'a.b.c.'],
    ['a.b.c', 2, 'c.'],
    ['a.b.c', 3, 'a.b.c.'],
    ['a.b.c', 9, 'a.b.c.'],
    ['a\\.b.c', 1, 'c.'],
    ['a\\\\.b.c', 1, 'b.c.'],
  ];
  for (const [name, count, left] of rows) assert.is(stripLabels(parseName(name), count), left, `${name} ${count}`);
});

test('the names a zone keeps for itself, the root zone too', () => {
  assert.is(nsHome(parseName('example.org')), 'ns.dns.example.org.');
  assert.is(nsHome(parseName('.')), 'ns.dns.');
});

test.run();
