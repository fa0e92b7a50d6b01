import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  choosePrivate,
  choosePublic,
  defaultRoutesIpv4,
  defaultRoutesIpv6,
  type HostNetwork,
  hostLabelOf,
  isVirtualCable,
} from '../../../announcer/host/address.ts';

const test = suite('announcer/host-address');

/** `eth0 192.0.2.1` each; the default routes after it. */
function network(
  addresses: readonly string[],
  defaultRoutes: readonly string[] = [],
  innerBridges: readonly string[] = [],
): HostNetwork {
  return {
    addresses: addresses.map((text) => {
      const [name = '', address = ''] = text.split(' ');
      return { name, address };
    }),
    defaultRoutes,
    innerBridges,
  };
}

const found = (choice: ReturnType<typeof choosePublic>): string =>
  choice.ok ? (choice.address?.address ?? 'none') : choice.reason;

const FOUND: readonly [what: string, network: HostNetwork, publicly: string, privately: string][] = [
  ['one public address', network(['lo 127.0.0.1', 'eth0 192.0.2.1'], ['eth0']), '192.0.2.1', '192.0.2.1'],
  ['a public and a private network', network(['eth0 192.0.2.1', 'eth1 10.0.0.1'], ['eth0']), '192.0.2.1', '10.0.0.1'],
  [
    'two private networks: eth1 before eth0',
    network(['eth0 10.0.0.1', 'eth1 10.1.0.1'], ['eth0']),
    '10.0.0.1',
    '10.1.0.1',
  ],
  [
    'two private networks of other names: the first',
    network(['ens3 10.0.0.1', 'ens4 10.1.0.1'], ['ens3']),
    '10.0.0.1',
    '10.0.0.1',
  ],
  [
    "Docker's own bridges, which are no addresses of the host",
    network(
      [
        'docker0 172.17.0.1',
        'br-0123456789ab 172.18.0.1',
        'docker_gwbridge 172.19.0.1',
        'cni0 10.88.0.1',
        'podman0 10.89.0.1',
        'eth0 192.168.1.7',
      ],
      ['eth0'],
    ),
    '192.168.1.7',
    '192.168.1.7',
  ],
  [
    "a person's bridge, which is one",
    network(['br-lan 192.168.1.7', 'docker0 172.17.0.1'], ['br-lan']),
    '192.168.1.7',
    '192.168.1.7',
  ],
  [
    "a container network's bridge that a person has named",
    network(['backend 172.20.0.1', 'eth0 192.0.2.1'], ['eth0'], ['backend']),
    '192.0.2.1',
    '192.0.2.1',
  ],
  [
    'such a bridge before a private network, and no default route',
    network(['backend 172.20.0.1', 'eth0 10.0.0.1'], [], ['backend']),
    '10.0.0.1',
    '10.0.0.1',
  ],
  [
    'such a bridge that leads out all the same',
    network(['br-vm 192.168.1.7'], ['br-vm'], ['br-vm']),
    '192.168.1.7',
    '192.168.1.7',
  ],
  [
    'such a bridge, and nothing else: better than none',
    network(['backend 172.20.0.1'], [], ['backend']),
    '172.20.0.1',
    '172.20.0.1',
  ],
  [
    'the default route, not the first interface',
    network(['eth0 198.51.100.1', 'wan 192.0.2.1'], ['wan', 'eth0']),
    '192.0.2.1',
    '192.0.2.1',
  ],
  [
    'a default route whose interface has no address',
    network(['eth0 192.0.2.1'], ['ppp0', 'eth0']),
    '192.0.2.1',
    '192.0.2.1',
  ],
  ['no default route: the first address', network(['lo 127.0.0.1', 'eth0 192.0.2.1']), '192.0.2.1', '192.0.2.1'],
  [
    'IPv4 before IPv6 on one interface',
    network(['eth0 2001:db8::1', 'eth0 192.0.2.1'], ['eth0']),
    '192.0.2.1',
    '192.0.2.1',
  ],
  ['IPv6 alone', network(['eth0 fe80::1', 'eth0 2001:db8::1', 'eth1 fd00::1'], ['eth0']), '2001:db8::1', 'fd00::1'],
  ['link-local addresses, which name no host', network(['eth0 169.254.3.4', 'eth0 fe80::1'], ['eth0']), 'none', 'none'],
  [
    'a public IPv4 and a private IPv6 address: IPv4 for both',
    network(['eth0 192.0.2.2', 'eth0 fd00::2'], ['eth0']),
    '192.0.2.2',
    '192.0.2.2',
  ],
  ['loopback alone', network(['lo 127.0.0.1', 'lo ::1']), 'none', 'none'],
  [
    '172.32.0.0, which is not private',
    network(['eth0 192.0.2.1', 'eth1 172.32.0.1'], ['eth0']),
    '192.0.2.1',
    '192.0.2.1',
  ],
];

for (const [what, given, publicly, privately] of FOUND) {
  test(`finds the addresses of ${what}`, () => {
    const choice = choosePublic({ from: 'host' }, given);
    assert.is(found(choice), publicly);
    assert.is(found(choosePrivate({ from: 'host' }, given, choice.ok ? choice.address : undefined)), privately);
  });
}

const TWO = network(['lo 127.0.0.1', 'eth0 192.0.2.1', 'eth1 10.0.0.1', 'eth1 fe80::1', 'tun0 fe80::2'], ['eth0']);

test('takes an address as given, loopback included', () => {
  const choice = choosePrivate({ from: 'address', address: '127.0.0.1' }, TWO, undefined);
  assert.equal(choice, { ok: true, address: { address: '127.0.0.1', given: true } });
});

test('takes the address of an interface that is named, and says that it was given', () => {
  assert.equal(choosePublic({ from: 'interface', name: 'eth1' }, TWO), {
    ok: true,
    address: { address: '10.0.0.1', given: true },
  });
});

test('says that a found address was not given', () => {
  assert.equal(choosePublic({ from: 'host' }, TWO), { ok: true, address: { address: '192.0.2.1', given: false } });
});

test('names the interfaces that there are when the one named is not', () => {
  const reason = found(choosePrivate({ from: 'interface', name: 'eth9' }, TWO, undefined));
  assert.match(reason, 'no interface of that name');
  assert.match(reason, 'eth0 (192.0.2.1), eth1 (10.0.0.1)');
});

test('refuses an interface with link-local addresses alone', () => {
  assert.match(found(choosePublic({ from: 'interface', name: 'tun0' }, TWO)), 'link-local');
});

test('reads the default routes of /proc/net/route by metric', () => {
  const table = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'wlan0\t00000000\t010200C0\t0003\t0\t0\t600\t00000000\t0\t0\t0',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t100\t00000000\t0\t0\t0',
    'down0\t00000000\t010200C0\t0002\t0\t0\t1\t00000000\t0\t0\t0',
    'vpn0\t00000000\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0',
    'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    '',
  ].join('\n');
  assert.equal(defaultRoutesIpv4(table), ['eth0', 'wlan0']);
});

test('reads the default routes of /proc/net/ipv6_route, without the one that rejects', () => {
  const zeros = '0'.repeat(32);
  const table = [
    `${zeros} 00 ${zeros} 00 fe80000000000000000000000000000a 00000400 00000001 00000000 00000003     eth0`,
    `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo`,
    `20010db8${'0'.repeat(24)} 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     eth1`,
    `${zeros} 00 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000003     eth2`,
    '',
  ].join('\n');
  assert.equal(defaultRoutesIpv6(table), ['eth2', 'eth0']);
});

for (const [name, label] of Object.entries({
  'node-1': 'node-1',
  'Node-1.example.org': 'node-1',
  my_host: 'my-host',
  '-edge-': 'edge',
  '': undefined,
  ___: undefined,
  ['a'.repeat(64)]: undefined,
})) {
  test(`makes ${label ?? 'no label'} of the machine's name ${JSON.stringify(name)}`, () =>
    assert.is(hostLabelOf(name), label));
}

test('tells the cables of containers and virtual machines from ways out of the machine', () => {
  for (const name of ['veth1a2b3c4', 'vnet0', 'tap0', 'cali12345']) assert.ok(isVirtualCable(name), name);
  for (const name of ['eth0', 'enp3s0', 'bond0', 'eth0.100', 'wlan0']) assert.not.ok(isVirtualCable(name), name);
});

test.run();
