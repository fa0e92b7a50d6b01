import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../../resolver/following/live-zone.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';

const test = suite('resolver/live-zone');
const synced: ZoneEvent = { type: 'ZoneSynced', atMs: 0, revision: '1', storeId: 's', records: 0 };
const lost: ZoneEvent = { type: 'StoreLost', atMs: 10, reason: 'gone' };

test('never synced, live, stale, too stale, live again', () => {
  const live = new LiveZone('/skydns');
  assert.is(live.availability(0, 100), 'never-synced');
  live.apply(synced);
  assert.is(live.availability(0, 100), 'never-synced', 'read, but not confirmed by a watch that stands');
  live.confirm(5);
  assert.is(live.availability(1000, 100), 'live');
  assert.is(live.staleMs(1000), 0);
  live.apply(lost);
  assert.equal(live.availability(105, 100), { type: 'stale', sinceMs: 5, ttlCapSeconds: 5 });
  assert.is(live.availability(106, 100), 'too-stale', 'counted from when it was last known to be true');
  assert.is(live.staleMs(106), 101);
  live.confirm(200);
  assert.is(live.availability(1000, 100), 'live');
});

test('a zone of an earlier run is stale from when it was true then', () => {
  const live = new LiveZone('/skydns');
  live.apply(synced);
  live.wasConfirmed(50);
  live.wasConfirmed(40);
  assert.equal(live.availability(60, 100), { type: 'stale', sinceMs: 50, ttlCapSeconds: 5 });
});

test('a zone that was never read is not stale but unknown, however long', () => {
  const live = new LiveZone('/skydns');
  live.apply(lost);
  assert.is(live.availability(1e9, 100), 'never-synced');
  assert.is(live.staleMs(1e9), 0);
});

test('staleness is counted by the steady clock: the wall clock may be set while the store is away', () => {
  const live = new LiveZone('/skydns');
  live.apply(synced);
  const [wallMs, steadyMs] = [7_200_000, 1_000];
  live.confirm(wallMs, steadyMs);
  live.apply(lost);
  assert.is(live.confirmedAtMs, wallMs, 'what is written is the wall clock’s');
  assert.equal(live.availability(steadyMs + 100, 100), { type: 'stale', sinceMs: steadyMs, ttlCapSeconds: 5 });
  assert.is(live.availability(steadyMs + 101, 100), 'too-stale');
  assert.is(live.unconfirmedMs(steadyMs + 101), 101);
  live.confirm(wallMs - 3_600_000, steadyMs + 200);
  live.apply(lost);
  assert.equal(live.availability(steadyMs + 250, 100), { type: 'stale', sinceMs: 1_200, ttlCapSeconds: 5 });
});

test('counts drift', () => {
  const live = new LiveZone('/skydns');
  live.apply({ type: 'DriftFound', atMs: 0, key: '/skydns/a' as never, detail: '' });
  assert.is(live.driftTotal, 1);
});

test.run();
