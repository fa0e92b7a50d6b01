import { suite } from 'uvu';
import { checkRows, type Row } from '../../support/lookup-table.ts';

const test = suite('resolver/lookup');

const rows: Row[] = [
  {
    rule: 'the record of the manual: one instance, found by instance, host and service',
    zone: '3f2a9c01d4e7.node-1.web.example.org host=192.0.2.10 port=8080',
    asks: {
      'web.example.org A': 'web.example.org. 5 IN A 192.0.2.10',
      'node-1.web.example.org A': 'node-1.web.example.org. 5 IN A 192.0.2.10',
      '3f2a9c01d4e7.node-1.web.example.org A': '3f2a9c01d4e7.node-1.web.example.org. 5 IN A 192.0.2.10',
    },
  },
  {
    rule: 'a name in none of our zones is outside',
    zone: 'web.example.com host=192.0.2.1',
    asks: {
      'web.example.com A': 'OUTSIDE',
      'org SOA': 'OUTSIDE',
      'badexample.org A': 'OUTSIDE',
      '. NS': 'OUTSIDE',
      '1.2.0.192.in-addr.arpa A': 'OUTSIDE',
    },
  },
  {
    rule: 'the longest zone holds a name, and a zone below a zone exists for it',
    zone: '1.sub.example.org host=192.0.2.1',
    asks: {
      '2.sub.example.org A': 'NXDOMAIN sub.example.org.',
      '2.example.org A': 'NXDOMAIN example.org.',
      'deep.example.org A': 'NODATA example.org.',
      'x.deep.example.org A': 'NODATA x.deep.example.org.',
    },
    settings: { zones: ['example.org.', 'sub.example.org.', 'x.deep.example.org.'] as never },
  },
  {
    rule: 'RFC 2308 §2.2: another type of a name that exists is NODATA, for known and unknown types',
    zone: '1.web.example.org host=192.0.2.1',
    asks: {
      'web.example.org AAAA': 'NODATA example.org.',
      'web.example.org TXT': 'NODATA example.org.',
      'web.example.org MX': 'NODATA example.org.',
      'web.example.org NS': 'NODATA example.org.',
      'web.example.org SOA': 'NODATA example.org.',
      'web.example.org PTR': 'NODATA example.org.',
      'web.example.org CNAME': 'NODATA example.org.',
      'web.example.org HINFO': 'NODATA example.org.',
      'web.example.org 65280': 'NODATA example.org.',
    },
  },
  {
    rule: 'RFC 8020: NXDOMAIN means nothing at or below, the same for every type',
    zone: '1.web.example.org host=192.0.2.1\ngone.example.org raw=bad',
    asks: {
      'no.example.org A': 'NXDOMAIN example.org.',
      'no.example.org NS': 'NXDOMAIN example.org.',
      'no.example.org CNAME': 'NXDOMAIN example.org.',
      'no.example.org PTR': 'NXDOMAIN example.org.',
      'no.example.org ANY': 'NXDOMAIN example.org.',
      'no.example.org 65280': 'NXDOMAIN example.org.',
      '2.1.web.example.org A': 'NXDOMAIN example.org.',
      'gone.example.org A': 'NODATA example.org.',
    },
  },
  {
    rule: 'RFC 8482: ANY of a name that exists is one HINFO',
    zone: '1.web.example.org host=192.0.2.1',
    asks: {
      'web.example.org ANY': 'web.example.org. 5 IN HINFO "RFC8482" ""',
      'example.org ANY': 'example.org. 5 IN HINFO "RFC8482" ""',
    },
  },
  {
    rule: 'zone transfers are refused, ours or not',
    zone: '',
    asks: { 'example.org AXFR': 'REFUSED', 'example.org IXFR': 'REFUSED', 'example.com AXFR': 'REFUSED' },
  },
  {
    rule: 'CNAME is the host of the exact key, when it is a name',
    zone: `
      web.example.org      host=real.example.net
      1.web.example.org    host=other.example.net
      1.below.example.org  host=other.example.net
      note.example.org     text=t
      addr.example.org     host=192.0.2.1`,
    asks: {
      'web.example.org CNAME': 'web.example.org. 5 IN CNAME real.example.net.',
      'below.example.org CNAME': 'NODATA example.org.',
      'note.example.org CNAME': 'NODATA example.org.',
      'addr.example.org CNAME': 'NODATA example.org.',
      '*.below.example.org CNAME': '*.below.example.org. 5 IN CNAME other.example.net.',
    },
  },
  {
    rule: 'TXT is every record with text, beside a host or not, each once',
    zone: `
      1.t.example.org text="first words"
      2.t.example.org text=second host=192.0.2.1
      3.t.example.org host=192.0.2.2
      4.t.example.org text=second`,
    asks: {
      't.example.org TXT': 't.example.org. 5 IN TXT "first words"\nt.example.org. 5 IN TXT "second"',
      't.example.org A': 't.example.org. 5 IN A 192.0.2.1\nt.example.org. 5 IN A 192.0.2.2',
    },
  },
  {
    rule: 'local.dns of each zone answers as the name it was given, under its own name',
    zone: '1.node-1.example.org host=192.0.2.1 port=80\n2.node-1.example.org text=t host=node-1.example.org',
    asks: {
      'local.dns.example.org A': 'local.dns.example.org. 5 IN A 192.0.2.1',
      'local.dns.example.net TXT': 'local.dns.example.net. 5 IN TXT "t"',
      'local.dns.example.org AAAA': 'NODATA example.org.',
      'local.dns.example.org MX': 'NODATA example.org.',
      'dns.example.org A': 'NODATA example.org.',
    },
    settings: { local: 'node-1.example.org.' as never },
  },
  {
    rule: 'without --local, local.dns is a name like others',
    zone: 'local.dns.example.org host=192.0.2.1',
    asks: {
      'local.dns.example.org A': 'local.dns.example.org. 5 IN A 192.0.2.1',
      'local.dns.example.net A': 'NXDOMAIN example.net.',
    },
  },
  {
    rule: 'never synced: SERVFAIL 22, never a negative answer (RFC 8914)',
    zone: '',
    asks: {
      'web.example.org A': 'SERVFAIL 22',
      'example.org SOA': 'SERVFAIL 22',
      'example.org AXFR': 'REFUSED',
      'web.example.com A': 'OUTSIDE',
      '1.2.0.192.in-addr.arpa PTR': 'OUTSIDE',
    },
    context: { availability: 'never-synced' },
  },
  {
    rule: 'past the bound of staleness: SERVFAIL 3, though the zone is there',
    zone: 'web.example.org host=192.0.2.1',
    asks: { 'web.example.org A': 'SERVFAIL 3', 'no.example.org A': 'SERVFAIL 3' },
    context: { availability: 'too-stale' },
  },
  {
    rule: 'stale within the bound: answers and negative answers as ever',
    zone: 'web.example.org host=192.0.2.1',
    asks: { 'web.example.org A': 'web.example.org. 5 IN A 192.0.2.1', 'no.example.org A': 'NXDOMAIN example.org.' },
    context: { availability: { type: 'stale', sinceMs: 0, ttlCapSeconds: 30 } },
  },
];

checkRows(test, rows);
test.run();
