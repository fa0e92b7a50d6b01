import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KnownNames } from '../../../../resolver/serving/udp/known-names.ts';
import { encodeSocketAddress } from '../../../../resolver/serving/udp/socket-address.ts';

const test = suite('resolver/known-names');

function octetsOf(names: KnownNames, address: string, port: number): string {
  return Buffer.from(names.of(address, port).buffer).toString('hex');
}
const expected = (address: string, port: number, scopeId = 0): string =>
  Buffer.from(encodeSocketAddress(address, port, scopeId))
    .toString('hex')
    .padEnd(64, '0');

test('an address known before gets the port of this query', () => {
  const names = new KnownNames(() => 0);
  for (const port of [53, 65_535, 0x80ff, 1]) {
    for (const address of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1']) {
      assert.is(octetsOf(names, address, port), expected(address, port));
    }
  }
});

test('the interface of a link-local address is asked for each time: one made anew has another number', () => {
  let index = 3;
  const names = new KnownNames((name) => (name === 'eth0' ? index : 0));
  assert.is(octetsOf(names, 'fe80::1%eth0', 53), expected('fe80::1', 53, 3));
  index = 4;
  assert.is(octetsOf(names, 'fe80::1%eth0', 53), expected('fe80::1', 53, 4));
});

test('forged addresses do not pile up, nor take the place of a good answer', () => {
  const names = new KnownNames(() => 0);
  for (let at = 0; at < 10_000; at += 1) {
    const address = `10.0.${at >> 8}.${at & 255}`;
    assert.is(octetsOf(names, address, 53), expected(address, 53));
  }
  assert.is(octetsOf(names, '10.0.0.0', 54), expected('10.0.0.0', 54));
});

test.run();
