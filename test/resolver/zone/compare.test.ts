import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RecordEvent } from '../../../resolver/following/state.ts';
import { compareZone } from '../../../resolver/zone/compare.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import { compareKeys, type EtcdKey } from '../../../shared/name.ts';
import type { Entry, LeaseId, Snapshot } from '../../../shared/store.ts';
import { contentsOf, contentsOfStore } from '../../support/follower.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/zone-compare');

const entry = (key: string, value: string, modRevision: number, lease?: string): Entry => ({
  key: key as EtcdKey,
  value,
  createRevision: 1n,
  modRevision: BigInt(modRevision),
  ...(lease !== undefined && { lease: lease as LeaseId }),
});
const snapshotOf = (entries: readonly Entry[]): Snapshot => ({
  revision: 1000n,
  storeId: 's',
  entries: [...entries].sort((a, b) => compareKeys(a.key, b.key)),
});
const compare = (zone: Zone, snapshot: Snapshot): RecordEvent[] =>
  [...compareZone(zone, snapshot, 7)].filter((event) => event !== undefined);
const zoneWith = (entries: readonly Entry[]): Zone => {
  const zone = Zone.empty('/skydns');
  for (const event of compare(zone, snapshotOf(entries))) evolve(zone, event);
  return zone;
};

test('finds what is new, changed and gone, all late, in key order', () => {
  const zone = zoneWith([entry('/skydns/a', '{}', 1), entry('/skydns/b', '{}', 2), entry('/skydns/d', '{}', 3)]);
  const events = compare(
    zone,
    snapshotOf([entry('/skydns/a', '{}', 1), entry('/skydns/c', '{}', 9), entry('/skydns/d', '{"port":1}', 8)]),
  );
  assert.equal(events, [
    { type: 'RecordDeleted', atMs: 7, key: '/skydns/b', revision: '1000', late: true },
    { type: 'RecordPut', atMs: 7, key: '/skydns/c', revision: '9', value: '{}', late: true },
    { type: 'RecordPut', atMs: 7, key: '/skydns/d', revision: '8', value: '{"port":1}', late: true },
  ]);
});

test('a key that was written again with the same value, or moved to another lease, differs', () => {
  const zone = zoneWith([entry('/skydns/a', '{}', 1), entry('/skydns/b', '{}', 1, '5')]);
  const events = compare(zone, snapshotOf([entry('/skydns/a', '{}', 2), entry('/skydns/b', '{}', 1, '6')]));
  assert.equal(
    events.map(({ key }) => key),
    ['/skydns/a', '/skydns/b'],
  );
});

test('keys of another prefix are passed over', () => {
  assert.equal(compare(zoneWith([]), snapshotOf([entry('/skydns2/a', '{}', 1), entry('/other', '{}', 1)])), []);
});

test('refuses a snapshot that is not in key order', () => {
  const snapshot = { ...snapshotOf([]), entries: [entry('/skydns/b', '{}', 1), entry('/skydns/a', '{}', 1)] };
  assert.throws(() => compare(zoneWith([]), snapshot), /not in key order/);
});

test('leaves a place to pause at least every thousand keys', () => {
  const entries = Array.from({ length: 5000 }, (_none, n) =>
    entry(`/skydns/org/k${String(n).padStart(4, '0')}`, '{}', 1),
  );
  const pauses = [...compareZone(zoneWith(entries), snapshotOf(entries), 7)];
  assert.equal(pauses, [undefined, undefined, undefined, undefined, undefined]);
});

const segment = fc.constantFrom('a', 'b', 'A', 'a-b', 'é', 'x'.repeat(64), '');
const entries = fc.uniqueArray(
  fc.record({
    path: fc.array(segment, { minLength: 1, maxLength: 3 }),
    value: fc.constantFrom('{}', '{"host":"192.0.2.1"}', 'bad'),
    revision: fc.integer({ min: 1, max: 9 }),
  }),
  { selector: ({ path }) => path.join('/'), maxLength: 12 },
);

test('applied, the differences make any zone what any store holds, and then there are none', () => {
  fc.assert(
    fc.property(entries, entries, (before, after) => {
      const of = (list: typeof before): Entry[] =>
        list.map(({ path, value, revision }) => entry(`/skydns/${path.join('/')}`, value, revision));
      const zone = zoneWith(of(before));
      const snapshot = snapshotOf(of(after));
      for (const event of compare(zone, snapshot)) evolve(zone, event);
      assert.equal(contentsOf(zone), contentsOfStore(snapshot.entries));
      assert.equal(compare(zone, snapshot), []);
    }),
    { numRuns: 500 },
  );
});

test.run();
