/** `rollcall doctor` on a real engine (also behind a proxy that refuses), a real etcd, and taken ports. */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Finding } from '../../cli/doctor/finding.ts';
import { type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { rollcall } from '../support/servers/rollcall.ts';
import { startAnnouncer } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Context {
  docker: DockerHost;
  etcd: Etcd;
}

const test = suite<Context>('end-to-end: doctor');

test.before(async (context) => {
  context.docker = await startDocker();
  context.etcd = await startEtcd();
});
test.after(async ({ docker, etcd }) => {
  await docker?.stop();
  await etcd?.stop();
});

async function doctor(args: readonly string[]): Promise<{ exit: number | string; findings: readonly Finding[] }> {
  const free = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`] as const;
  const given = args.includes('--listen') ? [] : ['--listen', free[0]];
  const http = args.includes('--http') ? [] : ['--http', free[1]];
  const data = args.includes('--data-dir') ? [] : ['--data-dir', join(temporaryDirectory(), 'data')];
  const { exit, stdout, stderr } = await rollcall([
    'doctor',
    '--json',
    '--host-name',
    'node-1',
    ...given,
    ...http,
    ...data,
    ...args,
  ]);
  assert.ok(stdout.startsWith('{'), stderr);
  return { exit, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
}

const of = (findings: readonly Finding[], about: Finding['about'], status?: Finding['status']): string[] =>
  findings.filter((each) => each.about === about && (status ?? each.status) === each.status).map(({ says }) => says);

test('all is fine with an engine and an etcd, and nothing is left in them', async ({ docker, etcd }) => {
  const before = await etcd.ctl('get', 'x', '-w', 'json');
  const { exit, findings } = await doctor(['--docker', docker.host, '--etcd', etcd.url]);
  assert.is(exit, 0, JSON.stringify(findings));
  assert.match(of(findings, 'docker', 'fine').join('\n'), /Docker \d+[\s\S]*no call that rollcall makes is refused/);
  assert.is(of(findings, 'etcd', 'fine').length, 6, of(findings, 'etcd').join('\n'));
  assert.is(of(findings, 'ports', 'fine').length, 3);
  const revision = (json: string) => /"revision":(\d+)/.exec(json)?.[1];
  assert.is(revision(await etcd.ctl('get', 'x', '-w', 'json')), revision(before), 'nothing was written');
  assert.match(await etcd.ctl('lease', 'list'), /found 0 leases/);
});

test('without engine and etcd each is named, with what to do, and the exit code is 1', async () => {
  const { exit, findings } = await doctor(['--docker', 'unix:///nowhere/docker.sock', '--etcd', 'http://127.0.0.1:1']);
  assert.is(exit, 1);
  assert.match(of(findings, 'docker', 'wrong').join(), /no such socket/);
  assert.match(of(findings, 'etcd', 'wrong').join(), /http:\/\/127\.0\.0\.1:1/);
  for (const finding of findings) if (finding.status !== 'fine') assert.ok((finding.advice ?? '') !== '');
});

test('a proxy that lets only reads through: what fails without the rest is a hint, not an error', async ({
  docker,
}) => {
  const path = join(temporaryDirectory(), 'proxy.sock');
  const proxy = createServer((asked, answer) => {
    if (asked.method === 'POST') {
      answer.writeHead(403, { 'content-type': 'text/plain' }).end('refused by the proxy\n');
      return;
    }
    const { method, url, headers } = asked;
    const passed = request({ socketPath: docker.socketPath, method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      answer.flushHeaders();
      response.pipe(answer);
    });
    answer.on('close', () => passed.destroy());
    passed.on('error', () => answer.destroy());
    passed.end();
  }).listen(path);
  await once(proxy, 'listening');
  const { exit, findings } = await doctor(['--docker', `unix://${path}`]);
  proxy.closeAllConnections();
  proxy.close();
  assert.is(exit, 0, JSON.stringify(findings));
  const hints = findings.filter(({ about, status }) => about === 'docker' && status === 'hint');
  assert.equal(hints.length, 2);
  assert.match(hints.map(({ says, advice }) => `${says} ${advice}`).join('\n'), /stop: .*refused[\s\S]*drain --stop/);
});

test('a port that another process has is named with it; one that rollcall has is fine', async ({ docker, etcd }) => {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const taken = await doctor(['--docker', docker.host, '--listen', `127.0.0.1:${port}`]);
  server.close();
  assert.is(taken.exit, 1);
  assert.match(of(taken.findings, 'ports', 'wrong').join(), new RegExp(`taken by .*\\(process ${process.pid}\\)`));
  const announcer = await startAnnouncer(etcd.url, docker, 'node-1');
  const own = await doctor([
    '--docker',
    docker.host,
    '--http',
    `127.0.0.1:${announcer.http}`,
    '--data-dir',
    announcer.dataDir,
  ]);
  await announcer.end('SIGTERM');
  assert.is(own.exit, 0, JSON.stringify(own.findings));
  assert.match(
    of(own.findings, 'ports').join('\n'),
    new RegExp(`taken by rollcall itself \\(process ${announcer.pid}\\)`),
  );
  assert.match(of(own.findings, 'data', 'hint').join('\n'), new RegExp(`open in process ${announcer.pid}`));
});

test('an address that others cannot reach is a hint; wrong settings end with 2', async ({ docker }) => {
  const { findings } = await doctor(['--docker', docker.host, '--private-ip', '127.0.0.1']);
  assert.match(of(findings, 'host', 'hint').join(), /private address 127\.0\.0\.1, of lo/);
  const text = await rollcall(['doctor', '--docker', docker.host, '--private-if', 'nosuch0']);
  assert.equal([text.exit, /no interface of that name/.test(text.stdout)], [1, true]);
  assert.is((await rollcall(['doctor', '--lease-ttl', '1', '--prefix', 'x'])).exit, 2);
});

test('etcd without a user where one is needed: each thing that is refused is told, with the role to give', async ({
  docker,
}) => {
  const etcd = await startEtcd();
  try {
    await etcd.ctl('user', 'add', 'root:secret');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('auth', 'enable');
    const { exit, findings } = await doctor(['--docker', docker.host, '--etcd', etcd.url]);
    assert.is(exit, 1);
    const refused = findings.filter(({ about, status }) => about === 'etcd' && status === 'wrong');
    assert.ok(refused.length >= 2, JSON.stringify(findings));
    for (const { advice } of refused) assert.match(advice ?? '', /--etcd-user/);
  } finally {
    await etcd.stop();
  }
});

if (!skipWithoutEtcd('end-to-end: doctor') && haveDocker('end-to-end: doctor')) test.run();
