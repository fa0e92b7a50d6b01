/**
 * Tables of answers asked over the network: records put into a real etcd, a `rollcall resolver` as a user starts it, and
 * questions written and read by dns-packet.
 */
import { type DecodedPacket, decode } from 'dns-packet';
import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../shared/address.ts';
import { askTcp, queryOctets, sendUdp } from './servers/dns-client.ts';
import type { Etcd } from './servers/etcd.ts';
import { freePort } from './servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from './servers/rollcall.ts';
import { temporaryDirectory } from './temporary.ts';
import { eventsFrom } from './zone-text.ts';

/** A rule, the questions that show it, and what they get. */
export interface SemanticsRow {
  readonly rule: string;
  /** See `zone-text.ts`; `lease=` gives a lease's TTL in seconds. */
  readonly records?: string;
  /**
   * `name TYPE`, then RRs with their TTLs, one a line: answers bare, authority behind `!`, additional behind `+`. Or
   * `NODATA zone`, `NXDOMAIN zone`, or an RCODE, and the records behind it, for a response that is not authoritative.
   * `40~` is the TTL of what came from an upstream: 40, less the seconds since the table's first question at most.
   */
  readonly asks: Readonly<Record<string, string>>;
}

export interface SemanticsTable {
  readonly prefix: string;
  /** Behind `--etcd`, `--prefix` and `--listen`. */
  readonly flags: readonly string[];
  /** Seconds; in the SOA of negative answers. */
  readonly negativeTtl?: number;
  readonly rows: readonly SemanticsRow[];
}

/** Groups below `zone`: all of the same, one beside records without any, two that differ, where the first by key answers. */
export function groupsBelow(zone: string, ttl: number): SemanticsRow {
  return {
    rule: `groups below ${zone}: the same, one and none, two that differ`,
    records: `
      a.dom.${zone}      host=127.0.0.1 group=g1
      b.sub.dom.${zone}  host=127.0.0.2 group=g1
      a.dom2.${zone}     host=127.0.0.1 group=g1
      b.sub.dom2.${zone} host=127.0.0.2
      a.dom1.${zone}     host=127.0.0.1 group=g1
      b.sub.dom1.${zone} host=127.0.0.2 group=g2`,
    asks: {
      [`dom.${zone} A`]: `
        dom.${zone}. ${ttl} A 127.0.0.1
        dom.${zone}. ${ttl} A 127.0.0.2`,
      [`dom2.${zone} A`]: `
        dom2.${zone}. ${ttl} A 127.0.0.1
        dom2.${zone}. ${ttl} A 127.0.0.2`,
      [`dom1.${zone} A`]: `dom1.${zone}. ${ttl} A 127.0.0.1`,
    },
  };
}

export interface ResolverProcess extends RollcallProcess {
  readonly server: HostPort;
  readonly httpPort: number;
  readonly dataDir: string;
}

/** Starts a resolver process on free ports and waits until it is ready. */
export async function startResolverProcess(
  etcdUrl: string,
  flags: readonly string[],
  {
    dataDir = temporaryDirectory(),
    wait = true,
    environment = {},
  }: { dataDir?: string; wait?: boolean; environment?: Record<string, string> } = {},
): Promise<ResolverProcess> {
  const server = { host: '127.0.0.1', port: await freePort() };
  const httpPort = await freePort();
  const listen = ['--listen', `${server.host}:${server.port}`, '--http', `127.0.0.1:${httpPort}`];
  const args = ['resolver', '--etcd', etcdUrl, ...listen, '--data-dir', dataDir, ...flags];
  const child = startRollcall(args, environment);
  if (wait) {
    const early = child.ended.then((code) => {
      throw new Error(`rollcall resolver ended with ${code}: ${child.stderr()}`);
    });
    await Promise.race([ready(httpPort), early]);
    early.catch(() => undefined);
  }
  return Object.assign(child, { server, httpPort, dataDir });
}

/** Puts zone text into etcd by its HTTP gateway: none of our code in between. */
export async function putRecords(etcd: Etcd, records: string, prefix: string): Promise<void> {
  const leases = new Map<string, string>();
  const puts: object[] = [];
  for (const event of eventsFrom(records, prefix)) {
    if (event.type !== 'RecordPut') continue;
    if (event.lease !== undefined && !leases.has(event.lease)) {
      const granted = await post(etcd, 'lease/grant', { TTL: event.lease });
      leases.set(event.lease, (granted as { ID: string }).ID);
    }
    const lease = event.lease === undefined ? {} : { lease: leases.get(event.lease) };
    puts.push({ requestPut: { key: base64(event.key), value: base64(event.value), ...lease } });
  }
  // etcd takes 128 operations a transaction.
  for (let at = 0; at < puts.length; at += 100) await post(etcd, 'kv/txn', { success: puts.slice(at, at + 100) });
}

export async function deleteRecord(etcd: Etcd, key: string): Promise<void> {
  await post(etcd, 'kv/deleterange', { key: base64(key) });
}

async function post(etcd: Etcd, path: string, body: object): Promise<unknown> {
  const response = await fetch(`${etcd.url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

/** Makes a test of each row. All rows share one etcd prefix and one process, so each keeps to names of its own. */
export function checkTable(
  test: ReturnType<typeof suite>,
  etcd: () => Etcd,
  what: string,
  { prefix, flags, negativeTtl = 5, rows }: SemanticsTable,
): void {
  let resolver: ResolverProcess;
  let startedMs = 0;
  test(`${what}: a resolver is started on ${prefix}`, async () => {
    await putRecords(etcd(), rows.map(({ records = '' }) => records).join('\n'), prefix);
    resolver = await startResolverProcess(etcd().url, ['--prefix', prefix, ...flags]);
    startedMs = performance.now();
  });
  for (const { rule, asks } of rows) {
    test(`${what}: ${rule}`, async () => {
      for (const [ask, gives] of Object.entries(asks)) {
        const packet = await askAnyhow(resolver.server, ask);
        const wanted = expected(gives, negativeTtl).sort();
        const passedSeconds = Math.ceil((performance.now() - startedMs) / 1000);
        assert.equal(countedDown(describePacket(packet), wanted, passedSeconds).sort(), wanted, ask);
        inChainOrder(packet, ask);
      }
    });
  }
  test(`${what}: the resolver ends`, async () => {
    assert.is(await resolver.end('SIGTERM'), 0);
  });
}

/** As every client asks: over UDP without EDNS, and over TCP when the answer was cut. */
async function askAnyhow(server: HostPort, ask: string): Promise<DecodedPacket> {
  const [name = '', type = 'A'] = ask.split(' ');
  const question = { name, type: /^\d+$/.test(type) ? Number(type) : (type as 'A') };
  const response = await sendUdp(server, queryOctets(question));
  if (response === undefined) throw new Error(`no answer to ${ask}`);
  const packet = decode(response);
  return packet.flag_tc ? askTcp(server, question) : packet;
}

/** Sorted lines as in {@link SemanticsRow}, the RCODE first. */
export function describePacket(packet: DecodedPacket): string[] {
  const { rcode } = packet as unknown as { rcode: string };
  return [
    `${rcode}${packet.flag_aa ? ' aa' : ''}`,
    ...lines(packet.answers, ''),
    ...lines(packet.authorities, '! '),
    ...lines(packet.additionals, '+ '),
  ];
}

function lines(records: readonly object[] | undefined, mark: string): string[] {
  return (records ?? [])
    .map((record) => record as { name: string; type: string; ttl: number; data: unknown })
    .filter(({ type }) => type !== 'OPT')
    .map(({ name, type, ttl, data }) => `${mark}${dotted(name)} ${ttl} ${type} ${rdataText(type, data)}`)
    .sort();
}

// biome-ignore lint/suspicious/noExplicitAny: each type's data has its own shape in dns-packet
function rdataText(type: string, data: any): string {
  switch (type) {
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${dotted(data.target)}`;
    case 'MX':
      return `${data.preference ?? 0} ${dotted(data.exchange)}`;
    case 'TXT':
      return [data]
        .flat()
        .map((each) => JSON.stringify(Buffer.from(each).toString('latin1')))
        .join(' ');
    case 'SOA':
      return `${dotted(data.mname)} ${dotted(data.rname)} ${data.refresh} ${data.retry} ${data.expire} ${data.minimum}`;
    case 'HINFO':
      return `${data.cpu} ${data.os}`.trim();
    case 'CNAME':
    case 'NS':
    case 'PTR':
      return dotted(data);
    default:
      return String(data);
  }
}

function dotted(name: string): string {
  return name === '.' ? name : `${name}.`;
}

function expected(gives: string, negativeTtl: number): string[] {
  const all = gives
    .split('\n')
    .map((line) => line.trim().replace(/\s+/g, ' '))
    .filter((line) => line !== '');
  const [first = '', zone = ''] = all[0]?.split(' ') ?? [];
  if (first === 'NODATA' || first === 'NXDOMAIN') {
    const times = `28800 7200 604800 ${negativeTtl}`;
    const soa = `! ${zone} ${negativeTtl} SOA ns.dns.${zone} hostmaster.${zone} ${times}`;
    return [first === 'NODATA' ? 'NOERROR aa' : 'NXDOMAIN aa', soa];
  }
  if (/^[A-Z]+$/.test(first)) return all;
  const section = (mark: RegExp) => all.filter((line) => mark.test(line)).sort();
  return ['NOERROR aa', ...section(/^[^!+]/), ...section(/^!/), ...section(/^\+/)];
}

/** What was said, with the TTL as it is wanted where that may have counted down to the one said. */
function countedDown(said: readonly string[], wanted: readonly string[], passedSeconds: number): string[] {
  const counting = wanted.flatMap((line) => {
    const [, owner, ttl, rest] = /^(.*) (\d+)~ (.*)$/.exec(line) ?? [];
    return ttl === undefined ? [] : [{ line, owner, most: Number(ttl), rest }];
  });
  return said.map((line) => {
    const [, owner, ttl, rest] = /^(.*\.) (\d+) (.*)$/.exec(line) ?? [];
    const seconds = Number(ttl);
    const found = counting.find(
      (each) =>
        each.owner === owner && each.rest === rest && seconds <= each.most && seconds >= each.most - passedSeconds,
    );
    return found?.line ?? line;
  });
}

/** Each CNAME of the answer stands before the RRs of the name that it leads to. */
function inChainOrder(packet: DecodedPacket, ask: string): void {
  const answers = (packet.answers ?? []) as { name: string; type: string; data: unknown }[];
  const lastAlias = answers.findLastIndex(({ type }) => type === 'CNAME');
  for (const [at, { type, data }] of answers.entries()) {
    if (type !== 'CNAME') assert.ok(at > lastAlias, `${ask}: a CNAME stands behind an address`);
    const leadsTo = answers.findIndex(({ name }) => type === 'CNAME' && name === data);
    if (leadsTo >= 0) assert.ok(leadsTo > at, `${ask}: ${String(data)} stands before the CNAME that leads to it`);
  }
}
