import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { soaOf } from '../../../../resolver/lookup/records/apex.ts';
import type { Availability } from '../../../../resolver/lookup/settings.ts';
import { parseName } from '../../../../shared/name.ts';
import { formatRecord } from '../../../../shared/rrset-text.ts';
import { checkRows, type Row, SETTINGS } from '../../../support/lookup-table.ts';

const test = suite('resolver/lookup-apex');

const rows: Row[] = [
  {
    rule: 'NS at the apex: the records at ns.dns with an address, with glue',
    zone: `
      a.ns.dns.example.org host=192.0.2.1
      b.ns.dns.example.org host=2001:db8::2
      c.ns.dns.example.org host=ns.example.com
      d.ns.dns.example.org text=t`,
    asks: {
      'example.org NS': `
        example.org. 5 IN NS a.ns.dns.example.org.
        example.org. 5 IN NS b.ns.dns.example.org.
        + a.ns.dns.example.org. 5 IN A 192.0.2.1
        + b.ns.dns.example.org. 5 IN AAAA 2001:db8::2`,
      'a.ns.dns.example.org A': 'a.ns.dns.example.org. 5 IN A 192.0.2.1',
      'ns.dns.example.org NS': 'NODATA example.org.',
      'no.example.org NS': 'NXDOMAIN example.org.',
    },
  },
  {
    rule: 'NS targets are stripped, and merged when they are one',
    zone: 'a.ns.dns.example.org host=192.0.2.1 targetstrip=3\nb.ns.dns.example.org host=192.0.2.2 targetstrip=1\nc.ns.dns.example.org host=192.0.2.3 targetstrip=1',
    asks: {
      'example.org NS': `
        example.org. 5 IN NS example.org.
        example.org. 5 IN NS ns.dns.example.org.
        + example.org. 5 IN A 192.0.2.1
        + ns.dns.example.org. 5 IN A 192.0.2.2
        + ns.dns.example.org. 5 IN A 192.0.2.3`,
    },
  },
  {
    rule: 'the key ns.dns itself is a name server too',
    zone: 'ns.dns.example.org host=192.0.2.1',
    asks: {
      'example.org NS': 'example.org. 5 IN NS ns.dns.example.org.\n+ ns.dns.example.org. 5 IN A 192.0.2.1',
    },
  },
  {
    rule: 'none registered: one NS of our own, which exists, as do the names above it',
    zone: '',
    asks: {
      'example.org NS': 'example.org. 5 IN NS ns.dns.example.org.',
      'ns.dns.example.org A': 'NODATA example.org.',
      'dns.example.org A': 'NODATA example.org.',
      'x.dns.example.org A': 'NXDOMAIN example.org.',
    },
  },
  {
    rule: '--ns-name names it, with the addresses it has with us',
    zone: '1.ns1.example.net host=192.0.2.53\n2.ns1.example.net host=2001:db8::53',
    asks: {
      'example.org NS': `
        example.org. 5 IN NS ns1.example.net.
        + ns1.example.net. 5 IN A 192.0.2.53
        + ns1.example.net. 5 IN AAAA 2001:db8::53`,
    },
    settings: { nsName: parseName('ns1.example.net') },
  },
  {
    rule: 'a name server by configuration exists, though the store does not have it',
    zone: '',
    asks: {
      'example.org NS': 'example.org. 5 IN NS ns1.infra.example.net.',
      'ns1.infra.example.net A': 'NODATA example.net.',
      'infra.example.net A': 'NODATA example.net.',
    },
    settings: { nsName: parseName('ns1.infra.example.net') },
  },
  {
    rule: 'the apex exists with nothing in the zone, and has no CNAME',
    zone: 'example.org host=www.example.net',
    asks: {
      'example.org A': 'NODATA example.org.',
      'example.org CNAME': 'NODATA example.org.',
      'example.org HINFO': 'NODATA example.org.',
      'example.net TXT': 'NODATA example.net.',
    },
  },
  {
    rule: 'SOA at the apex alone, its serial the revision of the zone',
    zone: 'a.example.org host=192.0.2.1\nb.example.org host=192.0.2.2\nc.example.com host=192.0.2.3',
    asks: {
      'example.org SOA': 'example.org. 7 IN SOA ns.dns.example.org. hostmaster.example.org. 3 28800 7200 604800 7',
      'a.example.org SOA': 'NODATA example.org.',
      'd.example.org SOA': 'NXDOMAIN example.org.',
    },
  },
  {
    rule: 'SRV of the apex selects the zone, as of any name',
    zone: '1.web.example.org host=www.example.net port=80\n1.db.example.org host=db.example.net port=81',
    asks: {
      'example.org SRV': `
        example.org. 5 IN SRV 10 50 81 db.example.net.
        example.org. 5 IN SRV 10 50 80 www.example.net.`,
    },
  },
];

checkRows(test, rows);

test('the serial is the low 32 bits of the revision', () => {
  const soa = soaOf(parseName('example.org'), SETTINGS, 2n ** 32n * 5n + 4294967295n, 'live');
  assert.ok(soa.type === 'SOA' && soa.serial === 4294967295);
  assert.match(formatRecord(soaOf(parseName('.'), SETTINGS, 1n, 'live')), /^\. 7 IN SOA ns\.dns\. hostmaster\. 1 /);
});

test('while stale its TTL is capped, and with it how long a negative answer is kept (RFC 2308 §5)', () => {
  const stale = { type: 'stale', sinceMs: 0, ttlCapSeconds: 3 } as const;
  const soa = (availability: Availability) => soaOf(parseName('example.org'), SETTINGS, 1n, availability);
  assert.match(formatRecord(soa(stale)), /^example\.org\. 3 IN SOA .* 7$/);
  assert.equal(soa({ ...stale, ttlCapSeconds: 30 }), soa('live'));
});

test.run();
