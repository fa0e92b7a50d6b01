/**
 * Where the published test tables of SkyDNS and of the CoreDNS etcd plugin contradict each other, or the rules, one row
 * each: what they ask for, what is answered here, and why. `docs/records.md` has the list for readers.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { describePacket, putRecords, type ResolverProcess, startResolverProcess } from '../../support/semantics.ts';
import { type Ask, askUdp } from '../../support/servers/dns-client.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';

const test = suite('integration/semantics-differences');

interface Difference {
  readonly they: string;
  readonly because: string;
  readonly asks: readonly (readonly [ask: Ask, gives: readonly string[]])[];
}

const SOA = '! sky.test. 5 SOA ns.dns.sky.test. hostmaster.sky.test. 28800 7200 604800 5';

const RECORDS = `
  a.web.sky.test       host=10.0.0.1 port=80
  a.two.sky.test       host=one.sky.test
  b.two.sky.test       host=other.sky.test
  one.sky.test         host=10.0.1.1
  other.sky.test       host=10.0.1.2
  a.same.sky.test      host=far.example
  b.same.sky.test      host=far.example
  note.sky.test        host=one.sky.test text=words
  out.sky.test         host=far.example
  a.far.stub.dns.sky.test host=127.0.0.1 port=1
  x.legacy.test        host=10.0.2.1`;

const DIFFERENCES: readonly Difference[] = [
  {
    they: 'SkyDNS: the names of its authors in class CH, at authors.bind and at the zone',
    because: 'they did not write this server; version and host names are answered',
    asks: [
      [{ name: 'authors.bind', type: 'TXT', class: 3 }, ['REFUSED']],
      [{ name: 'sky.test', type: 'TXT', class: 3 }, ['REFUSED']],
    ],
  },
  {
    they: 'SkyDNS: SERVFAIL for other questions of class CH',
    because: 'SERVFAIL has clients ask again; the class is not served',
    asks: [[{ name: 'local.dns.sky.test', class: 3 }, ['REFUSED']]],
  },
  {
    they: 'SkyDNS: REFUSED for ANY',
    because: 'RFC 8482 §4.2',
    asks: [[{ name: 'a.web.sky.test', type: 'ANY' }, ['NOERROR aa', 'a.web.sky.test. 300 HINFO RFC8482']]],
  },
  {
    they: 'SkyDNS: DNSKEY, RRSIG and NSEC3 with DO',
    because: 'the zone is not signed: its answers are those of an unsigned zone, with an OPT',
    asks: [
      [{ name: 'sky.test', type: 48, edns: { dnssecOk: true } }, ['NOERROR aa', SOA]],
      [{ name: 'a.web.sky.test', edns: { dnssecOk: true } }, ['NOERROR aa', 'a.web.sky.test. 300 A 10.0.0.1']],
      [{ name: 'no.sky.test', edns: { dnssecOk: true } }, ['NXDOMAIN aa', SOA]],
    ],
  },
  {
    they: 'SkyDNS: the default TTL for the SOA at the apex; CoreDNS: 300, later 30',
    because: 'RFC 2308 §4: it is how long a negative answer is kept, --negative-ttl',
    asks: [[{ name: 'sky.test', type: 'SOA' }, ['NOERROR aa', SOA.slice(2)]]],
  },
  {
    they: 'SkyDNS: either of two CNAMEs of one owner, at random; CoreDNS: both',
    because: 'an owner has one (RFC 1034 §3.6.2): the first in key order, every time',
    asks: [
      [
        { name: 'two.sky.test' },
        [
          'NOERROR aa',
          'one.sky.test. 300 A 10.0.1.1',
          'other.sky.test. 300 A 10.0.1.2',
          'two.sky.test. 300 CNAME one.sky.test.',
        ],
      ],
    ],
  },
  {
    they: 'CoreDNS: two records that give one SRV RR halve its weight',
    because: 'SkyDNS counts them once, and so does who reads the answer',
    asks: [[{ name: 'same.sky.test', type: 'SRV' }, ['NOERROR aa', 'same.sky.test. 300 SRV 10 100 0 far.example.']]],
  },
  {
    they: 'CoreDNS: text beside a name hides the name',
    because: 'a note on a record must not take it down',
    asks: [
      [
        { name: 'note.sky.test' },
        ['NOERROR aa', 'note.sky.test. 300 CNAME one.sky.test.', 'one.sky.test. 300 A 10.0.1.1'].sort(),
      ],
    ],
  },
  {
    they: 'CoreDNS: TXT of a name whose host is outside, from the upstream',
    because: 'upstreams are asked for addresses alone: one that is away must not turn such a NODATA into SERVFAIL',
    asks: [[{ name: 'out.sky.test', type: 'TXT' }, ['NOERROR aa', SOA]]],
  },
  {
    they: 'CoreDNS: the address of a zone without apex.dns is every address in it',
    because: 'that answer grows with the zone; --legacy-apex turns it on',
    asks: [
      [
        { name: 'legacy.test' },
        ['NOERROR aa', '! legacy.test. 5 SOA ns.dns.legacy.test. hostmaster.legacy.test. 28800 7200 604800 5'],
      ],
    ],
  },
  {
    they: 'SkyDNS without recursion, CoreDNS without a next plugin: SERVFAIL for names of no zone',
    because: 'nothing failed, and asking again is of no use',
    asks: [[{ name: 'www.example.org' }, ['REFUSED']]],
  },
  {
    they: 'both, long ago: servers for other zones taken from keys below stub.dns.<zone>',
    because: 'who may announce a service must not direct the names of others elsewhere; --stub names them',
    asks: [
      [{ name: 'www.far' }, ['REFUSED']],
      [{ name: 'a.far.stub.dns.sky.test' }, ['NOERROR aa', 'a.far.stub.dns.sky.test. 300 A 127.0.0.1']],
    ],
  },
];

if (!skipWithoutEtcd('integration/semantics-differences')) {
  let etcd: Etcd;
  let resolver: ResolverProcess;

  test.before(async () => {
    etcd = await startEtcd();
    await putRecords(etcd, RECORDS, '/skydns');
    const zones = ['--zone', 'sky.test', '--zone', 'legacy.test'];
    resolver = await startResolverProcess(etcd.url, [...zones, '--forward', 'none', '--default-ttl', '300']);
  });
  test.after(async () => {
    await resolver.end('SIGTERM');
    await etcd.kill();
  });

  for (const { they, because, asks } of DIFFERENCES) {
    test(`${they}. Here: ${because}`, async () => {
      for (const [ask, gives] of asks) {
        const packet = await askUdp(resolver.server, ask);
        assert.equal(describePacket(packet), [gives[0], ...gives.slice(1).sort()], JSON.stringify(ask));
        const hasOpt = (packet.additionals ?? []).some(({ type }) => type === 'OPT');
        assert.is(hasOpt, ask.edns !== undefined, JSON.stringify(ask));
      }
    });
  }
}

test.run();
