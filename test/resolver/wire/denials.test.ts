import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Availability } from '../../../resolver/lookup/settings.ts';
import { parseName } from '../../../shared/name.ts';
import { answering, UDP_CLIENT } from '../../support/answering.ts';
import fc from '../../support/properties.ts';
import { queryOctets } from '../../support/servers/dns-client.ts';

const test = suite('resolver/denials');

const ZONES = ['example.org.', 'sub.example.org.', 'example.net.', '2.0.192.in-addr.arpa.'].map(parseName);

/** Names that need more than a walk down the tree, among those that do not. */
const label = fc.constantFrom(
  ...['a', 'b', 'web', 'sub', 'any', '*', '_http', '_tcp', 'dns', 'ns', 'local', 'apex', 'hostmaster'],
  ...['x', 'xn--a', 'UPPER', 'a-b', 'in-addr', 'ns1'],
);
const zone = fc.constantFrom(
  ...['example.org', 'sub.example.org', 'example.net', '2.0.192.in-addr.arpa', 'org', 'example.com', 'arpa'],
);
const anyName = fc.tuple(fc.array(label, { maxLength: 4 }), zone).map(([labels, apex]) => [...labels, apex].join('.'));
const record = fc.constantFrom(
  'host=192.0.2.1',
  'host=2001:db8::1 port=80 portName=http',
  'host=a.example.org',
  'text=words',
  'raw=no record',
);
/** Keys have no labels in upper case here but these: two keys may stand for one name. */
const zoneText = fc
  .array(fc.tuple(anyName, record), { maxLength: 12 })
  .map((lines) => lines.map(([name, value]) => `${name} ${value}`).join('\n'));
const type = fc.constantFrom(
  'A',
  'AAAA',
  'SRV',
  'TXT',
  'CNAME',
  'MX',
  'NS',
  'PTR',
  'SOA',
  'ANY',
  252,
  251,
  4711,
) as fc.Arbitrary<'A'>;

const standing = fc.constantFrom<Availability>(
  'live',
  { type: 'stale', sinceMs: 0, ttlCapSeconds: 5 },
  { type: 'stale', sinceMs: 0, ttlCapSeconds: 30 },
);

test('says what a lookup says, octet for octet', () => {
  let denied = 0;
  fc.assert(
    fc.property(
      zoneText,
      fc.array(fc.tuple(anyName, type), { minLength: 5, maxLength: 20 }),
      standing,
      (text, asks, is) => {
        const settings = { zones: ZONES, local: parseName('web.example.org'), nsName: parseName('ns1.x.example.org') };
        const quick = answering(text, { lookupSettings: settings });
        const slow = answering(quick.zone, { lookupSettings: settings, deps: { denials: undefined } });
        quick.availability = is;
        slow.availability = is;
        for (const [name, each] of asks) {
          const query = queryOctets({ name, type: each });
          const before = quick.lookups;
          const said = quick.ask(query, UDP_CLIENT);
          assert.equal(said, slow.ask(query, UDP_CLIENT), `${name} ${each}`);
          if (quick.lookups === before && said !== undefined) denied += 1;
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(denied > 100, `only ${denied} names were denied without a lookup`);
});

test('labels that are no text, and those with a dot in them, are denied as they stand', () => {
  for (const text of [
    '',
    'a.example.org host=192.0.2.1',
    'Ä.example.org host=192.0.2.1\nA.example.org host=192.0.2.2',
  ]) {
    const quick = answering(text);
    const slow = answering(quick.zone, { deps: { denials: undefined } });
    for (const octets of ['\x00', 'a.b', '\xc4', '\xe9\xff', 'Ã\x84', '\\', '/']) {
      const query = queryOctets({ name: 'q.example.org' });
      const named = Buffer.concat([
        query.subarray(0, 12),
        Buffer.from([octets.length]),
        Buffer.from(octets, 'latin1'),
        query.subarray(14),
      ]);
      assert.equal(quick.ask(named), slow.ask(named), JSON.stringify([text, octets]));
    }
  }
});

test('a flood of names keeps nothing, and looks nothing up', () => {
  const state = answering('a.example.org host=192.0.2.1');
  for (let at = 0; at < 50_000; at += 1) state.ask(queryOctets({ name: `n${at}.a.example.org` }));
  assert.is(state.lookups, 0);
  assert.is(state.answerer.compiled.octets, 0);
});

test.run();
