/**
 * The same mutated datagrams to a resolver process and to NSD, which serves the same names: what differs in what they
 * say must be on the list of docs/decisions/0009-where-we-differ-from-nsd.md. `ROLLCALL_DIFF_INPUTS` sets their number,
 * `ROLLCALL_DIFF_SEED` the seed, which a failure names.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../../shared/address.ts';
import { mutate, Random } from '../../support/mutations.ts';
import { describePacket, putRecords, type ResolverProcess, startResolverProcess } from '../../support/semantics.ts';
import { askTcp, optOctets, queryOctets, tsigOctets } from '../../support/servers/dns-client.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { haveNsd, type Nsd, startNsd } from '../../support/servers/nsd.ts';
import { until } from '../../support/until.ts';

const INPUTS = Number(process.env.ROLLCALL_DIFF_INPUTS ?? 12_000);
const SEED = Number(process.env.ROLLCALL_DIFF_SEED ?? 20_261_120);

const test = suite('integration/protocol-nsd');

const ZONE = 'diff.test';
const NAMES = [ZONE, 'web', 'one.web', 'two.web', 'six', 'note', 'mail', 'deep', 'a.deep', 'b.a.deep', 'wide'].map(
  (label) => (label === ZONE ? ZONE : `${label}.${ZONE}`),
);
const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'MX', 'NS', 'SOA'] as const;

const RECORDS = `
  one.web.${ZONE}      host=10.0.0.1 port=80 ttl=60
  two.web.${ZONE}      host=10.0.0.2 port=81 ttl=60
  six.${ZONE}          host=2001:db8::6
  note.${ZONE}         text="two words"
  mail.${ZONE}         host=10.0.0.25 mail=true priority=20
  b.a.deep.${ZONE}     host=10.0.0.3
  wide.${ZONE}         text=0
  ${Array.from({ length: 60 }, (_none, at) => `n${at}.wide.${ZONE} host=10.0.1.${at} targetstrip=1`).join('\n')}
  ns.ns.dns.${ZONE}    host=127.0.0.1
`;
/** Below the names that NSD is told of. */
const UNTOLD = ['ns.dns', 'dns', 'ns.ns.dns', ...Array.from({ length: 60 }, (_none, at) => `n${at}.wide`)];

const COOKIE = { code: 10, data: '12345678' };
const CORPUS: readonly Buffer[] = [
  ...NAMES.concat(`gone.${ZONE}`, `x.gone.${ZONE}`, 'elsewhere.test', '.').flatMap((name) =>
    ([...TYPES, 'CNAME', 'PTR', 4711] as const).map((type) => queryOctets({ name, type })),
  ),
  ...NAMES.map((name) => queryOctets({ name, edns: { udp: 4096 } })),
  ...NAMES.map((name) => queryOctets({ name: name.toUpperCase(), type: 'TXT', edns: { udp: 512, dnssecOk: true } })),
  queryOctets({ name: `web.${ZONE}`, type: 'SRV', edns: { version: 1 } }),
  queryOctets({
    name: `web.${ZONE}`,
    edns: { options: [{ code: 3 }, COOKIE, { code: 11 }, { code: 4711, data: 'x' }] },
  }),
  queryOctets({ name: `web.${ZONE}`, edns: { flags: 0xffff } }),
  queryOctets({ name: `web.${ZONE}`, flags: 0x0130 }),
  queryOctets({ name: `web.${ZONE}`, flags: 0x2000 }),
  queryOctets({ name: `web.${ZONE}`, flags: 0x2800 }),
  queryOctets({ name: `web.${ZONE}`, flags: 0x7800 }),
  queryOctets({ name: `web.${ZONE}`, class: 3 }),
  queryOctets({ name: `web.${ZONE}`, class: 255 }),
  queryOctets({ name: Array.from({ length: 120 }, () => 'a').join('.') }),
  queryOctets({ name: ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(47), ZONE].join('.') }),
  Buffer.concat([
    Buffer.from('123401000001000000000002', 'hex'),
    queryOctets({ name: ZONE }).subarray(12),
    optOctets({}),
    optOctets({}),
  ]),
  Buffer.concat([
    Buffer.from('123401000001000000000002', 'hex'),
    queryOctets({ name: `web.${ZONE}` }).subarray(12),
    optOctets({}),
    tsigOctets(),
  ]),
  Buffer.from('12340100ffffffffffffffff', 'hex'),
  Buffer.from('123401000001000000000000c00c00010001', 'hex'),
];

/** A response, as far as both must say the same. */
interface Said {
  readonly flags: number;
  readonly questions: number;
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  readonly opt: string;
}

function read(response: Buffer | undefined): Said | 'silence' | 'unreadable' {
  if (response === undefined) return 'silence';
  try {
    const packet = decode(response);
    const lines = describePacket(packet);
    const opt = (packet.additionals ?? []).find(({ type }) => type === 'OPT') as
      | { ednsVersion: number; extendedRcode: number; flags: number }
      | undefined;
    return {
      flags: response.readUInt16BE(2),
      questions: response.readUInt16BE(4),
      answers: lines.slice(1).filter((line) => !/^[!+]/.test(line)),
      authority: lines.filter((line) => line.startsWith('!')),
      opt: opt === undefined ? 'none' : `version ${opt.ednsVersion} rcode ${opt.extendedRcode} flags ${opt.flags}`,
    };
  } catch {
    return 'unreadable';
  }
}

/** A socket to one server; the answers by the id of the question. */
class Asker {
  readonly answers = new Map<number, Buffer>();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message: Buffer) => this.answers.set(message.readUInt16BE(0), message));
  }

  static async to({ host, port }: HostPort): Promise<Asker> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    socket.connect(port, host);
    await once(socket, 'connect');
    return new Asker(socket);
  }

  /**
   * NSD takes and sends datagrams by the batch, and not in order; but what it took before a well-formed question was
   * answered is sent before a further one is.
   */
  async ask(datagrams: readonly Buffer[], question: Buffer): Promise<void> {
    this.answers.clear();
    for (const datagram of datagrams) this.#socket.send(datagram);
    const id = question.readUInt16BE(0);
    for (let times = 0; times < 2; times += 1) {
      this.answers.delete(id);
      this.#socket.send(question);
      await until(`the answer behind ${datagrams.length} datagrams`, () => this.answers.has(id), { everyMs: 1 });
    }
  }

  close(): void {
    this.#socket.close();
  }
}

interface Case {
  readonly query: Buffer;
  readonly ours: Said | 'silence' | 'unreadable';
  readonly theirs: Said | 'silence' | 'unreadable';
}

const [FORMERR, NOTIMP, REFUSED, NOTAUTH] = [1, 4, 5, 9];
const NOTIFY = 4;
const [IN, ANY_CLASS, ANY_TYPE] = [1, 255, 255];
const RD = 0x0100;
/** All of the second flags word but QR, opcode and RCODE. */
const FLAG_BITS = 0x07f0;

/** The explained list: why a difference is meant, and which those are. */
const MEANT: Readonly<Record<string, (each: Case) => boolean>> = {
  'REFUSED to another class: the question comes back with ours': ({ query, ours, theirs }) =>
    saysBoth(ours, theirs, REFUSED) && questionOf(query)?.class !== IN && sameBut('questions', ours, theirs),
  'NOTAUTH to a TSIG: the question comes back with ours': ({ ours, theirs }) =>
    saysBoth(ours, theirs, NOTAUTH) && (ours as Said).questions === 1 && sameBut('questions', ours, theirs),
  'a TSIG whose parts do not fit into it: FORMERR of ours, NOTAUTH of NSD': ({ ours, theirs }) =>
    says(ours, FORMERR) && says(theirs, NOTAUTH),
  'class ANY is refused by us, answered as IN by NSD': ({ query, ours }) =>
    says(ours, REFUSED) && questionOf(query)?.class === ANY_CLASS,
  'FORMERR: RD comes back with ours': ({ query, ours, theirs }) =>
    saysBoth(ours, theirs, FORMERR) &&
    ((ours as Said).flags & RD) === (query.readUInt16BE(2) & RD) &&
    sameBut('flags', ours, theirs),
  'FORMERR beside an OPT that could be read: question and OPT come back with ours, a bare header of NSD': ({
    query,
    ours,
    theirs,
  }) =>
    saysBoth(ours, theirs, FORMERR) &&
    ((ours as Said).flags & FLAG_BITS) === (query.readUInt16BE(2) & RD) &&
    /^version 0 rcode 0 flags (0|32768)$/.test((ours as Said).opt) &&
    (theirs as Said).questions === 0 &&
    (theirs as Said).opt === 'none' &&
    sameBut(['flags', 'questions', 'opt'], ours, theirs),
  'NOTIMP: of the flags RD alone comes back with ours, all with NSD’s': ({ query, ours, theirs }) =>
    saysBoth(ours, theirs, NOTIMP) &&
    ((ours as Said).flags & FLAG_BITS) === (query.readUInt16BE(2) & RD) &&
    sameBut('flags', ours, theirs),
  'NOTIFY: not implemented by us': ({ query, ours }) => says(ours, NOTIMP) && opcodeOf(query) === NOTIFY,
  'an OPT of another version whose options do not fit: FORMERR of ours, BADVERS of NSD': ({ ours, theirs }) =>
    says(ours, FORMERR) && typeof theirs === 'object' && theirs.opt.startsWith('version 0 rcode 1 '),
  'BADVERS: DO comes back with ours': ({ ours, theirs }) =>
    typeof ours === 'object' && ours.opt === 'version 0 rcode 1 flags 32768' && sameBut('opt', ours, theirs),
  'type ANY: one HINFO of ours (RFC 8482), one RRset of NSD': ({ query, ours, theirs }) =>
    questionOf(query)?.type === ANY_TYPE && sameBut('answers', ours, theirs),
};

function says(said: Case['ours'], rcode: number): boolean {
  return typeof said === 'object' && (said.flags & 0xf) === rcode;
}

function saysBoth(ours: Case['ours'], theirs: Case['ours'], rcode: number): boolean {
  return says(ours, rcode) && says(theirs, rcode);
}

function sameBut(parts: keyof Said | readonly (keyof Said)[], ours: Case['ours'], theirs: Case['ours']): boolean {
  if (typeof ours !== 'object' || typeof theirs !== 'object') return false;
  const left = Object.fromEntries([parts].flat().map((part) => [part, undefined]));
  return JSON.stringify({ ...ours, ...left }) === JSON.stringify({ ...theirs, ...left });
}

function opcodeOf(query: Buffer): number {
  return (query.readUInt16BE(2) >>> 11) & 0xf;
}

/** Type and class, when the name is one without pointers. */
function questionOf(query: Buffer): { type: number; class: number } | undefined {
  let at = 12;
  for (let octets = query[at]; octets !== 0; octets = query[at]) {
    if (octets === undefined || octets > 63) return undefined;
    at += 1 + octets;
  }
  return at + 5 > query.length ? undefined : { type: query.readUInt16BE(at + 1), class: query.readUInt16BE(at + 3) };
}

function differs({ ours, theirs }: Case): boolean {
  return JSON.stringify(ours) !== JSON.stringify(theirs);
}

if (!haveNsd()) {
  console.log('SKIP integration/protocol-nsd: nsd or faketime is missing; install the packages nsd and faketime');
} else if (!skipWithoutEtcd('integration/protocol-nsd')) {
  let etcd: Etcd;
  let resolver: ResolverProcess;
  let nsd: Nsd;

  test.before(async () => {
    etcd = await startEtcd();
    await putRecords(etcd, RECORDS, '/skydns');
    const flags = ['--prefix', '/skydns', '--zone', ZONE, '--forward', 'none', '--no-rotate', '--no-chaos'];
    resolver = await startResolverProcess(etcd.url, [...flags, '--default-ttl', '300']);
    nsd = await startNsd(ZONE, await zoneFileOf(resolver.server));
  });
  test.after(async () => {
    await resolver.end('SIGTERM');
    await nsd.stop();
    await etcd.kill();
  });

  test(`${INPUTS} mutated datagrams: the same answers as NSD's, but for the explained list`, async () => {
    const random = new Random(SEED);
    const [ours, theirs] = [await Asker.to(resolver.server), await Asker.to(nsd.server)];
    const counts = new Map<string, number>();
    let largestRatio = 0;
    let differences = 0;
    try {
      for (let done = 0; done < INPUTS; ) {
        const batch: Buffer[] = [];
        for (; batch.length < 50 && done < INPUTS; done += 1) {
          const query =
            done < CORPUS.length ? Buffer.from(CORPUS[done] as Buffer) : Buffer.from(mutate(CORPUS, random));
          if (query.length >= 2) query.writeUInt16BE(batch.length + 1, 0);
          batch.push(query);
        }
        const barrier = queryOctets({ name: ZONE, type: 'SOA', id: 0xffff });
        await Promise.all([ours.ask(batch, barrier), theirs.ask(batch, barrier)]);
        for (const [at, query] of batch.entries()) {
          const response = ours.answers.get(at + 1);
          if (response !== undefined) largestRatio = Math.max(largestRatio, response.length / query.length);
          const each = { query, ours: read(response), theirs: read(theirs.answers.get(at + 1)) };
          if (!differs(each)) continue;
          differences += 1;
          const why = Object.entries(MEANT).find(([, isMeant]) => isMeant(each))?.[0];
          if (why !== undefined) counts.set(why, (counts.get(why) ?? 0) + 1);
          else if (process.env.ROLLCALL_DIFF_PRINT !== undefined) console.log(explain(each));
          else assert.unreachable(`seed ${SEED}: ${explain(each)}`);
        }
      }
    } finally {
      ours.close();
      theirs.close();
    }
    console.log(
      `  ${INPUTS} datagrams, ${differences} differences, all meant: ${JSON.stringify(Object.fromEntries(counts))}; largest reply/query ${largestRatio.toFixed(1)}`,
    );
  });
}

function explain({ query, ours, theirs }: Case): string {
  return `${query.toString('hex')}\n  ours   ${JSON.stringify(ours)}\n  theirs ${JSON.stringify(theirs)}`;
}

/** What we answer to each name and type, as a master file: NSD then knows the same. */
async function zoneFileOf(server: HostPort): Promise<string> {
  const lines = new Set<string>();
  for (const name of NAMES.concat(UNTOLD.map((label) => `${label}.${ZONE}`))) {
    for (const type of TYPES) {
      const packet = await askTcp(server, { name, type });
      const serial = packet.answers?.flatMap((each) => (each.type === 'SOA' ? [each.data.serial] : []))[0];
      for (const line of describePacket(packet).slice(1)) {
        if (/^[!+]/.test(line)) continue;
        lines.add(serial === undefined ? line : line.replace(/(hostmaster\S+) /, `$1 ${serial} `));
      }
    }
  }
  const all = [...lines];
  return `${[...all.filter((line) => line.includes(' SOA ')), ...all.filter((line) => !line.includes(' SOA '))].join('\n')}\n`;
}

test.run();
