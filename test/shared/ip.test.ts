import { isIP } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalAddress, familyOf } from '../../shared/ip.ts';
import fc from '../support/properties.ts';

const test = suite('shared/ip');

test('writes each address one way (RFC 5952)', () => {
  const rows: [text: string, canonical: string][] = [
    ['192.0.2.1', '192.0.2.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:0DB8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['2001::8:8:8:8', '2001::8:8:8:8'],
  ];
  for (const [text, canonical] of rows) assert.is(canonicalAddress(text), canonical, text);
});

test('refuses what is no address', () => {
  const texts = [
    '',
    'example.org',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
    '192.0.2.1 ',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '1:2:3:4:5:6:7:8::',
    '::1::2',
    ':1',
    '1:',
    ':::',
    '12345::',
    'fe80::1%eth0',
    '[::1]',
    '192.0.2.1::',
    '1:192.0.2.1::',
  ];
  for (const text of texts) assert.is(canonicalAddress(text), undefined, text);
});

test('agrees with the operating system about what is an address', () => {
  const piece = fc.constantFrom('::', ':', '0', '1', 'ffff', 'db8', '192.0.2.1', '12345', 'g', '.');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.array(piece, { maxLength: 10 }).map((all) => all.join('')),
      ),
      (text) => {
        assert.is(canonicalAddress(text) !== undefined, isIP(text) !== 0, text);
      },
    ),
    { numRuns: 2000 },
  );
});

test('the canonical spelling of a canonical spelling is itself', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const once = canonicalAddress(text) as string;
      assert.is(canonicalAddress(once), once);
      assert.is(familyOf(once), isIP(once) === 4 ? 'A' : 'AAAA');
    }),
  );
});

test.run();
