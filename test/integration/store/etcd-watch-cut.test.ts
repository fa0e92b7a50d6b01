import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import { type Change, type Revision, type Store, StoreError } from '../../../shared/store.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';
import { brief, follow, put, remove } from '../../support/store-contract.ts';
import { until } from '../../support/until.ts';

const test = suite('etcd watch, cut');

/** etcd replays at most 1000 revisions a message: three messages. */
const REVISIONS = 2_500;
const SEED = 20_261_120;

let etcd: Etcd;
let writer: Store;
let proxy: TcpProxy;
let reader: Store;
let first: Revision;
let expected: readonly string[];

test.before(async () => {
  etcd = await startEtcd();
  writer = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  proxy = await startTcpProxy(etcd.url, { record: true });
  reader = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  first = (await writer.snapshot('')).revision + 1n;
  expected = await write('/replay/', REVISIONS);
});

test.after(async () => {
  await reader.close();
  await writer.close();
  await proxy.close();
  await etcd.kill();
});

test('without a cut, a watch from far behind gives every change, three messages of them', async () => {
  const follower = follow(reader, '/replay/', first);
  await follower.count(REVISIONS);
  follower.stop();
  assert.equal(follower.changes.map(brief), expected);
  assert.equal(
    follower.batches.map(({ changes }) => changes.length),
    [0, 1000, 1000, 500],
  );
});

test('cut at every boundary of a message or frame, no change is lost and none comes twice', async () => {
  const boundaries = frameBoundaries(proxy.recorded[0] as Buffer);
  assert.ok(boundaries.length > 15, `only ${boundaries.length} frames`);
  // One octet to either side too: the boundary itself, a frame without its last octet, a frame's first octet alone.
  await surviveCutsAfter(boundaries.flatMap((boundary) => [boundary - 1, boundary, boundary + 1]));
});

test('cut at random octets, no change is lost and none comes twice', async () => {
  const random = randomFrom(SEED);
  const whole = (proxy.recorded[0] as Buffer).length;
  await surviveCutsAfter(Array.from({ length: 60 }, () => Math.floor(random() * whole)));
});

test('cut again and again while changes go on, no change is lost and none comes twice', async () => {
  const random = randomFrom(SEED + 1);
  const from = (await writer.snapshot('')).revision + 1n;
  // Each connection passes between one octet and 20,000, so most end before the replay does.
  proxy.cutAfter(() => 1 + Math.floor(random() * 20_000));
  const following = followThroughCuts(reader, '/live/', from, 3_000);
  const written = write('/live/', 3_000);
  const cutting = (async () => {
    for (let round = 0; round < 25; round += 1) {
      await wait(20 + random() * 40);
      proxy.cut();
    }
    proxy.cutAfter(undefined);
    proxy.cut();
  })();
  const [seen, wrote] = await Promise.all([following, written, cutting]);
  assert.equal(seen.changes.map(brief), wrote);
  assert.ok(seen.subscriptions > 10, `only ${seen.subscriptions} subscriptions`);
});

test('a change is given once when nothing is cut', async () => {
  const from = (await writer.snapshot('')).revision + 1n;
  const follower = follow(reader, '/soon/', from);
  await follower.live();
  await put(writer, '/soon/a', '1');
  await put(writer, '/soon/b', '2');
  await until('the second', () => follower.changes.some((change) => brief(change).startsWith('+/soon/b@')));
  assert.is(follower.changes.length, 2);
  follower.stop();
});

if (!skipWithoutEtcd('etcd watch, cut')) test.run();

/** Makes `count` revisions of one change each, puts and deletes. @returns each as {@link brief} has it, in order */
async function write(prefix: string, count: number): Promise<readonly string[]> {
  const made: { revision: Revision; text: string }[] = [];
  const put1 = async (key: string, value: string): Promise<void> => {
    const revision = await put(writer, key, value);
    made.push({ revision, text: `+${key}@${revision}=${value}` });
  };
  const remove1 = async (key: string): Promise<void> => {
    const revision = await remove(writer, key);
    made.push({ revision, text: `-${key}@${revision}` });
  };
  // Several at a time: etcd makes batches of what comes together. What one batch makes, the next one deletes.
  for (let batch = 0; made.length < count; batch += 1) {
    await Promise.all([
      ...Array.from({ length: 18 }, (_, at) => put1(`${prefix}${at}`, `${batch}`.padEnd(60, '.'))),
      put1(`${prefix}fleeting/${batch}`, ''),
      batch === 0 ? put1(`${prefix}first`, '') : remove1(`${prefix}fleeting/${batch - 1}`),
    ]);
  }
  made.sort((a, b) => (a.revision < b.revision ? -1 : 1));
  return made.map(({ text }) => text);
}

/** Replays once for each of the cuts, some at a time: etcd sends a watch that is behind 1000 revisions every 100 ms. */
async function surviveCutsAfter(octets: readonly number[]): Promise<void> {
  const waiting = [...octets];
  const one = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await survivesCutAfter(next);
  };
  await Promise.all(Array.from({ length: 12 }, one));
}

async function survivesCutAfter(octets: number): Promise<void> {
  const cutting = await startTcpProxy(etcd.url);
  cutting.cutAfter((connection) => (connection === 1 ? octets : undefined));
  const through = openEtcdStore({ endpoints: [`http://127.0.0.1:${cutting.port}`], log: silentLog });
  const seen = await followThroughCuts(through, '/replay/', first, REVISIONS);
  assert.equal(seen.changes.map(brief), expected, `cut after ${octets} octets`);
  await through.close();
  await cutting.close();
}

/** What a caller does: subscribes, and after each break again from its last revision + 1. */
async function followThroughCuts(
  store: Store,
  prefix: string,
  from: Revision,
  count: number,
): Promise<{ changes: readonly Change[]; subscriptions: number }> {
  const changes: Change[] = [];
  let next = from;
  let subscriptions = 0;
  while (changes.length < count) {
    const follower = follow(store, prefix, next);
    subscriptions += 1;
    await until(
      `${count} changes, or the break of the watch`,
      () => changes.length + follower.changes.length >= count || follower.error !== undefined,
      { everyMs: 2 },
    );
    follower.stop();
    changes.push(...follower.changes);
    next = follower.next;
    if (follower.error !== undefined) {
      assert.instance(follower.error, StoreError);
      assert.is((follower.error as StoreError).code, 'unavailable', (follower.error as StoreError).message);
    }
  }
  return { changes, subscriptions };
}

/** Where the frames of HTTP/2 end (RFC 9113 §4.1); a message of gRPC ends at one of them. */
function frameBoundaries(sent: Buffer): number[] {
  const boundaries: number[] = [];
  for (let at = 0; at + 9 <= sent.length; ) {
    at += 9 + sent.readUIntBE(at, 3);
    boundaries.push(at);
  }
  return boundaries;
}

/** A small reproducible generator (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
