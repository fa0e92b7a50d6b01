/** `rollcall run` as a container's entrypoint, process 1, on a real engine with a real etcd. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { nodeMounts } from '../support/servers/node-in-container.ts';
import { until } from '../support/until.ts';

const SUITE = 'end-to-end: run-entrypoint';
const test = suite(SUITE);
const IMAGE = 'rollcall-run';
/** `docker stop` with time enough for a busy machine: only a signal that was lost takes all of it. */
const GRACE_SECONDS = 20;

let docker: DockerHost;
let etcd: Etcd;

test.before(async () => {
  [docker, etcd] = await Promise.all([startDocker(), startEtcd()]);
  await buildBusybox(docker);
  const context = join(docker.directory, 'run');
  mkdirSync(context);
  const entrypoint = JSON.stringify(['/app/rollcall', 'run', '--name', 'web', '--']);
  writeFileSync(join(context, 'Dockerfile'), `FROM rollcall-test\nENTRYPOINT ${entrypoint}\n`);
  await docker.cli('build', '-q', '-t', IMAGE, context);
});
test.after(async () => {
  await docker?.stop();
  await etcd?.stop();
});

/** Flags that give a container its surroundings. */
const around = (): string[] => {
  const settings = { ETCD: etcd.url, HOST_NAME: 'node-1', PRIVATE_IP: '127.0.0.1', LEASE_TTL: '15' };
  const environment = Object.entries(settings).flatMap(([name, value]) => ['-e', `ROLLCALL_${name}=${value}`]);
  return ['--network', 'host', ...environment, ...nodeMounts()];
};
/** `docker stop`. @returns the exit code, once the name is gone */
async function stop(id: string): Promise<number> {
  await docker.cli('stop', '-t', String(GRACE_SECONDS), id);
  assert.is(await etcd.ctl('get', '--prefix', '/', '--keys-only'), '', 'nothing is left in etcd');
  return Number(await docker.cli('inspect', '-f', '{{.State.ExitCode}}', id));
}
const announced = (): Promise<boolean> =>
  until('the name', async () => (await etcd.ctl('get', '--prefix', '/skydns/', '--keys-only')).includes('/web/'));
/** Ends with 7 on SIGTERM. */
const OBEDIENT = ['sh', '-c', 'trap "exit 7" TERM; while true; do sleep 0.1; done'];

test('docker stop takes the name away, ends the command within its time, and keeps its exit code', async () => {
  const id = await docker.run([...around(), IMAGE, ...OBEDIENT]);
  await announced();
  const beganMs = performance.now();
  assert.is(await stop(id), 7);
  assert.ok(performance.now() - beganMs < 1000 * GRACE_SECONDS, 'it was killed');
});

test('no signal is lost, however early it comes', async () => {
  for (const afterMs of [0, 20, 60, 150, 300, 500, 800]) {
    const id = await docker.run([...around(), IMAGE, ...OBEDIENT]);
    await sleep(afterMs);
    const code = await stop(id);
    // 143 when the command had not begun, or had not come to its trap yet.
    assert.ok(code === 7 || code === 143, `exit code ${code} after ${afterMs} ms`);
  }
});

test('orphans that the command leaves are collected', async () => {
  const script = `sh -c '(sleep 0.2; touch /ended) &'; ${OBEDIENT[2]}`;
  const id = await docker.run([...around(), IMAGE, 'sh', '-c', script]);
  await until('the orphan to end', async () => (await docker.cli('exec', id, 'ls', '/')).includes('ended'));
  // Each sleep of the command's loop is one for a moment; one that nobody collects stays.
  const zombies = 'grep -l "^State:.Z" /proc/[0-9]*/status || true';
  await until('no zombie', async () => (await docker.cli('exec', id, 'sh', '-c', zombies)) === '');
  assert.is(await stop(id), 7);
});

test('the command has the container’s input, and its own exit code', async () => {
  const words = ['run', '--rm', '-i', ...around(), IMAGE, 'sh', '-c', 'read word; echo "got $word"; exit 9'];
  const told = await new Promise<string>((resolve) => {
    try {
      resolve(execFileSync('docker', ['-H', docker.host, ...words], { input: 'this\n', encoding: 'utf8' }));
    } catch (error) {
      const { status, stdout } = error as { readonly status: number; readonly stdout: string };
      resolve(`${stdout}exit ${status}`);
    }
  });
  assert.match(told, /got this\n(.*\n)*exit 9$/);
});

test('Node itself as process 1 says what it cannot do', async () => {
  const node = ['--entrypoint', '/bin/node', IMAGE, '/app/dist/cli/main.js', 'run', '--name', 'web', '--', ...OBEDIENT];
  const id = await docker.run([...around(), ...node]);
  await announced();
  const said = execFileSync('sh', ['-c', `docker -H ${docker.host} logs ${id} 2>&1`], { encoding: 'utf8' });
  assert.match(said, /run-is-process-1/);
  assert.is(await stop(id), 7);
});

if (haveDocker(SUITE, ['ldd']) && !skipWithoutEtcd(SUITE)) test.run();
