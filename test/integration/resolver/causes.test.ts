/** Why names changed, from the announcer's transaction over a real etcd to what a resolver on another connection tells. */
import { NEVER } from 'rxjs';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { WishReason } from '../../../announcer/keys/causes.ts';
import { withOptionalCauses } from '../../../announcer/keys/optional-causes.ts';
import type { ChangeExplained } from '../../../resolver/zone/event.ts';
import { CAUSES, causesKeyOf, decodeCauses } from '../../../shared/causes.ts';
import { silentLog } from '../../../shared/log.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { Store } from '../../../shared/store.ts';
import { type Announcing, keyOfInstance, startAnnouncing, storedIn, wishFor } from '../../support/announcing.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { until } from '../../support/until.ts';

interface Context {
  etcd: Etcd;
  /** The announcer's connection, and the resolver's. */
  near: Store;
  far: Store;
  ending: (() => unknown)[];
  announcing(options?: Parameters<typeof startAnnouncing>[1]): Announcing;
  resolver(dataDir?: string): Promise<RunningResolver>;
}

const SUITE = 'integration/causes';
const test: Test<Context> = suite(SUITE) as Test<Context>;

test.before.each(async (context) => {
  const { etcd } = Object.assign(context, { etcd: await startEtcd(), ending: [] });
  const open = (): Store => openEtcdStore({ endpoints: [etcd.url], log: silentLog });
  Object.assign(context, { near: open(), far: open() });
  context.announcing = (options) => {
    const announcing = startAnnouncing(context.near, options);
    context.ending.push(() => announcing.abandon());
    return announcing;
  };
  context.resolver = async (dataDir) => {
    const running = await startResolver(context.far, dataDir === undefined ? {} : { dataDir });
    context.ending.push(() => running.stop());
    await until('the resolver to be ready', () => running.resolver.notReady().length === 0);
    return running;
  };
});
test.after.each(async ({ etcd, near, far, ending }) => {
  for (const end of ending) await end();
  await near.close();
  await far.close();
  await etcd.stop();
});

const KEY = keyOfInstance(1);
const reason = (cause: string): WishReason => {
  const nowMs = Date.now();
  return { cause, causedAtMs: nowMs - 3, decidedAtMs: nowMs, container: 'c'.repeat(64), containerName: 'web-1' };
};
const announce = (announcing: Announcing, cause: string, ...instances: number[]): void => {
  const desired = wishFor(instances);
  announcing.want(desired, new Map([...desired.keys()].map((key) => [key, reason(cause)])));
};

interface Told {
  readonly type: string;
  readonly key?: string;
  readonly late?: true;
  readonly explained?: Partial<ChangeExplained>;
}

async function historyOf({ get }: RunningResolver): Promise<readonly Told[]> {
  const { history } = (await get('/v1/history?name=web.example.org')) as { history: readonly Told[] };
  return history.filter(({ key }) => key !== undefined);
}

const brief = (history: readonly Told[]): string[] =>
  history.map(({ type, late, explained }) => `${type}${late ? ' late' : ''}: ${explained?.cause ?? 'no cause'}`);

async function untilHistory(resolver: RunningResolver, expected: readonly string[]): Promise<void> {
  await until(`the history ${expected.join(', ')}`, async () => {
    const found = brief(await historyOf(resolver));
    if (found.join() === expected.join()) return true;
    throw new Error(`found ${found.join(', ')}`);
  });
}

test('a resolver elsewhere tells why a name came and why it went, and when that happened', async (context) => {
  const announcing = context.announcing();
  const resolver = await context.resolver();
  const { get, metrics } = resolver;
  announce(announcing, 'docker start', 1);
  await untilHistory(resolver, ['RecordPut: docker start']);
  // The container, by its name and by its id: the resolver has both from the explanation.
  for (const of of ['web-1', 'c'.repeat(12)]) {
    const { history } = (await get(`/v1/history?name=${of}`)) as { history: readonly Told[] };
    assert.equal(brief(history.filter(({ key }) => key !== undefined)), ['RecordPut: docker start'], of);
  }
  const standsMs = Date.now();
  const { keys } = (await get('/v1/explain?of=web.example.org')) as { keys: readonly Told[] };
  assert.is(keys[0]?.explained?.cause, 'docker start');
  await until('the clock to go on', () => Date.now() > standsMs);

  announcing.want(new Map(), new Map([[KEY, reason('docker kill 15')]]));
  await untilHistory(resolver, ['RecordPut: docker start', 'RecordDeleted: docker kill 15']);
  const [came, went] = await historyOf(resolver);
  assert.is(went?.explained?.host, 'node-1');
  assert.is(went?.explained?.containerName, 'web-1');
  assert.is(went?.explained?.write, 'withdrawn');
  assert.is((went?.explained?.decidedAtMs ?? 0) - (went?.explained?.causedAtMs ?? 0), 3);
  assert.is(came?.explained?.write, 'announced');
  await until('the clock to go on', () => Date.now() > standsMs + 20);

  const nowMs = Date.now();
  const then = (await get(`/v1/at?time=${standsMs}&name=web.example.org`)) as { madeBy: Told };
  assert.is(then.madeBy.explained?.cause, 'docker start');
  const now = (await get(`/v1/at?time=${nowMs}&name=web.example.org`)) as { madeBy: Told };
  assert.is(now.madeBy.explained?.cause, 'docker kill 15');
  const diff = (await get(`/v1/diff?from=${standsMs}&to=${nowMs}`)) as { changes: readonly { madeBy: Told }[] };
  assert.is(diff.changes[0]?.madeBy.explained?.cause, 'docker kill 15');

  const lines = (await metrics.text()).split('\n');
  for (const leg of ['applied', 'changed']) {
    assert.ok(lines.includes(`rollcall_leg_seconds_count{leg="${leg}",service="web"} 2`), leg);
  }
});

test('the causes stand at the revision of their names, under the lease of the claim, and go with it', async ({
  announcing: start,
  near,
}) => {
  const announcing = start();
  announce(announcing, 'docker start', 1, 2);
  await announcing.settled();
  const { entries } = await near.snapshot('/');
  const found = (key: string) => entries.find((entry) => entry.key === key);
  const causes = found(causesKeyOf('node-1'));
  assert.is(causes?.modRevision, found(KEY)?.modRevision);
  assert.is(causes?.lease, found('/rollcall/hosts/node-1')?.lease);
  assert.equal(
    decodeCauses(causes?.value ?? '')?.map(({ key, cause }) => [key, cause]),
    [KEY, keyOfInstance(2)].map((key) => [key, 'docker start']),
  );
  assert.equal(await announcing.withdraw(), []);
  assert.equal((await near.snapshot('/')).entries, []);
});

test('a heartbeat and a comparison write nothing, neither names nor causes', async ({ announcing: start, near }) => {
  const announcing = start({ compareMs: 50 });
  announce(announcing, 'docker start', 1, 2);
  await announcing.settled();
  const { revision } = await near.snapshot(CAUSES);
  const { keepalives } = announcing.announce.writer.leases;
  await until('two heartbeats', () => announcing.announce.writer.leases.keepalives >= keepalives + 2);
  assert.is((await near.snapshot(CAUSES)).revision, revision);
});

test('a resolver that was away learns why names changed meanwhile, deletions too', async (context) => {
  const announcing = context.announcing();
  const first = await context.resolver();
  announce(announcing, 'docker start', 1);
  await untilHistory(first, ['RecordPut: docker start']);
  await first.stop();
  announce(announcing, 'docker unpause', 2);
  await announcing.settled();
  const second = await context.resolver(first.dataDir);
  await until('both changes', async () => (await historyOf(second)).length === 3);
  await until('their causes', async () => brief(await historyOf(second)).every((line) => !line.endsWith('no cause')));
  assert.equal(brief(await historyOf(second)).sort(), [
    'RecordDeleted late: withdrawn',
    'RecordPut late: docker unpause',
    'RecordPut: docker start',
  ]);
  // How long they took to get here says nothing.
  assert.not.match(await second.metrics.text(), /rollcall_leg_seconds_count\{leg="applied"/);
});

test('a resolver that ended between a change and its cause is followed by one that learns it', async (context) => {
  const announcing = context.announcing();
  announce(announcing, 'docker start', 1);
  await announcing.settled();
  const { far } = context;
  // The causes come on a watch of their own: after an outage it may be seconds behind that of the records.
  const behind: Store = new Proxy(far, {
    get: (store, name) => {
      if (name === 'changes')
        return (prefix: string, from: bigint) => (prefix === CAUSES ? NEVER : store.changes(prefix, from));
      const value: unknown = Reflect.get(store, name, store);
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });
  const first = await startResolver(behind);
  await until('the zone', () => first.resolver.notReady().length === 0);
  announce(announcing, 'docker unpause', 1, 2);
  await announcing.settled();
  announcing.want(wishFor([2]), new Map([[KEY, reason('docker kill 15')]]));
  const known = 'RecordPut late: docker start';
  await untilHistory(first, [known, 'RecordPut: no cause', 'RecordDeleted: no cause']);
  await first.stop();
  const second = await context.resolver(first.dataDir);
  await untilHistory(second, [known, 'RecordPut: docker unpause', 'RecordDeleted: docker kill 15']);
});

test('names that go with their leases have no cause', async (context) => {
  const announcing = context.announcing();
  const resolver = await context.resolver();
  announce(announcing, 'docker start', 1);
  await untilHistory(resolver, ['RecordPut: docker start']);
  await announcing.withdraw();
  await untilHistory(resolver, ['RecordPut: docker start', 'RecordDeleted: no cause']);
});

test('roles that may not use the causes cost the causes, are said once, and cost no name', async ({ etcd, ending }) => {
  for (const user of ['root', 'announcer', 'resolver']) await etcd.ctl('user', 'add', `${user}:secret`);
  const grants = [
    ['announcer', 'readwrite', '/skydns/'],
    ['announcer', 'readwrite', '/rollcall/hosts/'],
    ['resolver', 'read', '/skydns/'],
  ] as const;
  for (const role of ['root', 'announcer', 'resolver']) {
    if (role !== 'root') await etcd.ctl('role', 'add', role);
    await etcd.ctl('user', 'grant-role', role, role);
  }
  for (const [role, permission, prefix] of grants) {
    await etcd.ctl('role', 'grant-permission', '--prefix', role, permission, prefix);
  }
  await etcd.ctl('auth', 'enable');
  const open = (name: string): Store =>
    openEtcdStore({ endpoints: [etcd.url], user: { name, password: 'secret' }, log: silentLog });
  const [near, far] = [open('announcer'), open('resolver')];
  ending.push(
    () => near.close(),
    () => far.close(),
  );
  const said: [boolean, string][] = [];
  const store = withOptionalCauses({ store: near, onChange: (...each) => said.push(each), nowMs: Date.now });
  const announcing = startAnnouncing(store);
  const log = recordingLog();
  const resolver = await startResolver(far, { log });
  await until('the resolver to be ready', () => resolver.resolver.notReady().length === 0);
  try {
    for (const instances of [[1], [1, 2], [2]]) {
      announce(announcing, 'docker start', ...instances);
      await announcing.settled();
    }
    assert.equal([...(await storedIn(near)).keys()], [keyOfInstance(2)]);
    await untilHistory(resolver, ['RecordPut: no cause', 'RecordPut: no cause', 'RecordDeleted: no cause']);
    assert.is(said.length, 1);
    assert.match(said[0]?.[1] ?? '', /permission denied/);
    assert.is(announcing.of('StoreLost').length, 0);
    assert.is(log.of('causes-denied').length, 1);
    assert.is(log.of('store-lost').length, 0);
    assert.equal(resolver.resolver.notReady(), []);
  } finally {
    await resolver.stop();
    announcing.abandon();
    await etcd.ctl('--user', 'root:secret', 'auth', 'disable');
  }
});

test('a key that another hand takes away and the announcer writes again says so', async (context) => {
  const announcing = context.announcing();
  const resolver = await context.resolver();
  announce(announcing, 'docker start', 1);
  await untilHistory(resolver, ['RecordPut: docker start']);
  await context.near.commit({ expect: [], writes: [{ type: 'delete', key: KEY as EtcdKey }] });
  await untilHistory(resolver, ['RecordPut: docker start', 'RecordDeleted: no cause', 'RecordPut: key-missing']);
});

if (!skipWithoutEtcd(SUITE)) test.run();
