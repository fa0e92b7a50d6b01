import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { PROBLEMS_LISTED_MAX } from '../../../resolver/zone/problem-list.ts';
import { select } from '../../../resolver/zone/select.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import { type EtcdKey, keyOfOctets, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';
import { deletion, keyFor, put, zoneFrom } from '../../support/zone-text.ts';

const test = suite('resolver/zone');

const A = '{"host":"192.0.2.1"}';
const B = '{"host":"192.0.2.2"}';
const web = keyFor('1.web.example.org');

function after(...events: ZoneEvent[]): Zone {
  const zone = Zone.empty('/skydns');
  for (const event of events) evolve(zone, event);
  return zone;
}

test('holds what was put last, with its revision and lease', () => {
  const zone = after(put(web, A, 7, '70'), put(web, B, 9));
  const { key, value, revision, lease } = zone.get(web) ?? {};
  assert.equal({ key, value, revision, lease }, { key: web, value: B, revision: '9', lease: undefined });
  assert.is(zone.size, 1);
  assert.is(zone.revision, 9n);
});

test('a revision above 2^53 keeps all its digits', () => {
  const revision = '9223372036854775807';
  const zone = after({ ...put(web, A, 0), revision } as ZoneEvent);
  assert.is(zone.get(web)?.revision, revision);
  assert.is(zone.revision, 9223372036854775807n);
});

test('a deleted key is gone, and its deletion twice is nothing', () => {
  const zone = after(put(web, A, 1), put(keyFor('2.web.example.org'), A, 2));
  assert.equal(evolve(zone, deletion(web, 3)).names, ['1.web.example.org.']);
  assert.equal(evolve(zone, deletion(web, 4)), { names: [], addresses: [] });
  assert.is(zone.get(web), undefined);
  assert.is(zone.size, 1);
  assert.is(zone.revision, 4n);
});

test('a change names its owner, and the addresses before and after', () => {
  const zone = after(put(web, A, 1));
  assert.equal(evolve(zone, put(web, B, 2)), {
    names: ['1.web.example.org.'],
    addresses: ['192.0.2.1', '192.0.2.2'],
  });
  assert.equal(evolve(zone, put(web, '{"host":"web2.example.org"}', 3)), {
    names: ['1.web.example.org.'],
    addresses: ['192.0.2.2'],
  });
  assert.equal(evolve(zone, put(keyFor('WEB.example.org'), A, 4)).names, ['web.example.org.']);
});

test('a write that changes no answer is no change: same record, other fields, same lease', () => {
  const zone = after(put(web, '{"host":"192.0.2.1","port":80,"image":"web:1"}', 1, '5'));
  assert.equal(evolve(zone, put(web, '{"port":80,"host":"192.0.2.1","image":"web:2"}', 2, '5')), {
    names: [],
    addresses: [],
  });
  assert.is(zone.get(web)?.revision, '2');
  assert.match(zone.get(web)?.value ?? '', /web:2/);
});

test('another lease is a change, since the TTL may be another', () => {
  const zone = after(put(web, A, 1, '5'));
  assert.equal(evolve(zone, put(web, A, 2, '6')).names, ['1.web.example.org.']);
});

test('lists the leases that keys are on, while they are', () => {
  const zone = after(put(web, A, 1, '5'), put(keyFor('2.web.example.org'), A, 2, '5'), put(keyFor('x.org'), A, 3, '6'));
  assert.equal([...zone.leases()], ['5', '6']);
  evolve(zone, put(web, A, 4));
  evolve(zone, deletion(keyFor('x.org'), 5));
  assert.equal([...zone.leases()], ['5']);
  evolve(zone, deletion(keyFor('2.web.example.org'), 6));
  assert.equal([...zone.leases()], []);
});

test('a bad value costs its key alone: counted, listed with its reason, forgotten when mended', () => {
  const zone = after(put(keyFor('2.web.example.org'), A, 1));
  const change = evolve(zone, put(web, '{"port":"80"}', 2));
  assert.equal(change.names, ['1.web.example.org.']);
  assert.is(change.problem?.key, web);
  assert.match(zone.problems.get(web) ?? '', /field port is "80"/);
  assert.is(zone.problemCount, 1);
  assert.is(zone.size, 2);
  evolve(zone, put(web, A, 3));
  assert.is(zone.problemCount, 0);
  assert.is(zone.problems.size, 0);
});

test('a host that can be no name is a bad value', () => {
  const zone = after(put(web, `{"host":"${'x'.repeat(64)}.example.org"}`, 1));
  assert.match(zone.problems.get(web) ?? '', /field host is neither an address nor a domain name/);
});

test('a port that no SRV can carry is a bad value', () => {
  for (const port of [65_536, 70_000, -2]) {
    const zone = after(put(web, `{"host":"192.0.2.1","port":${port}}`, 1), put(keyFor('2.web.example.org'), A, 2));
    assert.is(zone.problems.get(web), `field port is ${port}; it must be from 0 to 65535, or -1 for none`);
    assert.is(zone.problemCount, 1, 'it costs its own key');
  }
  for (const port of [65_535, 0, -1]) {
    assert.is(after(put(web, `{"host":"192.0.2.1","port":${port}}`, 1)).problemCount, 0);
  }
});

test('a key that is no name is kept, listed, and changes no answer', () => {
  const keys = ['/skydns/org//web', '/skydns/org/web/', `/skydns/org/${'x'.repeat(64)}`] as EtcdKey[];
  const zone = after(...keys.map((key, index) => put(key, A, index + 1)));
  assert.is(zone.size, 3);
  assert.equal([...zone.problems.keys()], keys);
  assert.equal(evolve(zone, put(keys[0] as EtcdKey, B, 4)).names, []);
  assert.is(zone.problemCount, 3);
  assert.is(zone.get(keys[0] as EtcdKey)?.value, B);
  evolve(zone, deletion(keys[0] as EtcdKey, 5));
  assert.is(zone.problemCount, 2);
  assert.is(zone.size, 2);
});

test('keys that are not UTF-8 are each a problem of its own, and go one by one', () => {
  const keys = ['\xfe', '\xff', 'a\xff'].map((label) => keyOfOctets(Buffer.from(`/skydns/org/web/${label}`, 'latin1')));
  const zone = after(...keys.map((key, index) => put(key, A, index + 1)));
  assert.is(zone.problemCount, 3);
  for (const key of keys) assert.match(zone.problems.get(key) ?? '', /not UTF-8/);
  assert.equal(select(zone, parseName('web.org')), []);
  evolve(zone, deletion(keys[0] as EtcdKey, 5));
  assert.equal([...zone.problems.keys()], keys.slice(1));
});

test('lists a bounded number of problems and counts them all', () => {
  const zone = Zone.empty('/skydns');
  for (let n = 0; n < PROBLEMS_LISTED_MAX + 5; n += 1) evolve(zone, put(keyFor(`${n}.example.org`), '', n + 1));
  assert.is(zone.problems.size, PROBLEMS_LISTED_MAX);
  assert.is(zone.problemCount, PROBLEMS_LISTED_MAX + 5);
});

test('keys outside the prefix are not the zone’s', () => {
  const zone = after(put('/skydns2/org/web' as EtcdKey, A, 1), put('/skydns' as EtcdKey, A, 2));
  assert.is(zone.size, 0);
  assert.is(zone.revision, 2n);
  assert.is(zone.get('/skydns2/org/web' as EtcdKey), undefined);
});

test('any prefix will do, the empty one too', () => {
  for (const prefix of ['', '/a', '/a/b/c']) {
    const zone = Zone.empty(prefix);
    const key = keyFor('web.example.org', prefix);
    evolve(zone, put(key, A, 1));
    assert.is(zone.get(key)?.key, key);
  }
});

test('a replaced store may go back in revisions, a late event may not take the zone back', () => {
  const zone = after(put(web, A, 100));
  evolve(zone, { ...put(web, B, 60), late: true } as ZoneEvent);
  assert.is(zone.revision, 100n);
  assert.is(zone.get(web)?.value, B);
  evolve(zone, { atMs: 0, type: 'StoreReplaced', storeId: 'new', revision: '5' });
  assert.is(zone.revision, 5n);
  assert.is(zone.storeId, 'new');
  evolve(zone, { atMs: 0, type: 'ZoneSynced', storeId: 'new', revision: '8', records: 1 });
  assert.is(zone.revision, 8n);
});

test('entries come in the order of etcd: a key, its siblings with a hyphen, then what is below it', () => {
  const names = ['a', 'x.a', 'a-b', 'x.a-b', 'b', 'A', 'ab'];
  const keys = ['/skydns/org/A', '/skydns/org/a', '/skydns/org/a-b', '/skydns/org/a-b/x', '/skydns/org/a/x'];
  const zone = zoneFrom(names.map((name) => `${name}.org host=192.0.2.1`).join('\n'));
  evolve(zone, put('/skydns/org/A' as EtcdKey, A, 10));
  evolve(zone, put('/skydns/org//stray' as EtcdKey, A, 11));
  assert.equal(
    [...zone.entries()].map(({ key }) => key),
    ['/skydns/org//stray', ...keys, '/skydns/org/ab', '/skydns/org/b'],
  );
});

test('keys that change while entries are read do not disturb the others', () => {
  const zone = zoneFrom(Array.from({ length: 20 }, (_, n) => `${n}.n${n % 3}.org host=192.0.2.1`).join('\n'));
  const before = [...zone.entries()].map(({ key }) => key);
  const seen: string[] = [];
  for (const { key } of zone.entries()) {
    seen.push(key);
    if (seen.length === 3) {
      for (let n = 0; n < 20; n += 2) evolve(zone, deletion(keyFor(`${n}.n${n % 3}.org`), 100 + n));
      evolve(zone, put(keyFor('new.org'), A, 200));
    }
  }
  const untouched = before.filter((key) => Number(key.split('/').at(-1)) % 2 === 1);
  assert.equal(
    untouched.filter((key) => !seen.includes(key)),
    [],
  );
});

// Keys that meet in the tree in every way: case, prefixes of one another, what is no name.
const segment = fc.constantFrom(
  'a',
  'a-b',
  'a.b',
  'A',
  'b',
  'é',
  'É',
  'any',
  '*',
  '',
  'x'.repeat(64),
  '\u{1f600}',
  '\uffee',
);
const key = fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => `/skydns/${all.join('/')}` as EtcdKey);
const value = fc.constantFrom(
  A,
  B,
  '{"host":"a.b"}',
  '{"text":"t"}',
  '{}',
  'bad',
  '{"host":"::ffff:192.0.2.2","ttl":9}',
);
const step = fc.oneof(
  fc.record({ key, value, lease: fc.constantFrom(undefined, '1', '2') }),
  fc.record({ key, value: fc.constant(undefined), lease: fc.constant(undefined) }),
);

test('is what its events say, whatever their sequence', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const zone = Zone.empty('/skydns');
      const model = new Map<string, { value: string; revision: string; lease: string | undefined }>();
      for (const [index, { key, value, lease }] of steps.entries()) {
        evolve(zone, value === undefined ? deletion(key, index + 1) : put(key, value, index + 1, lease));
        if (value === undefined) model.delete(key);
        else model.set(key, { value, revision: String(index + 1), lease });
      }
      const inOrder = [...model.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.equal(
        [...zone.entries()].map(({ key, value, revision, lease }) => ({ key, value, revision, lease })),
        inOrder.map((key) => ({ key, ...model.get(key) })),
      );
      assert.is(zone.size, model.size);
      for (const [key, { value }] of model) assert.is(zone.get(key as EtcdKey)?.value, value);
      const names = [...model].filter(([key]) => isName(key)).map(([, entry]) => entry);
      const leases = new Set(names.map(({ lease }) => lease).filter((lease) => lease !== undefined));
      assert.equal(new Set<string>(zone.leases()), leases);
      checkAddresses(zone, model);
      checkProblems(zone, model);
    }),
    { numRuns: 300 },
  );
});

function isName(key: string): boolean {
  return !key
    .slice('/skydns/'.length)
    .split('/')
    .some((each) => each === '' || each.length > 63);
}

function checkAddresses(zone: Zone, model: Map<string, { value: string }>): void {
  const announcing = (texts: string[]) =>
    [...zone.entries()]
      .map(({ key }) => key)
      .filter((key) => isName(key) && texts.includes(model.get(key)?.value ?? ''));
  const at = (address: string) => zone.recordsWithAddress(address).map(({ key }) => key);
  assert.equal(at('192.0.2.1'), announcing([A]));
  assert.equal(at('192.0.2.2'), announcing([B, '{"host":"::ffff:192.0.2.2","ttl":9}']));
}

function checkProblems(zone: Zone, model: Map<string, { value: string }>): void {
  const bad = [...model].filter(([key, { value }]) => !isName(key) || value === 'bad').map(([key]) => key);
  assert.equal([...zone.problems.keys()].sort(), bad.sort());
  assert.is(zone.problemCount, bad.length);
}

test.run();
