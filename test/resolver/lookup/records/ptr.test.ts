import { suite } from 'uvu';
import { parseName } from '../../../../shared/name.ts';
import { checkRows, type Row } from '../../../support/lookup-table.ts';

const test = suite('resolver/lookup-ptr');

const REVERSE = ['example.org', '2.0.192.in-addr.arpa', '8.b.d.0.1.0.0.2.ip6.arpa'].map(parseName);
const V6 = `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`;

const rows: Row[] = [
  {
    rule: 'RFC 1035 §3.5: the host stored at the exact key',
    zone: '6.2.0.10.in-addr.arpa host=milnet-gw.example.org\n1.6.2.0.10.in-addr.arpa host=deeper.example.org',
    asks: { '6.2.0.10.in-addr.arpa PTR': '6.2.0.10.in-addr.arpa. 5 IN PTR milnet-gw.example.org.' },
  },
  {
    rule: 'else the names that announce the address, in key order',
    zone: `
      b.web.example.org host=192.0.2.1 port=80
      a.web.example.org host=192.0.2.1 port=81
      c.web.example.org host=192.0.2.2`,
    asks: {
      '1.2.0.192.in-addr.arpa PTR': `
        1.2.0.192.in-addr.arpa. 5 IN PTR a.web.example.org.
        1.2.0.192.in-addr.arpa. 5 IN PTR b.web.example.org.`,
    },
  },
  {
    rule: 'the names are stripped like targets, each once, and are ours',
    zone: `
      a.web.example.org host=192.0.2.1 targetstrip=1
      b.web.example.org host=192.0.2.1 targetstrip=1
      c.web.example.com host=192.0.2.1`,
    asks: { '1.2.0.192.in-addr.arpa PTR': '1.2.0.192.in-addr.arpa. 5 IN PTR web.example.org.' },
  },
  {
    rule: 'RFC 3596 §2.5: IPv6 addresses too, in any spelling',
    zone: 'web.example.org host=2001:0DB8:0::1',
    asks: { [`${V6} PTR`]: `${V6}. 5 IN PTR web.example.org.` },
  },
  {
    rule: 'what is stored goes before what is announced; a stored address is no name',
    zone: `
      1.web.example.org       host=192.0.2.1
      2.web.example.org       host=192.0.2.2
      1.2.0.192.in-addr.arpa  host=stored.example.com
      2.2.0.192.in-addr.arpa  host=198.51.100.1`,
    asks: {
      '1.2.0.192.in-addr.arpa PTR': '1.2.0.192.in-addr.arpa. 5 IN PTR stored.example.com.',
      '2.2.0.192.in-addr.arpa PTR': '2.2.0.192.in-addr.arpa. 5 IN PTR 2.web.example.org.',
    },
  },
  {
    rule: 'neither, and the reverse zone is not ours: outside',
    zone: '1.web.example.org host=192.0.2.1',
    asks: {
      '9.2.0.192.in-addr.arpa PTR': 'OUTSIDE',
      '1.2.0.192.in-addr.arpa TXT': 'OUTSIDE',
      '2.0.192.in-addr.arpa PTR': 'OUTSIDE',
      '1.web.example.org PTR': 'NODATA example.org.',
    },
  },
  {
    rule: 'in a reverse zone of ours: what is not announced does not exist, what is has no other type',
    zone: '1.web.example.org host=192.0.2.1\n1.web.example.com host=192.0.2.7',
    asks: {
      '1.2.0.192.in-addr.arpa PTR': '1.2.0.192.in-addr.arpa. 5 IN PTR 1.web.example.org.',
      '1.2.0.192.in-addr.arpa A': 'NODATA 2.0.192.in-addr.arpa.',
      '9.2.0.192.in-addr.arpa PTR': 'NXDOMAIN 2.0.192.in-addr.arpa.',
      '9.2.0.192.in-addr.arpa A': 'NXDOMAIN 2.0.192.in-addr.arpa.',
      '7.2.0.192.in-addr.arpa PTR': 'NXDOMAIN 2.0.192.in-addr.arpa.',
      '256.2.0.192.in-addr.arpa PTR': 'NXDOMAIN 2.0.192.in-addr.arpa.',
      '1.1.2.0.192.in-addr.arpa PTR': 'NXDOMAIN 2.0.192.in-addr.arpa.',
      '2.0.192.in-addr.arpa SOA': `2.0.192.in-addr.arpa. 7 IN SOA ns.dns.2.0.192.in-addr.arpa.
        hostmaster.2.0.192.in-addr.arpa. 2 28800 7200 604800 7`.replace(/\n\s*/, ' '),
      [`${V6} PTR`]: 'NXDOMAIN 8.b.d.0.1.0.0.2.ip6.arpa.',
    },
    settings: { zones: REVERSE },
  },
  {
    rule: 'RFC 8020: names above addresses are never denied in a reverse zone of ours',
    zone: '',
    asks: {
      '0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR': 'NODATA 8.b.d.0.1.0.0.2.ip6.arpa.',
      'x.0.8.b.d.0.1.0.0.2.ip6.arpa PTR': 'NXDOMAIN 8.b.d.0.1.0.0.2.ip6.arpa.',
    },
    settings: { zones: REVERSE },
  },
];

checkRows(test, rows);
test.run();
