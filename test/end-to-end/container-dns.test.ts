/** A container that has the resolver as its nameserver: services from the zone, everything else from an upstream. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/servers/dig.ts';
import { type DnsUpstream, startDnsUpstream } from '../support/servers/dns-upstream.ts';
import { type DockerHost, haveDocker } from '../support/servers/docker.ts';
import { skipWithoutEtcd } from '../support/servers/etcd.ts';
import { closeHostStage, type HostStage, openHostStage } from '../support/servers/host-stage.ts';
import { DOMAIN, startResolver } from '../support/servers/stage.ts';
import { until } from '../support/until.ts';

interface Context extends HostStage {
  upstream: DnsUpstream;
}

const SUITE = 'end-to-end: a container with --dns';
const test = suite<Context>(SUITE);

test.before(async (context) => {
  context.upstream = await startDnsUpstream('www.example.org. 300 IN A 192.0.2.80');
  const { host, port } = context.upstream.address;
  // Containers ask port 53 of the address that --dns names.
  const resolverArgs = ({ gateway }: DockerHost) => ['--listen', `${gateway}:53`, '--forward', `${host}:${port}`];
  await openHostStage(context, { resolverArgs });
});
test.after(async (context) => {
  await closeHostStage(context);
  await context.upstream?.close();
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
