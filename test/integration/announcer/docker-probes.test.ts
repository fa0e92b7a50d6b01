import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Subscription } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { thisMachine } from '../../../announcer/checks/machine.ts';
import { containerProbes } from '../../../announcer/checks/probes.ts';
import { DAMPING_DEFAULTS } from '../../../announcer/decisions/lifecycle/damping.ts';
import type { ProbeResult } from '../../../announcer/observation.ts';
import type { AnnounceRules } from '../../../announcer/rules.ts';
import { parseName } from '../../../shared/name.ts';
import { type Followed, follow } from '../../support/followed.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/docker-probes');

const given = (address: string) => ({ address, given: true });
const rules: AnnounceRules = {
  host: { name: 'node-1', privateAddress: given('192.0.2.2'), publicAddress: given('192.0.2.2') },
  domain: parseName('s.prod.example.com'),
  prefix: '/skydns',
  owner: 'node-1/test',
  as: 'private',
  explicit: false,
  recordTtlSeconds: 5,
  damping: DAMPING_DEFAULTS,
};

let docker: DockerHost;
let followed: Followed;
const work = new Subscription();
const probed: { container: string; results: readonly ProbeResult[]; atMs: number }[] = [];
const lines: string[] = [];

test.before(async () => {
  docker = await startDocker();
  await buildBusybox(docker);
  followed = follow({ host: docker.host });
  const note = (event: string, message: string): void => void lines.push(`${event}: ${message}`);
  const log = { debug() {}, info: note, warn: note, error: note };
  const probes = containerProbes({ engine: followed.engine, rules, log });
  work.add(
    probes.observations$.subscribe((seen) => {
      if (seen.type === 'probed')
        probed.push({ container: seen.facts.id, results: seen.results, atMs: performance.now() });
    }),
  );
  work.add(followed.engine.observations$.subscribe((seen) => probes.take(seen)));
});

test.after(async () => {
  work.unsubscribe();
  followed.close();
  await docker.stop();
});

/** The last verdict of a port. */
function verdict(container: string, port: string): ProbeResult | undefined {
  return probed
    .filter((each) => each.container === container)
    .at(-1)
    ?.results.find((each) => each.port === port);
}

const isVerdict = (container: string, port: string, passing: boolean): Promise<ProbeResult> =>
  until(`${port} ${passing ? 'passing' : 'failing'}`, () => {
    const found = verdict(container, port);
    return found?.passing === passing ? found : undefined;
  });

const IMAGE = 'rollcall-test';
const published = (...args: string[]): Promise<string> => docker.run(['-p', '80', ...args]);
const checked = (check: string, ...args: string[]): Promise<string> =>
  published('-l', `rollcall.check=${check}`, '-l', 'rollcall.check.interval=500ms', ...args);
/** Runs a shell in the container instead of the web server. */
const shell = (script: string): string[] => [IMAGE, 'sh', '-c', script];

test('listening: passes when the port is in LISTEN, and names it', async () => {
  const id = await published(IMAGE);
  const { detail } = await isVerdict(id, '80/tcp', true);
  assert.is(detail, '80/tcp is in LISTEN');
});

test('listening: a server that starts late passes soon after its LISTEN, long before the next check of one that passes', async () => {
  const late = 'while [ ! -e /go ]; do sleep 0.1; done; echo listening; exec httpd -f -p 80 -h /www';
  const id = await published(...shell(late));
  await isVerdict(id, '80/tcp', false);
  await docker.cli('exec', id, 'touch', '/go');
  await isVerdict(id, '80/tcp', true);
  const passedAtMs = Date.now() - (performance.now() - (probed.at(-1)?.atMs ?? 0));
  const beganMs = Date.parse((await docker.cli('logs', '-t', id)).split(' ')[0] ?? '');
  // Some 300 ms, unless the machine is held up; the checks of a port that passes are 5 s apart.
  assert.ok(passedAtMs - beganMs < 4_000, `${passedAtMs - beganMs} ms`);
});

test('listening: fails when the server stops though the container runs', async () => {
  const id = await docker.run([
    ...['-p', '80', '-l', 'rollcall.check.interval=500ms', '-l', 'rollcall.check.fall=2'],
    ...shell('httpd -p 80 -h /www; while [ ! -e /stop ]; do sleep 0.1; done; killall httpd; sleep 1000'),
  ]);
  await isVerdict(id, '80/tcp', true);
  await docker.cli('exec', id, 'touch', '/stop');
  const { detail } = await isVerdict(id, '80/tcp', false);
  assert.is(detail, 'nothing listens on 80/tcp');
});

test('listening: what is bound to loopback inside does not count, and the detail says so', async () => {
  const id = await published(IMAGE, 'httpd', '-f', '-p', '127.0.0.1:80', '-h', '/www');
  const { detail } = await isVerdict(id, '80/tcp', false);
  await until('the address', () => verdict(id, '80/tcp')?.detail.includes('127.0.0.1') || /nothing/.test(detail));
  await sleep(300);
  assert.is(verdict(id, '80/tcp')?.passing, false);
});

test('listening and tcp: what is bound to another network’s address than the announced one is not reached there', async () => {
  for (const name of ['probes-a', 'probes-b']) await docker.cli('network', 'create', name);
  const bound = 'while [ ! -e /go ]; do sleep 0.1; done; exec httpd -f -p "$(cat /go):80" -h /www';
  for (const check of ['listening', 'tcp']) {
    const id = await docker.run([
      ...['--network', 'probes-a', '-l', 'rollcall.as=container', '-l', 'rollcall.network=probes-b'],
      ...['-l', 'rollcall.port=80', '-l', `rollcall.check=${check}`, '-l', 'rollcall.check.fall=1', ...shell(bound)],
    ]);
    await docker.cli('network', 'connect', 'probes-b', id);
    const [other = '', announced = ''] = await Promise.all(
      ['probes-a', 'probes-b'].map((name) =>
        docker.cli('inspect', '-f', `{{(index .NetworkSettings.Networks "${name}").IPAddress}}`, id),
      ),
    );
    await docker.cli('exec', id, 'sh', '-c', `echo ${other} > /go.new; mv /go.new /go`);
    await until('bound elsewhere', () =>
      verdict(id, '80/tcp')?.detail.includes(`bound to ${other} only, and ${announced} is announced`),
    );
    await docker.cli('exec', id, 'sh', '-c', `echo ${announced} > /go`);
    await docker.cli('restart', '-t', '0', id);
    await isVerdict(id, '80/tcp', true);
  }
});

test('listening: IPv4 alone counts as well as both', async () => {
  const id = await published(IMAGE, 'httpd', '-f', '-p', '0.0.0.0:80', '-h', '/www');
  await isVerdict(id, '80/tcp', true);
});

test('listening: UDP counts once it is bound, whoever in that namespace binds it', async () => {
  const id = await docker.run(['-p', '53/udp', IMAGE]);
  await isVerdict(id, '53/udp', false);
  const pid = await docker.cli('inspect', '-f', '{{.State.Pid}}', id);
  const script = "require('node:dgram').createSocket('udp4').bind(53)";
  const server = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, process.execPath, '-e', script]);
  const { detail } = await isVerdict(id, '53/udp', true);
  assert.is(detail, '53/udp is bound');
  server.kill();
});

test('listening: each of several ports by itself', async () => {
  const id = await docker.run(['-p', '80', '-p', '81', ...shell('httpd -p 80 -h /www; sleep 1000')]);
  await isVerdict(id, '80/tcp', true);
  await isVerdict(id, '81/tcp', false);
});

test('listening: works where the host has no way to the container (network none)', async () => {
  const id = await docker.run(['--network', 'none', '-l', 'rollcall.port=80', '-l', 'rollcall.as=container', IMAGE]);
  await until('inspected', () => followed.stateOf(id) === 'running');
  await sleep(500); // it has no address, so most likely no check is wanted: then nothing may be said of it
  assert.is(verdict(id, '80/tcp')?.passing ?? true, true);
});

test('listening: a restart is a new run, checked anew', async () => {
  const id = await published(IMAGE);
  await isVerdict(id, '80/tcp', true);
  const before = probed.length;
  await docker.cli('restart', '-t', '0', id);
  await until('the second run', () => probed.slice(before).some(({ container }) => container === id));
  await isVerdict(id, '80/tcp', true);
});

test('tcp: passes on a bridge', async () => {
  const id = await checked('tcp', IMAGE);
  assert.is((await isVerdict(id, '80/tcp', true)).detail, 'connect to 80/tcp succeeded');
});

test('http: passes on 200, fails on 404, and says what was answered', async () => {
  const [good, bad] = await Promise.all([checked('http:/', IMAGE), checked('http:/missing', IMAGE)]);
  assert.is((await isVerdict(good, '80/tcp', true)).detail, 'GET / answered 200');
  // Not the first verdict: it may have been asked before it listened.
  await until('404', () => verdict(bad, '80/tcp')?.detail === 'GET /missing answered 404');
  assert.is(verdict(bad, '80/tcp')?.passing, false);
});

test('http: fails and passes again as the service does', async () => {
  const id = await checked('http:/index.html', IMAGE);
  await isVerdict(id, '80/tcp', true);
  await docker.cli('exec', id, 'mv', '/www/index.html', '/www/away');
  await isVerdict(id, '80/tcp', false);
  await docker.cli('exec', id, 'mv', '/www/away', '/www/index.html');
  await isVerdict(id, '80/tcp', true);
});

test('http and tcp: are made inside where the service is bound to loopback', async () => {
  const command = [IMAGE, 'httpd', '-f', '-p', '127.0.0.1:80', '-h', '/www'];
  const [http, tcp] = await Promise.all([checked('http:/', ...command), checked('tcp', ...command)]);
  assert.is((await isVerdict(http, '80/tcp', true)).detail, 'GET / answered 200');
  assert.is((await isVerdict(tcp, '80/tcp', true)).detail, 'connect to 80/tcp succeeded');
});

test('tcp: works in the host network', async () => {
  const port = await freePort();
  const id = await docker.run([
    ...['--network', 'host', '-l', `rollcall.port=${port}`, '-l', 'rollcall.check=tcp'],
    ...[IMAGE, 'httpd', '-f', '-p', String(port), '-h', '/www'],
  ]);
  await isVerdict(id, `${port}/tcp`, true);
});

test('listening and tcp: in the host network, what somebody else serves is not the container’s; what docker exec started is', async () => {
  const port = await freePort();
  const other = createServer().listen(port, '0.0.0.0');
  const inHostNetwork = ['--network', 'host', '-l', `rollcall.port=${port}`];
  const ids = await Promise.all([
    docker.run([...inHostNetwork, IMAGE, 'sleep', '1000']),
    docker.run([...inHostNetwork, '-l', 'rollcall.check=tcp', IMAGE, 'sleep', '1000']),
  ]);
  for (const id of ids) {
    const { detail } = await isVerdict(id, `${port}/tcp`, false);
    assert.is(detail, `${port}/tcp is served by another process of this host, not by the container`);
  }
  await new Promise((resolve) => other.close(resolve));
  for (const id of ids) {
    await docker.cli('exec', '-d', id, 'httpd', '-f', '-p', String(port), '-h', '/www');
    await isVerdict(id, `${port}/tcp`, true);
    await docker.cli('rm', '-f', id);
  }
});

test('listening and tcp: in another container’s network, what that one or a third serves is not the container’s; its own is', async () => {
  const owner = await docker.run([...shell('httpd -f -p 80 -h /www')]);
  const inItsNetwork = ['--network', `container:${owner}`, '-l', 'rollcall.as=container'];
  const third = await docker.run([...inItsNetwork, IMAGE, 'httpd', '-f', '-p', '81', '-h', '/www']);
  const squatters = await Promise.all([
    docker.run([...inItsNetwork, '-l', 'rollcall.port=80', IMAGE, 'sleep', '1000']),
    docker.run([...inItsNetwork, '-l', 'rollcall.port=81', '-l', 'rollcall.check=tcp', IMAGE, 'sleep', '1000']),
  ]);
  const others = await Promise.all([
    until('80', () => verdict(squatters[0], '80/tcp')),
    until('81', () => verdict(squatters[1], '81/tcp')),
  ]);
  assert.equal(
    others.map(({ passing, detail }) => [passing, detail]),
    [
      [false, '80/tcp is served by another container in its network, not by this one'],
      [false, '81/tcp is served by another container in its network, not by this one'],
    ],
  );
  const own = await docker.run([
    ...[...inItsNetwork, '-l', 'rollcall.port=82,83'],
    ...[IMAGE, 'httpd', '-f', '-p', '82', '-h', '/www'],
  ]);
  await isVerdict(own, '82/tcp', true);
  await docker.cli('exec', '-d', own, 'httpd', '-f', '-p', '83', '-h', '/www');
  await isVerdict(own, '83/tcp', true);
  for (const id of [own, ...squatters, third, owner]) await docker.cli('rm', '-f', id);
});

test('knows which addresses are this machine’s', () => {
  assert.equal(
    ['127.0.0.1', docker.gateway, '203.0.113.77'].map((address) => thisMachine.isOwn(address)),
    [true, true, false],
  );
});

test('exec: passes on exit 0, fails on another, and on one that does not end', async () => {
  const [good, absent, bad, slow] = await Promise.all([
    checked('exec:["true"]', IMAGE),
    checked('exec:no-such-command', IMAGE),
    checked('exec:exit 7', IMAGE),
    checked('exec:sleep 30', '-l', 'rollcall.check.timeout=300ms', IMAGE),
  ]);
  assert.match((await isVerdict(good, '*', true)).detail, 'exited 0');
  assert.match((await isVerdict(absent, '*', false)).detail, 'exited 127: there is no such command in the container');
  assert.match((await isVerdict(bad, '*', false)).detail, 'exited 7');
  await isVerdict(slow, '*', false);
});

test('says nothing of a container that is gone, and ends its checks', async () => {
  const id = await checked('http:/', IMAGE);
  await isVerdict(id, '80/tcp', true);
  await docker.cli('rm', '-f', id);
  await until('gone', () => followed.stateOf(id) === 'gone');
  const before = probed.length;
  await sleep(1500);
  assert.equal(
    probed.slice(before).filter(({ container }) => container === id),
    [],
  );
});

test('does not take another process under the same pid for the container', async () => {
  const { ListeningBudget, ListeningProbe } = await import('../../../announcer/checks/listening.ts');
  const id = await published(IMAGE);
  await isVerdict(id, '80/tcp', true);
  const seen = followed.observations.findLast((each) => each.type === 'inspected' && each.facts.id === id);
  if (seen?.type !== 'inspected') throw new Error('not inspected');
  const server = createServer().listen(0);
  const other = spawn('sleep', ['10']);
  const settings = { proc: thisMachine.proc, loopback: [] };
  const reused = { ...seen.facts, pid: other.pid ?? 0, startedAt: '2020-01-01T00:00:00Z' };
  const sight = await new ListeningProbe(reused, ['80/tcp'], settings, new ListeningBudget()).look();
  other.kill();
  server.close();
  assert.is(sight.type, 'absent');
});

if (haveDocker('integration/docker-probes', ['nsenter'])) test.run();
