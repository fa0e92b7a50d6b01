import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  addressTextOf,
  encodeSocketAddress,
  NAME_WORDS,
  portOf,
} from '../../../../resolver/serving/udp/socket-address.ts';
import { canonicalAddress } from '../../../../shared/ip.ts';
import fc from '../../../support/properties.ts';

const test = suite('resolver/socket-address');

/** At another place than the first, as the second of two. */
const AT = NAME_WORDS;
function words(octets: Uint8Array): Int32Array {
  const names = new Int32Array(3 * NAME_WORDS).fill(-1);
  new Uint8Array(names.buffer).set(octets, 4 * AT);
  return names;
}

test('an IPv4 address as struct sockaddr_in', () => {
  const octets = Buffer.from(encodeSocketAddress('192.0.2.53', 0x1234)).toString('hex');
  assert.is(octets, '0200' + '1234' + 'c0000235' + '0000000000000000');
});

test('an IPv6 address as struct sockaddr_in6', () => {
  const octets = Buffer.from(encodeSocketAddress('2001:db8::53', 53)).toString('hex');
  assert.is(octets, '0a00' + '0035' + '00000000' + '20010db8000000000000000000000053' + '00000000');
});

test('the interface of a link-local address is a number of the machine, in its order', () => {
  const octets = Buffer.from(encodeSocketAddress('fe80::1%eth0', 53, 0x0102)).toString('hex');
  assert.is(octets, '0a00' + '0035' + '00000000' + 'fe800000000000000000000000000001' + '02010000');
});

test('what is encoded is read again, whatever address and port', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65_535), (host, port) => {
      const canonical = canonicalAddress(host);
      // A mapped address is one of IPv4 as text alone; a socket for IPv6 names it in groups.
      fc.pre(canonical !== undefined && canonical.includes(':') === host.includes(':'));
      const names = words(encodeSocketAddress(host, port));
      assert.equal([addressTextOf(names, AT), portOf(names, AT)], [canonical, port]);
    }),
    { numRuns: 2_000 },
  );
});

test.run();
