import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { desiredKeys, leasesOf } from '../../../announcer/decisions/desired.ts';
import { evolve } from '../../../announcer/decisions/evolve.ts';
import { initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { ID } from '../../support/container-facts.ts';

const test = suite('announcer/desired');

const fold = (...events: AnnouncerEvent[]) => events.reduce(evolve, initialState);
const key = (name: string) => `/skydns/${name}` as EtcdKey;
const announced = (name: string, value: string): AnnouncerEvent => ({
  type: 'InstanceAnnounced',
  atMs: 1,
  container: ID,
  containerName: 'web',
  image: 'web',
  cause: 'list',
  key: key(name),
  service: 'web',
  value,
});

test('reads as a map of the language’s own', () => {
  const desired = desiredKeys(fold(announced('a', '1'), announced('b', '')));
  assert.is(desired.size, 2);
  assert.is(desired.get(key('b')), '');
  assert.is(desired.has(key('c')), false);
  assert.equal([...desired.keys()].sort(), [key('a'), key('b')]);
  assert.equal([...desired.values()].sort(), ['', '1']);
  assert.equal(new Map(desired), new Map(desired.entries()));
  let seen = 0;
  const count = (): boolean => {
    seen += 1;
    return false;
  };
  desired.forEach(count);
  assert.is(seen, 2, 'forEach goes to the end, whatever the callback returns');
});

test('is the same map until a key or value changes', () => {
  const state = fold(announced('a', '1'));
  const other = evolve(state, { type: 'StoreLost', atMs: 2, reason: 'x' });
  assert.is(desiredKeys(other), desiredKeys(state));
  assert.is.not(desiredKeys(evolve(state, announced('a', '2'))), desiredKeys(state));
});

test('an older state’s map stays what it was', () => {
  const state = fold(announced('a', '1'));
  const before = desiredKeys(state);
  evolve(state, announced('a', '2'));
  assert.is(before.get(key('a')), '1');
});

test('gives the leases with their keys, for the next process to adopt', () => {
  const granted = (shard: number): AnnouncerEvent => ({
    type: 'LeaseGranted',
    atMs: 5,
    lease: `10${shard}` as LeaseId,
    shard,
    ttlSeconds: 60,
  });
  const written = (name: string, shard: number): AnnouncerEvent => ({
    type: 'KeyWritten',
    atMs: 6,
    key: key(name),
    shard,
    revision: '9',
    cause: 'announced',
  });
  const adopted: AnnouncerEvent = {
    type: 'LeaseAdopted',
    atMs: 8,
    lease: '100' as LeaseId,
    shard: 0,
    remainingSeconds: 12,
  };
  const state = fold(granted(1), granted(0), written('b', 0), written('a', 0), written('c', 1), adopted, {
    type: 'KeyRemoved',
    atMs: 9,
    key: key('c'),
    revision: '10',
    cause: 'withdrawn',
  });
  assert.equal(leasesOf(state), [
    { shard: 0, lease: '100', ttlSeconds: 60, sinceMs: 8, keys: [key('a'), key('b')] },
    { shard: 1, lease: '101', ttlSeconds: 60, sinceMs: 5, keys: [] },
  ]);
  const revoked: AnnouncerEvent = { type: 'LeaseRevoked', atMs: 10, lease: '100' as LeaseId, shard: 0 };
  assert.equal(
    leasesOf(evolve(state, revoked)).map(({ shard }) => shard),
    [1],
  );
});

test.run();
