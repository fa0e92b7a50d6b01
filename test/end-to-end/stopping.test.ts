/** How the announcer's process ends, against a real etcd: in time, with nothing left, or with everything. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from '../support/servers/rollcall.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Context {
  etcd: Etcd;
  directory: string;
  services: string;
  http: number;
  start(...flags: string[]): RollcallProcess;
}

const SUITE = 'end-to-end: stopping';
const test: Test<Context> = suite<Context>(SUITE);

test.before.each(async (context) => {
  context.etcd = await startEtcd({ extraArgs: ['--max-txn-ops', '20'] });
  context.directory = temporaryDirectory();
  context.http = await freePort();
  context.services = join(context.directory, 'services.json');
  const services = Array.from({ length: 100 }, (_, at) => ({ name: 'web', host: '192.0.2.10', port: 8000 + at }));
  writeFileSync(context.services, JSON.stringify({ services }));
  context.start = (...flags) =>
    startRollcall([
      'announcer',
      ...[
        '--etcd',
        context.etcd.url,
        '--host-name',
        'node-1',
        '--lease-ttl',
        '60',
        '--http',
        `127.0.0.1:${context.http}`,
      ],
      ...['--docker', 'unix:///nonexistent/docker.sock', '--services', context.services],
      ...['--data-dir', join(context.directory, 'data'), ...flags],
    ]);
});
test.after.each(async ({ etcd }) => {
  await etcd.stop();
});

async function keys(etcd: Etcd): Promise<string[]> {
  return (await etcd.ctl('get', '/', '--prefix', '--keys-only')).split('\n').filter((line) => line !== '');
}

async function leases(etcd: Etcd): Promise<number> {
  return Number(/found (\d+) leases/.exec(await etcd.ctl('lease', 'list'))?.[1]);
}

test('SIGTERM just after the host is claimed: gone within the bound of a stop, and nothing is left in etcd', async ({
  start,
  etcd,
}) => {
  for (const waitMs of [0, 1, 5, 20]) {
    const announcer = start();
    await announcer.logged('host-claimed');
    await sleep(waitMs);
    // A stop that was not done within its bound ends with 1.
    assert.is(await announcer.end('SIGTERM'), 0, `${waitMs} ms after the claim`);
    assert.equal(await keys(etcd), []);
    assert.is(await leases(etcd), 0);
    assert.equal(
      announcer.log().filter(({ event }) => event === 'handles-left'),
      [],
    );
  }
});

test('SIGTERM during a start leaves nothing in etcd, the predecessor’s names neither', async ({
  start,
  etcd,
  http,
}) => {
  for (const waitMs of [0, 10, 30, 60]) {
    const first = start();
    await ready(http);
    assert.is(await first.end('SIGUSR2'), 0);
    assert.is((await keys(etcd)).length, 102, 'a hundred names, the claim, the causes');
    const second = start();
    await second.logged('services-read');
    await sleep(waitMs);
    assert.is(await second.end('SIGTERM'), 0);
    assert.equal(await keys(etcd), [], `${waitMs} ms after the first output`);
  }
});

test('a services file with a typo at an upgrade: a start error before the banner, and every name stays', async (context) => {
  const { start, etcd, http, services } = context;
  const first = start();
  await ready(http);
  assert.is(await first.end('SIGUSR2'), 0);
  const standing = await keys(etcd);
  writeFileSync(services, '{ "services": [');
  const second = start();
  assert.is(await second.ended, 1);
  assert.match(second.stderr(), /announcer: --services=/);
  assert.is(second.stdout(), '');
  assert.equal(await keys(etcd), standing);
});

test('a role that may not claim: one sentence with the permission, exit code 1, no lease', async ({
  start,
  etcd,
  directory,
}) => {
  await etcd.ctl('user', 'add', 'root:root');
  await etcd.ctl('user', 'grant-role', 'root', 'root');
  await etcd.ctl('role', 'add', 'names');
  await etcd.ctl('role', 'grant-permission', 'names', '--prefix=true', 'readwrite', '/skydns/');
  await etcd.ctl('role', 'grant-permission', 'names', '--prefix=true', 'read', '/rollcall/');
  await etcd.ctl('user', 'add', 'announcer:secret');
  await etcd.ctl('user', 'grant-role', 'announcer', 'names');
  await etcd.ctl('auth', 'enable');
  const password = join(directory, 'password');
  writeFileSync(password, 'secret', { mode: 0o600 });
  const announcer = start('--etcd-user', 'announcer', '--etcd-password-file', password);
  assert.is(await announcer.ended, 1);
  const [failed, ...more] = announcer.log().filter(({ event }) => event === 'daemon-failed');
  assert.match(String(failed?.message), /permission denied.*readwrite \/rollcall\/hosts\//);
  assert.equal(more, []);
  assert.is(failed?.stack, undefined);
  assert.ok(announcer.log().filter(({ event }) => event === 'store-lost').length <= 1);
  await etcd.ctl('--user', 'root:root', 'auth', 'disable');
  assert.is(await leases(etcd), 0);
});

if (!skipWithoutEtcd(SUITE)) test.run();
