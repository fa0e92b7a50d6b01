import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FollowTimings } from '../../../resolver/following/follow.ts';
import { evolve, Zone } from '../../../resolver/zone/zone.ts';
import { silentLog } from '../../../shared/log.ts';
import { octetsOfKey } from '../../../shared/name.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { Store } from '../../../shared/store.ts';
import { contentsOf, contentsOfStore, type FollowedZone, followZone, stopFollowers } from '../../support/follower.ts';
import { startCluster } from '../../support/servers/cluster.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { put, remove } from '../../support/store-contract.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/follow-etcd');
test.after.each(stopFollowers);

/** As in production, but for the waits after a loss. */
const TIMINGS: Partial<FollowTimings> = {
  backoffBaseMs: 5,
  backoffMaxMs: 50,
  heartbeatMs: 500,
  catchUpMs: 100,
  rereadMs: 60_000,
  driftGraceMs: 500,
};

let etcd: Etcd;
/** Past the proxy: what is written is written. */
let writer: Store;

test.before(async () => {
  etcd = await startEtcd();
  writer = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
});
test.after(async () => {
  await writer.close();
  await etcd.stop();
});

async function untilAsStored(followed: FollowedZone, store: Store = writer): Promise<void> {
  await until('the zone to hold what etcd holds', async () => {
    if (followed.error !== undefined) throw followed.error;
    const want = contentsOfStore((await store.snapshot('/skydns/')).entries);
    const have = contentsOf(followed.zone);
    if (have.join('\n') === want.join('\n')) return true;
    throw new Error(`zone has ${have.length}, etcd ${want.length} keys`);
  });
}

const key = (n: number): string => `/skydns/org/example/web/${n}`;

test('a connection cut after any number of octets loses no event and makes none twice', async () => {
  const proxy = await startTcpProxy(etcd.url);
  // A cut every so many octets, at ever other places of the messages; each connection is another one.
  let step = 0;
  proxy.cutAfter(() => {
    step += 1;
    return step % 25 === 0 ? undefined : 300 + step * 37;
  });
  const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const followed = followZone(store, { timings: TIMINGS });
  for (let round = 0; round < 60; round += 1) {
    await put(writer, key(round % 7), `{"host":"192.0.2.${round}"}`);
    if (round % 3 === 0) await remove(writer, key((round + 3) % 7));
    if (round % 10 === 0) proxy.cut();
  }
  await untilAsStored(followed);
  proxy.cutAfter(undefined);
  proxy.cut();
  await put(writer, key(1), '{"host":"192.0.2.200"}');
  await untilAsStored(followed);
  assert.ok(proxy.accepted > 10, `the cuts happened: ${proxy.accepted} connections`);
  const seen = followed.events.filter(({ type }) => type === 'RecordPut' || type === 'RecordDeleted');
  const names = seen.map((event) =>
    'key' in event && 'revision' in event ? `${event.type} ${event.key} ${event.revision}` : '',
  );
  assert.is(new Set(names).size, names.length);
  assert.is(followed.ofType('DriftFound').length, 0);
  const replayed = Zone.empty('/skydns');
  for (const event of followed.events) evolve(replayed, event);
  assert.equal(contentsOf(replayed), contentsOf(followed.zone));
  followed.stop();
  await store.close();
  await proxy.close();
});

test('once synced, every single event arrives through cuts, in order', async () => {
  const proxy = await startTcpProxy(etcd.url);
  const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const followed = followZone(store, { timings: { ...TIMINGS, catchUpMs: 3_600_000, rereadMs: 3_600_000 } });
  await until('the first sync', () => followed.confirmations > 0);
  const from = followed.events.length;
  const expected: string[] = [];
  for (let n = 0; n < 300; n += 1) {
    expected.push(String(await put(writer, key(n % 5), `{"host":"192.0.2.1","port":${n}}`)));
    if (n % 30 === 0) proxy.cut();
  }
  await untilAsStored(followed);
  const got = followed.events.slice(from).flatMap((event) => (event.type === 'RecordPut' ? [event.revision] : []));
  assert.equal(got, expected);
  followed.stop();
  await store.close();
  await proxy.close();
});

test('what is compacted while away is derived', async () => {
  const proxy = await startTcpProxy(etcd.url);
  const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const followed = followZone(store, { timings: TIMINGS });
  await until('the first sync', () => followed.confirmations > 0);
  proxy.cutAfter(0);
  proxy.cut();
  await until('the loss', () => followed.state.lostAtMs !== undefined);
  await remove(writer, key(1));
  const revision = await put(writer, key(2), '{"host":"192.0.2.222"}');
  await etcd.ctl('compact', String(revision));
  proxy.cutAfter(undefined);
  await untilAsStored(followed);
  await until('the return', () => followed.state.lostAtMs === undefined);
  assert.ok(followed.events.some((event) => event.type === 'RecordDeleted' && event.key === key(1) && event.late));
  assert.is(followed.ofType('StoreReplaced').length, 0);
  followed.stop();
  await store.close();
  await proxy.close();
});

test('an etcd that says nothing is noticed, and so is its return', async () => {
  const store = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  const followed = followZone(store, { timings: TIMINGS });
  await until('the first sync', () => followed.confirmations > 0);
  etcd.pause();
  await until('the loss', () => followed.state.lostAtMs !== undefined);
  etcd.resume();
  await until('the return', () => followed.state.lostAtMs === undefined);
  await put(writer, key(3), '{"host":"192.0.2.33"}');
  await untilAsStored(followed);
  followed.stop();
  await store.close();
});

test('a restart of etcd is followed without a read of the whole when nothing is missing', async () => {
  const store = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  const followed = followZone(store, { timings: TIMINGS });
  await until('the first sync', () => followed.confirmations > 0);
  await etcd.restart();
  await until('loss and return', () => followed.ofType('StoreRegained').length >= 1);
  assert.is(followed.ofType('ZoneSynced').length, 1);
  await put(writer, key(4), '{"host":"192.0.2.44"}');
  await untilAsStored(followed);
  followed.stop();
  await store.close();
});

test('an etcd made anew on the same address is another store: its names come, the old ones are held, then go', async () => {
  const first = await startEtcd();
  const seed = openEtcdStore({ endpoints: [first.url], log: silentLog });
  for (let n = 0; n < 20; n += 1) await put(seed, key(n), '{"host":"192.0.2.1"}');
  const store = openEtcdStore({ endpoints: [first.url], log: silentLog });
  const followed = followZone(store, { timings: { ...TIMINGS, replacedHoldMs: 3000 } });
  await until('the first sync', () => followed.confirmations > 0);
  assert.is(followed.zone.size, 20);
  await first.kill();
  const second = await startEtcd({ port: first.port });
  const again = openEtcdStore({ endpoints: [second.url], log: silentLog });
  await put(again, key(0), '{"host":"192.0.2.99"}');
  await until('the replacement', () => followed.ofType('StoreReplaced').length === 1);
  await until('its record', () => contentsOf(followed.zone).some((each) => each.includes('192.0.2.99')));
  assert.is(followed.zone.size, 20, 'the others are held');
  await untilAsStored(followed, again);
  followed.stop();
  for (const each of [seed, store, again]) await each.close();
  await second.stop();
});

test('keys that are not UTF-8: each stands, and goes, for itself; reads find no drift in them, nor an end', async () => {
  const other = await startEtcd();
  const call = async (path: string, octets: string, value?: string): Promise<void> => {
    const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64');
    const body = JSON.stringify({ key: base64(octets), ...(value !== undefined && { value: base64(value) }) });
    const response = await fetch(`${other.url}/v3/kv/${path}`, { method: 'POST', body });
    assert.ok(response.ok, `${path}: ${response.status}`);
  };
  const below = '/skydns/org/example/web/';
  // The fourth is U+FFFD, which everything that is not UTF-8 is shown as; the last one, of four octets, U+1F600.
  const labels = ['\x80', '\xe9', '\xfe', '\xef\xbf\xbd', '\xff', 'a\xff', '\xf0\x9f\x98\x80'];
  for (const label of labels.slice(0, 3)) await call('put', `${below}${label}`, '{"host":"192.0.2.1"}');
  const store = openEtcdStore({ endpoints: [other.url], log: silentLog });
  const followed = followZone(store, { timings: { ...TIMINGS, rereadMs: 50, driftGraceMs: 1 } });
  await until('the first sync', () => followed.confirmations > 0);
  for (const label of labels.slice(3)) await call('put', `${below}${label}`, '{"host":"192.0.2.1"}');
  await until('all seven', () => followed.zone.size === 7);
  assert.is(followed.zone.problemCount, 5);
  await call('deleterange', `${below}\xfe`);
  await until('one less', () => followed.zone.size === 6);
  assert.equal(
    [...followed.zone.problems.keys()].map((each) => octetsOfKey(each).toString('latin1')).sort(),
    ['\x80', '\xe9', '\xff', 'a\xff'].map((label) => `${below}${label}`).sort(),
  );
  await untilAsStored(followed, store);
  const confirmed = followed.confirmations;
  await until('some more reads', () => followed.confirmations > confirmed + 3);
  assert.is(followed.error, undefined);
  assert.is(followed.ofType('DriftFound').length, 0);
  followed.stop();
  await store.close();
  await other.stop();
});

test('a leader that dies costs no event', async () => {
  const cluster = await startCluster(3);
  const seed = openEtcdStore({ endpoints: cluster.urls, log: silentLog });
  const store = openEtcdStore({ endpoints: cluster.urls, log: silentLog });
  const followed = followZone(store, { timings: TIMINGS });
  await until('the first sync', () => followed.confirmations > 0);
  for (let n = 0; n < 10; n += 1) await put(seed, key(n), '{"host":"192.0.2.1"}');
  const leader = await cluster.leader();
  await leader.kill();
  await until('writes again', async () => {
    await put(seed, key(50), '{"host":"192.0.2.50"}');
    return true;
  });
  for (let n = 0; n < 10; n += 1) await put(seed, key(n), '{"host":"192.0.2.2"}');
  await untilAsStored(followed, seed);
  assert.is(followed.ofType('DriftFound').length, 0);
  followed.stop();
  await seed.close();
  await store.close();
  await cluster.stop();
});

if (!skipWithoutEtcd('integration/follow-etcd')) test.run();
