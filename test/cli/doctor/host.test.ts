import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostNetwork } from '../../../announcer/host/address.ts';
import type { Finding } from '../../../cli/doctor/finding.ts';
import { addressFindings } from '../../../cli/doctor/host.ts';

const test = suite('cli/doctor/host');

const NETWORK: HostNetwork = {
  addresses: [
    { name: 'lo', address: '127.0.0.1' },
    { name: 'eth0', address: '10.0.0.5' },
    { name: 'docker0', address: '172.17.0.1' },
    { name: 'lab', address: '192.168.7.1' },
    { name: 'br0', address: '192.168.8.1' },
  ],
  defaultRoutes: ['eth0', 'br0'],
  innerBridges: ['docker0', 'lab', 'br0'],
};
const look = (address: string): Finding | undefined =>
  addressFindings('private', { address, given: true }, { from: 'address', address }, NETWORK)[0];

const ROWS: readonly [what: string, address: string, status: Finding['status'], says: RegExp][] = [
  ['an interface', '10.0.0.5', 'fine', /^private address 10\.0\.0\.5, of eth0 \(--private-ip\)$/],
  ["Docker's bridge", '172.17.0.1', 'hint', /joined to docker0/],
  ['a bridge of containers under another name', '192.168.7.1', 'hint', /joined to lab/],
  ['a bridge that leads out', '192.168.8.1', 'fine', /of br0/],
  ['loopback', '127.0.0.1', 'hint', /only this machine reaches it/],
  ['no interface', '192.0.2.1', 'hint', /mistyped/],
];

for (const [what, address, status, says] of ROWS) {
  test(`an address of ${what}: ${status}`, () => {
    const finding = look(address);
    assert.is(finding?.status, status);
    assert.match(finding?.advice ?? finding?.says ?? '', says);
  });
}

test('no address at all is wrong', () => {
  assert.is(addressFindings('public', undefined, { from: 'host' }, NETWORK)[0]?.status, 'wrong');
});

test.run();
