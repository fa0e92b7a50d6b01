import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../../resolver/lookup/lookup.ts';
import { evolve, Zone } from '../../../../resolver/zone/zone.ts';
import type { EtcdKey } from '../../../../shared/name.ts';
import { CONTEXT, checkRows, outsideWith, questionFrom, type Row, SETTINGS } from '../../../support/lookup-table.ts';
import { put } from '../../../support/zone-text.ts';

const test = suite('resolver/lookup-srv');

const rows: Row[] = [
  {
    rule: 'RFC 2782: the services of the example, with addresses of those that are ours',
    zone: `
      1._foobar._tcp.example.org host=old-slow-box.example.org priority=1 weight=1 port=9
      2._foobar._tcp.example.org host=new-fast-box.example.org priority=1 weight=3 port=9
      old-slow-box.example.org   host=172.30.79.11
      new-fast-box.example.org   host=172.30.79.13`,
    asks: {
      '_foobar._tcp.example.org SRV': `
        _foobar._tcp.example.org. 5 IN SRV 1 1 9 old-slow-box.example.org.
        _foobar._tcp.example.org. 5 IN SRV 1 3 9 new-fast-box.example.org.
        + old-slow-box.example.org. 5 IN A 172.30.79.11
        + new-fast-box.example.org. 5 IN A 172.30.79.13`,
    },
    settings: { srvWeights: 'raw' },
  },
  {
    rule: 'a host that is an address: the target is the key’s own name, the address beside it',
    zone: '1.web.example.org host=192.0.2.1 port=80\n2.web.example.org host=2001:db8::2 port=81',
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 50 80 1.web.example.org.
        web.example.org. 5 IN SRV 10 50 81 2.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1
        + 2.web.example.org. 5 IN AAAA 2001:db8::2`,
      '1.web.example.org SRV': `
        1.web.example.org. 5 IN SRV 10 100 80 1.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1`,
    },
  },
  {
    rule: 'percent weights within each priority; raw weights as stored',
    zone: `
      1.web.example.org host=192.0.2.1 weight=130
      2.web.example.org host=192.0.2.2 weight=80
      3.web.example.org host=192.0.2.3 weight=150
      4.web.example.org host=192.0.2.4 priority=30 weight=97
      5.low.example.org host=192.0.2.4`,
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 36 0 1.web.example.org.
        web.example.org. 5 IN SRV 10 22 0 2.web.example.org.
        web.example.org. 5 IN SRV 10 41 0 3.web.example.org.
        web.example.org. 5 IN SRV 30 99 0 4.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1
        + 2.web.example.org. 5 IN A 192.0.2.2
        + 3.web.example.org. 5 IN A 192.0.2.3
        + 4.web.example.org. 5 IN A 192.0.2.4`,
    },
  },
  {
    rule: 'duplicates count once before weights: same target, port, priority, weight, host',
    zone: `
      1.web.example.org host=www.example.net port=80
      2.web.example.org host=www.example.net port=80 text=other
      3.web.example.org host=www.example.net port=81`,
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 50 80 www.example.net.
        web.example.org. 5 IN SRV 10 50 81 www.example.net.`,
    },
  },
  {
    rule: 'no RR comes twice, though its records differ in their addresses',
    zone: '1.web.example.org host=192.0.2.1 targetstrip=1\n2.web.example.org host=192.0.2.2 targetstrip=1',
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 50 0 web.example.org.
        + web.example.org. 5 IN A 192.0.2.1
        + web.example.org. 5 IN A 192.0.2.2`,
    },
  },
  {
    rule: 'targetstrip takes labels off the left of the target and of its addresses; more than there are: none',
    zone: `
      1.a.example.org host=192.0.2.1 targetstrip=1
      1.b.example.org host=192.0.2.2 targetstrip=3
      1.c.example.org host=192.0.2.3 targetstrip=4
      1.d.example.org host=x.y.example.org targetstrip=1
      2.y.example.org host=192.0.2.4`,
    asks: {
      'a.example.org SRV': 'a.example.org. 5 IN SRV 10 100 0 a.example.org.\n+ a.example.org. 5 IN A 192.0.2.1',
      'b.example.org SRV': 'b.example.org. 5 IN SRV 10 100 0 org.\n+ org. 5 IN A 192.0.2.2',
      'c.example.org SRV': 'c.example.org. 5 IN SRV 10 100 0 1.c.example.org.\n+ 1.c.example.org. 5 IN A 192.0.2.3',
      'd.example.org SRV': 'd.example.org. 5 IN SRV 10 100 0 y.example.org.\n+ y.example.org. 5 IN A 192.0.2.4',
    },
  },
  {
    rule: 'targets that are names of ours: addresses of both families, through CNAMEs, once a target',
    zone: `
      1.web.example.org  host=p.example.org port=80
      2.web.example.org  host=p.example.org port=81
      p.example.org      host=q.example.net
      1.q.example.net    host=192.0.2.1
      2.q.example.net    host=2001:db8::2`,
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 50 80 p.example.org.
        web.example.org. 5 IN SRV 10 50 81 p.example.org.
        + p.example.org. 5 IN CNAME q.example.net.
        + q.example.net. 5 IN A 192.0.2.1
        + q.example.net. 5 IN AAAA 2001:db8::2`,
    },
  },
  {
    rule: 'targets outside: what the forwarder knows',
    zone: '1.web.example.org host=www.example.com port=80',
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 100 80 www.example.com.
        + www.example.com. 60 IN CNAME edge.example.com.
        + edge.example.com. 60 IN A 198.51.100.1
        + edge.example.com. 60 IN AAAA 2001:db8::100`,
    },
    context: {
      outside: outsideWith({
        'www.example.com A': { addresses: ['198.51.100.1'], aliases: ['edge.example.com'] },
        'www.example.com AAAA': { addresses: ['2001:db8::100'], aliases: ['edge.example.com'] },
      }),
    },
  },
  {
    rule: 'a record without port has port 0; port -1 is skipped, and what no SRV can carry',
    zone: `
      1.web.example.org host=192.0.2.1
      2.web.example.org host=192.0.2.2 port=-1
      3.web.example.org host=192.0.2.3 port=65536
      only.example.org  host=192.0.2.4 port=-1`,
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 100 0 1.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1`,
      'only.example.org SRV': 'NODATA example.org.',
      'only.example.org A': 'only.example.org. 5 IN A 192.0.2.4',
    },
  },
  {
    rule: 'a prefix of several segments is stripped whole; priority and weight out of range are brought into it',
    zone: '1.web.example.org host=192.0.2.1 priority=70000 weight=70000\n2.web.example.org host=192.0.2.2 priority=-1 weight=-5',
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 65535 65535 0 1.web.example.org.
        web.example.org. 5 IN SRV 0 100 0 2.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1
        + 2.web.example.org. 5 IN A 192.0.2.2`,
    },
    settings: { srvWeights: 'raw' },
  },
  {
    rule: 'RFC 2782 names: the records of the name below them, by port name and protocol',
    zone: `
      1.web.example.org host=192.0.2.1 port=80 portName=http protocol=tcp
      2.web.example.org host=192.0.2.1 port=443 portName=HTTPS
      3.web.example.org host=192.0.2.1 port=53 portName=dns protocol=udp
      4.web.example.org host=192.0.2.1 port=99
      5.web.example.org host=192.0.2.1 port=54 portName=zone protocol=UDP
      6.web.example.org host=192.0.2.1 port=55 portName=stream protocol=sctp
      7.web.example.org host=192.0.2.1 port=56 portName=empty protocol=""`,
    asks: {
      '_zone._udp.web.example.org SRV': `
        _zone._udp.web.example.org. 5 IN SRV 10 100 54 5.web.example.org.
        + 5.web.example.org. 5 IN A 192.0.2.1`,
      '_zone._tcp.web.example.org SRV': 'NXDOMAIN example.org.',
      '_stream._tcp.web.example.org SRV': 'NXDOMAIN example.org.',
      '_stream._sctp.web.example.org SRV': 'NXDOMAIN example.org.',
      '_empty._tcp.web.example.org SRV': `
        _empty._tcp.web.example.org. 5 IN SRV 10 100 56 7.web.example.org.
        + 7.web.example.org. 5 IN A 192.0.2.1`,
      '_http._tcp.web.example.org SRV': `
        _http._tcp.web.example.org. 5 IN SRV 10 100 80 1.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1`,
      '_https._tcp.web.example.org SRV': `
        _https._tcp.web.example.org. 5 IN SRV 10 100 443 2.web.example.org.
        + 2.web.example.org. 5 IN A 192.0.2.1`,
      '_dns._udp.*.example.org SRV': `
        _dns._udp.*.example.org. 5 IN SRV 10 100 53 3.web.example.org.
        + 3.web.example.org. 5 IN A 192.0.2.1`,
      '_http._tcp.2.web.example.org SRV': 'NXDOMAIN example.org.',
      '_http._udp.web.example.org SRV': 'NXDOMAIN example.org.',
      '_ftp._tcp.web.example.org SRV': 'NXDOMAIN example.org.',
      '_http._tcp.web.example.org A': 'NODATA example.org.',
      '_http._tcp.web.example.org ANY': '_http._tcp.web.example.org. 5 IN HINFO "RFC8482" ""',
      '_tcp.web.example.org SRV': 'NODATA example.org.',
      '_sctp.web.example.org SRV': 'NXDOMAIN example.org.',
    },
  },
  {
    rule: 'RFC 2782 names that are keys come first',
    zone: `
      1._http._tcp.web.example.org host=192.0.2.7 port=7
      1.web.example.org            host=192.0.2.1 port=80 portName=http`,
    asks: {
      '_http._tcp.web.example.org SRV': `
        _http._tcp.web.example.org. 5 IN SRV 10 100 7 1._http._tcp.web.example.org.
        + 1._http._tcp.web.example.org. 5 IN A 192.0.2.7`,
    },
  },
  {
    rule: 'RFC 1035 §3.3.9: MX of the records with mail, in their preference, with addresses',
    zone: `
      a.mail.example.org host=mx.example.org priority=50 mail=true
      b.mail.example.org host=192.0.2.25 mail=true
      c.mail.example.org host=192.0.2.26
      d.mail.example.org host=192.0.2.27 mail=true targetstrip=1 priority=20
      e.mail.example.org text=t mail=true
      mx.example.org     host=192.0.2.28`,
    asks: {
      'mail.example.org MX': `
        mail.example.org. 5 IN MX 50 mx.example.org.
        mail.example.org. 5 IN MX 10 b.mail.example.org.
        mail.example.org. 5 IN MX 20 mail.example.org.
        + mx.example.org. 5 IN A 192.0.2.28
        + b.mail.example.org. 5 IN A 192.0.2.25
        + mail.example.org. 5 IN A 192.0.2.27`,
      'mx.example.org MX': 'NODATA example.org.',
    },
  },
  {
    rule: 'MX: one host in two preferences has its addresses once; ports make no second MX',
    zone: `
      1.m.example.org host=mx.example.org priority=20 mail=true port=25
      2.m.example.org host=mx.example.org priority=30 mail=true
      3.m.example.org host=mx.example.org priority=20 mail=true port=587
      mx.example.org  host=192.0.2.28`,
    asks: {
      'm.example.org MX': `
        m.example.org. 5 IN MX 20 mx.example.org.
        m.example.org. 5 IN MX 30 mx.example.org.
        + mx.example.org. 5 IN A 192.0.2.28`,
    },
  },
  {
    rule: 'groups thin the SRV RRs before their weights',
    zone: '1.web.example.org host=192.0.2.1 group=a\n1.x.web.example.org host=192.0.2.2 group=b',
    asks: {
      'web.example.org SRV': `
        web.example.org. 5 IN SRV 10 100 0 1.web.example.org.
        + 1.web.example.org. 5 IN A 192.0.2.1`,
    },
  },
];

checkRows(test, rows);

test('SRV RRs rotate, MX RRs do not', () => {
  const zone = Zone.empty('/a/b');
  evolve(zone, put('/a/b/org/example/web/1' as EtcdKey, '{"host":"192.0.2.1","mail":true}', 1));
  const srv = lookup(zone, questionFrom('web.example.org SRV'), SETTINGS, CONTEXT);
  const mx = lookup(zone, questionFrom('web.example.org MX'), SETTINGS, CONTEXT);
  assert.ok(srv.type === 'answer' && srv.rotateFrom === 0);
  assert.ok(srv.type === 'answer' && srv.answers[0]?.type === 'SRV' && srv.answers[0].target === '1.web.example.org.');
  assert.ok(mx.type === 'answer' && mx.rotateFrom === 1);
});

test('a wide name of 2,000 instances is answered whole', () => {
  const zone = Zone.empty('/skydns');
  for (let n = 0; n < 2000; n += 1) {
    const value = JSON.stringify({ host: `10.0.${n >> 8}.${n & 255}`, port: 30_000 + n, portName: 'http' });
    evolve(zone, put(`/skydns/org/example/web/node-${n % 500}/${n}` as EtcdKey, value, n + 1));
  }
  const outcome = lookup(zone, questionFrom('web.example.org SRV'), SETTINGS, CONTEXT);
  assert.ok(outcome.type === 'answer' && outcome.answers.length === 2000 && outcome.additional.length === 2000);
});

test.run();
