/**
 * What the published test tables of SkyDNS and of the CoreDNS etcd plugin ask for, in records and words of our own: one
 * table of ours for each of theirs, wherever the reference agrees with them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { checkTable, groupsBelow, type SemanticsRow } from '../../support/semantics.ts';
import { type DnsUpstream, startDnsUpstream } from '../../support/servers/dns-upstream.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { freePort } from '../../support/servers/ports.ts';

const test = suite('integration/semantics-published');

let etcd: Etcd;
let upstream: DnsUpstream;

const OUTSIDE = `
  www.far.example. 60 IN CNAME real.far.example.
  real.far.example. 60 IN A 198.51.100.9
  real.far.example. 60 IN AAAA 2001:db8:9::9
  stub.far.example. 86400 IN A 192.0.2.34
  far.example. 60 IN SOA ns.far.example. root.far.example. 1 2 3 4 60
`;

/** SkyDNS, server_test.go: one set of records for all questions. */
const SKYDNS: readonly SemanticsRow[] = [
  {
    rule: 'hosts that are bare names are SRV targets, without additional',
    records: `
      10.alpha.dev.eu.sky.test   host=machine1 port=8080
      11.beta.live.eu.sky.test   host=machine2 port=80
      14.alpha.dev.eu.sky.test   host=10.0.0.1
      12.delta.dev.us.sky.test   host=machine4 port=80 priority=333
      13.delta.dev.as.sky.test   host=machine3
      15.gamma.live.as.sky.test  host=2001:db8::8:8`,
    asks: {
      '10.alpha.dev.eu.sky.test SRV': '10.alpha.dev.eu.sky.test. 3600 SRV 10 100 8080 machine1.',
      'us.sky.test SRV': 'us.sky.test. 3600 SRV 333 100 80 machine4.',
      'eu.sky.test SRV': `
        eu.sky.test. 3600 SRV 10 33 0 14.alpha.dev.eu.sky.test.
        eu.sky.test. 3600 SRV 10 33 80 machine2.
        eu.sky.test. 3600 SRV 10 33 8080 machine1.
        + 14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1`,
      '*.eu.sky.test SRV': `
        *.eu.sky.test. 3600 SRV 10 33 0 14.alpha.dev.eu.sky.test.
        *.eu.sky.test. 3600 SRV 10 33 80 machine2.
        *.eu.sky.test. 3600 SRV 10 33 8080 machine1.
        + 14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1`,
      'live.*.sky.test SRV': `
        live.*.sky.test. 3600 SRV 10 50 0 15.gamma.live.as.sky.test.
        live.*.sky.test. 3600 SRV 10 50 80 machine2.
        + 15.gamma.live.as.sky.test. 3600 AAAA 2001:db8::8:8`,
      'live.any.sky.test SRV': `
        live.any.sky.test. 3600 SRV 10 50 0 15.gamma.live.as.sky.test.
        live.any.sky.test. 3600 SRV 10 50 80 machine2.
        + 15.gamma.live.as.sky.test. 3600 AAAA 2001:db8::8:8`,
      '14.alpha.dev.eu.sky.test A': '14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1',
      '14.alpha.dev.eu.sky.test SRV': `
        14.alpha.dev.eu.sky.test. 3600 SRV 10 100 0 14.alpha.dev.eu.sky.test.
        + 14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1`,
      '15.gamma.live.as.sky.test AAAA': '15.gamma.live.as.sky.test. 3600 AAAA 2001:db8::8:8',
      '14.alpha.dev.eu.sky.test TXT': 'NODATA sky.test.',
      '10.alpha.dev.eu.sky.test A': 'NODATA sky.test.',
      '10.alpha.dev.eu.sky.test MX': 'NODATA sky.test.',
      'absent.sky.test A': 'NXDOMAIN sky.test.',
      'sky.test HINFO': 'NODATA sky.test.',
    },
  },
  {
    rule: 'SOA, NS with glue, and the addresses of the name servers',
    records: `
      a.ns.dns.sky.test host=10.0.0.2
      b.ns.dns.sky.test host=10.0.0.3`,
    asks: {
      'sky.test SOA': 'sky.test. 5 SOA ns.dns.sky.test. hostmaster.sky.test. 28800 7200 604800 5',
      'sky.test NS': `
        sky.test. 3600 NS a.ns.dns.sky.test.
        sky.test. 3600 NS b.ns.dns.sky.test.
        + a.ns.dns.sky.test. 3600 A 10.0.0.2
        + b.ns.dns.sky.test. 3600 A 10.0.0.3`,
      'ns.dns.sky.test A': `
        ns.dns.sky.test. 3600 A 10.0.0.2
        ns.dns.sky.test. 3600 A 10.0.0.3`,
    },
  },
  {
    rule: 'addresses of a subtree, and CNAMEs that lead to them, from a key and from a directory',
    records: `
      a.ip.sky.test     host=172.16.1.1
      b.ip.sky.test     host=172.16.1.2
      1.back.in.sky.test host=ip.sky.test
      1.name.sky.test   host=14.alpha.dev.eu.sky.test
      2.name.sky.test   host=10.alpha.dev.eu.sky.test
      3.name.sky.test   host=4.name.sky.test
      4.name.sky.test   host=3.name.sky.test`,
    asks: {
      'ip.sky.test A': `
        ip.sky.test. 3600 A 172.16.1.1
        ip.sky.test. 3600 A 172.16.1.2`,
      '1.back.in.sky.test A': `
        1.back.in.sky.test. 3600 CNAME ip.sky.test.
        ip.sky.test. 3600 A 172.16.1.1
        ip.sky.test. 3600 A 172.16.1.2`,
      'back.in.sky.test A': `
        back.in.sky.test. 3600 CNAME ip.sky.test.
        ip.sky.test. 3600 A 172.16.1.1
        ip.sky.test. 3600 A 172.16.1.2`,
      '1.name.sky.test A': `
        1.name.sky.test. 3600 CNAME 14.alpha.dev.eu.sky.test.
        14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1`,
      '1.name.sky.test CNAME': '1.name.sky.test. 3600 CNAME 14.alpha.dev.eu.sky.test.',
      '2.name.sky.test A': 'NODATA sky.test.',
      '3.name.sky.test A': 'NODATA sky.test.',
      '1.name.sky.test SRV': `
        1.name.sky.test. 3600 SRV 10 100 0 14.alpha.dev.eu.sky.test.
        + 14.alpha.dev.eu.sky.test. 3600 A 10.0.0.1`,
    },
  },
  {
    rule: 'names outside through the forwarder: the smallest TTL for the whole answer, unresolvable ones NODATA',
    records: `
      ext1.name.sky.test  host=www.far.example
      ext2.name.sky.test  host=wwww.far.example
      1.twice.sky.test    host=www.far.example
      2.twice.sky.test    host=www.far.example`,
    asks: {
      'ext1.name.sky.test A': `
        ext1.name.sky.test. 60~ CNAME www.far.example.
        www.far.example. 60~ CNAME real.far.example.
        real.far.example. 60~ A 198.51.100.9`,
      'ext2.name.sky.test A': 'NODATA sky.test.',
      '*.twice.sky.test SRV': `
        *.twice.sky.test. 3600 SRV 10 100 0 www.far.example.
        + www.far.example. 60~ CNAME real.far.example.
        + real.far.example. 60~ A 198.51.100.9
        + real.far.example. 60~ AAAA 2001:db8:9::9`,
    },
  },
  {
    rule: 'weights of three to a hundred, another priority alone',
    records: `
      1.m1.share.sky.test host=machine1 weight=130
      2.m2.share.sky.test host=machine2 weight=80
      3.m3.share.sky.test host=machine3 weight=150
      4.m4.share.sky.test host=machine4 priority=30`,
    asks: {
      'share.sky.test SRV': `
        share.sky.test. 3600 SRV 10 22 0 machine2.
        share.sky.test. 3600 SRV 10 36 0 machine1.
        share.sky.test. 3600 SRV 10 41 0 machine3.
        share.sky.test. 3600 SRV 30 100 0 machine4.`,
    },
  },
  {
    rule: 'both families of a target in additional',
    records: `
      a.ip2.sky.test      host=172.16.1.1
      b.ip2.sky.test      host=2001:db8::8:8
      both.v46.t.sky.test host=ip2.sky.test`,
    asks: {
      'both.v46.t.sky.test SRV': `
        both.v46.t.sky.test. 3600 SRV 10 100 0 ip2.sky.test.
        + ip2.sky.test. 3600 A 172.16.1.1
        + ip2.sky.test. 3600 AAAA 2001:db8::8:8`,
    },
  },
  {
    rule: 'one address with two ports: stripped target beside a name nobody knows',
    records: `
      x.pub.sky.test host=192.168.0.1 port=80 targetstrip=1
      y.pub.sky.test host=pub.sky.invalid port=443
      http.two.http.sky.test  host=10.11.11.10 port=80
      https.two.http.sky.test host=10.11.11.10 port=443`,
    asks: {
      'pub.sky.test A': 'pub.sky.test. 3600 A 192.168.0.1',
      'pub.sky.test SRV': `
        pub.sky.test. 3600 SRV 10 50 443 pub.sky.invalid.
        pub.sky.test. 3600 SRV 10 50 80 pub.sky.test.
        + pub.sky.test. 3600 A 192.168.0.1`,
      'two.http.sky.test A': 'two.http.sky.test. 3600 A 10.11.11.10',
    },
  },
  {
    rule: 'a stripped target owns its address, text or not, both families',
    records: `
      pre.strip4.sky.test host=192.0.2.53 targetstrip=1 text=Text
      pre.strip6.sky.test host=2001:db8::1 targetstrip=1 text=Text`,
    asks: {
      'pre.strip4.sky.test SRV': `
        pre.strip4.sky.test. 3600 SRV 10 100 0 strip4.sky.test.
        + strip4.sky.test. 3600 A 192.0.2.53`,
      'pre.strip6.sky.test SRV': `
        pre.strip6.sky.test. 3600 SRV 10 100 0 strip6.sky.test.
        + strip6.sky.test. 3600 AAAA 2001:db8::1`,
    },
  },
  {
    rule: 'TXT of keys and of a directory',
    records: `
      a1.text.sky.test text=abc
      a2.text.sky.test text="abc abc"`,
    asks: {
      'a1.text.sky.test TXT': 'a1.text.sky.test. 3600 TXT "abc"',
      'a2.text.sky.test TXT': 'a2.text.sky.test. 3600 TXT "abc abc"',
      'text.sky.test TXT': `
        text.sky.test. 3600 TXT "abc abc"
        text.sky.test. 3600 TXT "abc"`,
    },
  },
  {
    rule: 'MX: outside, through a CNAME, of an address; two CNAMEs in additional leave one',
    records: `
      a.post.sky.test  host=mx.sky.test priority=50 mail=true
      b.post.sky.test  host=mx.far.example priority=50 mail=true
      a.mx.sky.test    host=a.ip.sky.test priority=30 mail=true
      a.post2.sky.test host=mx2.sky.test priority=50 mail=true
      a.mx2.sky.test   host=a.ip.sky.test mail=true
      b.mx2.sky.test   host=b.ip.sky.test mail=true`,
    asks: {
      'b.post.sky.test MX': 'b.post.sky.test. 3600 MX 50 mx.far.example.',
      'a.post.sky.test MX': `
        a.post.sky.test. 3600 MX 50 mx.sky.test.
        + mx.sky.test. 3600 CNAME a.ip.sky.test.
        + a.ip.sky.test. 3600 A 172.16.1.1`,
      'mx.sky.test MX': `
        mx.sky.test. 3600 MX 30 a.ip.sky.test.
        + a.ip.sky.test. 3600 A 172.16.1.1`,
      'a.post2.sky.test MX': `
        a.post2.sky.test. 3600 MX 50 mx2.sky.test.
        + mx2.sky.test. 3600 CNAME a.ip.sky.test.
        + a.ip.sky.test. 3600 A 172.16.1.1
        + b.ip.sky.test. 3600 A 172.16.1.2`,
    },
  },
  {
    rule: 'a TTL of its own, letter case kept, reverse names, the host-local name',
    records: `
      ttl.sky.test   host=10.0.0.2 ttl=360
      upper.sky.test host=127.0.0.1 port=443
      1.0.0.10.in-addr.arpa host=reverse.far.example`,
    asks: {
      'ttl.sky.test A': 'ttl.sky.test. 360 A 10.0.0.2',
      'uppeR.sky.test A': 'uppeR.sky.test. 3600 A 127.0.0.1',
      'upper.sky.test A': 'upper.sky.test. 3600 A 127.0.0.1',
      '1.0.0.10.in-addr.arpa PTR': '1.0.0.10.in-addr.arpa. 3600 PTR reverse.far.example.',
      'local.dns.sky.test A': 'local.dns.sky.test. 3600 A 10.0.0.1',
    },
  },
  {
    rule: 'more than a message holds is no failure',
    records: Array.from({ length: 400 }, (_none, at) => `m${at}.many.sky.test host=2001:db8::${at.toString(16)}`).join(
      '\n',
    ),
    asks: {
      'many.sky.test AAAA': Array.from(
        { length: 400 },
        (_none, at) => `many.sky.test. 3600 AAAA 2001:db8::${at === 0 ? '' : at.toString(16)}`,
      ).join('\n'),
    },
  },
  groupsBelow('sky.test', 3600),
];

/** CoreDNS plugin/etcd: lookup_test.go. */
const LOOKUP: readonly SemanticsRow[] = [
  {
    rule: 'names, addresses, subtrees, priorities and wildcards',
    records: `
      a.one.dev.east.core.test   host=dev.one port=8080
      a.one.prod.east.core.test  host=10.0.0.1 port=8080
      b.one.prod.east.core.test  host=10.0.0.2 port=8080
      b.six.prod.east.core.test  host=::1 port=8080
      alias.prod.east.core.test  host=nowhere.core.test
      first.core.test            host=first.one port=8080 priority=333
      a.sub.east.core.test       host=sub.one
      b.sub.east.core.test       host=sub.two port=80
      c.sub.east.core.test       host=10.0.0.1 port=8080
      b.loop.core.test           host=a.loop.core.test
      a.loop.core.test           host=b.loop.core.test
      1.0.0.10.in-addr.arpa      host=reverse.far.example`,
    asks: {
      'a.one.dev.east.core.test SRV': 'a.one.dev.east.core.test. 300 SRV 10 100 8080 dev.one.',
      'a.ONE.dEv.east.core.tEst SRV': 'a.ONE.dEv.east.core.tEst. 300 SRV 10 100 8080 dev.one.',
      'absent.core.test A': 'NXDOMAIN core.test.',
      'a.one.prod.east.core.test A': 'a.one.prod.east.core.test. 300 A 10.0.0.1',
      'a.one.prod.east.core.test SRV': `
        a.one.prod.east.core.test. 300 SRV 10 100 8080 a.one.prod.east.core.test.
        + a.one.prod.east.core.test. 300 A 10.0.0.1`,
      'b.six.prod.east.core.test AAAA': 'b.six.prod.east.core.test. 300 AAAA ::1',
      'one.prod.east.core.test A': `
        one.prod.east.core.test. 300 A 10.0.0.1
        one.prod.east.core.test. 300 A 10.0.0.2`,
      'first.core.test SRV': 'first.core.test. 300 SRV 333 100 8080 first.one.',
      'sub.east.core.test SRV': `
        sub.east.core.test. 300 SRV 10 33 0 sub.one.
        sub.east.core.test. 300 SRV 10 33 80 sub.two.
        sub.east.core.test. 300 SRV 10 33 8080 c.sub.east.core.test.
        + c.sub.east.core.test. 300 A 10.0.0.1`,
      'alias.prod.east.core.test A': 'NODATA core.test.',
      '*.east.core.test SRV': `
        *.east.core.test. 300 SRV 10 12 0 sub.one.
        *.east.core.test. 300 SRV 10 12 0 nowhere.core.test.
        *.east.core.test. 300 SRV 10 12 80 sub.two.
        *.east.core.test. 300 SRV 10 12 8080 a.one.prod.east.core.test.
        *.east.core.test. 300 SRV 10 12 8080 b.one.prod.east.core.test.
        *.east.core.test. 300 SRV 10 12 8080 b.six.prod.east.core.test.
        *.east.core.test. 300 SRV 10 12 8080 c.sub.east.core.test.
        *.east.core.test. 300 SRV 10 12 8080 dev.one.
        + a.one.prod.east.core.test. 300 A 10.0.0.1
        + b.one.prod.east.core.test. 300 A 10.0.0.2
        + b.six.prod.east.core.test. 300 AAAA ::1
        + c.sub.east.core.test. 300 A 10.0.0.1`,
      'prod.*.core.test SRV': `
        prod.*.core.test. 300 SRV 10 25 0 nowhere.core.test.
        prod.*.core.test. 300 SRV 10 25 8080 a.one.prod.east.core.test.
        prod.*.core.test. 300 SRV 10 25 8080 b.one.prod.east.core.test.
        prod.*.core.test. 300 SRV 10 25 8080 b.six.prod.east.core.test.
        + a.one.prod.east.core.test. 300 A 10.0.0.1
        + b.one.prod.east.core.test. 300 A 10.0.0.2
        + b.six.prod.east.core.test. 300 AAAA ::1`,
      'prod.any.core.test SRV': `
        prod.any.core.test. 300 SRV 10 25 0 nowhere.core.test.
        prod.any.core.test. 300 SRV 10 25 8080 a.one.prod.east.core.test.
        prod.any.core.test. 300 SRV 10 25 8080 b.one.prod.east.core.test.
        prod.any.core.test. 300 SRV 10 25 8080 b.six.prod.east.core.test.
        + a.one.prod.east.core.test. 300 A 10.0.0.1
        + b.one.prod.east.core.test. 300 A 10.0.0.2
        + b.six.prod.east.core.test. 300 AAAA ::1`,
      'a.loop.core.test A': 'NODATA core.test.',
      'a.one.dev.east.core.test TXT': 'NODATA core.test.',
      'a.one.dev.east.core.test HINFO': 'NODATA core.test.',
      'a.one.nope.east.core.test HINFO': 'NXDOMAIN core.test.',
      '1.0.0.10.in-addr.arpa PTR': '1.0.0.10.in-addr.arpa. 300 PTR reverse.far.example.',
    },
  },
  {
    rule: 'texts among addresses are in no SRV and change no weight; two at one name are two RRs',
    records: `
      a.web.lot.core.test      host=10.0.6.1 port=80
      b.web.lot.core.test      host=10.0.6.2 port=80
      a.note.web.lot.core.test text=first
      b.note.web.lot.core.test text=second`,
    asks: {
      'note.web.lot.core.test TXT': `
        note.web.lot.core.test. 300 TXT "first"
        note.web.lot.core.test. 300 TXT "second"`,
      '*.lot.core.test SRV': `
        *.lot.core.test. 300 SRV 10 50 80 a.web.lot.core.test.
        *.lot.core.test. 300 SRV 10 50 80 b.web.lot.core.test.
        + a.web.lot.core.test. 300 A 10.0.6.1
        + b.web.lot.core.test. 300 A 10.0.6.2`,
      'web.lot.core.test A': `
        web.lot.core.test. 300 A 10.0.6.1
        web.lot.core.test. 300 A 10.0.6.2`,
    },
  },
  {
    rule: 'a stripped target is the name that was asked for, and owns the address',
    records: 'one.strip.core.test host=10.0.7.1 port=8080 targetstrip=1',
    asks: {
      'strip.core.test SRV': `
        strip.core.test. 300 SRV 10 100 8080 strip.core.test.
        + strip.core.test. 300 A 10.0.7.1`,
    },
  },
  {
    rule: 'apexes: SOA of each zone, NS with glue, one of two addresses by its stripped key, NS below is negative',
    records: `
      a.ns.dns.core.test host=10.0.0.2
      b.ns.dns.core.test host=10.0.0.3
      x.c.ns.dns.core.test host=10.0.0.4 targetstrip=1
      y.c.ns.dns.core.test host=10.0.0.5 targetstrip=1`,
    asks: {
      'core.test SOA': 'core.test. 30 SOA ns.dns.core.test. hostmaster.core.test. 28800 7200 604800 30',
      'core_extra.test SOA':
        'core_extra.test. 30 SOA ns.dns.core_extra.test. hostmaster.core_extra.test. 28800 7200 604800 30',
      'core.test NS': `
        core.test. 300 NS a.ns.dns.core.test.
        core.test. 300 NS b.ns.dns.core.test.
        core.test. 300 NS c.ns.dns.core.test.
        + a.ns.dns.core.test. 300 A 10.0.0.2
        + b.ns.dns.core.test. 300 A 10.0.0.3
        + c.ns.dns.core.test. 300 A 10.0.0.4
        + c.ns.dns.core.test. 300 A 10.0.0.5`,
      'a.core.test NS': 'NXDOMAIN core.test.',
      'ns.dns.core.test A': `
        ns.dns.core.test. 300 A 10.0.0.2
        ns.dns.core.test. 300 A 10.0.0.3
        ns.dns.core.test. 300 A 10.0.0.4
        ns.dns.core.test. 300 A 10.0.0.5`,
    },
  },
  {
    rule: 'the address of an apex: the whole zone (--legacy-apex), or one, several, or mixed at apex.dns',
    records: `
      x.core_a.test host=10.0.0.2
      y.core_a.test host=10.0.0.3
      x.core_b.test host=10.0.0.2
      apex.dns.core_b.test host=10.0.0.4
      x.core_c.test host=10.0.0.2
      a1.apex.dns.core_c.test host=10.0.0.4
      a2.apex.dns.core_c.test host=10.0.0.5
      x.core_d.test host=10.0.0.2
      a1.apex.dns.core_d.test host=10.0.0.4
      a2.apex.dns.core_d.test host=10.0.0.5
      a3.apex.dns.core_d.test host=2001:db8::8:1
      a4.apex.dns.core_d.test host=2001:db8::8:2`,
    asks: {
      'core_a.test A': `
        core_a.test. 300 A 10.0.0.2
        core_a.test. 300 A 10.0.0.3`,
      'core_b.test A': 'core_b.test. 300 A 10.0.0.4',
      'core_c.test A': `
        core_c.test. 300 A 10.0.0.4
        core_c.test. 300 A 10.0.0.5`,
      'core_d.test A': `
        core_d.test. 300 A 10.0.0.4
        core_d.test. 300 A 10.0.0.5`,
      'core_d.test AAAA': `
        core_d.test. 300 AAAA 2001:db8::8:1
        core_d.test. 300 AAAA 2001:db8::8:2`,
    },
  },
];

/** CoreDNS plugin/etcd: other_test.go, with multi, group and cname, whose records do not touch. */
const OTHER: readonly SemanticsRow[] = [
  {
    rule: 'other: MX and its additional',
    records: `
      a.one.dev.east.core.test host=dev.one port=8080
      a.post.core.test host=mx.core.test priority=50 mail=true
      b.post.core.test host=mx.far.example priority=50 mail=true
      a.mx.core.test   host=a.ip.core.test priority=30 mail=true
      a.mx2.core.test  host=a.ip.core.test mail=true
      b.mx2.core.test  host=b.ip.core.test mail=true
      a.mx3.core.test  host=a.ip.core.test priority=20 mail=true
      b.mx3.core.test  host=a.ip.core.test priority=30 mail=true
      a.ip.core.test   host=172.16.1.1
      b.ip.core.test   host=172.16.1.2`,
    asks: {
      'a.one.dev.east.core.test MX': 'NODATA core.test.',
      'a.post.core.test MX': `
        a.post.core.test. 300 MX 50 mx.core.test.
        + mx.core.test. 300 CNAME a.ip.core.test.
        + a.ip.core.test. 300 A 172.16.1.1`,
      'mx2.core.test MX': `
        mx2.core.test. 300 MX 10 a.ip.core.test.
        mx2.core.test. 300 MX 10 b.ip.core.test.
        + a.ip.core.test. 300 A 172.16.1.1
        + b.ip.core.test. 300 A 172.16.1.2`,
      'mx3.core.test MX': `
        mx3.core.test. 300 MX 20 a.ip.core.test.
        mx3.core.test. 300 MX 30 a.ip.core.test.
        + a.ip.core.test. 300 A 172.16.1.1`,
    },
  },
  {
    rule: 'other: TXT of 3, 400, 600 and 2000 octets',
    records: `
      a1.text.core.test text=abc
      a2.text.core.test text="abc abc"
      large400.core.test text=${'0'.repeat(400)}
      large600.core.test text=${'0'.repeat(600)}
      large2000.core.test text=${'0'.repeat(2000)}`,
    asks: {
      'a1.text.core.test TXT': 'a1.text.core.test. 300 TXT "abc"',
      'a2.text.core.test TXT': 'a2.text.core.test. 300 TXT "abc abc"',
      'large400.core.test TXT': `large400.core.test. 300 TXT ${strings(400)}`,
      'large600.core.test TXT': `large600.core.test. 300 TXT ${strings(600)}`,
      'large2000.core.test TXT': `large2000.core.test. 300 TXT ${strings(2000)}`,
    },
  },
  {
    rule: 'other: a name server’s key is its name; one address with two ports',
    records: `
      ipv4.ns.dns.core.test host=172.17.1.1
      http.two.http.core.test  host=10.11.11.10 port=80
      https.two.http.core.test host=10.11.11.10 port=443`,
    asks: {
      'core.test NS': `
        core.test. 300 NS ipv4.ns.dns.core.test.
        + ipv4.ns.dns.core.test. 300 A 172.17.1.1`,
      'two.http.core.test A': 'two.http.core.test. 300 A 10.11.11.10',
    },
  },
  {
    rule: 'multi: the same labels in three zones stay apart',
    records: `
      m.one.dev.core.test       host=dev.one port=8080
      m.one.dev.core_extra.test host=dev.two port=8081
      m.one.dev.core_a.test     host=10.1.1.1 port=8082`,
    asks: {
      'm.one.dev.core.test SRV': 'm.one.dev.core.test. 300 SRV 10 100 8080 dev.one.',
      'm.one.dev.core_extra.test SRV': 'm.one.dev.core_extra.test. 300 SRV 10 100 8081 dev.two.',
      'm.one.dev.core_a.test SRV': `
        m.one.dev.core_a.test. 300 SRV 10 100 8082 m.one.dev.core_a.test.
        + m.one.dev.core_a.test. 300 A 10.1.1.1`,
      'm.two.dev.core_extra.test SRV': 'NXDOMAIN core_extra.test.',
    },
  },
  groupsBelow('core.test', 300),
  {
    rule: 'group: of the seven sets of the unit test: a shallower group, groups that disagree, those of none',
    records: `
      b.sub.set0.core.test host=127.0.1.1 group=g1
      a.set0.core.test     host=127.0.1.2 group=g2
      a.set1.core.test     host=127.0.2.1 group=g1
      b.set1.core.test     host=127.0.2.2 group=g2
      a.set2.core.test     host=127.0.3.1 group=g1
      a.sub.set2.core.test host=127.0.3.2 group=g2
      a.set3.core.test     host=127.0.4.1 group=g1
      a.sub.set3.core.test host=127.0.4.2 group=g2
      b.sub.set3.core.test host=127.0.4.3
      a.set4.core.test     host=127.0.5.1 group=g1
      b.set4.core.test     host=127.0.5.2
      a.sub.set4.core.test host=127.0.5.3 group=g2
      a.set5.core.test     host=127.0.6.1 group=g5
      b.set5.core.test     host=127.0.6.2
      a.sub.set5.core.test host=127.0.6.3 group=g5
      a.set6.core.test     host=127.0.7.1 group=g6`,
    asks: {
      'set0.core.test A': 'set0.core.test. 300 A 127.0.1.2',
      'set1.core.test A': `
        set1.core.test. 300 A 127.0.2.1
        set1.core.test. 300 A 127.0.2.2`,
      'set2.core.test A': 'set2.core.test. 300 A 127.0.3.1',
      'set3.core.test A': `
        set3.core.test. 300 A 127.0.4.1
        set3.core.test. 300 A 127.0.4.3`,
      'set4.core.test A': `
        set4.core.test. 300 A 127.0.5.1
        set4.core.test. 300 A 127.0.5.2`,
      'set5.core.test A': `
        set5.core.test. 300 A 127.0.6.1
        set5.core.test. 300 A 127.0.6.2
        set5.core.test. 300 A 127.0.6.3`,
      'set6.core.test A': 'set6.core.test. 300 A 127.0.7.1',
    },
  },
  {
    rule: 'group: texts are grouped as addresses are',
    records: `
      a.dom3.core.test     text=near group=g1
      b.sub.dom3.core.test text=below group=g1
      c.sub.dom3.core.test text=other group=g2`,
    asks: {
      'dom3.core.test TXT': `
        dom3.core.test. 300 TXT "below"
        dom3.core.test. 300 TXT "near"`,
    },
  },
  {
    rule: 'txt: 255, 256, 510 and 511 octets',
    records: [255, 256, 510, 511].map((octets) => `of${octets}.core.test text=${'0'.repeat(octets)}`).join('\n'),
    asks: Object.fromEntries(
      [255, 256, 510, 511].map((octets) => [
        `of${octets}.core.test TXT`,
        `of${octets}.core.test. 300 TXT ${strings(octets)}`,
      ]),
    ),
  },
  {
    rule: 'stub: a server that answers, one that is not there (--stub)',
    asks: {
      'stub.far.example A': 'NOERROR\nstub.far.example. 86400 A 192.0.2.34',
      'dead.example A': 'SERVFAIL',
    },
  },
  {
    rule: 'cache: a question asked twice has the same answer, and no additional',
    records: 'b.twice.core.test host=127.0.0.1 port=666',
    asks: {
      'b.twice.core.test A': 'b.twice.core.test. 300 A 127.0.0.1',
      'B.twice.core.test A': 'B.twice.core.test. 300 A 127.0.0.1',
    },
  },
  {
    rule: 'cname: a chain of six in additional; the exact key’s CNAME beside keys below; text alone is NODATA',
    records: `
      a.chain.dev.core.test  host=l1.west.core.test
      l1.west.core.test host=l2.west.core.test
      l2.west.core.test host=l3.west.core.test
      l3.west.core.test host=l4.west.core.test
      l4.west.core.test host=l5.west.core.test
      l5.west.core.test host=l6.west.core.test
      l6.west.core.test host=end.west.core.test
      end.west.core.test host=10.240.0.1
      west.core.test     host=main.west.core.test
      south.core.test    text=SOME-TEXT`,
    asks: {
      'a.chain.dev.core.test SRV': `
        a.chain.dev.core.test. 300 SRV 10 100 0 l1.west.core.test.
        + l1.west.core.test. 300 CNAME l2.west.core.test.
        + l2.west.core.test. 300 CNAME l3.west.core.test.
        + l3.west.core.test. 300 CNAME l4.west.core.test.
        + l4.west.core.test. 300 CNAME l5.west.core.test.
        + l5.west.core.test. 300 CNAME l6.west.core.test.
        + l6.west.core.test. 300 CNAME end.west.core.test.
        + end.west.core.test. 300 A 10.240.0.1`,
      'west.core.test CNAME': 'west.core.test. 300 CNAME main.west.core.test.',
      'south.core.test CNAME': 'NODATA core.test.',
    },
  },
  {
    rule: 'cname: TXT through a chain of three, as A',
    records: `
      t3.north.core.test   host=t2.north.core.test
      t2.north.core.test   host=t1.north.core.test
      t1.north.core.test   host=note.north.core.test
      note.north.core.test text=SOME-TEXT`,
    asks: {
      't3.north.core.test TXT': `
        t3.north.core.test. 300 CNAME t2.north.core.test.
        t2.north.core.test. 300 CNAME t1.north.core.test.
        t1.north.core.test. 300 CNAME note.north.core.test.
        note.north.core.test. 300 TXT "SOME-TEXT"`,
      'note.north.core.test CNAME': 'NODATA core.test.',
    },
  },
  {
    rule: 'backend: addresses of both families, and of the sixth alone, behind an alias of SRV and MX, the CNAME once',
    records: `
      x._sip._tcp.two.core.test host=alias.pair.core.test port=80 weight=5
      x.post.two.core.test      host=alias.pair.core.test mail=true
      alias.pair.core.test      host=both.pair.core.test
      4.both.pair.core.test     host=192.0.2.4
      6.both.pair.core.test     host=2001:db8::4
      x._sip._tcp.six.core.test host=alias6.pair.core.test port=80 weight=5
      x.post.six.core.test      host=alias6.pair.core.test mail=true
      alias6.pair.core.test     host=only6.pair.core.test
      only6.pair.core.test      host=2001:db8::6`,
    asks: {
      '_sip._tcp.two.core.test SRV': `
        _sip._tcp.two.core.test. 300 SRV 10 100 80 alias.pair.core.test.
        + alias.pair.core.test. 300 CNAME both.pair.core.test.
        + both.pair.core.test. 300 A 192.0.2.4
        + both.pair.core.test. 300 AAAA 2001:db8::4`,
      'post.two.core.test MX': `
        post.two.core.test. 300 MX 10 alias.pair.core.test.
        + alias.pair.core.test. 300 CNAME both.pair.core.test.
        + both.pair.core.test. 300 A 192.0.2.4
        + both.pair.core.test. 300 AAAA 2001:db8::4`,
      '_sip._tcp.six.core.test SRV': `
        _sip._tcp.six.core.test. 300 SRV 10 100 80 alias6.pair.core.test.
        + alias6.pair.core.test. 300 CNAME only6.pair.core.test.
        + only6.pair.core.test. 300 AAAA 2001:db8::6`,
      'post.six.core.test MX': `
        post.six.core.test. 300 MX 10 alias6.pair.core.test.
        + alias6.pair.core.test. 300 CNAME only6.pair.core.test.
        + only6.pair.core.test. 300 AAAA 2001:db8::6`,
    },
  },
  {
    rule: 'xfr: transfers are refused',
    asks: { 'core.test AXFR': 'REFUSED', 'core.test IXFR': 'REFUSED', 'a.core.test AXFR': 'REFUSED' },
  },
  {
    rule: 'debug: the names that once printed etcd’s keys are names like all others',
    asks: {
      'o-o.debug.a1.text.core.test TXT': 'NXDOMAIN core.test.',
      'o-o.debug.dom.core.test A': 'NXDOMAIN core.test.',
      'o-o.debug.dom.core.test SRV': 'NXDOMAIN core.test.',
    },
  },
];

/** A text of zeros as it is cut. */
function strings(octets: number): string {
  const all: string[] = [];
  for (let left = octets; left > 0; left -= 255) all.push(`"${'0'.repeat(Math.min(left, 255))}"`);
  return all.join(' ');
}

function zones(...names: readonly string[]): string[] {
  return names.flatMap((name) => ['--zone', name]);
}

if (!skipWithoutEtcd('integration/semantics-published')) {
  const outsidePort = await freePort();
  const deadPort = await freePort();
  const outside = ['--forward', `127.0.0.1:${outsidePort}`];
  const coreZones = zones(
    'core.test.',
    'core_extra.test.',
    'core_a.test.',
    'core_b.test.',
    'core_c.test.',
    'core_d.test.',
  );

  test.before(async () => {
    etcd = await startEtcd();
    upstream = await startDnsUpstream(OUTSIDE, '127.0.0.1', outsidePort);
  });
  test.after(async () => {
    await etcd.kill();
    await upstream.close();
  });

  checkTable(test, () => etcd, 'SkyDNS', {
    prefix: '/skydns',
    flags: [
      ...zones('sky.test', '10.in-addr.arpa'),
      ...outside,
      ...['--default-ttl', '3600', '--local', '14.alpha.dev.eu.sky.test'],
    ],
    rows: SKYDNS,
  });

  checkTable(test, () => etcd, 'CoreDNS lookup', {
    prefix: '/lookup/skydns',
    flags: [
      ...coreZones,
      ...zones('in-addr.arpa.'),
      ...outside,
      ...['--default-ttl', '300', '--negative-ttl', '30', '--legacy-apex'],
    ],
    negativeTtl: 30,
    rows: LOOKUP,
  });

  checkTable(test, () => etcd, 'CoreDNS', {
    prefix: '/other',
    flags: [
      ...coreZones,
      ...outside,
      ...['--stub', `stub.far.example=127.0.0.1:${outsidePort}`, '--stub', `dead.example=127.0.0.1:${deadPort}`],
      ...['--default-ttl', '300', '--negative-ttl', '30'],
    ],
    negativeTtl: 30,
    rows: OTHER,
  });

  test('no name of our zones was asked of the upstream', async () => {
    assert.is(
      upstream.seen.some(({ question }) => question.name.endsWith('.test')),
      false,
    );
  });
}

test.run();
