/** What happens to names when the announcer dies, is upgraded, or has a second one beside it. Watched in etcd. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { spawnAnnouncer, startAnnouncer } from '../support/servers/stage.ts';
import { until } from '../support/until.ts';

interface Context {
  etcd: Etcd;
  docker: DockerHost;
}

const SUITE = 'end-to-end: crash and upgrade';
const NAMES = '/skydns/';
const TTL_MS = 15_000;
/** Of leases that a successor adopts: two thirds of it are left to the start of a process on a slow machine. */
const ADOPTED_TTL_MS = 30_000;
const ADOPTED_TTL = ['--lease-ttl', String(ADOPTED_TTL_MS / 1000)];
const test = suite<Context>(SUITE);

test.before(async (context) => {
  context.etcd = await startEtcd();
  context.docker = await startDocker();
  const image = await buildBusybox(context.docker);
  await context.docker.run(['-p', '127.0.0.1:0:80', '-l', 'rollcall.name=web', image]);
});
test.after(async ({ docker, etcd }) => {
  await docker?.stop();
  await etcd?.stop();
});

async function keys({ etcd }: Context): Promise<string[]> {
  return (await etcd.ctl('get', '--prefix', NAMES, '--keys-only')).split('\n').filter((line) => line !== '');
}

/** Every event below the names from here on, as etcdctl prints them. */
async function watchNames({ etcd }: Context): Promise<{ events: () => string[]; stop: () => Promise<void> }> {
  const watcher: ChildProcess = spawn('etcdctl', ['--endpoints', etcd.url, 'watch', '--prefix', NAMES], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  watcher.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const events = (): string[] => output.split('\n').filter((line) => line === 'PUT' || line === 'DELETE');
  // etcdctl does not say when its watch stands: a key of ours, seen, does.
  await until('the watch', async () => {
    await etcd.ctl('put', `${NAMES}watch-stands`, '{}');
    return events().length > 0;
  });
  await etcd.ctl('del', `${NAMES}watch-stands`);
  await until('the end of the mark', () => events().at(-1) === 'DELETE');
  const before = events().length;
  return {
    events: () => events().slice(before),
    stop: async () => {
      const closed = once(watcher, 'close');
      watcher.kill('SIGTERM');
      await closed;
    },
  };
}

test('kill -9: the names go with the lease, not before half of it, not long after it', async (context) => {
  const announcer = await startAnnouncer(context.etcd.url, context.docker, 'node-1');
  await until('the key', async () => (await keys(context)).length === 1);
  const killed = performance.now();
  await announcer.end('SIGKILL');
  await until('the names gone', async () => (await keys(context)).length === 0, {
    timeoutMs: 3 * TTL_MS,
    everyMs: 100,
  });
  const after = performance.now() - killed;
  console.log(`kill -9 to names gone: ${(after / 1000).toFixed(1)} s with a lease of ${TTL_MS / 1000} s`);
  assert.ok(after > TTL_MS / 2, `gone after ${after} ms`);
  // etcd's own clock: a busy machine lets it look late.
  assert.ok(after < 2 * TTL_MS, `gone after ${after} ms`);
});

test('kill -9 and a restart within the TTL: no name disappears or is even written for an instant', async (context) => {
  const first = await startAnnouncer(context.etcd.url, context.docker, 'node-1', { args: ADOPTED_TTL });
  await until('the key', async () => (await keys(context)).length === 1);
  const watch = await watchNames(context);
  await first.end('SIGKILL');
  const again = { dataDir: first.dataDir, args: ADOPTED_TTL };
  const second = await startAnnouncer(context.etcd.url, context.docker, 'node-1', again);
  await second.logged('lease-adopted');
  const [shown] = await keys(context);
  // Beyond the first lease: the second announcer must be keeping it alive.
  const adopted = performance.now();
  await until('one lease TTL', () => performance.now() - adopted > ADOPTED_TTL_MS + 2_000, { everyMs: 200 });
  assert.equal(watch.events(), []);
  assert.equal(await keys(context), [shown]);
  await watch.stop();
  await second.end('SIGTERM');
});

test('SIGUSR2 hands the lease to the next process: an upgrade drops no name', async (context) => {
  const first = await startAnnouncer(context.etcd.url, context.docker, 'node-1', { args: ADOPTED_TTL });
  await until('the key', async () => (await keys(context)).length === 1);
  const watch = await watchNames(context);
  assert.is(await first.end('SIGUSR2'), 0, first.stderr());
  assert.is((await keys(context)).length, 1);
  const again = { dataDir: first.dataDir, args: ADOPTED_TTL };
  const second = await startAnnouncer(context.etcd.url, context.docker, 'node-1', again);
  await second.logged('lease-adopted');
  assert.equal(watch.events(), []);
  await watch.stop();
  await second.end('SIGTERM');
});

test('a second announcer for the same host waits one TTL, then stops and names the first; nothing is lost', async (context) => {
  const first = await startAnnouncer(context.etcd.url, context.docker, 'node-1');
  await until('the key', async () => (await keys(context)).length === 1);
  const watch = await watchNames(context);
  const second = await spawnAnnouncer(context.etcd.url, context.docker, 'node-1');
  const started = performance.now();
  assert.is(await second.ended, 1);
  assert.ok(performance.now() - started > TTL_MS - 1_000, 'a crashed predecessor would have gone by then');
  assert.match(second.stderr(), new RegExp(`node-1.*${first.pid}`));
  assert.equal(watch.events(), []);
  await watch.stop();
  await first.end('SIGTERM');
});

test('a restart without the data directory waits for the old lease, then announces', async (context) => {
  const first = await startAnnouncer(context.etcd.url, context.docker, 'node-1');
  await until('the key', async () => (await keys(context)).length === 1);
  await first.end('SIGKILL');
  const second = await spawnAnnouncer(context.etcd.url, context.docker, 'node-1');
  await until(
    'the key of the second',
    async () => (await context.etcd.ctl('get', '/rollcall/hosts/node-1')).includes(`"pid":${second.pid}`),
    { everyMs: 100 },
  );
  await until('the name again', async () => (await keys(context)).length === 1);
  await second.end('SIGTERM');
});

if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
