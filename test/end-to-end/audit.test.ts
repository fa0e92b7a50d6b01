/** The lives of real containers, as the audit sinks tell them. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SinkRecord } from '../../announcer/sinks/record.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { type AnnouncerProcess, startAnnouncer } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface Context {
  etcd: Etcd;
  docker: DockerHost;
  image: string;
  file: string;
  announcer: AnnouncerProcess;
}

const SUITE = 'end-to-end: audit';
const test = suite<Context>(SUITE);

test.before(async (context) => {
  context.etcd = await startEtcd();
  context.docker = await startDocker();
  context.image = await buildBusybox(context.docker);
  context.file = join(temporaryDirectory(), 'audit.jsonl');
  const args = ['--sink', `file://${context.file}`, '--sink-label', 'org.example.team'];
  context.announcer = await startAnnouncer(context.etcd.url, context.docker, 'node-1', { args });
});
test.after(async ({ announcer, docker, etcd }) => {
  await announcer?.end('SIGTERM');
  await docker?.stop();
  await etcd?.stop();
});

/** The records of one container, once there is one of its removal. */
async function lifeOf({ file }: Context, id: string): Promise<SinkRecord[]> {
  return until(`the removal of ${id.slice(0, 12)} in the record`, () => {
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    const life = lines.map((line) => JSON.parse(line) as SinkRecord).filter((record) => record.container_id === id);
    return life.at(-1)?.action === 'removed' && life;
  });
}

async function recorded({ file }: Context, id: string, action: string): Promise<void> {
  await until(`${action} in the record`, () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .some((line) => line.includes(`"action":"${action}"`) && line.includes(id)),
  );
}

const told = (life: readonly SinkRecord[]): string[] =>
  life.map(({ action, reason }) => (reason === undefined ? action : `${action} ${reason}`));

test('a service with a health check, from its start to its removal; its environment in no record', async (context) => {
  const { docker, image, file } = context;
  // In its start period it is starting until it is healthy, however long that takes.
  const period = ['--health-interval', '1s', '--health-retries', '1', '--health-start-period', '10m'];
  const health = ['--health-cmd', 'test -f /healthy', ...period];
  const id = await docker.run([
    ...['--name', 'web-1', '-p', '127.0.0.1:0:80', '-l', 'rollcall.name=web', '-l', 'org.example.team=payments'],
    ...['-l', 'org.example.other=private', '-e', 'TOKEN=hunter2', '--stop-timeout', '1', ...health, image],
  ]);
  await recorded(context, id, 'held');
  await docker.cli('exec', 'web-1', 'touch', '/healthy');
  await recorded(context, id, 'announced');
  await docker.cli('stop', 'web-1');
  await recorded(context, id, 'die');
  await docker.cli('rm', 'web-1');
  const life = await lifeOf(context, id);
  assert.equal(told(life), [
    'start',
    'held starting',
    'healthy',
    'announced',
    'stop signal',
    'withdrawn stopping',
    'stop signal', // SIGKILL, once the stop timeout has passed
    'die requested',
    'removed',
  ]);
  assert.is(life.find(({ action }) => action === 'die')?.exit_code, 137, 'busybox as process 1 takes no SIGTERM');
  for (const record of life) {
    assert.equal(
      [record.host, record.container_name, record.image, record.labels],
      ['node-1', 'web-1', image, { org_example_team: 'payments' }],
    );
    if (record.action !== 'start') assert.is(record.service, 'web');
  }
  const sequences = life.map(({ sequence }) => sequence);
  assert.equal(
    sequences,
    [...sequences].sort((a, b) => a - b),
  );
  assert.not.match(readFileSync(file, 'utf8'), /hunter2|private/);
});

test('a death that nobody asked for has its exit code', async (context) => {
  const { docker, image } = context;
  const id = await docker.run(['-p', '127.0.0.1:0:80', image, 'sh', '-c', 'sleep 1; exit 3']);
  await recorded(context, id, 'die');
  await docker.cli('rm', id);
  const death = (await lifeOf(context, id)).find(({ action }) => action === 'die');
  assert.equal([death?.exit_code, death?.reason, death?.detail], [3, 'unrequested', 'exited with 3']);
});

if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
