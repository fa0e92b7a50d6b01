/** A container that has the resolver as its nameserver: services from the zone, everything else from an upstream. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/dig.ts';
import { type DnsUpstream, startDnsUpstream } from '../support/dns-upstream.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../support/docker.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/etcd.ts';
import {
  type AnnouncerProcess,
  DOMAIN,
  type ResolverProcess,
  startAnnouncer,
  startResolver,
} from '../support/stage.ts';
import { until } from '../support/until.ts';

interface Context {
  etcd: Etcd;
  docker: DockerHost;
  image: string;
  upstream: DnsUpstream;
  announcer: AnnouncerProcess;
  resolver: ResolverProcess;
}

const SUITE = 'end-to-end: a container with --dns';
const test = suite<Context>(SUITE);

test.before(async (context) => {
  context.etcd = await startEtcd();
  context.docker = await startDocker();
  context.image = await buildBusybox(context.docker);
  context.upstream = await startDnsUpstream('www.example.org. 300 IN A 192.0.2.80');
  context.announcer = await startAnnouncer(context.etcd.url, context.docker, 'node-1');
  const { host, port } = context.upstream.address;
  context.resolver = await startResolver(context.etcd.url, {
    // Containers ask port 53 of the address that --dns names.
    args: ['--listen', `${context.docker.gateway}:53`, '--forward', `${host}:${port}`],
  });
});
test.after(async ({ announcer, resolver, upstream, docker, etcd }) => {
  await announcer?.end('SIGTERM');
  await resolver?.end('SIGTERM');
  await upstream?.close();
  await docker?.stop();
  await etcd?.stop();
});

function lookUp({ docker, image }: Context, name: string, ...args: string[]): Promise<string> {
  return docker.cli('run', '--rm', '--dns', docker.gateway, ...args, image, '/bin/nslookup', name);
}

test('resolves a service, in full and by its search domain, and an outside name', async (context) => {
  await context.docker.run(['-p', '127.0.0.1:0:80', '-l', 'rollcall.name=web', context.image]);
  await until('the service', async () => rdataOf(await dig(context.resolver.dns, `web.${DOMAIN}`), 'A').length === 1);
  assert.match(await lookUp(context, `web.${DOMAIN}`), /Address:? .*127\.0\.0\.1/);
  assert.match(await lookUp(context, 'web', '--dns-search', DOMAIN), new RegExp(`web\\.${DOMAIN}`));
  assert.match(await lookUp(context, 'www.example.org'), /192\.0\.2\.80/);
});

test('the container on a network of its own, with the engine’s DNS between, resolves both too', async (context) => {
  await context.docker.cli('network', 'create', 'apps');
  assert.match(await lookUp(context, `web.${DOMAIN}`, '--network', 'apps'), /127\.0\.0\.1/);
  assert.match(await lookUp(context, 'www.example.org', '--network', 'apps'), /192\.0\.2\.80/);
});

test('a client outside --allow-forward is refused, one inside is served', async (context) => {
  const inside = await dig(context.resolver.dns, 'www.example.org');
  assert.is(inside.status, 'NOERROR');
  assert.ok(inside.flags.includes('ra'));
  const refusing = await startResolver(context.etcd.url, {
    args: ['--forward', `127.0.0.1:${context.upstream.address.port}`, '--allow-forward', '192.0.2.0/24'],
  });
  const outside = await dig(refusing.dns, 'www.example.org');
  assert.is(outside.status, 'REFUSED');
  assert.not.ok(outside.flags.includes('ra'));
  assert.is((await dig(refusing.dns, `web.${DOMAIN}`)).status, 'NOERROR');
  await refusing.end('SIGTERM');
});

if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
