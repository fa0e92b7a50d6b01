import { BlockList, isIP } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAllowed, type Network, PRIVATE_NETWORKS, parseNetwork } from '../../../resolver/forwarding/allow.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/allow');

const networks = (...texts: readonly string[]): Network[] => texts.map((text) => parseNetwork(text) as Network);

test('reads networks and bare addresses, refuses the rest', () => {
  for (const text of [
    '10.0.0.0/8',
    '0.0.0.0/0',
    '192.0.2.1',
    '::/0',
    'fd00::/7',
    '2001:db8::1/128',
    '::ffff:10.0.0.0/104',
  ]) {
    assert.ok(parseNetwork(text), text);
  }
  for (const text of [
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/x',
    '::/129',
    'example.org',
    '::ffff:1.2.3.4/90',
  ]) {
    assert.is(parseNetwork(text), undefined, text);
  }
});

test('the default allows loopback and private ranges, and nobody else', () => {
  const own = networks(...PRIVATE_NETWORKS);
  for (const address of [
    '127.0.0.1',
    '10.255.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1',
    '169.254.1.1',
    '::1',
    'fd12::1',
    'fe80::1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
  ]) {
    assert.is(isAllowed(address, own), true, address);
  }
  for (const address of [
    '128.0.0.1',
    '11.0.0.1',
    '172.15.255.255',
    '172.32.0.0',
    '192.169.0.1',
    '100.128.0.1',
    '8.8.8.8',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    '::',
    'no address',
  ]) {
    assert.is(isAllowed(address, own), false, address);
  }
});

test('host bits of a network do not count', () => {
  assert.is(isAllowed('10.1.9.9', networks('10.1.2.3/16')), true);
  assert.is(isAllowed('10.2.0.0', networks('10.1.2.3/16')), false);
});

test('agrees with the BlockList of Node for any network and address', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  fc.assert(
    fc.property(address, fc.nat(128), address, fc.nat(128), (base, bits, asked, sharedBits) => {
      const isV6 = isIP(base) === 6;
      const prefix = Math.min(bits, isV6 ? 128 : 32);
      const network = parseNetwork(`${base}/${prefix}`);
      // Mapped networks are folded to IPv4 by us, and kept apart by BlockList.
      fc.pre(network !== undefined && network.octets.length === (isV6 ? 16 : 4));
      const list = new BlockList();
      list.addSubnet(base, prefix, isV6 ? 'ipv6' : 'ipv4');
      const probe = sharedBits % 2 === 0 ? asked : base;
      // Of another family, or mapped: BlockList lets ::/0 hold IPv4, we do not.
      fc.pre(isIP(probe) === isIP(base) && !probe.toLowerCase().includes('ffff'));
      assert.is(isAllowed(probe, [network as Network]), list.check(probe, isIP(probe) === 6 ? 'ipv6' : 'ipv4'));
    }),
  );
});

test.run();
