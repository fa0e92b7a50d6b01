import { rmSync } from 'node:fs';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { LeaseId, Store } from '../../../shared/store.ts';
import { DOMAIN_PREFIX, keyOfInstance, storedIn, upTo, wishFor } from '../../support/announcing.ts';
import { type AnnouncingStage, abandonAll, announcingOn, watching } from '../../support/announcing-stage.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { until } from '../../support/until.ts';

interface Context extends AnnouncingStage {
  etcd: Etcd;
  store: Store;
}

const SUITE = 'integration/announce-etcd';
const test: Test<Context> = suite<Context>(SUITE);
const TTL_SECONDS = 15;

test.before.each(async (context) => {
  context.etcd = await startEtcd();
  context.store = await openEtcdStore({ endpoints: [context.etcd.url], log: silentLog });
  Object.assign(context, announcingOn(context.store, { ttlSeconds: TTL_SECONDS }));
});
test.after.each(async ({ etcd, store, started }) => {
  abandonAll(started);
  await store.close();
  await etcd.stop();
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test('1,000 keys stand on 4 leases, and nothing but keepalives follows', async ({ start, store, etcd }) => {
  const wish = wishFor(upTo(1000));
  const announcing = start({ desired: wish });
  await announcing.settled();
  assert.equal(await storedIn(store), wish);
  const { entries, revision } = await store.snapshot(DOMAIN_PREFIX);
  assert.is(new Set(entries.map(({ lease }) => lease)).size, 4);
  assert.match(await etcd.ctl('get', '/rollcall/hosts/node-1', '--print-value-only'), /"announcer":"aaaaaaaaaaaa"/);
  await until('a keepalive of each lease', () => announcing.announce.writer.leases.keepalives >= 4);
  assert.is((await store.snapshot(DOMAIN_PREFIX)).revision, revision);
});

test('a withdrawal is in etcd a few milliseconds after it is wished', async ({ start, store }) => {
  const announcing = start({ desired: wishFor(upTo(300)) });
  await announcing.settled();
  const watch = await watching(store);
  const tookMs: number[] = [];
  for (let gone = 0; gone < 50; gone += 1) {
    const before = performance.now();
    announcing.want(wishFor(upTo(300).slice(gone + 1)));
    await until('the delete', () => watch.changes.length > gone, { everyMs: 1 });
    tookMs.push(performance.now() - before);
  }
  watch.stop();
  tookMs.sort((one, other) => one - other);
  console.log(`wish to delete event: p50 ${tookMs[25]?.toFixed(1)} ms, max ${tookMs.at(-1)?.toFixed(1)} ms`);
});

test('etcd frozen for 2 s: no key is touched', async ({ start, etcd, store }) => {
  const announcing = start({ desired: wishFor(upTo(10)) });
  await announcing.settled();
  const { revision } = await store.snapshot(DOMAIN_PREFIX);
  etcd.pause();
  await wait(2000);
  etcd.resume();
  await until('etcd to answer', async () => (await store.snapshot(DOMAIN_PREFIX)).revision === revision);
  await announcing.settled();
  assert.equal(announcing.of('LeaseLost'), []);
  assert.is((await store.snapshot(DOMAIN_PREFIX)).revision, revision);
});

test('etcd killed and back: leases and keys are as they were', async ({ start, etcd, store }) => {
  const wish = wishFor(upTo(10));
  const announcing = start({ desired: wish });
  await announcing.settled();
  await etcd.kill();
  announcing.want(wishFor(upTo(11)));
  await until('the loss to be noticed', () => announcing.of('StoreLost').length === 1);
  await etcd.restart();
  await until('the new key', async () => (await storedIn(store)).size === 11);
  await announcing.settled();
  assert.equal(await storedIn(store), wishFor(upTo(11)));
  assert.equal(announcing.of('LeaseLost'), []);
  assert.is(announcing.of('KeyWritten').length, 11);
});

test('etcd frozen for longer than the leases: everything stands again within 5 s', async ({ start, etcd, store }) => {
  const wish = wishFor(upTo(300));
  const announcing = start({ desired: wish });
  await announcing.settled();
  etcd.pause();
  await until('the leases to be given up', () => announcing.of('LeaseLost').length === 2, {
    timeoutMs: (TTL_SECONDS + 5) * 1000,
  });
  await wait(2000);
  etcd.resume();
  const resumed = performance.now();
  await until(
    'keys = wish, under leases of ours',
    async () => {
      const { entries } = await store.snapshot(DOMAIN_PREFIX);
      const leases = new Set(announcing.leases().values());
      return entries.length === 300 && entries.every(({ lease }) => leases.has(lease as LeaseId));
    },
    { timeoutMs: 5000 },
  );
  console.log(
    `etcd back after ${TTL_SECONDS} s and more: keys stand again in ${(performance.now() - resumed).toFixed(0)} ms`,
  );
  await announcing.settled();
  assert.equal(await storedIn(store), wish);
  assert.equal(announcing.of('DriftFound'), []);
  assert.is(announcing.error, undefined);
});

test('etcd back without its data: the host is claimed and everything announced again', async ({
  start,
  etcd,
  store,
}) => {
  const wish = wishFor(upTo(10));
  const announcing = start({ desired: wish });
  await announcing.settled();
  await etcd.kill();
  rmSync(etcd.dataDir, { recursive: true });
  await etcd.restart();
  await until('keys = wish', async () => (await storedIn(store)).size === 10);
  await announcing.settled();
  assert.equal(await storedIn(store), wish);
  assert.is((await store.snapshot('/rollcall/hosts/')).entries.length, 1);
  assert.is(announcing.error, undefined);
});

test('etcdctl del and put of our keys are repaired at once, long before the comparison', async ({
  start,
  etcd,
  store,
}) => {
  const wish = wishFor([1, 2]);
  const announcing = start({ desired: wish });
  await announcing.settled();
  await etcd.ctl('del', keyOfInstance(1));
  await until('the first repair', () => announcing.of('KeyWritten').length === 3);
  await etcd.ctl('put', keyOfInstance(2), '{"host":"192.0.2.66"}');
  await until('the second repair', () => announcing.of('KeyWritten').length === 4);
  assert.equal(await storedIn(store), wish);
  assert.equal(
    announcing.of('DriftFound').map(({ cause }) => cause),
    ['key-missing', 'key-edited'],
  );
});

test('after kill -9 a successor goes on with leases, keys and claim without one event in etcd', async ({
  start,
  store,
}) => {
  const wish = wishFor(upTo(300));
  const first = start({ desired: wish });
  await first.settled();
  const leases = first.leases();
  first.abandon();
  const watch = await watching(store);
  const second = start({ desired: wish, leases, claimed: wish.keys() });
  await second.settled();
  await until('a keepalive of each lease', () => second.announce.writer.leases.keepalives >= 2);
  assert.equal(watch.changes, []);
  assert.is(second.of('LeaseAdopted').length, 2);
  watch.stop();
});

test('SIGTERM takes 1,000 keys away at once, and the claim with them', async ({ start, store }) => {
  const announcing = start({ desired: wishFor(upTo(1000)) });
  await announcing.settled();
  const before = performance.now();
  assert.equal(await announcing.withdraw(), []);
  console.log(`1,000 keys withdrawn in ${(performance.now() - before).toFixed(0)} ms`);
  assert.equal((await store.snapshot('/')).entries, []);
});

if (!skipWithoutEtcd(SUITE)) test.run();
