import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  chooseGroup,
  dependencyOf,
  exists,
  select,
  selectExact,
  TooManyRecords,
  VISITS_MAX,
} from '../../../resolver/zone/select.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';
import { keyFor, put, zoneFrom } from '../../support/zone-text.ts';

const test = suite('resolver/select');

interface Row {
  readonly rule: string;
  readonly zone: string;
  /** Owners of the selected records, in order. */
  readonly selects: Readonly<Record<string, string>>;
}

const rows: Row[] = [
  {
    rule: 'rule 1: all keys below the name',
    zone: '1.web.org host=192.0.2.1\n1.n.web.org host=192.0.2.2\n1.db.org host=192.0.2.3',
    selects: { 'web.org': '1.web 1.n.web', org: '1.db 1.web 1.n.web', 'n.web.org': '1.n.web', 'x.web.org': '' },
  },
  {
    rule: 'rule 1: the key itself when none is below it',
    zone: '1.web.org host=192.0.2.1',
    selects: { '1.web.org': '1.web' },
  },
  {
    rule: 'rule 1: the key itself and those below it',
    zone: 'web.org host=192.0.2.9\n1.web.org host=192.0.2.1',
    selects: { 'web.org': 'web 1.web' },
  },
  {
    rule: 'rule 1: whole segments, never the beginning of one',
    zone: 'rails.org host=192.0.2.1\nrails2.org host=192.0.2.2\n1.rails2.org host=192.0.2.3\nrail.org host=192.0.2.4',
    selects: { 'rails.org': 'rails', 'rails2.org': 'rails2 1.rails2' },
  },
  {
    rule: 'rule 2: a star matches every label at its depth, and keys may be longer',
    zone: '1.web.a.org host=192.0.2.1\n1.web.b.org host=192.0.2.2\n1.db.a.org host=192.0.2.3\nc.org host=192.0.2.4',
    selects: {
      'web.*.org': '1.web.a 1.web.b',
      '*.a.org': '1.db.a 1.web.a',
      '1.*.*.org': '1.db.a 1.web.a 1.web.b',
      '*.org': '1.db.a 1.web.a 1.web.b c',
      '*.*.*.*.org': '',
    },
  },
  {
    rule: 'rule 2: any is a star',
    zone: '1.web.a.org host=192.0.2.1\n1.web.b.org host=192.0.2.2',
    selects: { 'web.any.org': '1.web.a 1.web.b', 'any.web.*.org': '1.web.a 1.web.b' },
  },
  {
    rule: 'rule 2: a service called any comes first, and only there',
    zone: '1.any.a.org host=192.0.2.1\n1.web.a.org host=192.0.2.2\n1.web.b.org host=192.0.2.3',
    selects: { 'any.a.org': '1.any.a', 'any.b.org': '1.web.b', 'any.*.org': '1.any.a', '*.a.org': '1.any.a 1.web.a' },
  },
  {
    rule: 'rule 4: records with neither host nor text are passed over, and so are bad values',
    zone: '1.web.org port=80\n2.web.org raw={\n3.web.org text=t\n4.web.org host=192.0.2.1',
    selects: { 'web.org': '3.web 4.web' },
  },
  {
    rule: 'rule 6: the order of etcd, in which a slash comes after a hyphen',
    zone: 'x.a.org host=192.0.2.1\nx.a-b.org host=192.0.2.2\na.org host=192.0.2.3\na-b.org host=192.0.2.4\nx.b.org host=192.0.2.5',
    selects: { org: 'a a-b x.a-b x.a x.b', 'x.*.org': 'x.a-b x.a x.b' },
  },
  {
    rule: 'keys in upper case are found by a name, which is lower case',
    zone: '/skydns/org/Web/B host=192.0.2.1\n/skydns/org/web/a host=192.0.2.2\n/skydns/org/web/B host=192.0.2.3',
    selects: { 'WEB.org': 'b.web b.web a.web', 'b.web.org': 'b.web b.web', '*.org': 'b.web b.web a.web' },
  },
  {
    rule: 'a label that is not ASCII is found by its octets alone',
    zone: '/skydns/org/é host=192.0.2.1\n/skydns/org/Ã© host=192.0.2.2',
    selects: { 'é.org': '\\195\\169', 'Ã©.org': '\\195\\131\\194\\169' },
  },
  {
    rule: 'keys that are no names are never selected',
    zone: '/skydns/org/web/ host=192.0.2.1\n/skydns/org//web host=192.0.2.1\n/skydns/org/x host=192.0.2.2',
    selects: { org: 'x', '*.org': 'x', 'web.org': '' },
  },
  {
    rule: 'the root selects all',
    zone: 'a.org host=192.0.2.1\nb.net host=192.0.2.2',
    selects: { '.': 'b.net. a.org.' },
  },
];

for (const { rule, zone, selects } of rows) {
  test(rule, () => {
    const held = zoneFrom(zone);
    for (const [name, owners] of Object.entries(selects)) {
      const found = select(held, parseName(name)).map(({ owner }) => owner);
      const expected = owners.split(' ').filter((owner) => owner !== '');
      assert.equal(
        found,
        expected.map((owner) => (owner.endsWith('.') ? owner : `${owner}.org.`)),
        name,
      );
    }
  });
}

test('rule 3: exact is the key itself, wildcards included', () => {
  const zone = zoneFrom('web.org host=a.net\n1.web.org host=b.net\ndb.org host=c.net\n1.any.org host=d.net');
  const owners = (name: string) => selectExact(zone, parseName(name)).map(({ owner }) => owner);
  assert.equal(owners('web.org'), ['web.org.']);
  assert.equal(owners('*.org'), ['db.org.', 'web.org.']);
  assert.equal(owners('org'), []);
  assert.equal(owners('any.org'), [], 'a service named any is there, by what is below it');
  assert.equal(owners('1.any.org'), ['1.any.org.']);
});

test('rule 3: a name exists when a key is at it or below it, whatever its value', () => {
  const zone = zoneFrom('1.web.org raw=bad\nempty.org raw={}\n/skydns/org/stray/ host=192.0.2.1');
  for (const name of ['1.web.org', 'web.org', 'org', '.', 'empty.org', '*.org', 'any.web.org', '1.*.org', 'any.org']) {
    assert.ok(exists(zone, parseName(name)), name);
  }
  for (const name of ['2.web.org', 'we.org', 'x.1.web.org', '*.empty.org', 'net', 'stray.org']) {
    assert.not(exists(zone, parseName(name)), name);
  }
  assert.not(exists(Zone.empty('/skydns'), parseName('.')));
});

const groups: [rule: string, zone: string, selects: string][] = [
  ['no groups: all', 'a.g host=192.0.2.1\nb.g host=192.0.2.2', 'a b'],
  ['one group: all', 'a.g host=192.0.2.1 group=1\nb.s.g host=192.0.2.2 group=1', 'a b.s'],
  ['the shallower group is chosen', 'a.s.g host=192.0.2.1 group=1\nt.g host=192.0.2.2 group=2', 't'],
  ['the first group stays when the others are deeper', 'a.g host=192.0.2.1 group=1\nb.s.g host=192.0.2.2 group=2', 'a'],
  ['records of no group are in every group', 'a.g host=192.0.2.1 group=1\nb.s.g host=192.0.2.2', 'a b.s'],
  [
    'another group at the chosen depth: no choice',
    'a.g host=192.0.2.1 group=1\nb.g host=192.0.2.2 group=2\nc.s.g host=192.0.2.3 group=3',
    'a b c.s',
  ],
  [
    'a shallower key of no group ends the walk',
    'a.s.g host=192.0.2.1 group=1\nb.g host=192.0.2.2\nc.g host=192.0.2.3 group=2',
    'b c a.s',
  ],
  [
    'the first record of no group: all',
    'a.g host=192.0.2.1\nb.g host=192.0.2.2 group=2\nc.s.g host=192.0.2.3 group=3',
    'a b c.s',
  ],
];
for (const [rule, zone, selects] of groups) {
  test(`groups: ${rule}`, () => {
    const found = select(zoneFrom(zone), parseName('g')).map(({ owner }) => owner.replace(/\.g\.$/, ''));
    assert.equal(found, selects.split(' '));
  });
}

test('groups: a shallower key of no group ends the walk before a later, shallower group', () => {
  const record = (depth: number, group: string) => ({ depth, facts: { traits: { group } } });
  const walk = [record(5, 'g5'), record(4, ''), record(3, 'g3')];
  assert.equal(
    chooseGroup(walk).map(({ depth }) => depth),
    [5, 4],
  );
});

test('a look at too much is refused, not endured', () => {
  const zone = Zone.empty('/skydns');
  for (let n = 0; n <= VISITS_MAX; n += 1)
    evolve(zone, put(`/skydns/org/wide/${n}` as EtcdKey, '{"host":"192.0.2.1"}', n + 1));
  assert.throws(
    () => select(zone, parseName('wide.org')),
    (error: Error) => error instanceof TooManyRecords,
  );
  assert.throws(
    () => exists(zone, parseName('x.*.wide.org')),
    (error: Error) => error instanceof TooManyRecords,
  );
  assert.is(select(zone, parseName('17.wide.org')).length, 1);
  assert.ok(exists(zone, parseName('wide.org')));
});

test('a wildcard stands as a star in what a look depends on', () => {
  assert.is(dependencyOf(parseName('web.any.org')), 'web.*.org.');
  assert.is(dependencyOf(parseName('web.*.org')), 'web.*.org.');
  assert.is(dependencyOf(parseName('web.org')), 'web.org.');
});

// The rules once more, by brute force over all keys.
const label = fc.constantFrom('a', 'b', 'a-b', 'any', 'A');
const path = fc.array(label, { minLength: 1, maxLength: 3 });
const pattern = fc.array(fc.constantFrom('a', 'b', 'a-b', 'any', '*'), { minLength: 1, maxLength: 3 });

test('selects what a scan of all keys selects, in its order', () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 25 }), pattern, (paths, asked) => {
      const zone = Zone.empty('/skydns');
      const keys = [...new Set(paths.map((each) => `/skydns/${each.join('/')}`))];
      for (const [index, key] of keys.entries()) evolve(zone, put(key as EtcdKey, '{"text":"t"}', index + 1));
      const name = parseName([...asked].reverse().join('.'));
      const matches = (anyIsWild: boolean) =>
        keys
          .filter((key) => {
            const segments = key.toLowerCase().split('/').slice(2);
            return asked.every((each, at) => {
              const isWild = each === '*' || (anyIsWild && each === 'any');
              return segments[at] !== undefined && (isWild || segments[at] === each);
            });
          })
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const expected = matches(false).length > 0 ? matches(false) : matches(true);
      assert.equal(
        select(zone, name).map(({ key }) => key),
        expected,
      );
      assert.is(exists(zone, name), expected.length > 0);
    }),
    { numRuns: 500 },
  );
});

test('the key of a record is where it was put', () => {
  const zone = zoneFrom('1.web.example.org host=192.0.2.1');
  assert.is(select(zone, parseName('web.example.org'))[0]?.key, keyFor('1.web.example.org'));
});

test.run();
