import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StartError } from '../../../shared/component.ts';
import { silentLog } from '../../../shared/log.ts';
import {
  type EmbeddedStore,
  type EmbeddedStoreSettings,
  openEmbeddedStore,
  REVISIONS_SKIPPED,
} from '../../../shared/store/embedded/embedded.ts';
import { type LeaseId, type Snapshot, type Store, StoreError, TRANSACTION_OPS_MAX } from '../../../shared/store.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { brief, failsWith, follow, put, remove } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('store/embedded');
const opened = (directory: string, settings: Partial<EmbeddedStoreSettings> = {}): Promise<EmbeddedStore> =>
  openEmbeddedStore({ directory, log: silentLog, ...settings });
const segments = (directory: string): string[] => readdirSync(directory).filter((name) => /^\d+\.jsonl$/.test(name));

/** What the disk of a process that is cut off now would hold. */
function crashed(directory: string): string {
  const copy = temporaryDirectory();
  for (const name of readdirSync(directory).filter((each) => each.endsWith('.jsonl'))) {
    copyFileSync(join(directory, name), join(copy, name));
  }
  return copy;
}

async function batches(store: Store, prefix: string, from: bigint): Promise<string[]> {
  const follower = follow(store, prefix, from);
  await follower.live();
  await new Promise(setImmediate);
  follower.stop();
  return follower.changes.map(brief);
}

test('a restart keeps entries, revisions, leases and the store id, and a watch is resumed across it', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory);
  const { lease } = await store.grant(30);
  const first = await put(store, '/a', '1', lease);
  await put(store, '/b', 'ü', lease);
  await remove(store, '/b');
  const last = await put(store, '/c', '3');
  const before = await store.snapshot('');
  const seen = await batches(store, '', first);
  await store.close();
  const again = await opened(directory);
  assert.equal(await again.snapshot(''), before);
  assert.equal(await batches(again, '', first), seen);
  assert.is(await put(again, '/d', ''), last + 1n, 'revisions go on');
  assert.is((await again.timeToLive(lease))?.grantedSeconds, 30);
  await again.revoke(lease);
  assert.equal(
    (await again.snapshot('')).entries.map((entry) => entry.key),
    ['/c', '/d'],
  );
  await again.close();
});

test('every directory has a store id of its own', async () => {
  const ids = new Set<string>();
  for (let each = 0; each < 3; each += 1) {
    const store = await opened(temporaryDirectory());
    ids.add((await store.snapshot('')).storeId);
    await store.close();
  }
  assert.is(ids.size, 3);
});

test('a committed write outlives a process that is cut off, and its revision is not used again', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory);
  const { lease } = await store.grant(30);
  for (let at = 0; at < 20; at += 1) await put(store, `/${at}`, String(at), lease);
  const before = await store.snapshot('');
  const copy = crashed(directory);
  // Seen by others, and lost with the process.
  const lost = await put(store, '/lost', '');
  await store.close();
  const again = await opened(copy);
  const after = await again.snapshot('');
  assert.equal(after.entries, before.entries);
  assert.is(after.storeId, before.storeId);
  assert.is(after.revision, before.revision + REVISIONS_SKIPPED);
  const behind = follow(again, '', lost + 1n);
  await until('the refusal', () => behind.error !== undefined);
  assert.is((behind.error as StoreError).code, 'compacted', 'who has seen what was lost must read anew');
  const level = follow(again, '', after.revision + 1n);
  await level.live();
  await put(again, '/new', '');
  await level.count(1);
  level.stop();
  await again.close();
});

test('a record that was torn or is corrupt costs that commit, and is said', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory);
  for (const name of ['/a', '/b', '/c']) await put(store, name, 'value');
  await store.close();
  const path = join(directory, segments(directory)[0] as string);
  writeFileSync(path, readFileSync(path, 'utf8').replace('"/b"', '"/X"'));
  const log = recordingLog();
  const again = await opened(directory, { log });
  const keys = (snapshot: Snapshot): string[] => snapshot.entries.map((entry) => entry.key);
  const after = await again.snapshot('');
  assert.equal(keys(after), ['/a', '/c']);
  assert.is(log.of('store-incomplete').length, 1);
  assert.ok(after.revision > 4n + REVISIONS_SKIPPED - 1n);
  await until('a snapshot', () => readdirSync(directory).some((name) => /\d\.snapshot\.jsonl$/.test(name)));
  await again.close();
  const third = await opened(directory, { log });
  assert.is(log.of('store-incomplete').length, 1, 'said once: a snapshot made it whole');
  assert.equal(keys(await third.snapshot('')), ['/a', '/c']);
  assert.is((await third.snapshot('')).revision, after.revision);
  await third.close();
});

test('keeps a bounded history: below it a watch is refused, above it resumed', async () => {
  const store = await opened(temporaryDirectory(), { historyChangesMax: 100 });
  const first = await put(store, '/a', '');
  let last = first;
  for (let at = 0; at < 200; at += 1) last = await put(store, '/a', String(at));
  const behind = follow(store, '/', first);
  await until('the refusal', () => behind.error !== undefined);
  assert.is((behind.error as StoreError).code, 'compacted');
  assert.is((await batches(store, '/', last - 99n)).length, 100);
  await store.close();
});

test('a follower that stands is not overtaken by a burst beyond the history', async () => {
  const store = await opened(temporaryDirectory(), { historyChangesMax: 10 });
  const follower = follow(store, '/', 2n);
  await follower.live();
  await Promise.all(Array.from({ length: 500 }, (_, at) => put(store, '/a', String(at))));
  await follower.count(500);
  assert.is(follower.error, undefined);
  follower.stop();
  await store.close();
});

test('the files stay bounded, however much is written', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory, { snapshotEveryChanges: 2000 });
  const value = 'x'.repeat(1000);
  for (let round = 0; round < 300; round += 1) {
    const writes = Array.from(
      { length: TRANSACTION_OPS_MAX },
      (_, at) => ({ type: 'put', key: `/${at}`, value }) as never,
    );
    await store.commit({ expect: [], writes });
  }
  const before = await store.snapshot('');
  await store.close(); // 40 MB were written
  // Some 15 MB at most between two snapshots, and what is written while a slow disk takes one.
  const octets = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  assert.ok(octets < 25_000_000, `${octets} octets`);
  const again = await opened(directory);
  assert.equal(await again.snapshot(''), before);
  await again.close();
});

test('leases start again with their full time after a restart, by a clock that is not the wall clock', async () => {
  const directory = temporaryDirectory();
  let nowMs = 0;
  const store = await opened(directory, { nowMs: () => nowMs });
  const { lease } = await store.grant(60);
  await put(store, '/a', '', lease);
  nowMs = 59_000;
  assert.is((await store.timeToLive(lease))?.remainingSeconds, 1);
  await store.close();
  nowMs = 1_000_000;
  const again = await opened(directory, { nowMs: () => nowMs });
  assert.is((await again.timeToLive(lease))?.remainingSeconds, 60);
  nowMs += 59_999;
  assert.is((await again.snapshot('')).entries.length, 1);
  nowMs += 1;
  assert.is((await again.snapshot('')).entries.length, 0, 'seen to be over before its timer has run');
  await failsWith('lease-gone', () => again.keepAlive(lease));
  await again.close();
});

test('many leases end each in its time, and one that is kept outlives its first deadline', async () => {
  const store = await opened(temporaryDirectory());
  const leases: LeaseId[] = [];
  for (let at = 0; at < 5; at += 1) {
    const { lease } = await store.grant(1);
    leases.push(lease);
    await put(store, `/${at}`, '', lease);
  }
  const kept = leases[0] as LeaseId;
  await until('the end of four leases', async () => {
    await store.keepAlive(kept);
    return (await store.snapshot('')).entries.length === 1;
  });
  assert.equal(
    (await store.snapshot('')).entries.map((entry) => entry.lease),
    [kept],
  );
  await until('the end of the last', async () => (await store.snapshot('')).entries.length === 0);
  await store.close();
});

test('a follower may write from within: it gets its own change later, not inside', async () => {
  const store = await opened(temporaryDirectory());
  const seen: string[] = [];
  let inside = false;
  const subscription = store.changes('/', 2n).subscribe((batch) => {
    assert.not.ok(inside, 'no delivery within a delivery');
    inside = true;
    seen.push(...batch.changes.map(brief));
    if (seen.length > 0 && seen.length < 5) void put(store, `/${seen.length}`, '');
    inside = false;
  });
  await put(store, '/0', '');
  await until('five changes', () => seen.length === 5);
  subscription.unsubscribe();
  assert.equal(seen, ['+/0@2=', '+/1@3=', '+/2@4=', '+/3@5=', '+/4@6=']);
  await store.close();
});

test('a follower that unsubscribes in its first batch gets no other', async () => {
  const store = await opened(temporaryDirectory());
  await put(store, '/a', '');
  let count = 0;
  const subscription = store.changes('/', 2n).subscribe(() => {
    count += 1;
    subscription.unsubscribe();
  });
  await put(store, '/b', '');
  await new Promise(setImmediate);
  assert.is(count, 1);
  await store.close();
});

test('nothing is removed before snapshots cover it: what fills several segments survives without any', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory);
  const value = '\u0001'.repeat(1_000_000); // six times as long in JSON
  for (const name of ['/a', '/b', '/c']) await put(store, name, value);
  await store.close();
  assert.ok(segments(directory).length > 1);
  const again = await opened(directory);
  assert.equal(
    (await again.snapshot('')).entries.map((entry) => entry.value === value),
    [true, true, true],
  );
  await again.close();
});

test('when the disk refuses, commits go on in memory, loudly, and a snapshot makes up for it later', async () => {
  const mounted = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'rollcall-test', mounted], { stdio: 'pipe' });
  } catch (error) {
    console.log(`SKIP when the disk refuses: no tmpfs can be mounted here (${(error as Error).message.trim()})`);
    return;
  }
  try {
    const directory = join(mounted, 'store');
    const ballast = join(mounted, 'ballast');
    writeFileSync(ballast, Buffer.alloc(900 * 1024));
    const log = recordingLog();
    const store = await opened(directory, { log });
    const value = 'x'.repeat(50_000);
    for (let at = 0; at < 5; at += 1) await put(store, `/${at}`, value);
    assert.is(store.journal.status.state, 'stopped');
    assert.is(log.of('journal-stopped').length, 1);
    await remove(store, '/4');
    const before = await store.snapshot('');
    assert.equal(
      before.entries.map((entry) => entry.key),
      ['/0', '/1', '/2', '/3'],
      'the service goes on',
    );
    rmSync(ballast);
    await until('writing again', () => store.journal.status.state === 'writing');
    await until('a snapshot', () => readdirSync(directory).some((name) => /\d\.snapshot\.jsonl$/.test(name)));
    await store.close();
    const again = await opened(directory);
    assert.equal(await again.snapshot(''), before);
    await again.close();
  } finally {
    execFileSync('umount', ['-l', mounted]);
  }
});

test('a directory is one process’s: the second is told who has it, in a sentence for a person', async () => {
  const directory = temporaryDirectory();
  const store = await opened(directory);
  try {
    await opened(directory);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, StartError);
    assert.match((error as Error).message, `${directory} is in use by process ${process.pid}`);
  }
  await store.close();
});

test('after the close every call is refused, followers too, and closing again is no error', async () => {
  const store = await opened(temporaryDirectory());
  const follower = follow(store, '/', 2n);
  await follower.live();
  const { lease } = await store.grant(30);
  await Promise.all([store.close(), store.close()]);
  assert.is((follower.error as StoreError).code, 'unavailable');
  await failsWith('unavailable', () => store.snapshot('/'));
  await failsWith('unavailable', () => put(store, '/a', ''));
  await failsWith('unavailable', () => store.grant(30));
  await failsWith('unavailable', () => store.keepAlive(lease));
  await failsWith('unavailable', () => store.revoke(lease));
  const late = follow(store, '/', 2n);
  await until('the refusal', () => late.error instanceof StoreError);
});

test.run();
