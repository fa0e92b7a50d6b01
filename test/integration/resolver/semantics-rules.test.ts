import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkTable,
  describePacket,
  groupsBelow,
  putRecords,
  type ResolverProcess,
  type SemanticsRow,
  startResolverProcess,
} from '../../support/semantics.ts';
import { askTcp, askUdp, queryOctets, recordTexts, sendUdp } from '../../support/servers/dns-client.ts';
import { type DnsUpstream, startDnsUpstream } from '../../support/servers/dns-upstream.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/semantics-rules');

let etcd: Etcd;
let upstream: DnsUpstream;

/** What the world outside the zones says. */
const OUTSIDE = `
  www.outside.example. 60 IN CNAME host.outside.example.
  host.outside.example. 40 IN A 198.51.100.1
  host.outside.example. 40 IN AAAA 2001:db8::51
  v4.outside.example. 900 IN A 198.51.100.2
  zero.outside.example. 0 IN A 198.51.100.3
  lost1.outside.example. 0 IN A 198.51.100.4
  lost2.outside.example. 0 IN A 198.51.100.5
  7.2.0.192.in-addr.arpa. 600 IN PTR seven.outside.example.
  outside.example. 30 IN SOA ns.outside.example. root.outside.example. 1 2 3 4 30
`;

/** One row a rule of the record and query semantics, in their order. */
const ROWS: readonly SemanticsRow[] = [
  {
    rule: 'a key is the name with its labels reversed; a query is folded to lower case and answered in its own case',
    records: 'web.r1.skydns.test host=10.1.0.1',
    asks: {
      'web.r1.skydns.test A': 'web.r1.skydns.test. 300 A 10.1.0.1',
      'WeB.r1.SKYdns.test A': 'WeB.r1.SKYdns.test. 300 A 10.1.0.1',
    },
  },
  {
    rule: 'absent fields: port 0, priority 10, weight 100 of 100, default TTL; 0 is absent',
    records: `
      bare.r2.skydns.test host=10.2.0.1
      zero.r2.skydns.test host=10.2.0.2 priority=0 weight=0 ttl=0 targetstrip=0`,
    asks: {
      'bare.r2.skydns.test SRV': `
        bare.r2.skydns.test. 300 SRV 10 100 0 bare.r2.skydns.test.
        + bare.r2.skydns.test. 300 A 10.2.0.1`,
      'zero.r2.skydns.test SRV': `
        zero.r2.skydns.test. 300 SRV 10 100 0 zero.r2.skydns.test.
        + zero.r2.skydns.test. 300 A 10.2.0.2`,
    },
  },
  {
    rule: 'unknown fields are ignored; external-dns writes its own',
    records: 'r3.skydns.test raw={"host":"10.3.0.1","ttl":60,"targetstrip":1,"owner":{"a":[1]},"announcedAt":7}',
    asks: { 'r3.skydns.test A': 'r3.skydns.test. 60 A 10.3.0.1' },
  },
  {
    rule: 'a value that is no record costs that key alone',
    records: `
      good.r4.skydns.test  host=10.4.0.1
      typed.r4.skydns.test raw={"host":"10.4.0.2","port":"80"}
      json.r4.skydns.test  raw=host: 10.4.0.3
      list.r4.skydns.test  raw=["10.4.0.4"]
      ports.r4.skydns.test raw={"host":"10.4.0.5","port":65536}
      weird.r4.skydns.test host="not a name"`,
    asks: {
      'r4.skydns.test A': 'r4.skydns.test. 300 A 10.4.0.1',
      'typed.r4.skydns.test A': 'NODATA skydns.test.',
      'json.r4.skydns.test A': 'NODATA skydns.test.',
      'list.r4.skydns.test SRV': 'NODATA skydns.test.',
      'ports.r4.skydns.test A': 'NODATA skydns.test.',
      'weird.r4.skydns.test A': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'a name selects its own key and all keys below it',
    records: `
      s1.skydns.test       host=10.5.0.1
      a.s1.skydns.test     host=10.5.0.2
      b.a.s1.skydns.test   host=10.5.0.3`,
    asks: {
      's1.skydns.test A': `
        s1.skydns.test. 300 A 10.5.0.1
        s1.skydns.test. 300 A 10.5.0.2
        s1.skydns.test. 300 A 10.5.0.3`,
      'a.s1.skydns.test A': `
        a.s1.skydns.test. 300 A 10.5.0.2
        a.s1.skydns.test. 300 A 10.5.0.3`,
      'b.a.s1.skydns.test A': 'b.a.s1.skydns.test. 300 A 10.5.0.3',
    },
  },
  {
    rule: 'never by the bare string: rails does not select rails2, nor rails-old',
    records: `
      x.rails.s2.skydns.test      host=10.6.0.1
      x.rails2.s2.skydns.test     host=10.6.0.2
      x.rails-old.s2.skydns.test  host=10.6.0.3`,
    asks: {
      'rails.s2.skydns.test A': 'rails.s2.skydns.test. 300 A 10.6.0.1',
      'rail.s2.skydns.test A': 'NXDOMAIN skydns.test.',
    },
  },
  {
    rule: '* and any match every label at their depth, any number of them, anywhere; keys may be longer',
    records: `
      1.web.east.s3.skydns.test host=10.7.0.1
      1.web.west.s3.skydns.test host=10.7.0.2
      1.api.west.s3.skydns.test host=10.7.0.3`,
    asks: {
      'web.*.s3.skydns.test A': `
        web.*.s3.skydns.test. 300 A 10.7.0.1
        web.*.s3.skydns.test. 300 A 10.7.0.2`,
      '*.any.west.s3.skydns.test A': `
        *.any.west.s3.skydns.test. 300 A 10.7.0.2
        *.any.west.s3.skydns.test. 300 A 10.7.0.3`,
      '1.*.*.s3.skydns.test A': `
        1.*.*.s3.skydns.test. 300 A 10.7.0.1
        1.*.*.s3.skydns.test. 300 A 10.7.0.2
        1.*.*.s3.skydns.test. 300 A 10.7.0.3`,
      '*.*.*.*.s3.skydns.test A': 'NXDOMAIN skydns.test.',
      'db.*.s3.skydns.test A': 'NXDOMAIN skydns.test.',
    },
  },
  {
    rule: 'a service literally named any is reachable',
    records: `
      1.any.s4.skydns.test host=10.8.0.1
      1.web.s4.skydns.test host=10.8.0.2`,
    asks: {
      'any.s4.skydns.test A': 'any.s4.skydns.test. 300 A 10.8.0.1',
      '*.s4.skydns.test A': `
        *.s4.skydns.test. 300 A 10.8.0.1
        *.s4.skydns.test. 300 A 10.8.0.2`,
    },
  },
  {
    rule: 'a service named any is itself for CNAME too, where it has no key of its own',
    records: `
      1.any.s4b.skydns.test host=10.8.1.1
      web.s4b.skydns.test   host=to.s4b.skydns.test
      to.s4b.skydns.test    host=10.8.1.2
      any.s4c.skydns.test   host=to.s4b.skydns.test
      web.s4c.skydns.test   host=other.s4c.skydns.test`,
    asks: {
      'any.s4b.skydns.test CNAME': 'NODATA skydns.test.',
      '*.s4b.skydns.test CNAME': '*.s4b.skydns.test. 300 CNAME to.s4b.skydns.test.',
      'any.s4c.skydns.test CNAME': 'any.s4c.skydns.test. 300 CNAME to.s4b.skydns.test.',
    },
  },
  {
    rule: 'CNAME data is that of the exact key; what is below makes the name exist, for every type alike',
    records: `
      s5.skydns.test       host=to.s5.skydns.test
      to.s5.skydns.test    host=10.9.0.1
      x.y.s6.skydns.test   host=z.skydns.test`,
    asks: {
      's5.skydns.test CNAME': 's5.skydns.test. 300 CNAME to.s5.skydns.test.',
      'to.s5.skydns.test CNAME': 'NODATA skydns.test.',
      's6.skydns.test CNAME': 'NODATA skydns.test.',
      'y.s6.skydns.test TXT': 'NODATA skydns.test.',
      'w.s6.skydns.test CNAME': 'NXDOMAIN skydns.test.',
      'w.s6.skydns.test 65': 'NXDOMAIN skydns.test.',
      'x.y.s6.skydns.test 65': 'NODATA skydns.test.',
      'a.x.y.s6.skydns.test A': 'NXDOMAIN skydns.test.',
    },
  },
  {
    rule: 'a record with neither host nor text answers nothing, but exists',
    records: `
      empty.s7.skydns.test port=80
      full.s7.skydns.test  host=10.10.0.1 port=80`,
    asks: {
      's7.skydns.test SRV': `
        s7.skydns.test. 300 SRV 10 100 80 full.s7.skydns.test.
        + full.s7.skydns.test. 300 A 10.10.0.1`,
      'empty.s7.skydns.test SRV': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'records that give the identical RR collapse before weights are computed',
    records: `
      a.s8.skydns.test host=10.11.0.1 port=80 targetstrip=1
      b.s8.skydns.test host=10.11.0.1 port=80 targetstrip=1
      c.s8.skydns.test host=10.11.0.1 port=81 targetstrip=1
      n.s8b.skydns.test host=far.outside.test
      m.s8b.skydns.test host=far.outside.test`,
    asks: {
      's8.skydns.test A': 's8.skydns.test. 300 A 10.11.0.1',
      's8.skydns.test SRV': `
        s8.skydns.test. 300 SRV 10 50 80 s8.skydns.test.
        s8.skydns.test. 300 SRV 10 50 81 s8.skydns.test.
        + s8.skydns.test. 300 A 10.11.0.1`,
      's8b.skydns.test SRV': 's8b.skydns.test. 300 SRV 10 100 0 far.outside.test.',
    },
  },
  groupsBelow('skydns.test', 300),
  {
    rule: 'groups: asked below the group that was chosen, the other one answers',
    records: `
      a.g3.skydns.test     host=10.12.3.1 group=one
      b.x.g3.skydns.test   host=10.12.3.2 group=two`,
    asks: { 'x.g3.skydns.test A': 'x.g3.skydns.test. 300 A 10.12.3.2' },
  },
  {
    rule: 'groups: a shallower key with a group takes over',
    records: `
      x.a.g4.skydns.test   host=10.12.4.1 group=one
      b.g4.skydns.test     host=10.12.4.2 group=two
      y.c.g4.skydns.test   host=10.12.4.3`,
    asks: {
      'g4.skydns.test A': `
        g4.skydns.test. 300 A 10.12.4.2
        g4.skydns.test. 300 A 10.12.4.3`,
    },
  },
  {
    rule: 'groups: a shallower key without one ends the walk',
    records: `
      x.a.g5.skydns.test   host=10.12.5.1 group=one
      b.g5.skydns.test     host=10.12.5.2
      c.g5.skydns.test     host=10.12.5.3 group=two`,
    asks: {
      'g5.skydns.test A': `
        g5.skydns.test. 300 A 10.12.5.1
        g5.skydns.test. 300 A 10.12.5.2`,
    },
  },
  {
    rule: 'groups: two at the chosen depth, or none chosen: all records, unfiltered',
    records: `
      a.g6.skydns.test     host=10.12.6.1 group=one
      b.g6.skydns.test     host=10.12.6.2 group=two
      c.d.g6.skydns.test   host=10.12.6.3 group=three
      a.g7.skydns.test     host=10.12.7.1
      b.g7.skydns.test     host=10.12.7.2 group=two`,
    asks: {
      'g6.skydns.test A': `
        g6.skydns.test. 300 A 10.12.6.1
        g6.skydns.test. 300 A 10.12.6.2
        g6.skydns.test. 300 A 10.12.6.3`,
      'g7.skydns.test A': `
        g7.skydns.test. 300 A 10.12.7.1
        g7.skydns.test. 300 A 10.12.7.2`,
    },
  },
  {
    rule: 'groups: a text takes part in the choice, for every type; letters of another case are another group',
    records: `
      a.g8.skydns.test     text=note group=one
      b.c.g8.skydns.test   host=10.12.8.1 group=two
      a.g9.skydns.test     host=10.12.9.1 group=x
      b.g9.skydns.test     host=10.12.9.2 group=X`,
    asks: {
      'g8.skydns.test A': 'NODATA skydns.test.',
      'g8.skydns.test TXT': 'g8.skydns.test. 300 TXT "note"',
      'c.g8.skydns.test A': 'c.g8.skydns.test. 300 A 10.12.8.1',
      'g9.skydns.test A': `
        g9.skydns.test. 300 A 10.12.9.1
        g9.skydns.test. 300 A 10.12.9.2`,
    },
  },
  {
    rule: 'a label * that is stored is a label like others: it matches no name but its own',
    records: `
      /skydns/test/skydns/s9/* host=10.12.10.1
      x.s9.skydns.test host=10.12.10.2`,
    asks: {
      'y.s9.skydns.test A': 'NXDOMAIN skydns.test.',
      '*.s9.skydns.test A': `
        *.s9.skydns.test. 300 A 10.12.10.1
        *.s9.skydns.test. 300 A 10.12.10.2`,
    },
  },
  {
    rule: 'TTL: the record’s, else the default; within one answer section the smallest',
    records: `
      a.t1.skydns.test host=10.13.0.1 ttl=3600
      b.t1.skydns.test host=10.13.0.2 ttl=20
      c.t1.skydns.test host=10.13.0.3
      alias.t2.skydns.test host=end.t2.skydns.test ttl=30
      end.t2.skydns.test   host=10.13.0.4 ttl=900`,
    asks: {
      'a.t1.skydns.test A': 'a.t1.skydns.test. 3600 A 10.13.0.1',
      't1.skydns.test A': `
        t1.skydns.test. 20 A 10.13.0.1
        t1.skydns.test. 20 A 10.13.0.2
        t1.skydns.test. 20 A 10.13.0.3`,
      'alias.t2.skydns.test A': `
        alias.t2.skydns.test. 30 CNAME end.t2.skydns.test.
        end.t2.skydns.test. 30 A 10.13.0.4`,
      'alias.t2.skydns.test SRV': `
        alias.t2.skydns.test. 30 SRV 10 100 0 end.t2.skydns.test.
        + end.t2.skydns.test. 900 A 10.13.0.4`,
    },
  },
  {
    rule: 'A and AAAA: hosts of their family alone',
    records: `
      four.a1.skydns.test host=10.14.0.1
      six.a1.skydns.test  host=2001:DB8:0:0::1
      m.a1b.skydns.test   host=10.14.0.2`,
    asks: {
      'a1.skydns.test A': 'a1.skydns.test. 300 A 10.14.0.1',
      'a1.skydns.test AAAA': 'a1.skydns.test. 300 AAAA 2001:db8::1',
      'a1b.skydns.test AAAA': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'a host that is a name of ours is chased, whole subtrees, the CNAME before the addresses',
    records: `
      a2.skydns.test      host=many.a2t.skydns.test
      1.many.a2t.skydns.test host=10.15.0.1
      2.many.a2t.skydns.test host=10.15.0.2
      cross.a2t.skydns.test  host=there.skydns_extra.test
      there.skydns_extra.test host=10.15.0.3`,
    asks: {
      'a2.skydns.test A': `
        a2.skydns.test. 300 CNAME many.a2t.skydns.test.
        many.a2t.skydns.test. 300 A 10.15.0.1
        many.a2t.skydns.test. 300 A 10.15.0.2`,
      'cross.a2t.skydns.test A': `
        cross.a2t.skydns.test. 300 CNAME there.skydns_extra.test.
        there.skydns_extra.test. 300 A 10.15.0.3`,
      'a2.skydns.test AAAA': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'at most 8 links; loops end; a target at or below the name is passed over; nothing left is NODATA',
    records: `
      ${Array.from({ length: 9 }, (_none, at) => `c${at + 1}.a3.skydns.test host=c${at + 2}.a3.skydns.test`).join('\n')}
      c10.a3.skydns.test host=10.16.0.1
      l1.a4.skydns.test host=l2.a4.skydns.test
      l2.a4.skydns.test host=l1.a4.skydns.test
      self.a5.skydns.test host=self.a5.skydns.test
      down.a5.skydns.test host=below.down.a5.skydns.test
      nowhere.a6.skydns.test host=missing.a6x.skydns.test`,
    asks: {
      'c2.a3.skydns.test A': `
        ${Array.from({ length: 8 }, (_none, at) => `c${at + 2}.a3.skydns.test. 300 CNAME c${at + 3}.a3.skydns.test.`).join('\n')}
        c10.a3.skydns.test. 300 A 10.16.0.1`,
      'c1.a3.skydns.test A': 'NODATA skydns.test.',
      'l1.a4.skydns.test A': 'NODATA skydns.test.',
      'self.a5.skydns.test A': 'NODATA skydns.test.',
      'down.a5.skydns.test A': 'NODATA skydns.test.',
      'nowhere.a6.skydns.test A': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'one CNAME an owner; the addresses of the others are sent all the same',
    records: `
      x.a7.skydns.test host=one.a7t.skydns.test
      y.a7.skydns.test host=two.a7t.skydns.test
      one.a7t.skydns.test host=10.17.0.1
      two.a7t.skydns.test host=10.17.0.2`,
    asks: {
      'a7.skydns.test A': `
        a7.skydns.test. 300 CNAME one.a7t.skydns.test.
        one.a7t.skydns.test. 300 A 10.17.0.1
        two.a7t.skydns.test. 300 A 10.17.0.2`,
    },
  },
  {
    rule: 'a host outside our zones is resolved through the forwarder; unresolvable ones are left out',
    records: `
      o1.skydns.test     host=www.outside.example
      1.o2.skydns.test   host=gone.outside.example
      2.o2.skydns.test   host=10.18.0.1
      o3.skydns.test     host=gone.outside.example
      o4.skydns.test     host=zero.outside.example`,
    asks: {
      'o4.skydns.test A': `
        o4.skydns.test. 0 CNAME zero.outside.example.
        zero.outside.example. 0 A 198.51.100.3`,
      'o1.skydns.test A': `
        o1.skydns.test. 40~ CNAME www.outside.example.
        www.outside.example. 40~ CNAME host.outside.example.
        host.outside.example. 40~ A 198.51.100.1`,
      'o1.skydns.test CNAME': 'o1.skydns.test. 300 CNAME www.outside.example.',
      'o2.skydns.test A': 'o2.skydns.test. 300 A 10.18.0.1',
      'o3.skydns.test A': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'text beside host never hides the host',
    records: 'x.a8.skydns.test host=10.19.0.1 text=note',
    asks: {
      'a8.skydns.test A': 'a8.skydns.test. 300 A 10.19.0.1',
      'a8.skydns.test TXT': 'a8.skydns.test. 300 TXT "note"',
    },
  },
  {
    rule: 'SRV: one RR a record; the target is the host when a name, else the key’s own name',
    records: `
      a.v1.skydns.test host=10.20.0.1 port=81 priority=5
      b.v1.skydns.test host=2001:db8::20 port=82 priority=6
      c.v1.skydns.test host=far.example port=83 priority=7`,
    asks: {
      'v1.skydns.test SRV': `
        v1.skydns.test. 300 SRV 5 100 81 a.v1.skydns.test.
        v1.skydns.test. 300 SRV 6 100 82 b.v1.skydns.test.
        v1.skydns.test. 300 SRV 7 100 83 far.example.
        + a.v1.skydns.test. 300 A 10.20.0.1
        + b.v1.skydns.test. 300 AAAA 2001:db8::20`,
    },
  },
  {
    rule: 'targetstrip takes labels off the left of the target, and its address follows; more than there are: unstripped',
    records: `
      a.b.v2.skydns.test host=10.21.0.1 targetstrip=2
      a.v3.skydns.test   host=10.21.0.2 targetstrip=4
      a.v4.skydns.test   host=x.y.v4t.skydns.test targetstrip=1
      y.v4t.skydns.test  host=10.21.0.3`,
    asks: {
      'v2.skydns.test SRV': `
        v2.skydns.test. 300 SRV 10 100 0 v2.skydns.test.
        + v2.skydns.test. 300 A 10.21.0.1`,
      'v3.skydns.test SRV': `
        v3.skydns.test. 300 SRV 10 100 0 a.v3.skydns.test.
        + a.v3.skydns.test. 300 A 10.21.0.2`,
      'v4.skydns.test SRV': `
        v4.skydns.test. 300 SRV 10 100 0 y.v4t.skydns.test.
        + y.v4t.skydns.test. 300 A 10.21.0.3`,
    },
  },
  {
    rule: 'SRV weights are shares of 100 within a priority, rounded down in that floating-point order, at least 1',
    records: `
      a.w1.skydns.test host=10.22.0.1 weight=130
      b.w1.skydns.test host=10.22.0.2 weight=80
      c.w1.skydns.test host=10.22.0.3 weight=150
      d.w1.skydns.test host=10.22.0.4 priority=30 weight=97
      a.w2.skydns.test host=10.22.1.1 weight=1
      b.w2.skydns.test host=10.22.1.2 weight=9999
      a.w3.skydns.test host=10.22.2.1
      b.w3.skydns.test host=10.22.2.2
      c.w3.skydns.test host=10.22.2.3`,
    asks: {
      'w1.skydns.test SRV': `
        w1.skydns.test. 300 SRV 10 36 0 a.w1.skydns.test.
        w1.skydns.test. 300 SRV 10 22 0 b.w1.skydns.test.
        w1.skydns.test. 300 SRV 10 41 0 c.w1.skydns.test.
        w1.skydns.test. 300 SRV 30 99 0 d.w1.skydns.test.
        + a.w1.skydns.test. 300 A 10.22.0.1
        + b.w1.skydns.test. 300 A 10.22.0.2
        + c.w1.skydns.test. 300 A 10.22.0.3
        + d.w1.skydns.test. 300 A 10.22.0.4`,
      'w2.skydns.test SRV': `
        w2.skydns.test. 300 SRV 10 1 0 a.w2.skydns.test.
        w2.skydns.test. 300 SRV 10 99 0 b.w2.skydns.test.
        + a.w2.skydns.test. 300 A 10.22.1.1
        + b.w2.skydns.test. 300 A 10.22.1.2`,
      'w3.skydns.test SRV': `
        w3.skydns.test. 300 SRV 10 33 0 a.w3.skydns.test.
        w3.skydns.test. 300 SRV 10 33 0 b.w3.skydns.test.
        w3.skydns.test. 300 SRV 10 33 0 c.w3.skydns.test.
        + a.w3.skydns.test. 300 A 10.22.2.1
        + b.w3.skydns.test. 300 A 10.22.2.2
        + c.w3.skydns.test. 300 A 10.22.2.3`,
    },
  },
  {
    rule: 'SRV additional: a name of ours once a target, both families; a name outside through the forwarder',
    records: `
      a.v5.skydns.test host=both.v5t.skydns.test port=1
      b.v5.skydns.test host=both.v5t.skydns.test port=2
      4.both.v5t.skydns.test host=10.23.0.1
      6.both.v5t.skydns.test host=2001:db8::23
      v6.skydns.test   host=www.outside.example`,
    asks: {
      'v5.skydns.test SRV': `
        v5.skydns.test. 300 SRV 10 50 1 both.v5t.skydns.test.
        v5.skydns.test. 300 SRV 10 50 2 both.v5t.skydns.test.
        + both.v5t.skydns.test. 300 A 10.23.0.1
        + both.v5t.skydns.test. 300 AAAA 2001:db8::23`,
      'v6.skydns.test SRV': `
        v6.skydns.test. 300 SRV 10 100 0 www.outside.example.
        + www.outside.example. 40~ CNAME host.outside.example.
        + host.outside.example. 40~ A 198.51.100.1
        + host.outside.example. 40~ AAAA 2001:db8::51`,
    },
  },
  {
    rule: 'SRV: port -1 is passed over',
    records: `
      a.v7.skydns.test host=10.24.0.1 port=-1
      b.v7.skydns.test host=10.24.0.2 port=8`,
    asks: {
      'v7.skydns.test SRV': `
        v7.skydns.test. 300 SRV 10 100 8 b.v7.skydns.test.
        + b.v7.skydns.test. 300 A 10.24.0.2`,
      'a.v7.skydns.test SRV': 'NODATA skydns.test.',
      'a.v7.skydns.test A': 'a.v7.skydns.test. 300 A 10.24.0.1',
    },
  },
  {
    rule: 'RFC 2782 names select by port name and protocol',
    records: `
      1.v8.skydns.test host=10.25.0.1 port=80 portName=http
      2.v8.skydns.test host=10.25.0.2 port=90 portName=metrics
      3.v8.skydns.test host=10.25.0.3 port=53 portName=dns protocol=udp
      1.v9.skydns.test host=10.25.1.1 port=53 portName=dns protocol=UDP
      2.v9.skydns.test host=10.25.1.2 port=99 portName=dns protocol=sctp`,
    asks: {
      '_dns._udp.v9.skydns.test SRV': `
        _dns._udp.v9.skydns.test. 300 SRV 10 100 53 1.v9.skydns.test.
        + 1.v9.skydns.test. 300 A 10.25.1.1`,
      '_dns._tcp.v9.skydns.test SRV': 'NXDOMAIN skydns.test.',
      '_dns._sctp.v9.skydns.test SRV': 'NXDOMAIN skydns.test.',
      '_http._tcp.v8.skydns.test SRV': `
        _http._tcp.v8.skydns.test. 300 SRV 10 100 80 1.v8.skydns.test.
        + 1.v8.skydns.test. 300 A 10.25.0.1`,
      '_dns._udp.v8.skydns.test SRV': `
        _dns._udp.v8.skydns.test. 300 SRV 10 100 53 3.v8.skydns.test.
        + 3.v8.skydns.test. 300 A 10.25.0.3`,
      '_http._udp.v8.skydns.test SRV': 'NXDOMAIN skydns.test.',
      '_http._tcp.v8.skydns.test A': 'NODATA skydns.test.',
      '_tcp.v8.skydns.test A': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'MX: records with mail; preference from priority; target, strip and additional as for SRV',
    records: `
      a.m1.skydns.test host=10.26.0.1 mail=true priority=20 targetstrip=1
      b.m1.skydns.test host=mx.m1t.skydns.test mail=true
      c.m1.skydns.test host=10.26.0.2
      mx.m1t.skydns.test host=10.26.0.3
      m2.skydns.test host=10.26.0.4`,
    asks: {
      'm1.skydns.test MX': `
        m1.skydns.test. 300 MX 20 m1.skydns.test.
        m1.skydns.test. 300 MX 10 mx.m1t.skydns.test.
        + m1.skydns.test. 300 A 10.26.0.1
        + mx.m1t.skydns.test. 300 A 10.26.0.3`,
      'm2.skydns.test MX': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'TXT: every record with text; strings cut at 255 octets, none empty behind an exact multiple',
    records: `
      a.x1.skydns.test text=one
      b.x1.skydns.test text="two words"
      x2.skydns.test text=${'z'.repeat(510)}
      x3.skydns.test text=${'z'.repeat(256)}`,
    asks: {
      'x1.skydns.test TXT': `
        x1.skydns.test. 300 TXT "one"
        x1.skydns.test. 300 TXT "two words"`,
      'x2.skydns.test TXT': `x2.skydns.test. 300 TXT "${'z'.repeat(255)}" "${'z'.repeat(255)}"`,
      'x3.skydns.test TXT': `x3.skydns.test. 300 TXT "${'z'.repeat(255)}" "z"`,
      'x1.skydns.test A': 'NODATA skydns.test.',
      'x1.skydns.test SRV': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'TXT: a text that comes twice is one RR, with the smaller TTL',
    records: `
      a.x4.skydns.test text=same ttl=90
      b.x4.skydns.test text=same ttl=30`,
    asks: { 'x4.skydns.test TXT': 'x4.skydns.test. 30 TXT "same"' },
  },
  {
    rule: 'TXT: a name without text has what its hosts lead to in our zones, and nothing from outside',
    records: `
      x5.skydns.test          host=note.skydns_extra.test
      note.skydns_extra.test  text=there ttl=200
      x6.skydns.test          host=www.outside.example`,
    asks: {
      'x5.skydns.test TXT': `
        x5.skydns.test. 200 CNAME note.skydns_extra.test.
        note.skydns_extra.test. 200 TXT "there"`,
      'x5.skydns.test A': 'NODATA skydns.test.',
      'x6.skydns.test TXT': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'NS at the apex: registered servers with addresses, stripped, merged, with glue',
    records: `
      a.ns.dns.skydns.test   host=10.27.0.1
      b.ns.dns.skydns.test   host=10.27.0.2
      1.c.ns.dns.skydns.test host=10.27.0.3 targetstrip=1
      2.c.ns.dns.skydns.test host=10.27.0.4 targetstrip=1
      d.ns.dns.skydns.test   host=a.name.example`,
    asks: {
      'skydns.test NS': `
        skydns.test. 300 NS a.ns.dns.skydns.test.
        skydns.test. 300 NS b.ns.dns.skydns.test.
        skydns.test. 300 NS c.ns.dns.skydns.test.
        + a.ns.dns.skydns.test. 300 A 10.27.0.1
        + b.ns.dns.skydns.test. 300 A 10.27.0.2
        + c.ns.dns.skydns.test. 300 A 10.27.0.3
        + c.ns.dns.skydns.test. 300 A 10.27.0.4`,
      'a.ns.dns.skydns.test NS': 'NODATA skydns.test.',
      'nothing.skydns.test NS': 'NXDOMAIN skydns.test.',
    },
  },
  {
    rule: 'NS at an apex where none is registered: one synthesised',
    asks: { 'skydns_extra.test NS': 'skydns_extra.test. 300 NS ns.dns.skydns_extra.test.' },
  },
  {
    rule: 'SOA at the apex, TTL and minimum those of negative answers; elsewhere NODATA',
    asks: {
      'skydns.test SOA': `
        skydns.test. 5 SOA ns.dns.skydns.test. hostmaster.skydns.test. 28800 7200 604800 5`,
      'skydns_extra.test SOA': `
        skydns_extra.test. 5 SOA ns.dns.skydns_extra.test. hostmaster.skydns_extra.test. 28800 7200 604800 5`,
      'web.r1.skydns.test SOA': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'PTR: the exact key when stored, else derived from what is announced, else nothing',
    records: `
      1.0.99.10.in-addr.arpa host=stored.skydns.test
      a.p1.skydns.test       host=10.99.0.1
      b.p1.skydns.test       host=10.99.0.2
      b.p2.skydns.test       host=10.99.0.2 targetstrip=1`,
    asks: {
      '1.0.99.10.in-addr.arpa PTR': '1.0.99.10.in-addr.arpa. 300 PTR stored.skydns.test.',
      '2.0.99.10.in-addr.arpa PTR': `
        2.0.99.10.in-addr.arpa. 300 PTR b.p1.skydns.test.
        2.0.99.10.in-addr.arpa. 300 PTR p2.skydns.test.`,
      '3.0.99.10.in-addr.arpa PTR': 'NXDOMAIN 10.in-addr.arpa.',
      '0.99.10.in-addr.arpa PTR': 'NODATA 10.in-addr.arpa.',
      '2.0.99.10.in-addr.arpa A': 'NODATA 10.in-addr.arpa.',
      '10.in-addr.arpa SOA': `
        10.in-addr.arpa. 5 SOA ns.dns.10.in-addr.arpa. hostmaster.10.in-addr.arpa. 28800 7200 604800 5`,
    },
  },
  {
    rule: 'ANY: one HINFO for what exists (RFC 8482)',
    asks: {
      'web.r1.skydns.test ANY': 'web.r1.skydns.test. 300 HINFO RFC8482',
      'skydns.test ANY': 'skydns.test. 300 HINFO RFC8482',
      'nothing.skydns.test ANY': 'NXDOMAIN skydns.test.',
    },
  },
  {
    rule: 'transfers are refused',
    asks: { 'skydns.test AXFR': 'REFUSED', 'skydns.test IXFR': 'REFUSED' },
  },
  {
    rule: 'other types: NODATA, HINFO and DNSKEY of the apex too',
    asks: {
      'skydns.test HINFO': 'NODATA skydns.test.',
      'skydns.test 48': 'NODATA skydns.test.',
      'web.r1.skydns.test 257': 'NODATA skydns.test.',
    },
  },
  {
    rule: 'local.dns.<zone> answers as the configured name does, under its own',
    records: 'here.h1.skydns.test host=10.28.0.1 port=4',
    asks: {
      'local.dns.skydns.test A': 'local.dns.skydns.test. 300 A 10.28.0.1',
      'local.dns.skydns_extra.test A': 'local.dns.skydns_extra.test. 300 A 10.28.0.1',
      'local.dns.skydns.test SRV': `
        local.dns.skydns.test. 300 SRV 10 100 4 here.h1.skydns.test.
        + here.h1.skydns.test. 300 A 10.28.0.1`,
    },
  },
  {
    rule: 'a text that no message can hold: SERVFAIL, and the others beside it as they are',
    records: `
      huge.t9.skydns.test text=${'x'.repeat(65_536)}
      large.t9.skydns.test text=${'y'.repeat(255)}`,
    asks: {
      'huge.t9.skydns.test TXT': 'SERVFAIL',
      'huge.t9.skydns.test A': 'NODATA skydns.test.',
      'large.t9.skydns.test TXT': `large.t9.skydns.test. 300 TXT "${'y'.repeat(255)}"`,
    },
  },
  {
    rule: 'A of an apex: what stands at apex.dns.<zone>, else NODATA',
    records: `
      1.apex.dns.skydns.test host=10.29.0.1
      2.apex.dns.skydns.test host=10.29.0.2
      3.apex.dns.skydns.test host=2001:db8::29`,
    asks: {
      'skydns.test A': `
        skydns.test. 300 A 10.29.0.1
        skydns.test. 300 A 10.29.0.2`,
      'skydns.test AAAA': 'skydns.test. 300 AAAA 2001:db8::29',
      'skydns_extra.test A': 'NODATA skydns_extra.test.',
    },
  },
  {
    rule: 'an apex whose host is a name: the addresses as its own, without a CNAME beside SOA and NS',
    records: `
      apex.dns.flat.test  host=www.outside.example ttl=200
      to.a9.skydns.test   host=flat.test`,
    asks: {
      'flat.test A': 'flat.test. 40~ A 198.51.100.1',
      'flat.test AAAA': 'flat.test. 40~ AAAA 2001:db8::51',
      'flat.test CNAME': 'NODATA flat.test.',
      'to.a9.skydns.test A': `
        to.a9.skydns.test. 40~ CNAME flat.test.
        flat.test. 40~ A 198.51.100.1`,
    },
  },
];

const ZONES = ['skydns.test.', 'skydns_extra.test.', 'flat.test.', '10.0.0.0/8'].flatMap((zone) => ['--zone', zone]);

function firstOf<T>(answers: readonly object[] | undefined): T {
  const [first] = answers ?? [];
  if (first === undefined) throw new Error('no answer');
  return first as T;
}

if (!skipWithoutEtcd('integration/semantics-rules')) {
  const outsidePort = await freePort();
  test.before(async () => {
    etcd = await startEtcd();
    upstream = await startDnsUpstream(OUTSIDE, '127.0.0.1', outsidePort);
  });
  test.after(async () => {
    await etcd.kill();
    await upstream.close();
  });

  const outside = ['--forward', `127.0.0.1:${outsidePort}`];
  checkTable(test, () => etcd, 'rules', {
    prefix: '/skydns',
    flags: [...ZONES, ...outside, '--default-ttl', '300', '--local', 'h1.skydns.test'],
    rows: ROWS,
  });

  checkTable(test, () => etcd, 'prefix of two segments, raw weights, names of name servers', {
    prefix: '/site/skydns',
    flags: [
      ...['--zone', 'skydns.test', '--zone', 'a.skydns.test', '--forward', 'none', '--default-ttl', '60'],
      ...['--srv-weights', 'raw', '--ns-name', 'ns1.example.net', '--negative-ttl', '30'],
    ],
    negativeTtl: 30,
    rows: [
      {
        rule: 'raw weights are sent as stored, 100 when absent',
        records: `
          1.web.skydns.test host=10.0.0.1 weight=7
          2.web.skydns.test host=10.0.0.2 weight=97
          3.web.skydns.test host=10.0.0.3`,
        asks: {
          'web.skydns.test SRV': `
            web.skydns.test. 60 SRV 10 7 0 1.web.skydns.test.
            web.skydns.test. 60 SRV 10 97 0 2.web.skydns.test.
            web.skydns.test. 60 SRV 10 100 0 3.web.skydns.test.
            + 1.web.skydns.test. 60 A 10.0.0.1
            + 2.web.skydns.test. 60 A 10.0.0.2
            + 3.web.skydns.test. 60 A 10.0.0.3`,
        },
      },
      {
        rule: '--ns-name stands in the synthesised NS; --negative-ttl in the SOA',
        asks: { 'skydns.test NS': 'skydns.test. 60 NS ns1.example.net.', 'no.skydns.test A': 'NXDOMAIN skydns.test.' },
      },
      {
        rule: 'the longest zone that holds a name is its zone',
        asks: { 'no.a.skydns.test A': 'NXDOMAIN a.skydns.test.', 'a.skydns.test A': 'NODATA a.skydns.test.' },
      },
      {
        rule: 'without upstreams a name outside is refused, and a host outside is left out',
        records: 'far.skydns.test host=www.outside.example',
        asks: {
          'www.outside.example A': 'REFUSED',
          'far.skydns.test A': 'NODATA skydns.test.',
          'far.skydns.test SRV': 'far.skydns.test. 60 SRV 10 100 0 www.outside.example.',
        },
      },
    ],
  });

  checkTable(test, () => etcd, 'prefix of three segments, the legacy apex', {
    prefix: '/a/b/skydns',
    flags: ['--zone', 'skydns.test', '--forward', 'none', '--default-ttl', '60', '--legacy-apex', '--no-rotate'],
    rows: [
      {
        rule: 'A of the apex is every address in the zone; SRV targets lose the whole prefix',
        records: `
          x.skydns.test   host=10.0.0.2 port=1
          y.z.skydns.test host=10.0.0.3 port=2`,
        asks: {
          'skydns.test A': `
            skydns.test. 60 A 10.0.0.2
            skydns.test. 60 A 10.0.0.3`,
          'skydns.test SRV': `
            skydns.test. 60 SRV 10 50 1 x.skydns.test.
            skydns.test. 60 SRV 10 50 2 y.z.skydns.test.
            + x.skydns.test. 60 A 10.0.0.2
            + y.z.skydns.test. 60 A 10.0.0.3`,
        },
      },
    ],
  });

  test('--no-rotate and --no-chaos, as flags and as variables', async () => {
    const prefix = '/off';
    const hosts = [1, 2, 3, 4].map((at) => `10.0.3.${at}`);
    const records = hosts.map((host, at) => `${at}.many.skydns.test host=${host}`).join('\n');
    await putRecords(etcd, records, prefix);
    const common = ['--prefix', prefix, '--zone', 'skydns.test', '--forward', 'none'];
    const variables = { ROLLCALL_NO_ROTATE: 'true', ROLLCALL_NO_CHAOS: 'true' };
    const ways: readonly (readonly [flags: readonly string[], environment: Record<string, string>])[] = [
      [['--no-rotate', '--no-chaos'], {}],
      [[], variables],
    ];
    for (const [flags, environment] of ways) {
      const off = await startResolverProcess(etcd.url, [...common, ...flags], { environment });
      const orders = new Set<string>();
      for (let times = 0; times < 8; times += 1) {
        orders.add(recordTexts((await askUdp(off.server, { name: 'many.skydns.test' })).answers).join());
      }
      const version = await askUdp(off.server, { name: 'version.bind', type: 'TXT', class: 3 });
      await off.end('SIGTERM');
      assert.equal([...orders], [hosts.map((host) => `many.skydns.test A ${host}`).join()]);
      assert.equal(describePacket(version), ['REFUSED']);
    }
  });

  let resolver: ResolverProcess;
  test('the rest is asked of one more resolver', async () => {
    const prefix = '/rest';
    await putRecords(
      etcd,
      `
      1.web.skydns.test   host=10.0.0.1
      2.web.skydns.test   host=10.0.0.2
      3.web.skydns.test   host=10.0.0.3
      alias.skydns.test   host=web.skydns.test
      long.skydns.test    host=10.0.1.1 lease=100
      short.skydns.test   host=10.0.1.2 lease=100 ttl=40
      least.skydns.test   host=10.0.1.3 lease=100 ttl=4000
      foreign.skydns.test host=192.0.2.9
      near.rcode.skydns.test host=10.0.3.1
      far.rcode.skydns.test  host=lost1.outside.example
      near.drop.skydns.test  host=10.0.3.2
      far.drop.skydns.test   host=lost2.outside.example
      8.2.0.192.in-addr.arpa host=eight.outside.example
      ${Array.from({ length: 80 }, (_none, at) => `n${at}.wide.skydns.test host=10.0.2.${at}`).join('\n')}`,
      prefix,
    );
    resolver = await startResolverProcess(etcd.url, [
      ...['--prefix', prefix, ...ZONES, '--forward', `127.0.0.1:${outsidePort}`, '--default-ttl', '300'],
    ]);
  });

  test('TTL: the lesser of the record’s and what is left of its lease, never raised', async () => {
    const ttlOf = async (name: string): Promise<number> => {
      const { answers } = await askUdp(resolver.server, { name });
      return firstOf<{ ttl: number }>(answers).ttl;
    };
    assert.is(await ttlOf('short.skydns.test'), 40);
    for (const name of ['long.skydns.test', 'least.skydns.test']) {
      const ttl = await ttlOf(name);
      assert.ok(ttl <= 100 && ttl >= 50, `${name}: ${ttl}`);
    }
  });

  test('addresses turn from answer to answer; a CNAME stays first', async () => {
    const firsts = new Set<string>();
    for (let asked = 0; asked < 12; asked += 1) {
      const { answers } = await askUdp(resolver.server, { name: 'alias.skydns.test' });
      const texts = recordTexts(answers);
      assert.is(texts[0], 'alias.skydns.test CNAME web.skydns.test');
      assert.is(texts.length, 4);
      firsts.add(texts[1] as string);
    }
    assert.ok(firsts.size > 1, 'the same address came first twelve times');
  });

  test('flags: AA in our zones alone, positive and negative; RA where we forward; TC only when cut', async () => {
    for (const name of ['web.skydns.test', 'no.skydns.test']) {
      const packet = await askUdp(resolver.server, { name });
      assert.equal([packet.flag_aa, packet.flag_ra, packet.flag_tc, packet.flag_rd], [true, true, false, true], name);
    }
    const outsideAnswer = await askUdp(resolver.server, { name: 'v4.outside.example' });
    assert.equal([outsideAnswer.flag_aa, outsideAnswer.flag_ra], [false, true]);
    const cut = await askUdp(resolver.server, { name: 'wide.skydns.test' });
    assert.equal([cut.flag_tc, cut.answers?.length], [true, 0]);
    const whole = await askTcp(resolver.server, { name: 'wide.skydns.test' });
    assert.equal([whole.flag_tc, whole.answers?.length], [false, 80]);
  });

  test('PTR of an address in no reverse zone of ours: what we know, else the forwarder; never with AA', async () => {
    for (const [name, target] of [
      ['7.2.0.192.in-addr.arpa', 'seven.outside.example'],
      ['9.2.0.192.in-addr.arpa', 'foreign.skydns.test'],
      ['8.2.0.192.in-addr.arpa', 'eight.outside.example'],
      ['1.0.0.10.in-addr.arpa', '1.web.skydns.test'],
    ]) {
      const ptr = await askUdp(resolver.server, { name: name as string, type: 'PTR' });
      assert.equal(recordTexts(ptr.answers), [`${name} PTR ${target}`]);
      assert.is(ptr.flag_aa, name === '1.0.0.10.in-addr.arpa', `${name}: AA is for our zones`);
    }
  });

  test('a host outside of which the upstream fails: left out beside others, SERVFAIL alone, until it says again', async () => {
    const heard = async (name: string): Promise<string[]> => {
      const response = await sendUdp(resolver.server, queryOctets({ name, edns: {} }), 20_000);
      if (response === undefined) throw new Error(`no answer to ${name}`);
      const packet = decode(response);
      const opt = packet.additionals?.find(({ type }) => type === 'OPT') as {
        options: { code: number; data: Buffer }[];
      };
      const errors = opt.options.flatMap(({ code, data }) => (code === 15 ? [`EDE ${data.readUInt16BE(0)}`] : []));
      return [...describePacket(packet), ...errors];
    };
    // Names of its own for each: what an upstream said, and that it failed, is remembered for a second.
    for (const [fault, near] of [
      [{ do: 'rcode', rcode: 2 }, '10.0.3.1'],
      [{ do: 'drop' }, '10.0.3.2'],
    ] as const) {
      const both = `${fault.do}.skydns.test`;
      const name = `far.${both}`;
      upstream.fault = () => fault;
      assert.equal(await heard(name), ['SERVFAIL', 'EDE 23']);
      assert.equal(await heard(both), ['NOERROR aa', `${both}. 300 A ${near}`]);
      upstream.fault = () => undefined;
      await until('the address', async () => (await heard(name))[0] === 'NOERROR aa');
    }
  });

  test('class CH: four names answered, others and other classes refused; other opcodes not implemented', async () => {
    for (const name of ['version.bind', 'version.server', 'hostname.bind', 'id.server']) {
      const packet = await askUdp(resolver.server, { name, type: 'TXT', class: 3 });
      assert.is(packet.answers?.length, 1, name);
    }
    for (const ask of [
      { name: 'authors.bind', type: 'TXT' as const, class: 3 },
      { name: 'web.skydns.test', class: 4 },
      { name: 'web.skydns.test', class: 255 },
    ]) {
      assert.equal(describePacket(await askUdp(resolver.server, ask)), ['REFUSED'], JSON.stringify(ask));
    }
    for (const opcode of [1, 2, 4, 5, 6, 15]) {
      const flags = opcode << 11;
      const response = await sendUdp(resolver.server, queryOctets({ name: 'web.skydns.test', flags }));
      assert.is((response as Buffer).readUInt16BE(2) & 0xf, 4, `opcode ${opcode}`);
    }
  });

  test('the SOA’s serial is the revision of the zone, and follows it', async () => {
    const serial = async (): Promise<number> => {
      const { answers } = await askUdp(resolver.server, { name: 'skydns.test', type: 'SOA' });
      return firstOf<{ data: { serial: number } }>(answers).data.serial;
    };
    const before = await serial();
    await putRecords(etcd, 'later.skydns.test host=10.0.3.1', '/rest');
    await until('the change', async () => (await serial()) > before);
    const status = JSON.parse(await etcd.ctl('endpoint', 'status', '--write-out', 'json'));
    assert.is(await serial(), status[0].Status.header.revision);
    assert.is(await resolver.end('SIGTERM'), 0);
  });
}

test.run();
