/** Forwarding at its bounds, seen from outside: loops, floods, and a stub resolver's search list. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { putRecords, type ResolverProcess, startResolverProcess } from '../../support/semantics.ts';
import { askUdp, queryOctets, sendUdp } from '../../support/servers/dns-client.ts';
import { startDnsUpstream } from '../../support/servers/dns-upstream.ts';
import { type Etcd, haveProgram, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { canUnshare } from '../../support/servers/machine.ts';
import { freePort } from '../../support/servers/ports.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const run = promisify(execFile);
const test = suite('integration/forward-limits');
const FLAGS = ['--prefix', '/skydns', '--zone', 'own.test'];
const SERVFAIL = 2;
const REFUSED = 5;
/** An empty NOERROR. */
const NODATA = 0;
/** docs/resolver.md states it. */
const SLOW_QUERIES_MAX = 1_000;

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
  const response = await sendUdp(first.server, queryOctets({ name: 'www.loop.example' }), 15_000);
  assert.is((response?.[3] as number) & 0xf, SERVFAIL);
  assert.ok(performance.now() - startedMs < 10_000);
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
  try {
    let answered = 0;
    socket.on('message', (message: Buffer) => {
      assert.is((message[3] as number) & 0xf, SERVFAIL);
      answered += 1;
    });
    let sent = 0;
    let mostWaiting = 0;
    const flood = async (): Promise<void> => {
      const { host, port } = resolver.server;
      const query = queryOctets({ name: `n${sent}.flood.example`, id: sent & 0xffff });
      sent += 1;
      await new Promise<void>((resolve) => socket.send(query, port, host, () => resolve()));
    };
    // However slow the machine: those that wait are given up after seconds, so it goes on until as many wait as may.
    await until(
      'names to be turned away at once',
      async () => {
        for (let left = 500; left > 0; left -= 1) await flood();
        mostWaiting = Math.max(mostWaiting, await total(resolver, 'rollcall_dns_slow_queries'));
        return (await total(resolver, 'rollcall_forward_max_concurrent_rejects_total')) > 0;
      },
      { everyMs: 1 },
    );
    assert.ok(mostWaiting <= SLOW_QUERIES_MAX, `${mostWaiting} waited`);
    assert.is((await askUdp(resolver.server, { name: 'web.own.test' })).answers?.length, 1);
    assert.ok((await total(resolver, 'rollcall_dns_slow_queries')) > 0, 'an own name waited for the flood');
    await until('all others to be given up', async () => (await total(resolver, 'rollcall_dns_slow_queries')) === 0);
    assert.ok(answered > 0);
  } finally {
    socket.close();
    await resolver.end('SIGTERM');
    await upstream.close();
  }
});

const INSIDE = 'ROLLCALL_TEST_INSIDE_NAMESPACE';

if (canUnshare('-n', '-m') && haveProgram('getent') && haveProgram('ip')) {
  const inside = async (what: string): Promise<unknown> => {
    const file = fileURLToPath(import.meta.url);
    const { stdout } = await run('unshare', ['-n', '-m', process.execPath, '--enable-source-maps', file], {
      env: { ...process.env, [INSIDE]: what },
      timeout: 300_000,
    });
    return JSON.parse(/^{.*}$/m.exec(stdout)?.[0] ?? '');
  };

  for (const workers of [1, 2]) {
    test(`the nameservers of /etc/resolv.conf are followed, with none at the start (${workers} workers)`, async () => {
      assert.equal(await inside(`upstreams ${workers}`), {
        none: [REFUSED, NODATA],
        one: ['198.51.100.1', '198.51.100.1'],
        other: ['198.51.100.2', '198.51.100.2'],
      });
    });
  }

  test('libc with a search list and ndots: short names, whole names and names outside are found', async () => {
    assert.equal(await inside('libc'), {
      web: ['10.0.0.1'],
      'web.own.test': ['10.0.0.1'],
      'www.outside.example': ['198.51.100.1'],
      missing: [],
    });
  });
} else {
  console.log('SKIP integration/forward-limits search list: needs root, unshare, ip and getent');
}

/** In network and mount namespaces of its own, where port 53 and /etc/resolv.conf may be ours. */
async function askLibcInside(): Promise<void> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  const conf = join(temporaryDirectory(), 'resolv.conf');
  writeFileSync(conf, 'nameserver 127.0.0.1\nsearch other.test own.test\noptions ndots:5 timeout:20 attempts:1\n');
  await run('mount', ['--bind', conf, '/etc/resolv.conf']);
  const inside = await startEtcd();
  await putRecords(inside, 'web.own.test host=10.0.0.1', '/skydns');
  const upstream = await startDnsUpstream('www.outside.example. 60 IN A 198.51.100.1');
  const forward = ['--forward', `127.0.0.1:${upstream.address.port}`];
  const resolver = await startResolverProcess(inside.url, [...FLAGS, '--listen', '127.0.0.1:53', ...forward]);
  const found: Record<string, string[]> = {};
  for (const name of ['web', 'web.own.test', 'www.outside.example', 'missing']) {
    // It exits with 2 for a name that does not exist.
    const { stdout } = await run('getent', ['ahosts', name]).catch((error: { stdout: string }) => error);
    found[name] = [...new Set(stdout.split('\n').flatMap((line) => line.split(/\s+/)[0] || []))];
  }
  await resolver.end('SIGTERM');
  await upstream.close();
  await inside.kill();
  console.log(JSON.stringify(found));
}

/** The same, where /etc/resolv.conf changes under a resolver: empty at first, then one server, another one, and empty again. */
async function changeUpstreamsInside(workers: string): Promise<void> {
  await run('ip', ['link', 'set', 'lo', 'up']);
  const conf = join(temporaryDirectory(), 'resolv.conf');
  writeFileSync(conf, '');
  await run('mount', ['--bind', conf, '/etc/resolv.conf']);
  const inside = await startEtcd();
  await putRecords(inside, 'alias.own.test host=www.outside.example', '/skydns');
  const upstreams = await Promise.all(
    [1, 2].map((n) => startDnsUpstream(`www.outside.example. 86400 IN A 198.51.100.${n}`, `127.0.0.1${n}`, 53)),
  );
  const resolver = await startResolverProcess(inside.url, [...FLAGS, '--workers', workers]);
  /** A name that is forwarded, and one that needs the forwarder. */
  const found = (): Promise<(string | number)[]> =>
    Promise.all(
      ['www.outside.example', 'alias.own.test'].map(async (name) => {
        const { flags = 0, answers } = await askUdp(resolver.server, { name });
        return (answers?.at(-1) as { data?: string } | undefined)?.data ?? flags & 0xf;
      }),
    );
  const none = await found();
  writeFileSync(conf, 'nameserver 127.0.0.11\n');
  // Each worker looks for itself.
  const logged = (pattern: RegExp, times: number) =>
    until(`${pattern}`, () => (resolver.stderr().match(pattern)?.length ?? 0) >= times);
  const processes = workers === '1' ? 1 : 1 + Number(workers);
  await logged(/upstreams-changed/g, processes);
  const one = await found();
  writeFileSync(conf, 'nameserver 127.0.0.12\n');
  await logged(/upstreams-changed/g, 2 * processes);
  writeFileSync(conf, '');
  await logged(/resolv-conf-unusable/g, processes);
  const other = await found();
  await resolver.end('SIGTERM');
  await Promise.all(upstreams.map((upstream) => upstream.close()));
  await inside.kill();
  console.log(JSON.stringify({ none, one, other }));
}

const [what, workers = '1'] = process.env[INSIDE]?.split(' ') ?? [];
if (what === 'upstreams') await changeUpstreamsInside(workers);
else if (what === 'libc') await askLibcInside();
else if (!skipWithoutEtcd('integration/forward-limits')) test.run();
