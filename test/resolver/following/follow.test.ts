import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BULK_EVENTS } from '../../../resolver/following/steps.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { contentsOf, contentsOfStore, followZone, stopFollowers, untilSame } from '../../support/follower.ts';
import fc from '../../support/properties.ts';
import { until } from '../../support/until.ts';

const test = suite('resolver/follow');
test.after.each(stopFollowers);
const A = '/skydns/org/example/web/a';
const B = '/skydns/org/example/web/b';
const value = (n: number): string => `{"host":"192.0.2.${n}"}`;

/** A store with one record and a zone that follows it, synced. */
async function following(timings = {}) {
  const store = new ScriptedStore();
  store.put(A, value(1));
  const followed = followZone(store, { timings });
  await until('the first sync', () => followed.confirmations > 0);
  return { store, followed };
}

test('reads the prefix, and nothing beside it, then follows', async () => {
  const store = new ScriptedStore();
  store.put('/skydns2/org/example', value(9));
  store.put(A, value(1));
  const followed = followZone(store);
  await until('the first sync', () => followed.confirmations > 0);
  assert.equal(contentsOf(followed.zone), [`${A}@2=${value(1)}`]);
  assert.equal(
    followed.events.map((event) => event.type),
    ['RecordPut', 'ZoneSynced'],
  );
  store.put(B, value(2));
  store.remove(A);
  await untilSame(followed, () => store.entries);
  assert.equal(
    followed.ofType('RecordDeleted').map(({ key, late }) => [key, late]),
    [[A, undefined]],
  );
});

test('what was found by reading is late, what was watched is not', async () => {
  const { store, followed } = await following();
  store.put(B, value(2));
  assert.equal(
    followed.ofType('RecordPut').map(({ key, late }) => [key, late]),
    [
      [A, true],
      [B, undefined],
    ],
  );
});

test('goes on from the last revision when the watch breaks, without reading again', async () => {
  const { store, followed } = await following({ rereadMs: 60_000 });
  const { prefix } = store.reads;
  for (let round = 0; round < 10; round += 1) {
    store.cut();
    store.put(B, value(round));
    store.put(A, value(round));
    await untilSame(followed, () => store.entries);
  }
  assert.is(followed.ofType('RecordPut').length, 21, 'each change once');
  assert.is(store.reads.prefix, prefix);
});

test('says once that the store is lost, and once that it is back, however often it tried', async () => {
  const { store, followed } = await following();
  store.down();
  await until('the loss', () => followed.state.lostAtMs !== undefined);
  const before = followed.confirmations;
  await until('time for more attempts', () => store.watches === 0 && followed.ofType('StoreLost').length === 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(followed.confirmations, before, 'nobody claims that the zone is true meanwhile');
  store.up();
  await until('the return', () => followed.state.lostAtMs === undefined);
  assert.is(followed.ofType('StoreLost').length, 1);
  assert.is(followed.ofType('StoreRegained').length, 1);
  assert.ok((followed.ofType('StoreRegained')[0]?.awayMs ?? 0) >= 15);
});

test('a store that is away at the start is lost too, and found', async () => {
  const store = new ScriptedStore();
  store.down();
  const followed = followZone(store);
  await until('the loss', () => followed.ofType('StoreLost').length === 1);
  store.up();
  store.put(A, value(1));
  await untilSame(followed, () => store.entries);
});

test('derives the difference when what it missed is compacted, puts before deletions', async () => {
  const { store, followed } = await following();
  store.down();
  store.put(B, value(2));
  store.remove(A);
  store.compact();
  store.up();
  await untilSame(followed, () => store.entries);
  await until('the return', () => followed.state.lostAtMs === undefined);
  const records = followed.events.filter(({ type }) => type.startsWith('Record')).slice(1);
  assert.equal(
    records.map((event) => [event.type, (event as { late?: true }).late]),
    [
      ['RecordPut', true],
      ['RecordDeleted', true],
    ],
  );
});

test('is not true again before it has all that the store had when it came back', async () => {
  const { store, followed } = await following({ catchUpMs: 60_000, heartbeatMs: 60_000, rereadMs: 60_000 });
  const before = followed.confirmations;
  store.hold();
  store.cut();
  store.put(B, value(2));
  await until('the new watch', () => store.watches === 1);
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(followed.confirmations, before);
  store.release();
  assert.is(followed.confirmations, before + 1);
  assert.is(followed.zone.size, 2);
});

test('reads when the watch does not catch up, because the newer revisions are of other keys', async () => {
  const { store, followed } = await following({ rereadMs: 60_000 });
  const { prefix } = store.reads;
  store.down();
  store.put('/elsewhere', 'x');
  store.up();
  await until('the return', () => followed.state.lostAtMs === undefined && followed.ofType('StoreRegained').length > 0);
  assert.is(store.reads.prefix, prefix + 1);
  assert.is(followed.state.revision, 2n);
});

test('a read beside a silent watch brings what is missing; what the watch says of it later is over', async () => {
  const { store, followed } = await following({ rereadMs: 60_000 });
  store.hold();
  store.cut();
  store.put(B, value(2));
  store.put(B, value(3));
  store.remove(A);
  await untilSame(followed, () => store.entries);
  const { length } = followed.events;
  store.release();
  assert.is(followed.events.slice(length).filter(({ type }) => type.startsWith('Record')).length, 0);
  store.put(B, value(4));
  await untilSame(followed, () => store.entries);
});

test('finds and repairs what the watch silently lost, says so, and watches anew', async () => {
  const { store, followed } = await following();
  store.lose(() => {
    store.put(B, value(2));
    store.remove(A);
  });
  await untilSame(followed, () => store.entries);
  await until('the report', () => followed.ofType('DriftFound').length === 2);
  assert.equal(
    followed.ofType('DriftFound').map(({ key }) => key),
    [A, B],
  );
  assert.is(followed.ofType('StoreLost').length, 0);
});

test('takes no change that was on its way for drift', async () => {
  const { store, followed } = await following({ rereadMs: 5, driftGraceMs: 2 });
  for (let n = 0; n < 100; n += 1) {
    store.put(B, value(n));
    if (n % 7 === 0) store.remove(B);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert.is(followed.ofType('DriftFound').length, 0);
});

test('notices a store that nobody answers for, though the watch stays open', async () => {
  const { store, followed } = await following();
  store.hold();
  store.down();
  await until('the loss', () => followed.ofType('StoreLost').length === 1);
});

for (const [what, timings] of [
  ['a heartbeat', { heartbeatMs: 5, rereadMs: 60_000 }],
  ['a comparison', { heartbeatMs: 60_000, rereadMs: 5 }],
] as const) {
  test(`${what} that the watch overtakes finds no other store, and nothing is read for it`, async () => {
    const { store, followed } = await following(timings);
    let answer: (() => void) | undefined;
    store.beforeAnswer = () => new Promise((resolve) => (answer = resolve));
    await until('the read', () => answer !== undefined);
    store.beforeAnswer = async () => undefined;
    store.put(A, value(2));
    store.put(A, value(3));
    await untilSame(followed, () => store.entries);
    const { head, prefix } = store.reads;
    answer?.();
    await until('two more', () => store.reads.head + store.reads.prefix >= head + prefix + 2);
    assert.is(followed.ofType('ZoneSynced').length, 1, 'the zone was read once, at the start');
    assert.is(store.watches, 1);
    store.put(B, value(4));
    await untilSame(followed, () => store.entries);
    assert.is(followed.ofType('RecordPut').length, 4, 'each change once');
    assert.is(followed.ofType('DriftFound').length, 0);
  });
}

for (const [what, storeId, revision] of [
  ['has another id', 'store-2', 500n],
  ['is older', 'store-1', 3n],
] as const) {
  test(`a store that ${what} is another one: its records are taken, absent ones held, then dropped`, async () => {
    const { store, followed } = await following({ replacedHoldMs: 2_000, rereadMs: 60_000 });
    store.put(B, value(2));
    for (let n = 0; n < 10; n += 1) store.put(A, value(n));
    store.replace(storeId, revision, { [B]: value(7) });
    await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
    await until('its records', () => contentsOf(followed.zone).includes(`${B}@1=${value(7)}`));
    assert.is(followed.zone.size, 2, 'the other record is held');
    assert.is(followed.state.storeId, storeId);
    store.put(B, value(8));
    await until('what is written to it', () => contentsOf(followed.zone).some((each) => each.endsWith(value(8))));
    assert.is(followed.zone.size, 2);
    await untilSame(followed, () => store.entries);
    assert.is(followed.ofType('StoreReplaced').length, 1);
  });
}

test('a store that came back empty is not believed at once', async () => {
  const { store, followed } = await following({ replacedHoldMs: 60_000 });
  store.put(A, value(2));
  store.replace('store-1', 0n, {});
  await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
  await until('it is live again', () => store.watches === 1);
  assert.is(followed.zone.size, 1);
  store.put(A, value(5));
  await until('the owner writes again', () => contentsOf(followed.zone)[0] === `${A}@1=${value(5)}`);
});

test('a wall clock that is set neither ends nor lengthens the hold', async () => {
  for (const setByMs of [3_600_000, -3_600_000]) {
    const [wall, steady] = [{ ms: 1e12 }, { ms: 5000 }];
    const store = new ScriptedStore();
    store.put(A, value(1));
    const clocks = { now: () => wall.ms, steadyMs: () => steady.ms };
    const followed = followZone(store, { ...clocks, timings: { replacedHoldMs: 60_000 } });
    await until('the first sync', () => followed.confirmations > 0);
    store.replace('store-2', 1n, {});
    await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
    wall.ms += setByMs;
    const { prefix } = store.reads;
    await until('more reads', () => store.reads.prefix > prefix + 2);
    assert.is(followed.zone.size, 1, `held, set by ${setByMs} ms`);
    steady.ms += 60_000;
    await untilSame(followed, () => store.entries);
    followed.stop();
  }
});

test('a hold whose timer fires early is over all the same once its time has come', async () => {
  const store = new ScriptedStore();
  store.put(A, value(1));
  // Half the pace of the timers, so that each of them is early.
  const followed = followZone(store, {
    steadyMs: () => performance.now() / 2,
    timings: { replacedHoldMs: 500, rereadMs: 60_000 },
  });
  await until('the first sync', () => followed.confirmations > 0);
  store.replace('store-2', 1n, {});
  await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
  assert.is(followed.zone.size, 1, 'held');
  await untilSame(followed, () => store.entries);
});

test('a hold that a restart goes on with is no longer for a wall clock that was set back between', async () => {
  const { store, followed } = await following();
  store.replace('store-2', 1n, {});
  await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
  followed.stop();
  const restarted = followZone(store, { past: followed.events, now: () => Date.now() - 3_600_000 });
  await untilSame(restarted, () => store.entries);
});

test('a restart finds out that the store was replaced meanwhile, and goes on holding', async () => {
  const { store, followed } = await following();
  for (let n = 0; n < 10; n += 1) store.put(B, value(n));
  followed.stop();
  store.replace('store-1', 1n, {});
  const restarted = followZone(store, { past: followed.events, timings: { replacedHoldMs: 2_000 } });
  await until('the replacement', () => restarted.ofType('StoreReplaced').length === 1);
  assert.is(restarted.zone.size, 2);
  restarted.stop();
  const again = followZone(store, {
    past: [...followed.events, ...restarted.events],
    timings: { replacedHoldMs: 2_000 },
  });
  await until('the sync', () => again.confirmations > 0);
  assert.is(again.zone.size, 2, 'a second restart does not end the hold');
  await untilSame(again, () => store.entries);
  again.stop();
});

test('of a store that was chosen instead of the old one, only what announcers keep on leases is waited for', async () => {
  const started = (store: string): ZoneEvent => ({ type: 'ResolverStarted', atMs: 0, version: '', store });
  const store = new ScriptedStore();
  store.put(A, value(1), 'a1' as LeaseId);
  store.put(B, value(2));
  const before = followZone(store, { past: [started('etcd one')] });
  await until('the first sync', () => before.confirmations > 0);
  before.stop();
  store.replace('store-2', 1n, {});
  const past = [started('etcd one'), ...before.events, started('etcd two')];
  const chosen = followZone(store, { past, timings: { replacedHoldMs: 2_000 } });
  await until('the sync', () => chosen.confirmations > 0);
  assert.equal(contentsOf(chosen.zone), [`${A}@1=${value(1)}a1`]);
  assert.equal(
    chosen.ofType('StoreReplaced').map(({ isChosen }) => isChosen),
    [true],
  );
  chosen.stop();
  const again = followZone(store, { past: [...past, ...chosen.events], timings: { replacedHoldMs: 2_000 } });
  await until('the sync', () => again.confirmations > 0);
  assert.is(again.zone.size, 1, 'a restart knows it too');
  await untilSame(again, () => store.entries);
});

test('a large difference is marked as bulk, a small one is not', async () => {
  const store = new ScriptedStore();
  for (let n = 0; n < BULK_EVENTS + 1; n += 1) store.put(`${A}${n}`, value(1));
  const followed = followZone(store);
  await until('the first sync', () => followed.confirmations > 0);
  assert.is(followed.bulkEvents, BULK_EVENTS + 1);
  assert.is(followed.zone.size, BULK_EVENTS + 1);
});

type Command =
  | { readonly do: 'put' | 'remove' | 'losePut' | 'loseRemove'; readonly key: number; readonly value: number }
  | { readonly do: 'cut' | 'down' | 'up' | 'compact' | 'hold' | 'release' | 'wait' | 'elsewhere' | 'replace' };

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('put' as const), key: fc.nat(5), value: fc.nat(9) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), key: fc.nat(5), value: fc.nat(9) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('losePut' as const, 'loseRemove' as const),
      key: fc.nat(5),
      value: fc.nat(9),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('cut', 'down', 'up', 'compact', 'hold', 'release', 'wait', 'elsewhere', 'replace'),
    }),
  },
) as fc.Arbitrary<Command>;

test('whatever happens to store and watch, the zone ends as the store is, and its events replay to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
      const store = new ScriptedStore();
      const followed = followZone(store);
      let stores = 1;
      for (const each of commands) {
        const key = 'key' in each ? `/skydns/org/example/${each.key}/x` : '';
        if (each.do === 'put') store.put(key, value(each.value));
        else if (each.do === 'remove') store.remove(key);
        else if (each.do === 'losePut') store.lose(() => store.put(key, value(each.value)));
        else if (each.do === 'loseRemove') store.lose(() => store.remove(key));
        else if (each.do === 'elsewhere') store.put('/elsewhere', 'x');
        else if (each.do === 'replace') {
          stores += 1;
          store.replace(`store-${stores}`, 2n, { '/skydns/org/example/1/x': value(stores) });
        } else if (each.do === 'wait') await new Promise((resolve) => setTimeout(resolve, 2));
        else store[each.do]();
      }
      store.up();
      store.release();
      await untilSame(followed, () => store.entries);
      followed.stop();
      const replayed = Zone.empty('/skydns');
      for (const event of followed.events) evolve(replayed, event);
      assert.equal(contentsOf(replayed), contentsOfStore(store.entries));
    }),
    { numRuns: 150 },
  );
});

test('at every revision on the way, the events so far give what a read at that revision gives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key: fc.nat(4), value: fc.nat(20), isPut: fc.boolean() }), { minLength: 1, maxLength: 60 }),
      async (writes) => {
        const store = new ScriptedStore();
        const followed = followZone(store, { timings: { rereadMs: 60_000 } });
        await until('the first sync', () => followed.confirmations > 0);
        const reads = new Map<bigint, string[]>();
        for (const write of writes) {
          const key = `/skydns/org/example/${write.key}/x`;
          if (write.isPut) store.put(key, value(write.value));
          else store.remove(key);
          reads.set(store.revision, contentsOfStore(store.entries));
        }
        const zone = Zone.empty('/skydns');
        for (const event of followed.events) {
          evolve(zone, event);
          const read = reads.get(zone.revision);
          if (event.type.startsWith('Record') && read !== undefined) assert.equal(contentsOf(zone), read);
        }
        followed.stop();
      },
    ),
    { numRuns: 100 },
  );
});

test.run();
