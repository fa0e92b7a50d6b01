import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnnouncerConfig, announcerConfig, announcerSettings } from '../../../announcer/config.ts';
import { decide } from '../../../announcer/decisions/decider.ts';
import { initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { bootIdOf } from '../../../announcer/host/boot.ts';
import { createAnnouncer } from '../../../announcer/main.ts';
import type { ListedService } from '../../../announcer/report/services.ts';
import type { History } from '../../../announcer/report/status.ts';
import { type Component, StartError } from '../../../shared/component.ts';
import { HttpError, type HttpRequest } from '../../../shared/http.ts';
import { Journal } from '../../../shared/journal/journal.ts';
import { silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { type GivenFlags, readSettings } from '../../../shared/settings.ts';
import { openEmbeddedStore } from '../../../shared/store/embedded/embedded.ts';
import type { Change, Store } from '../../../shared/store.ts';
import { facts, ID, rules } from '../../support/container-facts.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const NAMES = '/skydns/';
const WEB = { name: 'web', host: '192.0.2.10', port: 8080, portName: 'http' };
const DB = { name: 'db', host: '192.0.2.20', port: 5432 };

interface Context {
  directory: string;
  services: string;
  store: Store;
  started: Component[];
  /** On the same data directory each time. */
  create(flags?: GivenFlags): Component;
}

const test: Test<Context> = suite<Context>('integration/announcer-main');

test.before.each(async (context) => {
  context.directory = temporaryDirectory();
  context.services = join(context.directory, 'services.json');
  context.store = await openEmbeddedStore({ directory: join(context.directory, 'store'), log: silentLog });
  context.started = [];
  writeServices(context, WEB, DB);
  context.create = (flags = {}) => {
    const config = configOf({ services: context.services, ...flags });
    const deps = {
      store: context.store,
      log: silentLog,
      metrics: new Metrics(),
      version: '0',
      dataDir: context.directory,
    };
    const announcer = createAnnouncer(config, deps);
    context.started.push(announcer);
    return announcer;
  };
});
test.after.each(async ({ started, store }) => {
  for (const announcer of started) await announcer.stop('handover');
  await store.close();
});

function configOf(flags: GivenFlags): AnnouncerConfig {
  const given = { docker: 'unix:///nonexistent/docker.sock', 'host-name': 'node-1', 'lease-ttl': '15', ...flags };
  const settings = readSettings(announcerSettings, given, {});
  assert.ok(settings.ok);
  const config = announcerConfig({ ...settings.values, prefix: '/skydns' });
  assert.ok(config.ok);
  return config.config;
}

function writeServices({ services }: Pick<Context, 'services'>, ...entries: object[]): void {
  writeFileSync(services, JSON.stringify({ services: entries }));
}

async function ready(announcer: Component): Promise<void> {
  await until(`ready, but ${announcer.notReady().join('; ')}`, () => announcer.notReady().length === 0);
}

async function get<T>(announcer: Component, path: string): Promise<T> {
  const url = new URL(path, 'http://localhost');
  for (const route of announcer.routes) {
    const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name as string);
    const match = new RegExp(`^${route.path.replace(/:\w+/g, '([^/]+)')}$`).exec(url.pathname);
    if (match === null) continue;
    const params = Object.fromEntries(names.map((name, at) => [name, match[at + 1] ?? '']));
    const request: HttpRequest = { params, query: url.searchParams, headers: {}, signal: new AbortController().signal };
    const answer = await route.handle(request);
    assert.ok('json' in answer);
    return answer.json as T;
  }
  throw new Error(`no route ${path}`);
}

async function names(store: Store): Promise<string[]> {
  return (await store.snapshot(NAMES)).entries.map(({ key }) => key.slice('/skydns/com/example/prod/s/'.length));
}

async function watching(store: Store): Promise<{ changes: Change[]; stop(): void }> {
  const changes: Change[] = [];
  const { revision } = await store.snapshot(NAMES);
  const subscription = store.changes(NAMES, revision + 1n).subscribe((batch) => changes.push(...batch.changes));
  return { changes, stop: () => subscription.unsubscribe() };
}

const BOTH = ['db/node-1/192-0-2-20-5432', 'web/node-1/192-0-2-10-8080'];

test('without Docker, what the services file holds is announced, and that is ready', async ({ create, store }) => {
  const announcer = create();
  assert.equal(announcer.notReady(), ['not started yet']);
  await announcer.start();
  await ready(announcer);
  assert.equal(await names(store), BOTH);
});

test('without Docker and without a services file, it says what is missing', async ({ create }) => {
  const announcer = create({ services: undefined });
  await announcer.start();
  await until('the reason', () =>
    announcer.notReady().some((reason) => reason.startsWith('no Docker engine reachable at unix:///nonexistent')),
  );
});

test('SIGTERM leaves no key, no claim, and an end in the journal', async ({ create, store }) => {
  const announcer = create();
  await announcer.start();
  await ready(announcer);
  await announcer.stop('withdraw');
  assert.equal((await store.snapshot('/')).entries, []);
  const next = create();
  await next.start();
  await ready(next);
  const { history } = await get<History>(next, '/v1/history?name=web');
  assert.equal(
    history.filter(({ type }) => type.startsWith('Instance')).map(({ type }) => type),
    ['InstanceAnnounced', 'InstanceWithdrawn', 'InstanceAnnounced'],
  );
  assert.equal(await names(store), BOTH);
});

test('after a hand-over the next process goes on without one event in the store', async ({ create, store }) => {
  const first = create();
  await first.start();
  await ready(first);
  const watch = await watching(store);
  await first.stop('handover');
  const second = create();
  await second.start();
  await ready(second);
  assert.equal(watch.changes, []);
  const { history } = await get<History>(second, '/v1/history');
  assert.is(history.filter(({ type }) => type === 'LeaseAdopted').length, 1);
  assert.is(history.filter(({ type }) => type === 'LeaseGranted').length, 1);
  watch.stop();
});

test('what changed while no announcer ran is put right, and nothing else is touched', async (context) => {
  const { create, store } = context;
  const first = create();
  await first.start();
  await ready(first);
  await first.stop('handover');
  writeServices(context, WEB, { ...DB, port: 5433 });
  const watch = await watching(store);
  const second = create();
  await second.start();
  await ready(second);
  assert.equal(await names(store), ['db/node-1/192-0-2-20-5433', 'web/node-1/192-0-2-10-8080']);
  assert.not(watch.changes.some((change) => (change.type === 'put' ? change.entry.key : change.key).includes('/web/')));
  watch.stop();
});

test('another host name takes the old names away', async ({ create, store }) => {
  const first = create();
  await first.start();
  await ready(first);
  await first.stop('handover');
  const second = create({ 'host-name': 'node-9' });
  await second.start();
  await ready(second);
  assert.equal(
    await names(store),
    BOTH.map((name) => name.replace('node-1', 'node-9')),
  );
});

/** What an announcer that was handed over has in its journal: a container that it announced. */
async function leaveContainer({ directory, create }: Context, bootId: string): Promise<void> {
  const first = create();
  await first.start();
  await ready(first);
  await first.stop('handover');
  const log = silentLog;
  const journal = await Journal.open<AnnouncerEvent>({ directory: join(directory, 'journal'), kind: 'announcer', log });
  const atMs = Date.now();
  const sight = { type: 'inspected' as const, facts: facts({ labels: { 'rollcall.check': 'none' } }), cause: 'list' };
  journal.append({ type: 'AnnouncerStarted', atMs, host: 'node-1', owner: 'node-1/a1', version: '0', bootId });
  for (const event of decide(initialState, { ...sight, atMs }, rules())) journal.append(event);
  journal.append({ type: 'AnnouncerStopped', atMs, how: 'handover' });
  await journal.close();
}

const CONTAINER_NAME = 'web/node-1/3f2a9c01d4e7';

test('after another boot, and without an engine, no name of a container is written', async (context) => {
  await leaveContainer(context, 'another boot');
  const watch = await watching(context.store);
  const second = context.create();
  await second.start();
  await ready(second);
  watch.stop();
  assert.equal(await names(context.store), BOTH);
  assert.equal(watch.changes, [], 'not for an instant');
  const { history } = await get<History>(second, '/v1/history?name=web');
  const withdrawn = history.find(({ type }) => type === 'InstanceWithdrawn');
  assert.is(withdrawn?.type === 'InstanceWithdrawn' && withdrawn.cause, 'host boot');
});

test('after another boot, a container’s name that still stands in the store is removed, whether or not an engine answers', async (context) => {
  const { store, create } = context;
  await leaveContainer(context, 'another boot');
  const key = `/skydns/com/example/prod/s/${CONTAINER_NAME}` as EtcdKey;
  const value = JSON.stringify({ host: '10.0.0.5', port: 8080, owner: 'node-1/a1', container: ID });
  await store.commit({ expect: [], writes: [{ type: 'put', key, value }] });
  const second = create();
  await second.start();
  await ready(second);
  assert.equal(await names(store), BOTH);
});

for (const stands of [true, false]) {
  const name = stands ? 'that stands stays' : 'that has gone with its lease is not written again';
  test(`in the same boot, and without an engine, a container’s name ${name}`, async (context) => {
    const bootId = bootIdOf('');
    if (bootId === undefined) return;
    await leaveContainer(context, bootId);
    const key = `/skydns/com/example/prod/s/${CONTAINER_NAME}` as EtcdKey;
    const value = JSON.stringify({ host: '10.0.0.5', port: 8080, owner: 'node-1/a1', container: ID });
    if (stands) await context.store.commit({ expect: [], writes: [{ type: 'put', key, value }] });
    const watch = await watching(context.store);
    const second = context.create();
    await second.start();
    await ready(second);
    watch.stop();
    assert.equal(await names(context.store), stands ? [...BOTH, CONTAINER_NAME].sort() : BOTH);
    if (!stands) assert.equal(watch.changes, [], 'not for an instant');
  });
}

test('a services file that cannot be used is a start error that names it', async ({ create, directory }) => {
  const announcer = create({ services: join(directory, 'none.json') });
  const error = await announcer.start().catch((failure: unknown) => failure);
  assert.instance(error, StartError);
  assert.match((error as Error).message, 'none.json');
});

test('a services file that is broken at an upgrade takes no name away', async (context) => {
  const { create, store, services } = context;
  const first = create();
  await first.start();
  await ready(first);
  await first.stop('handover');
  const watch = await watching(store);
  writeFileSync(services, '{ "services": [');
  const error = await create()
    .start()
    .catch((failure: unknown) => failure);
  assert.instance(error, StartError);
  assert.equal(await names(store), BOTH);
  writeServices(context, WEB, DB);
  const next = create();
  await next.start();
  await ready(next);
  assert.equal(watch.changes, []);
  watch.stop();
});

test('SIGTERM at any moment of a start leaves nothing of the predecessor’s either', async ({ create, store }) => {
  for (const ticks of [0, 1, 20, 100, 400]) {
    const first = create();
    await first.start();
    await ready(first);
    await first.stop('handover');
    assert.equal(await names(store), BOTH);
    const second = create();
    const starting = second.start();
    for (let tick = 0; tick < ticks; tick += 1) await Promise.resolve();
    if (ticks === 400) await starting;
    await second.stop('withdraw');
    await starting;
    assert.equal((await store.snapshot('/')).entries, [], `after ${ticks} ticks`);
  }
});

test('a stop waits for the start, and leaves the data directory to the next one', async ({ create }) => {
  const first = create();
  const starting = first.start();
  await first.stop('handover');
  await starting;
  const next = create();
  await next.start();
  await ready(next);
});

test('a second announcer on the same data directory does not start, and names the directory', async ({ create }) => {
  const first = create();
  await first.start();
  try {
    await create().start();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, StartError);
    assert.match((error as Error).message, /in use by process/);
  }
});

test('services, one service, explanation and history over HTTP', async ({ create }) => {
  const announcer = create();
  const early = await get(announcer, '/v1/services').catch((error: unknown) => error);
  assert.ok(early instanceof HttpError && early.status === 503);
  await announcer.start();
  await ready(announcer);
  const { services } = await get<{ services: ListedService[] }>(announcer, '/v1/services');
  assert.equal(
    services.map(({ name, instances }) => [name, instances.map(({ state, host, port }) => `${state} ${host}:${port}`)]),
    [
      ['db.s.prod.example.com.', ['announced 192.0.2.20:5432']],
      ['web.s.prod.example.com.', ['announced 192.0.2.10:8080']],
    ],
  );
  assert.is((await get<ListedService>(announcer, '/v1/services/web')).instances[0]?.portName, 'http');
  const missing = await get(announcer, '/v1/services/nothing').catch((error: unknown) => error);
  assert.ok(missing instanceof HttpError && missing.status === 404);
  const explained = await get<{ instances: { service: string }[] }>(announcer, '/v1/explain?of=web');
  assert.is(explained.instances[0]?.service, 'web');
  const { history } = await get<History>(announcer, '/v1/history?name=web');
  const types = history.map(({ type }: AnnouncerEvent) => type);
  assert.ok(types.includes('InstanceAnnounced') && types.includes('KeyWritten'));
  const then = await get<History>(announcer, `/v1/history?name=web&at=${new Date().toISOString()}`);
  assert.is(then.stood?.stands.length, 1);
  const before = await get(announcer, '/v1/history?name=web&at=1h').catch((error: unknown) => error);
  assert.ok(before instanceof HttpError && before.code === 'too-old', 'its journal has no state of then');
  const bad = await get(announcer, '/v1/history?since=yesterday').catch((error: unknown) => error);
  assert.ok(bad instanceof HttpError && bad.code === 'bad-time');
});

test.run();
