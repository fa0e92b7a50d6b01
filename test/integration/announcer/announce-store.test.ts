import { NEVER } from 'rxjs';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimKeyOf } from '../../../announcer/keys/host-claim.ts';
import { StartError } from '../../../shared/component.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId, Store } from '../../../shared/store.ts';
import { DOMAIN_PREFIX, keyOfInstance, startAnnouncing, storedIn, upTo, wishFor } from '../../support/announcing.ts';
import { closeFaultyStage, type FaultyStage, openFaultyStage, watching } from '../../support/announcing-stage.ts';
import { FaultyStore } from '../../support/doubles/faulty-store.ts';
import fc from '../../support/properties.ts';
import { until } from '../../support/until.ts';

const test: Test<FaultyStage> = suite('integration/announce-store') as Test<FaultyStage>;

test.before.each(async (context) => {
  Object.assign(context, await openFaultyStage());
});
test.after.each(closeFaultyStage);

/** Of a lease's TTL: no keepalive comes while a test lasts. */
const LONG_SECONDS = 3600;

async function putAsSomebodyElse(store: Store, key: EtcdKey, value: string): Promise<void> {
  const { entries } = await store.snapshot(key);
  const found = entries.find((entry) => entry.key === key);
  const expect = found === undefined ? { key, absent: true as const } : { key, modRevision: found.modRevision };
  const result = await store.commit({ expect: [expect], writes: [{ type: 'put', key, value }] });
  assert.ok(result.ok);
}

async function deleteAsSomebodyElse(store: Store, key: EtcdKey): Promise<void> {
  assert.ok((await store.commit({ expect: [], writes: [{ type: 'delete', key }] })).ok);
}

test('keys = wish, and 1,000 keys stand on 4 leases', async ({ start, backend }) => {
  const wish = wishFor(upTo(1000));
  const announcing = start({ desired: wish });
  await announcing.settled();
  assert.equal(await storedIn(backend), wish);
  const { entries } = await backend.snapshot(DOMAIN_PREFIX);
  assert.is(new Set(entries.map(({ lease }) => lease)).size, 4);
  assert.is(announcing.of('LeaseGranted').length, 4);
  assert.is(announcing.of('KeyWritten').length, 1000);
});

test('keys = wish after any sequence of wishes, store outages and lost answers', async ({ backend }) => {
  const host = fc.tuple(
    fc.uniqueArray(fc.nat(40), { maxLength: 30 }),
    fc.nat(2),
    fc.constantFrom('nothing', 'outage', 'lost answer', 'broken watch', 'foreign delete'),
  );
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(host, { minLength: 1, maxLength: 12 }), async (steps) => {
      run += 1;
      const owner = `node-${run}/aaaaaaaaaaaa`;
      const store = new FaultyStore(backend);
      const announcing = startAnnouncing(store, { host: `node-${run}` });
      let wish = new Map<EtcdKey, string>();
      for (const [instances, port, fault] of steps) {
        wish = wishFor(instances, port, owner);
        announcing.want(wish);
        if (fault === 'outage') {
          store.down();
          await Promise.resolve();
          store.up();
        } else if (fault === 'lost answer') store.losingAnswers = 1;
        else if (fault === 'broken watch') store.breakWatches();
        else if (fault === 'foreign delete') await deleteAsSomebodyElse(backend, keyOfInstance(1, `node-${run}`));
      }
      const equal = async (): Promise<boolean> => {
        const stored = new Map([...(await storedIn(backend))].filter(([key]) => key.includes(`/node-${run}/`)));
        return stored.size === wish.size && [...wish].every(([key, value]) => stored.get(key) === value);
      };
      await until('keys = wish', async () => announcing.announce.writer.isSettled && (await equal()));
      assert.is(announcing.error, undefined);
      await announcing.withdraw();
    }),
    { numRuns: 25 },
  );
});

test('a withdrawal waits for one transaction of a bulk, not for the bulk', async ({ start, store }) => {
  const announcing = start({ desired: wishFor([1]) });
  await announcing.settled();
  let commits = 0;
  store.beforeCommit = () => {
    commits += 1;
    if (commits === 2) announcing.want(wishFor(upTo(1000).filter((each) => each !== 1)));
  };
  announcing.want(wishFor(upTo(1000)));
  await announcing.settled();
  const removed = announcing.events.findIndex(({ type }) => type === 'KeyRemoved');
  const writtenBefore = announcing.events.slice(0, removed).filter(({ type }) => type === 'KeyWritten');
  assert.ok(removed > 0);
  assert.ok(writtenBefore.length <= 1 + 2 * 63, `${writtenBefore.length} keys were written before`);
});

test('a heartbeat writes nothing that a watcher sees', async ({ start, store, backend }) => {
  // A machine that stands still for two thirds of it would lose the leases.
  const announcing = start({ desired: wishFor(upTo(10)), ttlSeconds: 6 });
  await announcing.settled();
  const watch = await watching(backend);
  const before = store.calls.keepAlive;
  await until('4 keepalives', () => store.calls.keepAlive >= before + 4);
  assert.equal(watch.changes, []);
  watch.stop();
});

test('an outage shorter than what is left of the leases costs no key and no event', async ({
  start,
  store,
  backend,
}) => {
  const announcing = start({ desired: wishFor(upTo(5)), ttlSeconds: 15 });
  await announcing.settled();
  const watch = await watching(backend);
  store.down();
  await until('the loss to be noticed', () => announcing.of('StoreLost').length === 1);
  await new Promise((resolve) => setTimeout(resolve, 500));
  store.up();
  await until('the return to be noticed', () => announcing.of('StoreRegained').length === 1);
  await announcing.settled();
  assert.equal(watch.changes, []);
  assert.equal(announcing.of('LeaseLost'), []);
  assert.is(announcing.of('StoreLost').length, 1);
  watch.stop();
});

test('after an outage longer than the leases, everything is announced again under new ones', async ({
  start,
  store,
  backend,
}) => {
  const wish = wishFor(upTo(300));
  const announcing = start({ desired: wish, ttlSeconds: 1 });
  await announcing.settled();
  store.down();
  await until('both shards to be lost', () => announcing.of('LeaseLost').length === 2);
  await until('the keys to expire', async () => (await storedIn(backend)).size === 0);
  store.up();
  await until('keys = wish', async () => (await storedIn(backend)).size === 300);
  await announcing.settled();
  assert.equal(await storedIn(backend), wish);
  assert.is(announcing.of('LeaseGranted').length, 4);
  assert.equal(announcing.of('DriftFound'), []);
  assert.is(announcing.error, undefined);
});

test('a lease that was revoked behind our back is replaced, and is no drift of each of its keys', async ({
  start,
  backend,
}) => {
  const wish = wishFor(upTo(5));
  const announcing = start({ desired: wish });
  await announcing.settled();
  await backend.revoke(announcing.leases().get(0) as LeaseId);
  await until('the loss', () => announcing.of('LeaseLost').length === 1);
  await until('keys = wish', async () => (await storedIn(backend)).size === 5);
  await announcing.settled();
  assert.equal(await storedIn(backend), wish);
  assert.equal(announcing.of('DriftFound'), []);
});

test('a lease that ended while the store was away is no drift of each of its keys', async ({
  start,
  store,
  backend,
}) => {
  const announcing = start({ desired: wishFor(upTo(5)), ttlSeconds: LONG_SECONDS });
  await announcing.settled();
  store.down();
  await backend.revoke(announcing.leases().get(0) as LeaseId);
  store.up();
  await until('keys = wish', async () => (await storedIn(backend)).size === 5);
  await announcing.settled();
  assert.is(announcing.of('LeaseLost').length, 1);
  assert.equal(announcing.of('DriftFound'), []);
});

test('a lease that is found gone by a write is replaced at once, not at its next keepalive', async ({
  start,
  backend,
}) => {
  const announcing = start({ desired: wishFor([1]), ttlSeconds: LONG_SECONDS });
  await announcing.settled();
  announcing.want(wishFor([]));
  await announcing.settled();
  // No key is on it, so that no watch tells of its end.
  await backend.revoke(announcing.leases().get(0) as LeaseId);
  announcing.want(wishFor([2]));
  await announcing.settled();
  assert.equal(await storedIn(backend), wishFor([2]));
  assert.is(announcing.of('LeaseLost').length, 1);
});

test('another store in the place of the old one: the claim is looked at, though no key differs', async ({
  start,
  store,
}) => {
  const announcing = start({ desired: wishFor([1]) });
  await announcing.settled();
  let doubts = 0;
  announcing.announce.doubt$.subscribe(() => {
    doubts += 1;
  });
  const { snapshot } = store;
  store.snapshot = async (prefix) => ({ ...(await snapshot.call(store, prefix)), storeId: 'another' });
  store.breakWatches();
  await until('the doubt', () => doubts > 0);
  await announcing.settled();
  assert.is(doubts, 1);
  assert.is(announcing.of('KeyWritten').at(-1)?.cause, 'found');
});

test('a foreign delete is repaired at once and counted', async ({ start, backend }) => {
  const announcing = start({ desired: wishFor([1, 2]) });
  await announcing.settled();
  await deleteAsSomebodyElse(backend, keyOfInstance(1));
  await until('the repair', () => announcing.of('KeyWritten').length === 3);
  assert.equal(await storedIn(backend), wishFor([1, 2]));
  assert.equal(
    announcing.of('DriftFound').map(({ cause }) => cause),
    ['key-missing'],
  );
  assert.is(announcing.of('KeyWritten').at(-1)?.cause, 'key-missing');
});

for (const [how, value] of [
  ['that keeps the owner', '{"host":"192.0.2.66","owner":"node-1/aaaaaaaaaaaa"}'],
  ['that drops the owner', '{"host":"192.0.2.66"}'],
  ['that is no JSON', 'oops'],
] as const) {
  test(`a foreign edit ${how} is repaired at once and counted`, async ({ start, backend }) => {
    const announcing = start({ desired: wishFor([1]) });
    await announcing.settled();
    await putAsSomebodyElse(backend, keyOfInstance(1), value);
    await until('the repair', () => announcing.of('KeyWritten').length === 2);
    assert.equal(await storedIn(backend), wishFor([1]));
    assert.equal(
      announcing.of('DriftFound').map(({ cause }) => cause),
      ['key-edited'],
    );
  });
}

test('a foreign delete that the watch does not tell is found by the comparison', async ({ start, store, backend }) => {
  const announcing = start({ desired: wishFor([1]), compareMs: 100 });
  await announcing.settled();
  store.changes = () => NEVER;
  store.breakWatches();
  await until('the watch to be gone', () => store.calls.snapshot >= 3);
  await deleteAsSomebodyElse(backend, keyOfInstance(1));
  await until('the repair', () => announcing.of('KeyWritten').length === 2);
  assert.equal(await storedIn(backend), wishFor([1]));
});

test("another owner's key is never overwritten, and ours comes when it goes", async ({ start, backend }) => {
  const theirs = '{"host":"192.0.2.66","owner":"node-2/bbbbbbbbbbbb"}';
  await putAsSomebodyElse(backend, keyOfInstance(1), theirs);
  const announcing = start({ desired: wishFor([1, 2]), compareMs: 50 });
  await announcing.settled();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.is((await storedIn(backend)).get(keyOfInstance(1)), theirs);
  assert.equal(
    announcing.of('KeyConflicted').map(({ key, foundOwner }) => [key, foundOwner]),
    [[keyOfInstance(1), 'node-2/bbbbbbbbbbbb']],
  );
  await deleteAsSomebodyElse(backend, keyOfInstance(1));
  await until(
    'ours',
    async () => (await storedIn(backend)).get(keyOfInstance(1)) === wishFor([1]).get(keyOfInstance(1)),
  );
});

test('a key that names us and that nobody wants is removed, once the world was looked at', async ({
  start,
  backend,
}) => {
  const stray = '{"host":"192.0.2.66","owner":"node-1/cccccccccccc"}';
  await putAsSomebodyElse(backend, keyOfInstance(9), stray);
  const early = start({ desired: wishFor([1]), settled: false });
  await until('the wish', () => early.of('KeyWritten').length === 1);
  assert.is((await storedIn(backend)).get(keyOfInstance(9)), stray);
  await early.withdraw();
  const announcing = start({ desired: wishFor([1]) });
  await announcing.settled();
  assert.equal(await storedIn(backend), wishFor([1]));
  assert.equal(
    announcing.of('DriftFound').map(({ cause }) => cause),
    ['key-unclaimed'],
  );
});

test('a key that nobody wants, found before the world was looked at, is removed once it was', async ({
  start,
  backend,
}) => {
  await putAsSomebodyElse(backend, keyOfInstance(9), '{"host":"192.0.2.66","owner":"node-1/cccccccccccc"}');
  const announcing = start({ desired: wishFor([1]), settled: false });
  await announcing.settled();
  announcing.announce.writer.allowRemovalOfUnclaimed();
  announcing.want(wishFor([1, 2]));
  await announcing.settled();
  assert.equal(await storedIn(backend), wishFor([1, 2]));
});

test('after kill -9 a successor adopts leases, keys and claim without one event in the store', async ({
  start,
  backend,
}) => {
  const wish = wishFor(upTo(300));
  const first = start({ desired: wish });
  await first.settled();
  const leases = first.leases();
  first.abandon();
  const watch = await watching(backend);
  const second = start({ desired: wish, leases, claimed: wish.keys() });
  await second.settled();
  assert.equal(watch.changes, []);
  assert.is(second.of('LeaseAdopted').length, 2);
  assert.equal(second.of('LeaseGranted'), []);
  assert.equal(second.leases(), leases);
  watch.stop();
});

test('a predecessor’s lease of another length is not adopted, and its keys move to a new one', async ({
  start,
  backend,
}) => {
  const wish = wishFor([1]);
  const first = start({ desired: wish, ttlSeconds: 15 });
  await first.settled();
  const leases = first.leases();
  first.abandon();
  const second = start({ desired: wish, leases, claimed: wish.keys(), ttlSeconds: 20 });
  await second.settled();
  assert.equal(second.of('LeaseAdopted'), []);
  const { entries } = await backend.snapshot(DOMAIN_PREFIX);
  assert.equal(
    entries.map(({ lease }) => lease),
    [...second.leases().values()],
  );
  assert.is.not(entries[0]?.lease, leases.get(0));
});

for (const [when, end] of [
  ['has ended', 'first'],
  ['ends while it is asked for', 'between'],
] as const) {
  test(`a predecessor’s lease that ${when} is not adopted`, async ({ start, store, backend }) => {
    const wish = wishFor([1]);
    const first = start({ desired: wish });
    await first.settled();
    const leases = first.leases();
    first.abandon();
    const revoke = (): Promise<void> => backend.revoke(leases.get(0) as LeaseId);
    if (end === 'first') await revoke();
    else {
      const { timeToLive } = store;
      store.timeToLive = async (lease) => {
        const ttl = await timeToLive.call(store, lease);
        if (lease === leases.get(0)) await revoke();
        return ttl;
      };
    }
    const second = start({ desired: wish, leases, claimed: wish.keys() });
    await second.settled();
    assert.equal(await storedIn(backend), wish);
    assert.equal(second.of('LeaseAdopted'), []);
    assert.is(second.of('LeaseGranted').length, 1);
  });
}

test('a successor without the data directory takes its host’s keys over, with no key gone for an instant', async ({
  start,
  backend,
}) => {
  const first = start({ desired: wishFor([1, 2]), ttlSeconds: 15 });
  await first.settled();
  first.abandon();
  const watch = await watching(backend);
  // The claim is gone before the keys: their leases were kept alive later.
  const { entries } = await backend.snapshot('/rollcall/hosts/node-1');
  await backend.revoke(entries[0]?.lease as LeaseId);
  const wish = wishFor([1, 2], 80, 'node-1/bbbbbbbbbbbb');
  const second = start({ announcer: 'bbbbbbbbbbbb', desired: wish });
  await second.settled();
  assert.equal(await storedIn(backend), wish);
  assert.equal(
    watch.changes.map(({ type }) => type),
    ['put', 'put'],
  );
  watch.stop();
});

test('leases of a predecessor under other names are given back, names and all', async ({ start, backend }) => {
  const first = start({ desired: wishFor([1], 80, 'old-name/aaaaaaaaaaaa'), host: 'old-name' });
  await first.settled();
  first.abandon();
  const second = start({ desired: wishFor([1]), leases: first.leases(), isOfOtherScope: true });
  await second.settled();
  assert.equal(await storedIn(backend), wishFor([1]));
  assert.is(second.of('LeaseRevoked').length, 1);
});

test('a second announcer for the same host waits for the first to go', async ({ start, backend }) => {
  const first = start({ desired: wishFor([1]), ttlSeconds: 2 });
  await first.settled();
  const second = start({ announcer: 'bbbbbbbbbbbb', desired: wishFor([2], 80, 'node-1/bbbbbbbbbbbb'), ttlSeconds: 2 });
  await until('the second to wait', () => second.claim.state === 'waiting');
  assert.match(
    second.claim.state === 'waiting' ? second.claim.holder : '',
    /^announcer aaaaaaaaaaaa \(process \d+, since /,
  );
  assert.equal(second.of('KeyWritten'), []);
  first.abandon();
  await second.settled();
  assert.is(second.error, undefined);
  assert.ok((await storedIn(backend)).has(keyOfInstance(2)));
});

test('a second announcer stops with the name of the first when that one stays', async ({ start }) => {
  const first = start({ desired: wishFor([1]), ttlSeconds: 3 });
  await first.settled();
  const second = start({ announcer: 'bbbbbbbbbbbb', ttlSeconds: 3 });
  const error = await until('the second to give up', () => second.error);
  assert.instance(error, StartError);
  assert.match((error as Error).message, /already announced by another announcer: announcer aaaaaaaaaaaa \(process/);
  assert.is(first.error, undefined);
});

test('an announcer that was superseded while it slept writes nothing and stops', async ({ start, backend }) => {
  const first = start({ desired: wishFor([1]) });
  await first.settled();
  const leases = first.leases();
  // A process on the same data directory takes over at once; the first still runs and does not know.
  const second = start({
    desired: wishFor([1]),
    leases,
    claimed: wishFor([1]).keys(),
    startedAt: '2026-11-20T00:00:00Z',
  });
  await second.settled();
  first.want(wishFor([1, 2, 3]));
  const error = await until('the first to give up', () => first.error);
  assert.instance(error, StartError);
  assert.equal(await storedIn(backend), wishFor([1]));
  assert.is(second.error, undefined);
});

test('a claim that somebody removed is made again by the comparison, and no name is written for it', async ({
  start,
  backend,
}) => {
  const announcing = start({ desired: wishFor([1]), compareMs: 100 });
  await announcing.settled();
  await deleteAsSomebodyElse(backend, claimKeyOf('node-1'));
  await until('the claim', async () => (await backend.snapshot(claimKeyOf('node-1'))).entries.length === 1);
  await until('it to be held', () => announcing.claim.state === 'held');
  await announcing.settled();
  assert.equal([announcing.of('KeyWritten').length, announcing.of('LeaseGranted').length], [1, 1]);
  announcing.want(wishFor([1, 2]));
  await announcing.settled();
  assert.equal(await storedIn(backend), wishFor([1, 2]));
});

test('an announcer whose host was claimed by another one meanwhile stops, though it has nothing to write', async ({
  start,
  backend,
}) => {
  const first = start({ desired: wishFor([1]), compareMs: 500 });
  await first.settled();
  await deleteAsSomebodyElse(backend, claimKeyOf('node-1'));
  const second = start({ announcer: 'bbbbbbbbbbbb' });
  await until('the second to speak for the host', () => second.claim.state === 'held');
  assert.match(String(await until('the first to give up', () => first.error)), /is announced by another announcer now/);
  assert.is(second.error, undefined);
});

test('SIGTERM leaves neither key nor claim nor lease', async ({ start, backend }) => {
  const announcing = start({ desired: wishFor(upTo(300)) });
  await announcing.settled();
  const leases = [...announcing.leases().values()];
  assert.equal(await announcing.withdraw(), []);
  assert.equal((await backend.snapshot('/')).entries, []);
  for (const lease of leases) assert.is(await backend.timeToLive(lease), undefined);
  assert.is(announcing.of('LeaseRevoked').length, 2);
});

test('SIGTERM with the store away ends in time and says what is left', async ({ start, store }) => {
  const announcing = start({ desired: wishFor([1]) });
  await announcing.settled();
  store.down();
  const failures = await announcing.withdraw();
  assert.is(failures.length, 2);
});

test('the lease of a shard that ran empty is given back by the comparison', async ({ start, backend }) => {
  const announcing = start({ desired: wishFor(upTo(300)), compareMs: 100 });
  await announcing.settled();
  const lease = announcing.leases().get(1) as LeaseId;
  announcing.want(wishFor(upTo(200)));
  await until('the lease to be given back', () => announcing.of('LeaseRevoked').length === 1);
  assert.is(await backend.timeToLive(lease), undefined);
  assert.is((await storedIn(backend)).size, 200);
});

test('of thousands of keys a comparison asks for some, and the next ones for the others', async ({ start, store }) => {
  const wish = wishFor(upTo(2300));
  const announcing = start({ desired: wish });
  await announcing.settled();
  const verified: string[] = [];
  store.beforeCommit = ({ expect, writes }) => {
    if (writes.length === 0) verified.push(...expect.map(({ key }) => key));
  };
  const sizes: number[] = [];
  while (new Set(verified).size < wish.size && sizes.length < 4) {
    const before = verified.length;
    announcing.announce.writer.compare();
    announcing.want(wish); // wakes it
    await until('a comparison', () => verified.length >= Math.min(before + 1000, wish.size));
    await announcing.settled();
    sizes.push(verified.length - before);
  }
  assert.is(sizes.length, 3);
  assert.ok(Math.max(...sizes) < 1200, `${sizes}`);
  assert.is(new Set(verified).size, verified.length);
});

test.run();
