/** Outages of a real etcd, seen by clients of a resolver process: what is answered, and what is never said. */
import { createSocket, type Socket } from 'node:dgram';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../../shared/address.ts';
import { deleteRecord, putRecords, type ResolverProcess, startResolverProcess } from '../../support/semantics.ts';
import { startCluster } from '../../support/servers/cluster.ts';
import { queryOctets, sendUdp } from '../../support/servers/dns-client.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { freePort } from '../../support/servers/ports.ts';
import { startTcpProxy } from '../../support/servers/tcp-proxy.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/resolver-outages');

const NAME = 'web.out.test';
const RECORDS = 'web.out.test host=10.0.0.1 ttl=300';
const FLAGS = ['--prefix', '/skydns', '--zone', 'out.test', '--forward', 'none'];
/** Octet counts at which the watch is cut; each costs a reconnection. */
const CUTS = Number(process.env.ROLLCALL_WATCH_CUTS ?? 8);
const SERVFAIL = 2;
const NXDOMAIN = 3;
/** RFC 8914 §4. */
const STALE_ANSWER = 3;

interface Heard {
  readonly rcode: number;
  readonly ttl: number | undefined;
  readonly extendedError: number | undefined;
}

async function hear(server: HostPort, name = NAME): Promise<Heard> {
  const response = await sendUdp(server, queryOctets({ name, edns: {} }), 1_000);
  if (response === undefined) throw new Error(`no answer to ${name}`);
  const packet = decode(response);
  const first = (packet.answers?.[0] ?? packet.authorities?.[0]) as { ttl: number } | undefined;
  const opt = packet.additionals?.find(({ type }) => type === 'OPT') as
    | { options: { code: number; data: Buffer }[] }
    | undefined;
  const extended = opt?.options.find(({ code }) => code === 15);
  return { rcode: (response[3] as number) & 0xf, ttl: first?.ttl, extendedError: extended?.data.readUInt16BE(0) };
}

async function metric({ httpPort }: ResolverProcess, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ').at(-1));
}

/** Asks every 2 ms, all the time, and counts what came back by its RCODE and whether it had an answer. */
class Watcher {
  readonly seen = new Map<string, number>();
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  constructor({ host, port }: HostPort, name = NAME) {
    this.#socket = createSocket('udp4');
    this.#socket.on('message', (message: Buffer) => {
      const what = `${(message[3] as number) & 0xf} ${message.readUInt16BE(6) > 0 ? 'answer' : 'empty'}`;
      this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
    });
    const query = queryOctets({ name });
    this.#timer = setInterval(() => this.#socket.send(query, port, host), 2);
  }

  /** So many more right answers have come. */
  async answers(count: number): Promise<void> {
    const before = this.seen.get('0 answer') ?? 0;
    await until(`${count} more answers`, () => (this.seen.get('0 answer') ?? 0) >= before + count);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

test('while the store is away negative answers too have a TTL of at most 5 s, whatever --negative-ttl says', async () => {
  const etcd = await startEtcd();
  await putRecords(etcd, RECORDS, '/skydns');
  const resolver = await startResolverProcess(etcd.url, [...FLAGS, '--negative-ttl', '60']);
  // NXDOMAIN, NODATA.
  const negative = ['never.out.test', 'out.test'];
  const ttls = async () => {
    const heard: (number | undefined)[] = [];
    for (const name of negative) heard.push((await hear(resolver.server, name)).ttl);
    return heard;
  };
  assert.equal(await ttls(), [60, 60]);
  etcd.pause();
  await until('a stale answer', async () => (await hear(resolver.server)).extendedError !== undefined);
  assert.equal(await ttls(), [5, 5]);
  etcd.resume();
  await until('a fresh answer', async () => (await hear(resolver.server)).extendedError === undefined);
  assert.equal(await ttls(), [60, 60]);
  await resolver.end('SIGTERM');
  await etcd.kill();
});

test('past --max-stale: SERVFAIL and EDE 3; before it the last answer with a TTL of at most 5 s and EDE 3; metrics move', async () => {
  const etcd = await startEtcd();
  await putRecords(etcd, RECORDS, '/skydns');
  const resolver = await startResolverProcess(etcd.url, [...FLAGS, '--max-stale', '5']);
  assert.equal(await hear(resolver.server), { rcode: 0, ttl: 300, extendedError: undefined });
  assert.is(await metric(resolver, 'rollcall_resolver_zone_stale_seconds'), 0);
  assert.ok((await metric(resolver, 'rollcall_resolver_watch_lag_seconds')) < 6);
  await etcd.kill();
  const stale = await until('a stale answer', async () => {
    const heard = await hear(resolver.server);
    return heard.extendedError === undefined ? undefined : heard;
  });
  assert.is(stale.rcode, 0);
  assert.is(stale.extendedError, STALE_ANSWER);
  assert.ok((stale.ttl as number) <= 5, `TTL ${stale.ttl}`);
  await until('staleness to be seen', async () => (await metric(resolver, 'rollcall_resolver_zone_stale_seconds')) > 1);
  const last = await until('SERVFAIL', async () => {
    const heard = await hear(resolver.server);
    assert.is.not(heard.rcode, NXDOMAIN);
    return heard.rcode === SERVFAIL ? heard : undefined;
  });
  assert.equal(last, { rcode: SERVFAIL, ttl: undefined, extendedError: STALE_ANSWER });
  assert.equal((await hear(resolver.server, 'never.out.test')).rcode, SERVFAIL, 'no negative answer either');
  assert.ok((await metric(resolver, 'rollcall_resolver_watch_lag_seconds')) > 4);
  await etcd.restart();
  await until('the answer to be fresh', async () => (await hear(resolver.server)).ttl === 300);
  assert.is(await metric(resolver, 'rollcall_resolver_zone_stale_seconds'), 0);
  assert.is((await hear(resolver.server, 'never.out.test')).rcode, NXDOMAIN);
  await resolver.end('SIGTERM');
  await etcd.kill();
});

test('a start during an outage answers from disk, after kill -9 too; without a disk it is SERVFAIL', async () => {
  const etcd = await startEtcd();
  await putRecords(etcd, RECORDS, '/skydns');
  const dataDir = temporaryDirectory();
  const first = await startResolverProcess(etcd.url, FLAGS, { dataDir });
  await putRecords(etcd, 'late.out.test host=10.0.0.2', '/skydns');
  await until('the late record', async () => (await hear(first.server, 'late.out.test')).rcode === 0);
  const journal = join(dataDir, 'resolver', 'journal');
  await until('the late record in the journal', () =>
    readdirSync(journal).some((file) => readFileSync(join(journal, file)).includes('/out/late')),
  );
  assert.is(await first.end('SIGKILL'), 'SIGKILL');
  await etcd.kill();
  const second = await startResolverProcess(etcd.url, FLAGS, { dataDir });
  for (const name of [NAME, 'late.out.test']) {
    const heard = await hear(second.server, name);
    assert.equal([heard.rcode, heard.extendedError], [0, STALE_ANSWER], name);
  }
  await second.end('SIGTERM');
  rmSync(join(dataDir, 'resolver'), { recursive: true });
  const bare = await startResolverProcess(etcd.url, FLAGS, { dataDir, wait: false });
  const heard = await until('an answer', () => hear(bare.server));
  assert.equal([heard.rcode, heard.extendedError], [SERVFAIL, 22], 'never synced');
  await bare.end('SIGTERM');
});

test('stop, restart, compaction, kill and a restore of an older snapshot: a name that always existed is never denied', async () => {
  let etcd = await startEtcd();
  await putRecords(etcd, RECORDS, '/skydns');
  const resolver = await startResolverProcess(etcd.url, FLAGS);
  const watcher = new Watcher(resolver.server);
  await watcher.answers(20);
  const backup = join(temporaryDirectory(), 'snapshot');
  await etcd.ctl('snapshot', 'save', backup);

  await etcd.stop();
  await watcher.answers(100);
  await etcd.restart();
  await putRecords(etcd, 'after-restart.out.test host=10.0.1.1', '/skydns');
  await until('what is new', async () => (await hear(resolver.server, 'after-restart.out.test')).rcode === 0);

  // What the resolver has not seen is compacted away before it is back.
  const port = etcd.port;
  await etcd.kill();
  await watcher.answers(50);
  await etcd.restart();
  for (let round = 0; round < 20; round += 1) await putRecords(etcd, `r${round}.out.test host=10.0.2.1`, '/skydns');
  await deleteRecord(etcd, '/skydns/test/out/after-restart');
  const status = JSON.parse(await etcd.ctl('endpoint', 'status', '--write-out', 'json'));
  await etcd.ctl('compact', String(status[0].Status.header.revision));
  await until('what is new', async () => (await hear(resolver.server, 'r19.out.test')).rcode === 0);
  await until('what is gone', async () => (await hear(resolver.server, 'after-restart.out.test')).rcode === NXDOMAIN);

  await etcd.kill();
  const restored = join(temporaryDirectory(), 'restored');
  const peer = `http://127.0.0.1:${await freePort()}`;
  const cluster = ['--initial-cluster', `solo=${peer}`, '--initial-advertise-peer-urls', peer];
  await etcd.ctl('snapshot', 'restore', backup, '--data-dir', restored, '--name', 'solo', ...cluster);
  etcd = await startEtcd({ dataDir: restored, port });
  await until(
    'the restored store to be followed',
    async () => (await metric(resolver, 'rollcall_resolver_zone_stale_seconds')) === 0,
  );
  await watcher.answers(100);
  watcher.stop();
  assert.equal([...watcher.seen.keys()], ['0 answer'], JSON.stringify([...watcher.seen]));
  await resolver.end('SIGTERM');
  await etcd.kill();
});

test('a leader that dies: three members, answers all the while, and the next change arrives', async () => {
  const cluster = await startCluster(3);
  const writer = cluster.members[0] as Etcd;
  await putRecords(writer, RECORDS, '/skydns');
  const resolver = await startResolverProcess(cluster.urls.join(','), FLAGS);
  const watcher = new Watcher(resolver.server);
  const leader = await cluster.leader();
  await leader.kill();
  const alive = cluster.members.find((member) => member !== leader) as Etcd;
  await until('another leader', async () => {
    await putRecords(alive, 'elected.out.test host=10.0.3.1', '/skydns');
    return true;
  });
  await until('the change', async () => (await hear(resolver.server, 'elected.out.test')).rcode === 0);
  await watcher.answers(50);
  watcher.stop();
  assert.equal([...watcher.seen.keys()], ['0 answer'], JSON.stringify([...watcher.seen]));
  await resolver.end('SIGTERM');
  await cluster.stop();
});

test('a watch cut after each of many octet counts: every change arrives, nothing that stands is denied', async () => {
  const etcd = await startEtcd();
  await putRecords(etcd, RECORDS, '/skydns');
  const proxy = await startTcpProxy(etcd.url, { record: true });
  const resolver = await startResolverProcess(`http://127.0.0.1:${proxy.port}`, FLAGS);
  const watcher = new Watcher(resolver.server);
  const frames = proxy.recorded.flatMap((connection) => frameEnds(connection));
  assert.ok(frames.length > 10, `${frames.length} frames seen`);
  for (const [round, octets] of spread([...new Set(frames)], CUTS).entries()) {
    proxy.cutAfter((connection) => (connection % 2 === 0 ? octets : octets + 1));
    proxy.cut();
    await putRecords(etcd, `cut${round}.out.test host=10.0.4.1`, '/skydns');
    proxy.cutAfter(undefined);
    await until(
      `change ${round}, cut after ${octets} octets`,
      async () => (await hear(resolver.server, `cut${round}.out.test`)).rcode === 0,
    );
  }
  await watcher.answers(10);
  watcher.stop();
  assert.equal([...watcher.seen.keys()], ['0 answer'], JSON.stringify([...watcher.seen]));
  assert.is(await metric(resolver, 'rollcall_resolver_drift_total'), 0);
  await resolver.end('SIGTERM');
  await proxy.close();
  await etcd.kill();
});

/** At most `count` of the items, evenly. */
function spread<T>(items: readonly T[], count: number): T[] {
  const every = Math.max(1, items.length / count);
  return items.filter((_item, at) => Math.floor(at / every) !== Math.floor((at - 1) / every));
}

/** Ends of the HTTP/2 frames (RFC 9113 §4.1) that a server has sent. */
function frameEnds(octets: Buffer): number[] {
  const ends: number[] = [];
  for (let at = 0; at + 9 <= octets.length; ) {
    at += 9 + octets.readUIntBE(at, 3);
    if (at <= octets.length) ends.push(at);
  }
  return ends;
}

if (!skipWithoutEtcd('integration/resolver-outages')) test.run();
