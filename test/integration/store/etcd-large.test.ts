import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import { type Store, TRANSACTION_OPS_MAX } from '../../../shared/store.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { brief, follow, put } from '../../support/store-contract.ts';

const test = suite('etcd, large');

let etcd: Etcd;
let store: Store;

test.before(async () => {
  etcd = await startEtcd();
  store = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
});

test.after(async () => {
  await store.close();
  await etcd.kill();
});

/** Puts `count` keys, as many a transaction as it may hold. @returns them in order */
async function fill(prefix: string, count: number, value: (at: number) => string): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, at) => `${prefix}${String(at).padStart(6, '0')}`);
  for (let at = 0; at < count; at += TRANSACTION_OPS_MAX) {
    const part = keys.slice(at, at + TRANSACTION_OPS_MAX);
    const writes = part.map((key, index) => ({ type: 'put', key: key as EtcdKey, value: value(at + index) }) as const);
    await store.commit({ expect: [], writes });
  }
  return keys;
}

test('20,000 keys are read whole, in order, at one revision, while they change', async () => {
  const keys = await fill('/many/', 20_000, (at) => String(at).padEnd(200, '.'));
  let writing = true;
  const churn = (async () => {
    // Behind, within and before the pages as they are read.
    for (let at = 0; writing; at += 1) await put(store, keys[(at * 7_919) % keys.length] as string, `changed ${at}`);
  })();
  const before = (await store.snapshot('/none/')).revision;
  const started = performance.now();
  const snapshot = await store.snapshot('/many/');
  const seconds = (performance.now() - started) / 1000;
  writing = false;
  await churn;
  assert.equal(
    snapshot.entries.map(({ key }) => key),
    keys,
  );
  assert.ok(snapshot.revision >= before);
  assert.ok(snapshot.entries.every(({ modRevision }) => modRevision <= snapshot.revision));
  console.log(`${keys.length} keys read in ${seconds.toFixed(2)} s`);
  // What changed after it comes in the watch, and nothing else does.
  const follower = follow(store, '/many/', snapshot.revision + 1n);
  const end = await put(store, '/many/end', '');
  while (follower.next <= end) await follower.count(follower.changes.length + 1);
  follower.stop();
  const state = new Map(snapshot.entries.map((entry) => [entry.key, entry.value]));
  for (const change of follower.changes) if (change.type === 'put') state.set(change.entry.key, change.entry.value);
  const after = await store.snapshot('/many/');
  assert.equal(new Map(after.entries.map((entry) => [entry.key, entry.value])), state);
});

test('a prefix of far more than 4 MB is read whole, large values next to small ones', async () => {
  const size = (at: number): number => (at % 50 === 0 ? 400_000 : 100);
  // A transaction holds at most 1.5 MB.
  for (let at = 0; at < 1_000; at += 100) {
    const writes = Array.from({ length: 100 }, (_, index) => ({
      type: 'put' as const,
      key: `/wide/${String(at + index).padStart(4, '0')}` as EtcdKey,
      value: 'x'.repeat(size(at + index)),
    }));
    await store.commit({ expect: [], writes });
  }
  const { entries } = await store.snapshot('/wide/');
  assert.is(entries.length, 1_000);
  assert.ok(entries.every(({ value }, at) => value.length === size(at)));
  assert.ok(entries.reduce((sum, { value }) => sum + value.length, 0) > 8_000_000);
});

test('a watch from far behind gets messages far over 4 MB, in batches of whole revisions', async () => {
  const from = (await store.snapshot('/heavy/')).revision + 1n;
  const expected: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    // One revision of about 1 MB: etcd cuts the message into fragments, some within a revision.
    const writes = Array.from({ length: 10 }, (_, at) => ({
      type: 'put' as const,
      key: `/heavy/${at}` as EtcdKey,
      value: `${round}`.padEnd(100_000, '.'),
    }));
    const { revision } = await store.commit({ expect: [], writes });
    for (const { key, value } of writes) expected.push(`+${key}@${revision}=${value}`);
  }
  const follower = follow(store, '/heavy/', from);
  await follower.count(200);
  follower.stop();
  assert.ok(follower.changes.map(brief).join('\n') === expected.join('\n'), 'the changes differ');
  for (const { changes } of follower.batches) assert.is(changes.length % 10, 0, 'a batch ends within a revision');
  assert.ok(follower.batches.length > 3, 'etcd was to cut the message into fragments');
});

test('a write over the limit of etcd is refused as one that can never succeed', async () => {
  for (const octets of [1_700_000, 3_000_000]) {
    try {
      await put(store, '/over/a', 'x'.repeat(octets));
    } catch (error) {
      assert.is((error as { code: string }).code, 'invalid', (error as Error).message);
      assert.match((error as Error).message, /too large|larger than max/);
      continue;
    }
    assert.unreachable(`${octets} octets were taken`);
  }
});

if (!skipWithoutEtcd('etcd, large')) test.run();
