import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lookup } from '../../../../resolver/lookup/lookup.ts';
import { CONTEXT, checkRows, outsideWith, questionFrom, type Row, SETTINGS } from '../../../support/lookup-table.ts';
import { zoneFrom } from '../../../support/zone-text.ts';

const test = suite('resolver/lookup-address');

const chain = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `c${from + n}.example.org host=c${from + n + 1}.example.org`).join('\n');

const rows: Row[] = [
  {
    rule: 'RFC 1034 §3.6.2: an alias and what it leads to, in chain order',
    zone: 'usc-isic.example.org host=c.isi.example.net\nc.isi.example.net host=192.0.2.52',
    asks: {
      'usc-isic.example.org A': `
        usc-isic.example.org. 5 IN CNAME c.isi.example.net.
        c.isi.example.net. 5 IN A 192.0.2.52`,
      'usc-isic.example.org AAAA': 'NODATA example.org.',
    },
  },
  {
    rule: 'addresses of the family asked for, in key order, each once',
    zone: `
      3.web.example.org host=192.0.2.3
      1.web.example.org host=192.0.2.1 port=80
      2.web.example.org host=192.0.2.1 port=443
      4.web.example.org host=2001:DB8::4
      5.web.example.org host=::ffff:192.0.2.5`,
    asks: {
      'web.example.org A': `
        web.example.org. 5 IN A 192.0.2.1
        web.example.org. 5 IN A 192.0.2.3
        web.example.org. 5 IN A 192.0.2.5`,
      'web.example.org AAAA': 'web.example.org. 5 IN AAAA 2001:db8::4',
    },
  },
  {
    rule: 'a host that is a name leads to its whole subtree',
    zone: 'web.example.org host=pool.example.org\n1.pool.example.org host=192.0.2.1\n2.pool.example.org host=192.0.2.2',
    asks: {
      'web.example.org A': `
        web.example.org. 5 IN CNAME pool.example.org.
        pool.example.org. 5 IN A 192.0.2.1
        pool.example.org. 5 IN A 192.0.2.2`,
    },
  },
  {
    rule: 'an alias of a record below the name asked for is the name’s',
    zone: '1.web.example.org host=pool.example.org\npool.example.org host=192.0.2.1',
    asks: {
      'web.example.org A': `
        web.example.org. 5 IN CNAME pool.example.org.
        pool.example.org. 5 IN A 192.0.2.1`,
    },
  },
  {
    rule: 'CNAMEs come first, whatever the order of the keys',
    zone: '1.web.example.org host=192.0.2.1\n2.web.example.org host=pool.example.org\npool.example.org host=192.0.2.2',
    asks: {
      'web.example.org A': `
        web.example.org. 5 IN CNAME pool.example.org.
        web.example.org. 5 IN A 192.0.2.1
        pool.example.org. 5 IN A 192.0.2.2`,
    },
  },
  {
    rule: 'one CNAME an owner: the first that leads to an address; the addresses of all',
    zone: `
      0.web.example.org host=nowhere.example.org
      1.web.example.org host=p1.example.org
      2.web.example.org host=p2.example.org
      p1.example.org    host=192.0.2.1
      p2.example.org    host=192.0.2.2`,
    asks: {
      'web.example.org A': `
        web.example.org. 5 IN CNAME p1.example.org.
        p1.example.org. 5 IN A 192.0.2.1
        p2.example.org. 5 IN A 192.0.2.2`,
    },
  },
  {
    rule: 'two records with one alias are one CNAME, with the smaller TTL',
    zone: `
      1.web.example.org host=pool.example.org ttl=60
      2.web.example.org host=pool.example.org ttl=3
      pool.example.org  host=192.0.2.1 ttl=60`,
    asks: {
      'web.example.org A': `
        web.example.org. 3 IN CNAME pool.example.org.
        pool.example.org. 3 IN A 192.0.2.1`,
    },
  },
  {
    rule: 'an alias that leads nowhere is left out',
    zone: 'web.example.org host=nowhere.example.org\nx.example.org host=t.example.org\nt.example.org text=only',
    asks: { 'web.example.org A': 'NODATA example.org.', 'x.example.org A': 'NODATA example.org.' },
  },
  {
    rule: 'no loops: to itself, to below itself, and around',
    zone: `
      self.example.org    host=self.example.org
      up.example.org      host=1.up.example.org
      1.down.example.org  host=down.example.org
      a.example.org       host=b.example.org
      b.example.org       host=a.example.org`,
    asks: {
      'self.example.org A': 'NODATA example.org.',
      'up.example.org A': 'NODATA example.org.',
      'down.example.org A': 'NODATA example.org.',
      'a.example.org A': 'NODATA example.org.',
    },
  },
  {
    rule: 'a loop with a way out gives the way out',
    zone: `
      a.example.org   host=b.example.org
      1.b.example.org host=a.example.org
      2.b.example.org host=192.0.2.2`,
    asks: { 'a.example.org A': 'a.example.org. 5 IN CNAME b.example.org.\nb.example.org. 5 IN A 192.0.2.2' },
  },
  {
    rule: 'eight links are followed',
    zone: `${chain(1, 9)}\nc9.example.org host=192.0.2.9`,
    asks: {
      'c1.example.org A': `${chain(1, 9)
        .replaceAll(' host=', '. 5 IN CNAME ')
        .replaceAll(/org$/gm, 'org.')}\nc9.example.org. 5 IN A 192.0.2.9`,
    },
  },
  {
    rule: 'a ninth is not',
    zone: `${chain(1, 10)}\nc10.example.org host=192.0.2.10`,
    asks: { 'c1.example.org A': 'NODATA example.org.' },
  },
  {
    rule: 'an alias outside our zones is asked of the forwarder, its own chain included',
    zone: 'web.example.org host=www.example.com',
    asks: {
      'web.example.org A': `
        web.example.org. 60 IN CNAME www.example.com.
        www.example.com. 60 IN CNAME edge.example.com.
        edge.example.com. 60 IN A 198.51.100.1
        edge.example.com. 60 IN A 198.51.100.2`,
      'web.example.org AAAA': 'NODATA example.org.',
    },
    settings: { defaultTtlSeconds: 300 },
    context: {
      outside: outsideWith({
        'www.example.com A': { addresses: ['198.51.100.1', '198.51.100.2'], aliases: ['edge.example.com'] },
        'www.example.com AAAA': { addresses: [], aliases: ['edge.example.com'] },
      }),
    },
  },
  {
    rule: 'upstreams that failed: left out beside others, SERVFAIL where nothing is left',
    zone: `
      only.example.org    host=lost.example.com
      two.example.org     host=lost.example.com
      1.two.example.org   host=gone.example.com
      chain.example.org   host=only.example.org
      1.mixed.example.org host=lost.example.com
      2.mixed.example.org host=192.0.2.1
      denied.example.org  host=gone.example.com
      wait.example.org    host=lost.example.com
      1.wait.example.org  host=unasked.example.com
      apex.dns.example.net host=lost.example.com`,
    asks: {
      'only.example.org A': 'SERVFAIL 23',
      'only.example.org AAAA': 'SERVFAIL 23',
      'only.example.org TXT': 'NODATA example.org.',
      'two.example.org A': 'SERVFAIL 23',
      'chain.example.org A': 'SERVFAIL 23',
      'mixed.example.org A': 'mixed.example.org. 5 IN A 192.0.2.1',
      'mixed.example.org AAAA': 'NODATA example.org.',
      'denied.example.org A': 'NODATA example.org.',
      'wait.example.org A': 'NODATA example.org.',
      'example.net A': 'SERVFAIL 23',
      'only.example.org SRV': 'only.example.org. 5 IN SRV 10 100 0 lost.example.com.',
    },
    context: {
      outside: outsideWith({
        'lost.example.com A': { addresses: [], failed: true },
        'lost.example.com AAAA': { addresses: [], failed: true },
        'gone.example.com A': { addresses: [] },
      }),
    },
  },
  {
    rule: 'the apex has its records at apex.dns, and nothing of what is below it',
    zone: `
      1.web.example.org       host=192.0.2.1
      a1.apex.dns.example.org host=192.0.2.8
      a2.apex.dns.example.org host=192.0.2.9
      a3.apex.dns.example.org host=2001:db8::9
      1.web.example.net       host=192.0.2.2`,
    asks: {
      'example.org A': 'example.org. 5 IN A 192.0.2.8\nexample.org. 5 IN A 192.0.2.9',
      'example.org AAAA': 'example.org. 5 IN AAAA 2001:db8::9',
      'example.net A': 'NODATA example.net.',
    },
  },
  {
    rule: 'RFC 1034 §3.6.2: no CNAME at an apex, but the addresses that it would lead to, with the least TTL on the way',
    zone: `
      apex.dns.example.org     host=www.example.com ttl=40
      1.apex.dns.example.net   host=192.0.2.1
      2.apex.dns.example.net   host=web.example.org
      3.apex.dns.example.net   host=gone.example.com
      web.example.org          host=next.example.org ttl=3
      next.example.org         host=192.0.2.2
      again.example.org        host=192.0.2.2
      alias.example.org        host=example.net
      1.svc.example.org        host=example.net port=80`,
    asks: {
      'example.org A': 'example.org. 20 IN A 198.51.100.1',
      'example.org AAAA': 'NODATA example.org.',
      'example.org CNAME': 'NODATA example.org.',
      'example.net A': `
        example.net. 3 IN A 192.0.2.1
        example.net. 3 IN A 192.0.2.2`,
      'alias.example.org A': `
        alias.example.org. 3 IN CNAME example.net.
        example.net. 3 IN A 192.0.2.1
        example.net. 3 IN A 192.0.2.2`,
      'svc.example.org SRV': `
        svc.example.org. 5 IN SRV 10 100 80 example.net.
        + example.net. 3 IN A 192.0.2.1
        + example.net. 3 IN A 192.0.2.2`,
    },
    context: {
      outside: outsideWith({
        'www.example.com A': { addresses: ['198.51.100.1'], aliases: ['host.example.com'], ttlSeconds: 20 },
        'www.example.com AAAA': { addresses: [] },
        'gone.example.com A': { addresses: [] },
        'gone.example.com AAAA': { addresses: [] },
      }),
    },
  },
  {
    rule: 'an apex leads to names of its own zone: they are below it, but not below apex.dns',
    zone: `
      1.apex.dns.example.org host=web.example.org ttl=3
      2.apex.dns.example.org host=example.org
      3.apex.dns.example.org host=9.apex.dns.example.org
      9.apex.dns.example.org host=192.0.2.9
      1.web.example.org      host=192.0.2.1
      2.web.example.org      host=example.org
      apex.dns.example.net   host=deep.web.example.net
      deep.web.example.net   host=example.net`,
    asks: {
      'example.org A': `
        example.org. 3 IN A 192.0.2.1
        example.org. 3 IN A 192.0.2.9`,
      'example.org AAAA': 'NODATA example.org.',
      'example.org CNAME': 'NODATA example.org.',
      'web.example.org A': `
        web.example.org. 5 IN CNAME example.org.
        web.example.org. 5 IN A 192.0.2.1
        example.org. 5 IN A 192.0.2.9`,
      'example.net A': 'NODATA example.net.',
    },
  },
  {
    rule: 'the legacy scan of the whole zone, where it is on and apex.dns has nothing',
    zone: `
      1.web.example.org      host=192.0.2.1
      a.apex.dns.example.org host=192.0.2.8
      1.web.example.net      host=192.0.2.2
      2.web.example.net      host=1.web.example.net`,
    asks: { 'example.org A': 'example.org. 5 IN A 192.0.2.8', 'example.net A': 'example.net. 5 IN A 192.0.2.2' },
    settings: { legacyApex: true },
  },
  {
    rule: 'wildcards answer under the name as asked',
    zone: '1.web.a.example.org host=192.0.2.1\n1.web.b.example.org host=192.0.2.2',
    asks: {
      'web.*.example.org A': 'web.*.example.org. 5 IN A 192.0.2.1\nweb.*.example.org. 5 IN A 192.0.2.2',
      'web.any.example.org A': 'web.any.example.org. 5 IN A 192.0.2.1\nweb.any.example.org. 5 IN A 192.0.2.2',
      'db.*.example.org A': 'NXDOMAIN example.org.',
    },
  },
  {
    rule: 'a host that is the root leads nowhere',
    zone: 'web.example.org host=.',
    asks: { 'web.example.org A': 'NODATA example.org.' },
  },
];

checkRows(test, rows);

test('names outside that are not known yet are listed for the caller', () => {
  const zone = zoneFrom('1.web.example.org host=www.example.com\n2.web.example.org host=192.0.2.1');
  const outcome = lookup(zone, questionFrom('web.example.org A'), SETTINGS, CONTEXT);
  assert.is(outcome.type, 'answer');
  if (outcome.type !== 'answer') return;
  assert.equal(outcome.unresolved, [questionFrom('www.example.com A')]);
  assert.is(outcome.answers.length, 1);
});

test('addresses rotate, the CNAMEs before them do not', () => {
  const zone = zoneFrom(
    'web.example.org host=p.example.org\n1.p.example.org host=192.0.2.1\n2.p.example.org host=192.0.2.2',
  );
  const outcome = lookup(zone, questionFrom('web.example.org A'), SETTINGS, CONTEXT);
  assert.ok(outcome.type === 'answer' && outcome.rotateFrom === 1 && outcome.answers.length === 3);
});

test('many paths to one name cost one look', () => {
  const level = (n: number) =>
    Array.from({ length: 40 }, (_, at) => `${at}.l${n}.example.org host=${at}.l${n + 1}.example.org`).join('\n');
  const cross = Array.from({ length: 8 }, (_, n) => `x.l${n}.example.org host=l${n + 1}.example.org`).join('\n');
  const zone = zoneFrom(
    `${[0, 1, 2, 3, 4, 5, 6, 7].map(level).join('\n')}\n${cross}\nend.l8.example.org host=192.0.2.1`,
  );
  const started = performance.now();
  const outcome = lookup(zone, questionFrom('l0.example.org A'), SETTINGS, CONTEXT);
  assert.ok(outcome.type === 'answer' && outcome.answers.at(-1)?.type === 'A');
  assert.ok(performance.now() - started < 1000);
});

test.run();
