/**
 * Outages of a real etcd as the announcer sees them, with a lease TTL of 15 s. All begin at once, each on servers of its
 * own, so that the suite takes as long as the longest. After each: keys = what is wished, in a stated time, and a watcher
 * sees no write that was not needed. `docs/decisions/0008-outages-and-leases.md` has the bounds.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { Change, Store } from '../../../shared/store.ts';
import {
  type Announcing,
  DOMAIN_PREFIX,
  keyOfInstance,
  startAnnouncing,
  upTo,
  wishFor,
} from '../../support/announcing.ts';
import { changesSince } from '../../support/changes-since.ts';
import { startCluster } from '../../support/servers/cluster.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { startTcpProxy, type TcpProxy } from '../../support/servers/tcp-proxy.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/announce-outages';
const test = suite(SUITE);

const TTL_SECONDS = 15;
const TTL_MS = TTL_SECONDS * 1000;
const KEYS = 200;
/** From the store's return to keys = wish. */
const BACK_WITHIN_MS = 5000;
/** Past this long since the last keepalive, the next one is near: they go every third of the TTL, at most a tenth earlier. */
const NEARLY_DUE_MS = 0.88 * (TTL_MS / 3);

interface Outcome {
  /** From the end of the outage to keys = wish. */
  readonly backMs: number;
  /** Below the domain, from the beginning of the outage on. */
  readonly changes: readonly Change[];
  readonly leasesLost: number;
}

/** Away and back. */
interface Fault {
  begin(): void;
  end(): void;
}

interface OutageSettings {
  readonly fault: 'frozen' | 'cut';
  readonly ms: number;
  readonly begins: 'after a keepalive' | 'before a keepalive';
  /** Wished while the store is away; nothing new unless given. */
  readonly meanwhile?: readonly number[];
}

async function outage({ fault, ms, begins, meanwhile }: OutageSettings): Promise<Outcome> {
  const etcd = await startEtcd();
  const proxy = await startTcpProxy(etcd.url);
  const direct = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${proxy.port}`], log: silentLog });
  const announcing = startAnnouncing(store, { ttlSeconds: TTL_SECONDS, desired: wishFor(upTo(KEYS)) });
  try {
    await announcing.settled();
    await keepalive(announcing);
    if (begins === 'before a keepalive') await wait(NEARLY_DUE_MS);
    const { revision } = await direct.snapshot(DOMAIN_PREFIX);
    const { begin, end } = faultOf(fault, etcd, proxy);
    begin();
    if (meanwhile !== undefined) announcing.want(wishFor(meanwhile));
    await wait(ms);
    end();
    const backMs = await backAfter(direct, meanwhile ?? upTo(KEYS));
    // A keepalive's time and more: what would still be lost is lost by then.
    await keepalive(announcing);
    await announcing.settled();
    assert.is(announcing.error, undefined);
    const changes = await changesSince(direct, DOMAIN_PREFIX, revision);
    return { backMs, changes, leasesLost: announcing.of('LeaseLost').length };
  } finally {
    announcing.abandon();
    await store.close();
    await direct.close();
    await proxy.close();
    await etcd.stop();
  }
}

function faultOf(fault: OutageSettings['fault'], etcd: Etcd, proxy: TcpProxy): Fault {
  if (fault === 'frozen') return { begin: () => etcd.pause(), end: () => etcd.resume() };
  return { begin: () => proxy.blackHole(), end: () => proxy.restore() };
}

async function keepalive({ announce }: Announcing): Promise<void> {
  const { leases } = announce.writer;
  const before = leases.keepalives;
  await until('a keepalive', () => leases.keepalives > before, { timeoutMs: 3 * TTL_MS });
}

/** @returns milliseconds until the keys are these, whatever lease they are on */
async function backAfter(store: Store, instances: readonly number[], timeoutMs = 30_000): Promise<number> {
  const began = performance.now();
  const wish = wishFor(instances);
  await until(
    'keys = wish',
    async () => {
      const { entries } = await store.snapshot(DOMAIN_PREFIX);
      return entries.length === wish.size && entries.every(({ key, value }) => wish.get(key) === value);
    },
    { timeoutMs, everyMs: 20 },
  );
  return performance.now() - began;
}

function say(what: string, { backMs, changes, leasesLost }: Outcome): void {
  const puts = changes.filter(({ type }) => type === 'put').length;
  console.log(
    `${what}: keys = wish ${backMs.toFixed(0)} ms after, ${leasesLost} leases lost, ${puts} puts and ${changes.length - puts} deletes of ${KEYS} keys`,
  );
}

const MEANWHILE = upTo(KEYS + 1).slice(1);

const OUTAGES: Readonly<Record<string, OutageSettings>> = {
  'frozen for 2 s, before a keepalive': { fault: 'frozen', ms: 2000, begins: 'before a keepalive' },
  'cut for 2 s, before a keepalive': { fault: 'cut', ms: 2000, begins: 'before a keepalive' },
  'cut for TTL / 2, before a keepalive': { fault: 'cut', ms: TTL_MS / 2, begins: 'before a keepalive' },
  'frozen for TTL - 2 s, after a keepalive': { fault: 'frozen', ms: TTL_MS - 2000, begins: 'after a keepalive' },
  'frozen for TTL - 2 s, before a keepalive': { fault: 'frozen', ms: TTL_MS - 2000, begins: 'before a keepalive' },
  'cut for TTL - 2 s, before a keepalive': { fault: 'cut', ms: TTL_MS - 2000, begins: 'before a keepalive' },
  'frozen for TTL + 10 s': { fault: 'frozen', ms: TTL_MS + 10_000, begins: 'after a keepalive', meanwhile: MEANWHILE },
  'cut for TTL + 10 s': { fault: 'cut', ms: TTL_MS + 10_000, begins: 'after a keepalive', meanwhile: MEANWHILE },
};

/** Errors are those of the test that awaits it. */
function begun<T>(work: () => Promise<T>): () => Promise<T> {
  const promise = work();
  promise.catch(() => undefined);
  return () => promise;
}

const outcomes = new Map<string, () => Promise<Outcome>>();
let cluster: () => Promise<void>;

test.before(() => {
  for (const [name, settings] of Object.entries(OUTAGES))
    outcomes.set(
      name,
      begun(() => outage(settings)),
    );
  cluster = begun(clusterFaults);
});

const outcomeOf = async (name: keyof typeof OUTAGES): Promise<Outcome> => {
  const outcome = await (outcomes.get(String(name)) as () => Promise<Outcome>)();
  say(String(name), outcome);
  return outcome;
};

for (const name of Object.keys(OUTAGES).filter((each) => / 2 s, before| \/ 2/.test(each) && !/-/.test(each))) {
  test(`etcd ${name}: no key is touched and no lease lost`, async () => {
    const { changes, leasesLost } = await outcomeOf(name);
    assert.equal(changes, []);
    assert.is(leasesLost, 0);
  });
}

test('etcd frozen for TTL - 2 s, begun after a keepalive: no key is touched', async () => {
  const { changes, backMs } = await outcomeOf('frozen for TTL - 2 s, after a keepalive');
  assert.equal(changes, []);
  assert.ok(backMs < BACK_WITHIN_MS);
});

for (const name of Object.keys(OUTAGES).filter((each) => /TTL - 2 s, before/.test(each))) {
  test(`etcd ${name}: what its lease took stands again within ${BACK_WITHIN_MS} ms, no key written where it stands already`, async () => {
    const { changes, backMs } = await outcomeOf(name);
    assert.ok(backMs < BACK_WITHIN_MS, `${backMs} ms`);
    writtenOnce(changes);
  });
}

for (const name of Object.keys(OUTAGES).filter((each) => /TTL \+ 10/.test(each))) {
  test(`etcd ${name}: keys = what is wished by then within ${BACK_WITHIN_MS} ms, and nothing that was not`, async () => {
    const { changes, backMs, leasesLost } = await outcomeOf(name);
    assert.ok(backMs < BACK_WITHIN_MS, `${backMs} ms`);
    assert.is(leasesLost, 1);
    writtenOnce(changes);
    assert.not.ok(changes.some((change) => change.type === 'put' && change.entry.key === keyOfInstance(0)));
  });
}

/**
 * No key is written where it was written already. Twice it may be when it went between: what was on its way as etcd froze
 * is done as it goes on, on a lease that etcd has not yet noticed to be over.
 */
function writtenOnce(changes: readonly Change[]): void {
  const written = new Set<string>();
  for (const change of changes) {
    const key = change.type === 'put' ? change.entry.key : change.key;
    if (change.type === 'delete') written.delete(key);
    else if (written.has(key)) assert.unreachable(`${key} was written twice`);
    else written.add(key);
  }
}

/** Three members behind a proxy each; one announcer through all of it. */
async function clusterFaults(): Promise<void> {
  const members = await startCluster(3);
  const proxies = await Promise.all(members.urls.map((url) => startTcpProxy(url)));
  const endpoints = proxies.map(({ port }) => `http://127.0.0.1:${port}`);
  const store = openEtcdStore({ endpoints, log: silentLog });
  const direct = openEtcdStore({ endpoints: members.urls, log: silentLog });
  const announcing = startAnnouncing(store, { ttlSeconds: TTL_SECONDS, desired: wishFor(upTo(KEYS)) });
  try {
    await announcing.settled();
    const { revision } = await direct.snapshot(DOMAIN_PREFIX);
    const leader = await members.leader();
    await leader.kill();
    announcing.want(wishFor(upTo(KEYS + 1)));
    const changedLeaderMs = await backAfter(direct, upTo(KEYS + 1), 15_000);
    await keepalive(announcing);
    await leader.restart();
    // One that is in use.
    const [busiest] = [...proxies].sort((one, other) => other.open - one.open);
    busiest?.blackHole();
    announcing.want(wishFor(upTo(KEYS + 2)));
    const blackHoleMs = await backAfter(direct, upTo(KEYS + 2), 20_000);
    await keepalive(announcing);
    await keepalive(announcing);
    console.log(
      `leader killed: a new key stands ${changedLeaderMs.toFixed(0)} ms after; one of three endpoints black-holed: ${blackHoleMs.toFixed(0)} ms after`,
    );
    assert.ok(changedLeaderMs < 8000, `${changedLeaderMs} ms after the leader's death`);
    assert.ok(blackHoleMs < 10_000, `${blackHoleMs} ms after the black hole`);
    const changes = await changesSince(direct, DOMAIN_PREFIX, revision);
    assert.equal(
      changes.map((change) => (change.type === 'put' ? change.entry.key : `deleted ${change.key}`)),
      [keyOfInstance(KEYS), keyOfInstance(KEYS + 1)],
    );
    assert.equal(announcing.of('LeaseLost'), []);
    assert.is(announcing.error, undefined);
  } finally {
    announcing.abandon();
    await store.close();
    await direct.close();
    for (const proxy of proxies) await proxy.close();
    await members.stop();
  }
}

test('leader killed, then one of three endpoints black-holed: two new keys are all that is written', () => cluster());

if (!skipWithoutEtcd(SUITE)) test.run();
