import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addressOfReverse,
  isReverse,
  isReversePrefix,
  reverseOf,
  reverseZonesOf,
} from '../../../../resolver/lookup/records/reverse-name.ts';
import { canonicalAddress } from '../../../../shared/ip.ts';
import { isWithin, parseName } from '../../../../shared/name.ts';
import fc from '../../../support/properties.ts';

const test = suite('resolver/reverse-name');

test('RFC 1035 §3.5 and RFC 3596 §2.5: their examples', () => {
  assert.is(addressOfReverse(parseName('52.0.2.10.in-addr.arpa')), '10.2.0.52');
  const name = 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa.';
  assert.is(addressOfReverse(parseName(name)), canonicalAddress('4321:0:1:2:3:4:567:89ab'));
  assert.is(reverseOf('4321:0:1:2:3:4:567:89ab'), name);
});

test('what is no whole address stands for none', () => {
  for (const name of [
    'in-addr.arpa',
    '2.10.in-addr.arpa',
    '1.52.0.2.10.in-addr.arpa',
    '256.0.2.10.in-addr.arpa',
    '01.0.2.10.in-addr.arpa',
    'x.0.2.10.in-addr.arpa',
    '1.ip6.arpa',
    `g.${'0.'.repeat(31)}ip6.arpa`,
    `00.${'0.'.repeat(31)}ip6.arpa`,
    'web.example.org',
  ]) {
    assert.is(addressOfReverse(parseName(name)), undefined, name);
  }
});

test('an address to its name and back is the same address', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = canonicalAddress(text) as string;
      assert.is(addressOfReverse(reverseOf(address)), address);
    }),
  );
});

test('tells names above addresses from whole ones and from others', () => {
  for (const name of ['in-addr.arpa', '10.in-addr.arpa', '0.2.10.in-addr.arpa', 'ip6.arpa', 'f.0.ip6.arpa']) {
    assert.ok(isReverse(parseName(name)) && isReversePrefix(parseName(name)), name);
  }
  for (const name of ['1.0.2.10.in-addr.arpa', 'x.10.in-addr.arpa', '256.in-addr.arpa', 'g.ip6.arpa', 'arpa', 'org']) {
    assert.not(isReversePrefix(parseName(name)), name);
  }
  assert.not(isReverse(parseName('arpa')));
});

test('the reverse zones of a network hold its addresses and no others', () => {
  const zones = (octets: readonly number[], bits: number) => reverseZonesOf(Uint8Array.from(octets), bits);
  assert.equal(zones([10, 1, 2, 0], 24), ['2.1.10.in-addr.arpa.']);
  assert.equal(zones([10, 1, 2, 3], 32), ['3.2.1.10.in-addr.arpa.']);
  assert.equal(zones([0, 0, 0, 0], 0), ['in-addr.arpa.']);
  assert.equal(
    zones([172, 16, 0, 0], 12),
    Array.from({ length: 16 }, (_none, at) => `${16 + at}.172.in-addr.arpa.`),
  );
  assert.equal(zones([192, 0, 2, 128], 25).length, 128);
  assert.equal(zones([192, 0, 2, 128], 25).at(-1), '255.2.0.192.in-addr.arpa.');
  const v6 = [0x20, 0x01, 0x0d, 0xb8, 0xc0, ...new Array<number>(11).fill(0)];
  assert.equal(zones(v6, 36), ['c.8.b.d.0.1.0.0.2.ip6.arpa.']);
  assert.equal(
    zones(v6, 34),
    ['c', 'd', 'e', 'f'].map((digit) => `${digit}.8.b.d.0.1.0.0.2.ip6.arpa.`),
  );
  for (const [octets, bits] of [
    [[172, 16, 0, 0], 12],
    [[10, 1, 2, 0], 23],
  ] as const) {
    const held = zones(octets, bits);
    const within = (address: string) => held.some((zone) => isWithin(reverseOf(address), zone));
    const text = octets.join('.');
    assert.is(within(text), true);
    assert.is(within('10.1.4.0'), false);
    assert.is(within('172.32.0.1'), false);
  }
});

test.run();
