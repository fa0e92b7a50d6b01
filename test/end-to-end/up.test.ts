/** `rollcall up` on the embedded store: what a newcomer starts first, without Docker and without etcd. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, haveDig, rdataOf } from '../support/servers/dig.ts';
import { freePort } from '../support/servers/ports.ts';
import { type RollcallProcess, ready, rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { DOMAIN } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const SUITE = 'end-to-end: up';
const test = suite(SUITE);

interface Up {
  readonly process: RollcallProcess;
  readonly http: string;
  readonly dns: { host: string; port: number };
}

async function startUp(dataDir: string, services: string, args: readonly string[] = []): Promise<Up> {
  const [http, port] = [await freePort(), await freePort()];
  const process = startRollcall([
    'up',
    ...['--data-dir', dataDir, '--services', services, '--http', `127.0.0.1:${http}`],
    ...['--listen', `127.0.0.1:${port}`, '--forward', 'none', '--docker', `unix://${dataDir}/no-docker.sock`],
    ...args,
  ]);
  await ready(http);
  return { process, http: `127.0.0.1:${http}`, dns: { host: '127.0.0.1', port } };
}

test('answers the example services without Docker and etcd, and prints the dig that asks for them', async () => {
  const up = await startUp(temporaryDirectory(), 'examples/services.json');
  const line = await until('the banner', () => /dig @\S+ -p \d+ \S+/.exec(up.process.stdout())?.[0]);
  assert.is(line, `dig @127.0.0.1 -p ${up.dns.port} web.${DOMAIN}`);
  assert.equal(rdataOf(await dig(up.dns, `web.${DOMAIN}`), 'A'), ['192.0.2.10', '192.0.2.11']);
  assert.equal(rdataOf(await dig(up.dns, `db.${DOMAIN}`, 'TXT'), 'TXT'), ['"primary"']);
  assert.equal(rdataOf(await dig(up.dns, `_http._tcp.web.${DOMAIN}`, 'SRV'), 'SRV').length, 2);
  const said = up.process.log().filter((each) => each.event === 'engine-unreachable');
  assert.is(said.length, 1, 'no Docker engine: said once');
  const ls = await rollcall(['ls', '--http', up.http]);
  assert.is(ls.exit, 0, ls.stderr);
  assert.match(ls.stdout, /192\.0\.2\.10/);
  const noType = await rollcall(['explain', 'web', '--type', 'ZZ', '--http', up.http]);
  assert.equal([noType.exit, noType.stdout], [2, '']);
  assert.match(noType.stderr, 'explain: type="ZZ" must be one of A, ');
  const history = await rollcall(['history', 'web', '--http', up.http]);
  assert.is(history.exit, 0, history.stderr);
  assert.match(history.stdout, /announced/i);
  const nothing = await rollcall(['history', 'nosuch', '--http', up.http]);
  assert.is(nothing.exit, 1);
  assert.match(nothing.stdout, 'no event of nosuch');
  // A stop that was not done in its time would end with 1.
  assert.is(await up.process.end('SIGINT'), 0);
});

test('a terminal that closes ends nothing: SIGHUP is logged, and names go on', async () => {
  const up = await startUp(temporaryDirectory(), 'examples/services.json');
  for (const times of [1, 2]) {
    up.process.child.kill('SIGHUP');
    await until('it to be logged', () => up.process.log().filter(({ event }) => event === 'hangup').length === times);
  }
  assert.is(rdataOf(await dig(up.dns, `web.${DOMAIN}`), 'A').length, 2);
  assert.is(await up.process.end('SIGTERM'), 0);
});

test('one wish to stop that comes as two signals is one: names are withdrawn, and it ends with 0', async () => {
  const up = await startUp(temporaryDirectory(), 'examples/services.json');
  up.process.child.kill('SIGINT');
  up.process.child.kill('SIGTERM');
  assert.is(await up.process.ended, 0);
  assert.is(up.process.log().at(-1)?.event, 'stopped');
});

test('a hand-over that is told twice is one: it ends in order, with 0', async () => {
  const up = await startUp(temporaryDirectory(), 'examples/services.json');
  up.process.child.kill('SIGUSR2');
  await until('the stop', () => up.process.log().some(({ event }) => event === 'stopping'));
  up.process.child.kill('SIGUSR2');
  assert.is(await up.process.ended, 0);
});

test('a changed services file is followed; a broken entry costs itself, a broken file nothing', async () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'services.json');
  const write = (services: unknown): void => writeFileSync(file, JSON.stringify({ services }));
  write([{ name: 'one', host: '192.0.2.1', port: 80 }]);
  const up = await startUp(directory, file);
  await until('one', async () => rdataOf(await dig(up.dns, `one.${DOMAIN}`), 'A').join() === '192.0.2.1');
  write([
    { name: 'two', host: '192.0.2.2', port: 80 },
    { name: 'x'.repeat(64), host: '192.0.2.3', port: 80 },
    { name: 'three', host: '192.0.2.3', port: 70_000 },
  ]);
  await until('two', async () => rdataOf(await dig(up.dns, `two.${DOMAIN}`), 'A').join() === '192.0.2.2');
  await until('one gone', async () => (await dig(up.dns, `one.${DOMAIN}`)).status === 'NXDOMAIN');
  await until(
    'both complaints',
    () => up.process.stderr().includes('70000') && up.process.stderr().includes('x'.repeat(64)),
  );
  const before = up.process.log().length;
  writeFileSync(file, '{ "services": [');
  await until('the complaint', () => up.process.log().length > before);
  assert.equal(rdataOf(await dig(up.dns, `two.${DOMAIN}`), 'A'), ['192.0.2.2']);
  await up.process.end('SIGTERM');
});

test('the store, the zone and the history outlive a crash', async () => {
  const directory = temporaryDirectory();
  const first = await startUp(directory, 'examples/services.json');
  await until('web', async () => rdataOf(await dig(first.dns, `web.${DOMAIN}`), 'A').length === 2);
  // The journal is fsynced within a second; what a process wrote survives its own kill at once.
  await first.process.end('SIGKILL');
  const second = await startUp(directory, 'examples/services.json');
  assert.is(rdataOf(await dig(second.dns, `web.${DOMAIN}`), 'A').length, 2, 'there from the first answer on');
  const { stdout } = await rollcall(['history', 'web', '--json', '--http', second.http]);
  const announced = (JSON.parse(stdout) as { history: { type: string }[] }).history.filter(
    ({ type }) => type === 'InstanceAnnounced',
  );
  assert.is(announced.length, 2, 'the restart announced nothing anew');
  await second.process.end('SIGTERM');
});

test('a full disk under the embedded store: names go on, and health and metrics say it until there is room', async () => {
  const dataDir = temporaryDirectory();
  const disk = join(dataDir, 'store');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'rollcall-test', disk]).status !== 0) {
    console.log(`SKIP ${SUITE}, the disk: no tmpfs can be mounted; run as root`);
    return;
  }
  // Before the directory is removed, however the test goes.
  process.prependOnceListener('exit', () => spawnSync('umount', ['-l', disk], { stdio: 'ignore' }));
  const services = join(dataDir, 'services.json');
  const write = (port: number): void =>
    writeFileSync(services, JSON.stringify({ services: [{ name: 'one', host: '192.0.2.1', port }] }));
  write(1);
  const up = await startUp(dataDir, services);
  const say = async (path: string): Promise<string> => (await fetch(`http://${up.http}${path}`)).text();
  const isWriting = async (): Promise<string | undefined> =>
    /^rollcall_store_journal_writing (\d)/m.exec(await say('/metrics'))?.[1];
  assert.is(await isWriting(), '1');
  const filler = join(disk, 'filler');
  spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096']);
  for (let port = 2; (await isWriting()) === '1'; port += 1) {
    write(port);
    await until('the change', async () => {
      const answer = rdataOf(await dig(up.dns, `one.${DOMAIN}`, 'SRV'), 'SRV').join();
      return answer.includes(` ${port} `);
    });
  }
  assert.match(await say('/health'), /"store: the journal cannot be written \(.*ENOSPC/);
  rmSync(filler);
  await until('the journal to be written again', async () => (await isWriting()) === '1');
  assert.not.match(await say('/health'), 'store:');
  await up.process.end('SIGTERM');
});

test('wrong settings are all named at once, with exit code 2', async () => {
  const { exit, stderr } = await rollcall(
    ['up', '--lease-ttl', '3', '--listen', 'localhost:53', '--etcd', 'localhost:2379'],
    {
      ROLLCALL_SRV_WEIGHTS: 'heavy',
    },
  );
  assert.is(exit, 2);
  for (const part of [
    'up: configuration has 4 problems',
    '--lease-ttl="3"',
    '--listen="localhost:53"',
    'http://localhost:2379',
    'ROLLCALL_SRV_WEIGHTS="heavy"',
  ]) {
    assert.ok(stderr.includes(part), `${part} in:\n${stderr}`);
  }
});

test('a data directory that cannot be made is named, with exit code 1', async () => {
  for (const directory of ['/proc/x', '/dev/null/x']) {
    const { exit, stderr } = await rollcall(['up', '--data-dir', directory]);
    assert.is(exit, 1);
    assert.match(stderr, `cannot make the data directory ${directory}`);
    assert.match(stderr, '--data-dir');
  }
});

test('TLS settings without a TLS endpoint are refused, never left out silently', async () => {
  const { exit, stderr } = await rollcall(['up', '--etcd-ca', 'package.json']);
  assert.is(exit, 2);
  assert.match(stderr, '--etcd-ca="package.json": no --etcd names an https endpoint');
});

test('an unknown flag or command exits 2 with a suggestion', async () => {
  const flag = await rollcall(['up', '--leese-ttl', '30']);
  assert.is(flag.exit, 2);
  assert.match(flag.stderr, /--lease-ttl/);
  assert.is((await rollcall(['upp'])).exit, 2);
});

test('a port in use: exit code 1 and a sentence that names it and the setting', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const free = await freePort();
  const base = ['up', '--data-dir', temporaryDirectory(), '--docker', 'unix:///nonexistent.sock', '--forward', 'none'];
  const dns = await rollcall([...base, '--listen', `127.0.0.1:${port}`, '--http', `127.0.0.1:${free}`]);
  assert.is(dns.exit, 1, dns.stderr);
  assert.match(dns.stderr, `127.0.0.1:${port}: the port is already in use; set --listen`);
  const http = await rollcall([...base, '--listen', `127.0.0.1:${free}`, '--http', `127.0.0.1:${port}`]);
  assert.is(http.exit, 1, http.stderr);
  assert.match(http.stderr, `127.0.0.1:${port}: the port is already in use; set --http`);
  await new Promise((resolve) => taken.close(resolve));
});

test('a command without a daemon says which one it asked, and what to do', async () => {
  const port = await freePort();
  const { exit, stderr } = await rollcall(['ls', '--http', `127.0.0.1:${port}`]);
  assert.is(exit, 1);
  assert.match(stderr, `no daemon answers on 127.0.0.1:${port}`);
});

if (!haveDig()) console.log(`SKIP ${SUITE}: dig is missing; install the package bind9-dnsutils`);
else test.run();
