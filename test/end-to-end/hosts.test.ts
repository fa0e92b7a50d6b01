/** Several hosts, each with an engine and an announcer of its own; and the classic monitoring host. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/servers/dig.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/servers/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { DOMAIN, type ResolverProcess, startAnnouncer, startResolver } from '../support/servers/stage.ts';
import { until } from '../support/until.ts';

interface Context {
  etcd: Etcd;
  engines: DockerHost[];
  image: string;
  resolver: ResolverProcess;
}

const test = suite<Context>('end-to-end: hosts');

test.before(async (context) => {
  context.etcd = await startEtcd();
  context.engines = [await startDocker(), await startDocker()];
  for (const engine of context.engines) context.image = await buildBusybox(engine);
  context.resolver = await startResolver(context.etcd.url);
});
test.after(async ({ resolver, engines, etcd }) => {
  await resolver?.end('SIGTERM');
  for (const engine of engines ?? []) await engine.stop();
  await etcd?.stop();
});

async function rdata(context: Context, name: string, type: string): Promise<string[]> {
  return rdataOf(await dig(context.resolver.dns, `${name}.${DOMAIN}`, type), type);
}

test('two hosts stand together under the service, and each alone under its host name', async (context) => {
  const [first, second] = context.engines as [DockerHost, DockerHost];
  const announcers = [
    await startAnnouncer(context.etcd.url, first, 'node-1', { address: '127.0.0.1' }),
    await startAnnouncer(context.etcd.url, second, 'node-2', { address: '127.0.0.2' }),
  ];
  for (const engine of context.engines)
    await engine.run(['-p', `${await freePort()}:80`, '-l', 'rollcall.name=web', context.image]);
  await until('both hosts', async () => (await rdata(context, 'web', 'A')).length === 2);
  assert.equal(await rdata(context, 'web', 'A'), ['127.0.0.1', '127.0.0.2']);
  assert.equal(await rdata(context, 'node-1.web', 'A'), ['127.0.0.1']);
  assert.equal(await rdata(context, 'node-2.web', 'A'), ['127.0.0.2']);
  await announcers[0]?.end('SIGTERM');
  await until('the second host alone', async () => (await rdata(context, 'web', 'A')).join() === '127.0.0.2');
  assert.is((await dig(context.resolver.dns, `node-1.web.${DOMAIN}`)).status, 'NXDOMAIN');
  await announcers[1]?.end('SIGTERM');
});

test('two announcers with different host names on one machine are two hosts', async (context) => {
  const [engine] = context.engines as [DockerHost];
  const announcers = [
    await startAnnouncer(context.etcd.url, engine, 'node-1'),
    await startAnnouncer(context.etcd.url, engine, 'node-2', { address: '127.0.0.2' }),
  ];
  await until('both hosts', async () => (await rdata(context, 'web', 'A')).length === 2);
  assert.equal(await rdata(context, 'node-2.web', 'A'), ['127.0.0.2']);
  for (const announcer of announcers) await announcer.end('SIGTERM');
});

test('the classic host: influxdb on 8086, and grafana published as 8087 behind port 80', async (context) => {
  const [engine] = context.engines as [DockerHost];
  const announcer = await startAnnouncer(context.etcd.url, engine, 'node-back-1');
  const [influx, grafana] = [await freePort(), await freePort()];
  // The documented ports are 8086 and 8087; where another process of this machine has one, a free one stands for it.
  const [influxPort, grafanaPort] = [
    await publishable(engine, context.image, 8086, influx),
    await publishable(engine, context.image, 8087, grafana),
  ];
  const serve = (port: number): string[] => [context.image, '/bin/httpd', '-f', '-p', String(port), '-h', '/www'];
  await engine.run(['-p', `${influxPort}:8086`, '--name', 'influxdb', '-l', 'rollcall.name=influxdb', ...serve(8086)]);
  await engine.run(['-p', `${grafanaPort}:80`, '--name', 'grafana', '-l', 'SERVICE_NAME=grafana', ...serve(80)]);
  await until(
    'both services',
    async () =>
      (await rdata(context, 'grafana', 'SRV')).length === 1 && (await rdata(context, 'influxdb', 'SRV')).length === 1,
  );
  assert.equal(await rdata(context, 'node-back-1.influxdb', 'A'), ['127.0.0.1']);
  assert.equal(await rdata(context, 'grafana', 'A'), ['127.0.0.1']);
  assert.is((await rdata(context, 'node-back-1.influxdb', 'SRV'))[0]?.split(' ')[2], String(influxPort));
  assert.is((await rdata(context, 'grafana', 'SRV'))[0]?.split(' ')[2], String(grafanaPort));
  await announcer.end('SIGTERM');
});

async function publishable(engine: DockerHost, image: string, port: number, otherwise: number): Promise<number> {
  try {
    const id = await engine.run(['-p', `${port}:80`, image]);
    await engine.cli('rm', '-f', id);
    return port;
  } catch {
    console.log(`port ${port} is taken on this machine; ${otherwise} stands for it`);
    return otherwise;
  }
}

if (!skipWithoutEtcd('end-to-end: hosts') && haveDocker('end-to-end: hosts')) test.run();
