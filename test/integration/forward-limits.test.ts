/** Forwarding at its bounds, seen from outside: loops, floods, and a stub resolver's search list. */
import { createSocket } from 'node:dgram';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askUdp, queryOctets, sendUdp } from '../support/dns-client.ts';
import { startDnsUpstream } from '../support/dns-upstream.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../support/etcd.ts';
import { freePort } from '../support/ports.ts';
import { putRecords, type ResolverProcess, startResolverProcess } from '../support/semantics.ts';
import { until } from '../support/until.ts';

const test = suite('integration/forward-limits');
const FLAGS = ['--prefix', '/skydns', '--zone', 'own.test'];
const SERVFAIL = 2;

let etcd: Etcd;
test.before(async () => {
  etcd = await startEtcd();
  await putRecords(etcd, 'web.own.test host=10.0.0.1', '/skydns');
});
test.after(() => etcd.kill());

/** The sum over all labels. */
async function total({ httpPort }: ResolverProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

test('two forwarders that forward to each other: SERVFAIL in time, and a handful of datagrams', async () => {
  const relay = await freePort();
  const first = await startResolverProcess(etcd.url, [...FLAGS, '--forward', `127.0.0.1:${relay}`]);
  // The second answers at the address that the first was given.
  const second = await startResolverProcess(etcd.url, [
    ...[...FLAGS, '--listen', `127.0.0.1:${relay}`],
    ...['--forward', `${first.server.host}:${first.server.port}`],
  ]);
  const startedMs = performance.now();
  const response = await sendUdp(first.server, queryOctets({ name: 'www.loop.example' }), 5_000);
  assert.is((response?.[3] as number) & 0xf, SERVFAIL);
  assert.ok(performance.now() - startedMs < 5_000);
  const sent =
    (await total(first, 'rollcall_forward_requests_total')) + (await total(second, 'rollcall_forward_requests_total'));
  assert.ok(sent <= 20, `${sent} queries went round`);
  assert.is((await askUdp(first.server, { name: 'web.own.test' })).answers?.length, 1);
  await Promise.all([first.end('SIGTERM'), second.end('SIGTERM')]);
});

test('a flood of names outside to a silent upstream: a bounded number waits, the rest is SERVFAIL, own names go on', async () => {
  const upstream = await startDnsUpstream('');
  upstream.fault = () => ({ do: 'drop' });
  const resolver = await startResolverProcess(etcd.url, [...FLAGS, '--forward', `127.0.0.1:${upstream.address.port}`]);
  const socket = createSocket('udp4');
  let failures = 0;
  socket.on('message', (message: Buffer) => {
    if (((message[3] as number) & 0xf) === SERVFAIL) failures += 1;
  });
  for (let at = 0; at < 3_000; at += 1) {
    const query = queryOctets({ name: `n${at}.flood.example`, id: at });
    await new Promise<void>((resolve) =>
      socket.send(query, resolver.server.port, resolver.server.host, () => resolve()),
    );
    if (at % 500 !== 0) continue;
    const askedMs = performance.now();
    assert.is((await askUdp(resolver.server, { name: 'web.own.test' })).answers?.length, 1);
    assert.ok(performance.now() - askedMs < 500, 'an own name waited for the flood');
    assert.ok((await total(resolver, 'rollcall_dns_slow_queries')) <= 1_000);
  }
  await until('names to be turned away at once', () => failures > 1_000);
  assert.ok((await total(resolver, 'rollcall_forward_max_concurrent_rejects_total')) > 1_000);
  await until('all others to be given up', async () => (await total(resolver, 'rollcall_dns_slow_queries')) === 0);
  socket.close();
  await resolver.end('SIGTERM');
  await upstream.close();
});

if (!skipWithoutEtcd('integration/forward-limits')) test.run();
