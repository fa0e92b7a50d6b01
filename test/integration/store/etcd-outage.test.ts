import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Log, silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import { type Store, StoreError } from '../../../shared/store.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { brief, failsWith, follow, put } from '../../support/store-contract.ts';
import { until } from '../../support/until.ts';

const test = suite('etcd outages');

let etcd: Etcd;
let store: Store;
const events: string[] = [];
const log: Log = {
  ...silentLog,
  info: (event) => void events.push(event),
  warn: (event) => void events.push(event),
};

test.before(async () => {
  etcd = await startEtcd({ extraArgs: ['--experimental-watch-progress-notify-interval', '300ms'] });
  store = openEtcdStore({ endpoints: [etcd.url], log });
});

test.after(async () => {
  await store.close();
  await etcd.kill();
});

/**
 * Of what takes 3 s or 8 s by the settings of the client. It tells what was noticed from what would never be: how soon is
 * said by the error, as no machine under load keeps to a second.
 */
const NOTICED_WITHIN_SECONDS = 30;
const secondsSince = (started: number): number => (performance.now() - started) / 1000;
const codeOf = (error: unknown): string => (error instanceof StoreError ? error.code : String(error));

test('what could not be read is told in printable characters, of an empty range too', async () => {
  const alone = openEtcdStore({ endpoints: ['http://127.0.0.1:1'], log: silentLog });
  const failure = await alone.snapshot('/away/\0').catch((error: unknown) => error);
  assert.instance(failure, StoreError);
  assert.match((failure as StoreError).message, 'reading /away/: no connection');
  await alone.close();
});

test('history compacted while the caller was away is an error that says to read anew; after that nothing is missing', async () => {
  const before = await store.snapshot('/away/');
  for (let at = 0; at < 20; at += 1) await put(store, '/away/a', String(at));
  const last = (await store.snapshot('/away/')).revision;
  await etcd.ctl('compact', String(last));
  const behind = follow(store, '/away/', before.revision + 1n);
  await until('the error', () => behind.error !== undefined);
  assert.is(codeOf(behind.error), 'compacted');
  assert.match((behind.error as Error).message, /read anew/);
  assert.equal(behind.changes, [], 'nothing was given out that has a gap behind it');

  const anew = await store.snapshot('/away/');
  assert.equal(
    anew.entries.map(({ value }) => value),
    ['19'],
  );
  const level = follow(store, '/away/', anew.revision + 1n);
  await level.live();
  const revision = await put(store, '/away/a', '20');
  await level.count(1);
  level.stop();
  assert.equal(level.changes.map(brief), [`+/away/a@${revision}=20`]);
});

test('a compaction under a standing watch loses nothing', async () => {
  const from = (await store.snapshot('/under/')).revision + 1n;
  const follower = follow(store, '/under/', from);
  await follower.live();
  const expected: string[] = [];
  for (let at = 0; at < 100; at += 1) {
    const revision = await put(store, '/under/a', String(at));
    expected.push(`+/under/a@${revision}=${at}`);
    if (at % 10 === 9) await etcd.ctl('compact', String(revision));
  }
  await follower.count(100);
  follower.stop();
  assert.equal(follower.changes.map(brief), expected);
});

test('a quiet watch learns how far it is, so that a later compaction does not concern it', async () => {
  const from = (await store.snapshot('/quiet/')).revision + 1n;
  const follower = follow(store, '/quiet/', from);
  await follower.live();
  const elsewhere = await put(store, '/elsewhere', '');
  await until('a progress notice', () => follower.next > elsewhere);
  follower.stop();
  assert.equal(follower.changes, []);
  await etcd.ctl('compact', String(elsewhere));
  const again = follow(store, '/quiet/', follower.next);
  await again.live();
  await put(store, '/quiet/a', '');
  await again.count(1);
  again.stop();
});

test('etcd that is there but says nothing is noticed in 3 s by a call and in about 8 s by a watch, and comes back', async () => {
  const { lease } = await store.grant(60);
  const from = (await store.snapshot('/stopped/')).revision + 1n;
  const follower = follow(store, '/stopped/', from);
  await follower.live();
  etcd.pause();
  const started = performance.now();
  const calls = await Promise.all(
    [
      () => store.snapshot('/stopped/'),
      () => put(store, '/stopped/a', ''),
      () => store.keepAlive(lease),
      () => store.grant(60),
    ].map(async (call) => {
      const failure = await failsWith('unavailable', call);
      return { failure, seconds: secondsSince(started) };
    }),
  );
  for (const { failure, seconds } of calls) {
    assert.ok(seconds < NOTICED_WITHIN_SECONDS, `${failure.message} only after ${seconds} s`);
    assert.match(failure.message, etcd.url);
  }
  // The seconds that passed: a busy machine adds its own to the three, and the loss of the connection may be known before.
  const messages = calls.map(({ failure }) => failure.message);
  assert.ok(
    messages.some((message) => /no answer in \d+ s/.test(message)),
    messages.join('\n'),
  );
  assert.match(
    messages[1] ?? '',
    /committing 1 writes, the first to \/stopped\/a \(which may have been done all the same\)/,
  );
  await until('the watch to break', () => follower.error !== undefined, { timeoutMs: 60_000 });
  const watchSeconds = secondsSince(started);
  assert.is(codeOf(follower.error), 'unavailable');
  assert.ok(watchSeconds < NOTICED_WITHIN_SECONDS, `the watch broke only after ${watchSeconds} s`);
  etcd.resume();
  assert.ok((await store.keepAlive(lease)) > 0);
  // The put that was not answered may have been done: what the watch says is what holds.
  const again = follow(store, '/stopped/', from);
  await put(store, '/stopped/b', '');
  await until('the later put', () => again.changes.some((change) => brief(change).startsWith('+/stopped/b')));
  again.stop();
});

test('a new watch that is not confirmed in 3 s is an error', async () => {
  etcd.pause();
  const follower = follow(store, '/unconfirmed/', 1n);
  await until('the error', () => follower.error !== undefined);
  etcd.resume();
  assert.is(codeOf(follower.error), 'unavailable');
  assert.match((follower.error as Error).message, /not confirmed in 3 s/);
});

test('etcd killed and started again on the same data: the watch breaks at once, nothing is lost, leases and keys stand', async () => {
  const { lease } = await store.grant(60);
  const kept = await put(store, '/restart/kept', '1', lease);
  const follower = follow(store, '/restart/', kept + 1n);
  await follower.live();
  const seen = await put(store, '/restart/a', '1');
  await follower.count(1);
  events.length = 0;
  await etcd.kill();
  // By the end of its connection; a silence would take 8 s to be noticed.
  await until('the watch to break', () => follower.error !== undefined, { timeoutMs: 6_000 });
  assert.is(codeOf(follower.error), 'unavailable');
  const failure = await failsWith('unavailable', () => store.snapshot('/restart/'));
  assert.match(failure.message, /ECONNREFUSED/);
  await etcd.restart();
  const revision = await put(store, '/restart/a', '2');
  const again = follow(store, '/restart/', follower.next);
  await again.count(1);
  again.stop();
  assert.equal([...follower.changes, ...again.changes].map(brief), [
    `+/restart/a@${seen}=1`,
    `+/restart/a@${revision}=2`,
  ]);
  assert.ok((await store.keepAlive(lease)) > 0);
  assert.equal(events, ['etcd-unreachable', 'etcd-reachable'], 'each said once');
});

test('etcd that came back older is noticed by a watch from a revision that it has not had', async () => {
  const now = (await store.snapshot('/older/')).revision;
  const follower = follow(store, '/older/', now + 100n);
  await until('the error', () => follower.error !== undefined);
  assert.is(codeOf(follower.error), 'compacted');
  assert.match((follower.error as Error).message, /went back in time/);
});

test('another cluster behind the same address is noticed by a watch, and has another store id', async () => {
  const other = await startEtcd();
  const proxy = await startTcpProxy(etcd.url);
  const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const { revision, storeId } = await through.snapshot('/');
  await proxy.close();
  const swapped = await startTcpProxy(other.url, { port: proxy.port });
  const follower = follow(through, '/', revision + 1n);
  await until('the error', () => follower.error !== undefined);
  assert.is(codeOf(follower.error), 'compacted');
  assert.match((follower.error as Error).message, storeId);
  assert.is.not((await through.snapshot('/')).storeId, storeId);
  await through.close();
  await swapped.close();
  await other.kill();
});

test('a connection that goes silent in the middle is noticed by its watch, while others go on', async () => {
  const proxy = await startTcpProxy(etcd.url);
  const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const follower = follow(through, '/silent/', (await store.snapshot('')).revision + 1n);
  await follower.live();
  proxy.blackHole();
  const started = performance.now();
  await until('the watch to break', () => follower.error !== undefined, { timeoutMs: 60_000 });
  assert.ok(secondsSince(started) < NOTICED_WITHIN_SECONDS);
  assert.is(codeOf(follower.error), 'unavailable');
  proxy.restore();
  await through.close();
  await proxy.close();
});

test('heartbeats and watches have connections of their own; after close there is none, and every call says so', async () => {
  const proxy = await startTcpProxy(etcd.url);
  const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const { lease } = await through.grant(60);
  await through.snapshot('/');
  const before = proxy.open;
  await through.keepAlive(lease);
  await through.keepAlive(lease);
  assert.is(proxy.open, before + 1);
  const follower = follow(through, '/', (await store.snapshot('')).revision + 1n);
  await follower.live();
  assert.is(proxy.open, before + 2);
  await through.close();
  await until('no connection', () => proxy.open === 0);
  assert.is(codeOf(follower.error), 'unavailable');
  assert.match((await failsWith('unavailable', () => through.snapshot('/'))).message, /closed/);
  await proxy.close();
});

test('closing ends what is under way, even when nothing answers', async () => {
  const proxy = await startTcpProxy(etcd.url);
  const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  await through.snapshot('/');
  proxy.blackHole();
  const hanging = failsWith('unavailable', () => through.snapshot('/'));
  await through.close();
  // Not by its deadline: that says "no answer in 3 s".
  assert.match((await hanging).message, /closed/);
  await proxy.close();
});

if (!skipWithoutEtcd('etcd outages')) test.run();
