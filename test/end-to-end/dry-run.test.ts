/** `rollcall announcer --dry-run` on a real engine, without etcd. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { rollcall } from '../support/servers/rollcall.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Context {
  docker: DockerHost;
  image: string;
}

const test = suite<Context>('end-to-end: dry run');

test.before(async (context) => {
  context.docker = await startDocker();
  context.image = await buildBusybox(context.docker);
  const { docker, image } = context;
  await docker.run(['--name', 'web-1', '-p', '127.0.0.1:0:80', '-l', 'rollcall.name=web', image]);
  await docker.run([
    '--name',
    'api-1',
    '-p',
    '127.0.0.1:0:80',
    '-l',
    'SERVICE_ID=same',
    '-l',
    'SERVICE_NAME=api',
    image,
  ]);
  await docker.run([
    '--name',
    'api-2',
    '-p',
    '127.0.0.1:0:80',
    '-l',
    'SERVICE_ID=same',
    '-l',
    'SERVICE_NAME=api',
    image,
  ]);
  await docker.run(['--name', 'left-out', '-p', '127.0.0.1:0:80', '-l', 'rollcall.announce=false', image]);
});
test.after(async ({ docker }) => docker?.stop());

function dryRun({ docker }: Context, dataDir: string, ...args: string[]) {
  const host = ['--docker', docker.host, '--host-name', 'node-1', '--private-ip', '127.0.0.1', '--data-dir', dataDir];
  return rollcall(['announcer', '--dry-run', ...host, ...args]);
}

test('tells each rule, key and value of every container and service, and writes nothing', async (context) => {
  const directory = temporaryDirectory();
  const dataDir = join(directory, 'data');
  const services = join(directory, 'services.json');
  writeFileSync(services, JSON.stringify({ services: [{ name: 'db', host: '192.0.2.10', port: 5432 }] }));
  // An etcd that cannot be: none is asked.
  const { exit, stdout, stderr } = await dryRun(
    context,
    dataDir,
    '--services',
    services,
    '--etcd',
    'http://127.0.0.1:1',
  );
  assert.is(exit, 0, stderr);
  const id = (await context.docker.cli('inspect', '-f', '{{.Id}}', 'web-1')).slice(0, 12);
  assert.match(stdout, new RegExp(`held: /skydns/com/example/prod/s/web/node-1/${id}`));
  assert.match(stdout, /until its check passes; a dry run makes no checks/);
  assert.match(stdout, /"host":"127\.0\.0\.1".*"owner":"node-1\/000000000000"/);
  assert.match(stdout, /announce: rollcall\.announce=false/);
  assert.match(stdout, /api\/node-1\/same is that of api-1, too/);
  assert.match(stdout, /services file: db\n {2}\/skydns\/com\/example\/prod\/s\/db\/node-1\/192-0-2-10-5432/);
  assert.match(stdout, /3 keys; nothing was written/);
  assert.not.ok(existsSync(dataDir));
});

test('one container by its name; an unknown one, and an engine that is not there, end with 1', async (context) => {
  const one = await dryRun(context, temporaryDirectory(), 'web-1');
  assert.is(one.exit, 0, one.stderr);
  assert.not.match(one.stdout, /api-1/);
  const unknown = await dryRun(context, temporaryDirectory(), 'nobody');
  assert.equal([unknown.exit, /knows no container "nobody"/.test(unknown.stderr)], [1, true]);
  const away = await rollcall(['announcer', '--dry-run', '--docker', 'unix:///nowhere/docker.sock']);
  assert.equal([away.exit, /there is no such socket; start Docker/.test(away.stderr)], [1, true]);
  const named = await rollcall(['announcer', 'web-1']);
  assert.equal([named.exit, /--dry-run alone/.test(named.stderr)], [2, true]);
});

if (haveDocker('end-to-end: dry run')) test.run();
