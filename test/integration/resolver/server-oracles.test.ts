/** Three readers that share no code with us must read the same out of our answers: dig, dnspython and dns-packet. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseName } from '../../../shared/name.ts';
import type { RrTypeName } from '../../../shared/rrset.ts';
import { dig, haveDig } from '../../support/servers/dig.ts';
import { askTcp, askUdp } from '../../support/servers/dns-client.ts';
import { type Serving, serving } from '../../support/serving.ts';

const run = promisify(execFile);
/** Debian's own, which has python3-dnspython; another python3 may stand before it in the path. */
const PYTHON = '/usr/bin/python3';

const test = suite<{ on: Serving }>('integration: server oracles');

const ZONE = `
  1.node-1.web.example.org  host=192.0.2.1 port=80 ttl=30
  2.node-1.web.example.org  host=192.0.2.2 port=81 priority=20
  3.node-2.web.example.org  host=2001:db8::3 port=82
  alias.example.org         host=web.example.org
  mail.example.org          host=192.0.2.25 mail=true
  note.example.org          text="two words"
  long.example.org          text=${'x'.repeat(600)}
  a.ns.dns.example.org      host=192.0.2.53
`;

const ASKS: readonly (readonly [name: string, type: RrTypeName])[] = [
  ['web.example.org', 'A'],
  ['web.example.org', 'AAAA'],
  ['web.example.org', 'SRV'],
  ['node-1.web.example.org', 'SRV'],
  ['*.web.example.org', 'SRV'],
  ['alias.example.org', 'A'],
  ['alias.example.org', 'CNAME'],
  ['mail.example.org', 'MX'],
  ['note.example.org', 'TXT'],
  ['long.example.org', 'TXT'],
  ['example.org', 'NS'],
  ['example.org', 'SOA'],
  ['1.2.0.192.in-addr.arpa', 'PTR'],
  ['web.example.org', 'ANY'],
  ['web.example.org', 'MX'],
  ['gone.example.org', 'A'],
];

interface Read {
  readonly rcode: string;
  readonly flags: readonly string[];
  /** Owner, TTL and type of each record, sorted; and how many records each section has. */
  readonly sections: Readonly<Record<'answer' | 'authority' | 'additional', readonly string[]>>;
}

const ORACLE = `
import json, sys, dns.flags, dns.message, dns.query, dns.rcode, dns.rdatatype
server, port = sys.argv[1], int(sys.argv[2])
def section(rrsets):
    return sorted("%s %d %s %s" % (s.name, s.ttl, dns.rdatatype.to_text(s.rdtype), r.to_text()) for s in rrsets for r in s)
for line in sys.stdin:
    name, rdtype, transport = line.split()
    query = dns.message.make_query(name, rdtype, use_edns=0, payload=1232)
    ask = dns.query.tcp if transport == "tcp" else dns.query.udp
    # raises on anything malformed, trailing octets included
    reply = ask(query, server, port=port, timeout=5)
    print(json.dumps({"rcode": dns.rcode.to_text(reply.rcode()), "flags": sorted(dns.flags.to_text(reply.flags).lower().split()),
        "sections": {"answer": section(reply.answer), "authority": section(reply.authority), "additional": section(reply.additional)}}))
`;

async function readByPython({ server }: Serving, transport: string): Promise<Read[]> {
  const child = run(PYTHON, ['-c', ORACLE, server.host, String(server.port)]);
  child.child.stdin?.end(ASKS.map(([name, type]) => `${name} ${type} ${transport}\n`).join(''));
  const { stdout } = await child;
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Read);
}

async function readByDig({ server }: Serving, transport: string): Promise<Read[]> {
  const reads: Read[] = [];
  for (const [name, type] of ASKS) {
    const args = transport === 'tcp' ? ['+tcp'] : [];
    const { status, flags, answer, authority, additional } = await dig(server, ...args, name, type);
    const section = (lines: readonly string[]) => lines.map((line) => line.replace(' IN ', ' ')).sort();
    const sections = { answer: section(answer), authority: section(authority), additional: section(additional) };
    reads.push({ rcode: status, flags: [...flags].sort(), sections });
  }
  return reads;
}

/** Owner, TTL and type: dns-packet spells rdata in its own way. */
async function readByDnsPacket({ server }: Serving, transport: string): Promise<Read[]> {
  const reads: Read[] = [];
  for (const [name, type] of ASKS) {
    const packet = await (transport === 'tcp' ? askTcp : askUdp)(server, { name, type, edns: { udp: 1232 } });
    const section = (records: readonly object[] = []) =>
      records
        .map((record) => record as { name: string; ttl: number; type: string })
        .filter((record) => record.type !== 'OPT')
        .map((record) => `${record.name}. ${record.ttl} ${record.type}`)
        .sort();
    const { flag_aa, flag_tc, flag_rd, flag_ra } = packet;
    const flags = Object.entries({ qr: true, aa: flag_aa, tc: flag_tc, rd: flag_rd, ra: flag_ra });
    reads.push({
      rcode: (packet as unknown as { rcode: string }).rcode,
      flags: flags.flatMap(([flag, isSet]) => (isSet ? [flag] : [])).sort(),
      sections: {
        answer: section(packet.answers),
        authority: section(packet.authorities),
        additional: section(packet.additionals),
      },
    });
  }
  return reads;
}

const withoutRdata = (lines: readonly string[]) => lines.map((line) => line.split(' ').slice(0, 3).join(' ')).sort();

test.before(async (context) => {
  const zones = ['example.org', '2.0.192.in-addr.arpa'].map(parseName);
  context.on = await serving(ZONE, { lookupSettings: { zones } });
});
test.after(({ on }) => on.close());

const havePython = existsSync(PYTHON);
if (!havePython || !haveDig()) {
  console.log('SKIP integration: server oracles: install the packages bind9-dnsutils and python3-dnspython');
} else {
  for (const transport of ['udp', 'tcp']) {
    test(`dig, dnspython and dns-packet read the same over ${transport}`, async ({ on }) => {
      const [byDig, byPython, byPacket] = [
        await readByDig(on, transport),
        await readByPython(on, transport),
        await readByDnsPacket(on, transport),
      ];
      for (const [at, [name, type]] of ASKS.entries()) {
        const what = `${name} ${type}`;
        const [one, two, three] = [byDig[at] as Read, byPython[at] as Read, byPacket[at] as Read];
        assert.equal(two, one, `${what}: dig, then dnspython`);
        assert.equal([three.rcode, three.flags], [one.rcode, one.flags], what);
        for (const section of ['answer', 'authority', 'additional'] as const) {
          assert.equal(three.sections[section], withoutRdata(one.sections[section]), `${what} ${section}`);
        }
      }
    });
  }

  test('dig takes our cookie for good, and gets the NSID', async ({ on }) => {
    const { stdout } = await run('dig', [
      `@${on.server.host}`,
      '-p',
      String(on.server.port),
      '+cookie',
      '+nsid',
      '+tries=1',
      'web.example.org',
    ]);
    assert.match(stdout, /COOKIE: [0-9a-f]{48} \(good\)/);
    assert.match(stdout, /NSID: .*\("node-1"\)/);
  });
}

test.run();
