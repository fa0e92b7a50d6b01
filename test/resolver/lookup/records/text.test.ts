import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cut } from '../../../../resolver/lookup/records/text.ts';
import { checkRows, type Row } from '../../../support/lookup-table.ts';
import fc from '../../../support/properties.ts';

const test = suite('resolver/lookup-text');

const rows: Row[] = [
  {
    rule: 'RFC 1034 §3.6.2: a name without text has what its alias leads to, in chain order, one TTL for all',
    zone: `
      note.example.org host=n2.example.org ttl=30
      n2.example.org   host=n3.example.net
      n3.example.net   text=words ttl=60`,
    asks: {
      'note.example.org TXT': `
        note.example.org. 5 IN CNAME n2.example.org.
        n2.example.org. 5 IN CNAME n3.example.net.
        n3.example.net. 5 IN TXT "words"`,
      'note.example.org A': 'NODATA example.org.',
    },
  },
  {
    rule: 'an alias leads to all texts at and below its target, from a key below the name asked for, too',
    zone: `
      1.web.example.org  host=pool.example.org
      1.pool.example.org text=one
      2.pool.example.org text=two host=192.0.2.2`,
    asks: {
      'web.example.org TXT': `
        web.example.org. 5 IN CNAME pool.example.org.
        pool.example.org. 5 IN TXT "one"
        pool.example.org. 5 IN TXT "two"`,
    },
  },
  {
    rule: 'a name with text of its own has that alone, at the end of an alias, too',
    zone: `
      1.web.example.org host=other.example.org
      2.web.example.org text=own
      both.example.org  host=other.example.org text=beside
      other.example.org text=far
      to.example.org    host=web.example.org`,
    asks: {
      'web.example.org TXT': 'web.example.org. 5 IN TXT "own"',
      'both.example.org TXT': 'both.example.org. 5 IN TXT "beside"',
      'to.example.org TXT': 'to.example.org. 5 IN CNAME web.example.org.\nweb.example.org. 5 IN TXT "own"',
    },
  },
  {
    rule: 'of several aliases one CNAME, the first that leads to text; the texts of all',
    zone: `
      0.web.example.org host=nowhere.example.org
      1.web.example.org host=t1.example.org
      2.web.example.org host=t2.example.org
      t1.example.org    text=one
      t2.example.org    text=two`,
    asks: {
      'web.example.org TXT': `
        web.example.org. 5 IN CNAME t1.example.org.
        t1.example.org. 5 IN TXT "one"
        t2.example.org. 5 IN TXT "two"`,
    },
  },
  {
    rule: 'loops and aliases that lead to no text are NODATA; upstreams are not asked for texts',
    zone: `
      a.example.org    host=b.example.org
      b.example.org    host=a.example.org
      addr.example.org host=c.example.org
      c.example.org    host=192.0.2.1
      far.example.org  host=far.example.com`,
    asks: {
      'a.example.org TXT': 'NODATA example.org.',
      'addr.example.org TXT': 'NODATA example.org.',
      'far.example.org TXT': 'NODATA example.org.',
    },
    context: {
      outside: () => {
        throw new Error('an upstream was asked');
      },
    },
  },
  {
    rule: 'an apex has the texts of its zone, and none that a host in it leads to',
    zone: `
      1.example.org    host=note.example.net
      note.example.net text=net
      to.example.org   host=example.net`,
    asks: {
      'example.org TXT': 'NODATA example.org.',
      'example.net TXT': 'example.net. 5 IN TXT "net"',
      'to.example.org TXT': 'to.example.org. 5 IN CNAME example.net.\nexample.net. 5 IN TXT "net"',
    },
  },
  {
    rule: 'eight links are followed, and the name asked for may be local.dns',
    zone: `
      ${Array.from({ length: 9 }, (_none, at) => `c${at}.example.org host=c${at + 1}.example.org`).join('\n')}
      c9.example.org text=end`,
    asks: {
      'c0.example.org TXT': 'NODATA example.org.',
      'c1.example.org CNAME': 'c1.example.org. 5 IN CNAME c2.example.org.',
      'local.dns.example.org TXT': `
        local.dns.example.org. 5 IN CNAME c9.example.org.
        c9.example.org. 5 IN TXT "end"`,
    },
    settings: { local: 'c8.example.org.' as never },
  },
];

checkRows(test, rows);

test('text is cut at 255 octets, with no empty string at an exact multiple (RFC 1035 §3.3)', () => {
  const lengths = (octets: number) => cut('0'.repeat(octets)).map((text) => text.length);
  assert.equal(lengths(3), [3]);
  assert.equal(lengths(254), [254]);
  assert.equal(lengths(255), [255]);
  assert.equal(lengths(256), [255, 1]);
  assert.equal(lengths(400), [255, 145]);
  assert.equal(lengths(510), [255, 255]);
  assert.equal(lengths(2000), [255, 255, 255, 255, 255, 255, 255, 215]);
});

test('the strings together are the text’s UTF-8 octets', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 600 }), (text) => {
      assert.is(cut(text).join(''), Buffer.from(text, 'utf8').toString('latin1'));
    }),
  );
});

test.run();
