import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  bootSeconds,
  hostPortSight,
  isOfContainer,
  isPastListening,
  type NetTable,
  ownPortSight,
  parseNetTable,
  portSight,
  type ServingSocket,
  sharedPortSight,
  startTicks,
  tcpInUse,
} from '../../../announcer/checks/proc-net.ts';

const test = suite('announcer/proc-net');

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const ROWS4 = [
  '   0: 0B00007F:A2F1 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32975 1 000000001ad18874 100 0 0 10 0',
  '   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32976 1 000000001ad18875 100 0 0 10 0',
  '   2: 020011AC:1F90 010011AC:C3A0 01 00000000:00000000 00:00000000 00000000     0        0 32977 1 000000001ad18876 20 4 30 10 -1',
];
const ROWS6 = [
  '   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32686 1 0 100 0 0 10 0',
  '   1: 00000000000000000000000001000000:0051 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32687 1 0 100 0 0 10 0',
  '   2: 0000000000000000FFFF00000100007F:0052 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32688 1 0 100 0 0 10 0',
  '   3: B80D0120000000000000000001000000:0053 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 32689 1 0 100 0 0 10 0',
];
const UDP = [
  ' 9362: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 32974 2 00000000c053a550 0',
  ' 9363: 020011AC:9C41 08080808:0035 01 00000000:00000000 00:00000000 00000000     0        0 32975 2 00000000c053a551 0',
];

const table = (...rows: readonly string[]): string => [HEADING, ...rows, ''].join('\n');
const read = (name: NetTable, ...rows: readonly string[]) => parseNetTable(table(...rows), name, 'LE');

test('reads the sockets in LISTEN of IPv4, and no connection', () => {
  assert.equal(read('tcp', ...ROWS4), [
    { address: '127.0.0.11', port: 41713, inode: '32975' },
    { address: '0.0.0.0', port: 8080, inode: '32976' },
  ]);
});

test('reads the addresses of IPv6: any, loopback, mapped, and others, each as it is announced', () => {
  assert.equal(
    read('tcp6', ...ROWS6).map(({ address, port }) => `${address} ${port}`),
    [':: 80', '::1 81', '127.0.0.1 82', '2001:db8::1 83'],
  );
});

test('reads UDP sockets that are bound and not connected: a connected one is a client', () => {
  assert.equal(read('udp', ...UDP), [{ address: '0.0.0.0', port: 53, inode: '32974' }]);
});

test('reads addresses of a machine of the other byte order', () => {
  const row = (ROWS4[0] as string).replace('0B00007F', '7F00000B');
  assert.is(parseNetTable(table(row), 'tcp', 'BE')[0]?.address, '127.0.0.11');
});

test('leaves out rows that are cut short', () => {
  assert.equal(read('tcp', '   0: 0B00007F:A2F1 0000', '   1: 00000000:1F9', ''), []);
});

test('knows where the rows have gone past those in LISTEN', () => {
  assert.is(isPastListening(table(...ROWS4.slice(0, 2))), false);
  assert.is(isPastListening(table(...ROWS4)), true);
  assert.is(isPastListening(table(...ROWS6)), false);
});

const any = { address: '0.0.0.0', port: 80, inode: '1' };
const loopback = { address: '127.0.0.1', port: 80, inode: '2' };

const SIGHTS: readonly [what: string, given: Parameters<typeof portSight>, passing: boolean, detail: string][] = [
  ['any address', ['80/tcp', [any]], true, '80/tcp is in LISTEN'],
  ['IPv6 any', ['80/tcp', [{ ...any, address: '::' }]], true, '80/tcp is in LISTEN'],
  ['an address of its own', ['80/tcp', [{ ...any, address: '172.17.0.2' }]], true, '80/tcp is in LISTEN'],
  ['another port', ['81/tcp', [any]], false, 'nothing listens on 81/tcp'],
  ['nothing', ['80/tcp', []], false, 'nothing listens on 80/tcp'],
  ['UDP', ['80/udp', [any]], true, '80/udp is bound'],
  ['no UDP', ['81/udp', [any]], false, 'nothing is bound to 81/udp'],
  ['loopback', ['80/tcp', [loopback]], false, '80/tcp is bound to 127.0.0.1 only, which others cannot reach'],
  [
    'IPv6 loopback',
    ['80/tcp', [{ ...any, address: '::1' }]],
    false,
    '80/tcp is bound to ::1 only, which others cannot reach',
  ],
  ['loopback and any', ['80/tcp', [loopback, any]], true, '80/tcp is in LISTEN'],
  ['loopback that is announced', ['80/tcp', [loopback], ['127.0.0.1']], true, '80/tcp is bound to 127.0.0.1 only'],
  [
    'loopback, another announced',
    ['80/tcp', [loopback], ['127.0.0.2']],
    false,
    '80/tcp is bound to 127.0.0.1 only, which others cannot reach',
  ],
  ['loopback for who asks inside', ['80/tcp', [loopback], 'any'], true, '80/tcp is bound to 127.0.0.1 only'],
];

for (const [what, given, passing, detail] of SIGHTS) {
  test(`${what}: ${passing ? 'passes' : 'fails'}, and says why`, () => {
    const sight = portSight(...given);
    assert.equal([sight.passing, sight.detail], [passing, detail]);
  });
}

test('says at which loopback address alone a port is served', () => {
  assert.is(portSight('80/tcp', [loopback], 'any').loopback, '127.0.0.1');
  assert.is(portSight('80/tcp', [loopback, any], 'any').loopback, undefined);
});

const at = (address: string, inode = '1') => ({ address, port: 80, inode });
const elsewhere = (bound: string, announced: string) =>
  `80/tcp is bound to ${bound} only, and ${announced} is announced`;
/** It holds the sockets 1 and 2, and not 9. */
const SERVER = { holds: (inode: string) => inode !== '9', instead: 'another one' };
const OTHERS = '80/tcp is served by another one';
/** Of a container in the host's network; announced is 10.0.0.5 unless it says otherwise. */
const HOST_SIGHTS: readonly [
  what: string,
  sockets: ServingSocket[],
  announced: string,
  passing: boolean,
  detail: string,
][] = [
  ['any address', [at('0.0.0.0')], '10.0.0.5', true, '80/tcp is in LISTEN'],
  ['IPv6 any', [at('::')], '10.0.0.5', true, '80/tcp is in LISTEN'],
  ['the announced address', [at('10.0.0.5')], '10.0.0.5', true, '80/tcp is in LISTEN'],
  ['another address of the host', [at('10.1.0.5')], '10.0.0.5', false, elsewhere('10.1.0.5', '10.0.0.5')],
  [
    'another address, and the announced one',
    [at('10.1.0.5'), at('10.0.0.5', '2')],
    '10.0.0.5',
    true,
    '80/tcp is in LISTEN',
  ],
  ['IPv4 any where IPv6 is announced', [at('0.0.0.0')], '2001:db8::5', false, elsewhere('0.0.0.0', '2001:db8::5')],
  ['the announced IPv6 address', [at('2001:db8::5')], '2001:db8::5', true, '80/tcp is in LISTEN'],
  ['one address behind NAT', [at('10.1.0.5')], '203.0.113.9', true, '80/tcp is in LISTEN'],
  ['one address where loopback is announced', [at('10.1.0.5')], '127.0.0.1', false, elsewhere('10.1.0.5', '127.0.0.1')],
  ['loopback', [at('127.0.0.1')], '10.0.0.5', false, '80/tcp is bound to 127.0.0.1 only, which others cannot reach'],
  ['loopback that is announced', [at('127.0.0.1')], '127.0.0.1', true, '80/tcp is bound to 127.0.0.1 only'],
  ['somebody else', [at('0.0.0.0', '9')], '10.0.0.5', false, OTHERS],
  ['somebody else on another address', [at('10.1.0.5', '9'), at('10.0.0.5')], '10.0.0.5', true, '80/tcp is in LISTEN'],
  [
    'somebody else where it is announced',
    [at('10.0.0.5', '9'), at('10.1.0.5')],
    '10.0.0.5',
    false,
    elsewhere('10.1.0.5', '10.0.0.5'),
  ],
  ['nobody', [], '10.0.0.5', false, 'nothing listens on 80/tcp'],
];

for (const [what, sockets, announced, passing, detail] of HOST_SIGHTS) {
  test(`in the host's network, ${what}: ${passing ? 'passes' : 'fails'}, and says why`, () => {
    const server = { ...SERVER, announced: [announced] };
    const sight = hostPortSight('80/tcp', sockets, server, (address) => address !== '203.0.113.9');
    assert.equal([sight.passing, sight.detail], [passing, detail]);
  });
}

/** Of a container that is announced at its own address; without one, at the host's. */
const OWN_SIGHTS: readonly [
  what: string,
  sockets: ServingSocket[],
  announced: string | undefined,
  passing: boolean,
  detail: string,
][] = [
  ['any address', [at('0.0.0.0')], '172.18.0.2', true, '80/tcp is in LISTEN'],
  ['IPv6 any', [at('::')], '172.18.0.2', true, '80/tcp is in LISTEN'],
  ['the announced address', [at('172.18.0.2')], '172.18.0.2', true, '80/tcp is in LISTEN'],
  ['the announced IPv6 address', [at('fd00:7::2')], 'fd00:7::2', true, '80/tcp is in LISTEN'],
  ['that on another network', [at('172.17.0.2')], '172.18.0.2', false, elsewhere('172.17.0.2', '172.18.0.2')],
  ['both networks’', [at('172.17.0.2'), at('172.18.0.2', '2')], '172.18.0.2', true, '80/tcp is in LISTEN'],
  ['IPv4 any where IPv6 is announced', [at('0.0.0.0')], 'fd00:7::2', false, elsewhere('0.0.0.0', 'fd00:7::2')],
  ['any one where the host is announced', [at('172.17.0.2')], undefined, true, '80/tcp is in LISTEN'],
  ['loopback', [at('127.0.0.1')], '172.18.0.2', false, '80/tcp is bound to 127.0.0.1 only, which others cannot reach'],
  ['nothing', [], '172.18.0.2', false, 'nothing listens on 80/tcp'],
];

for (const [what, sockets, announced, passing, detail] of OWN_SIGHTS) {
  test(`at the container's own address, bound to ${what}: ${passing ? 'passes' : 'fails'}, and says why`, () => {
    const sight = ownPortSight('80/tcp', sockets, announced, []);
    assert.equal([sight.passing, sight.detail], [passing, detail]);
  });
}

/** Of a container in another one's network. */
const SHARED_SIGHTS: readonly [
  what: string,
  sockets: ServingSocket[],
  loopback: readonly string[] | 'any',
  passing: boolean,
  detail: string,
][] = [
  ['its own', [at('0.0.0.0')], [], true, '80/tcp is in LISTEN'],
  ["another one's", [at('0.0.0.0', '9')], [], false, OTHERS],
  ["another one's, asked from inside", [at('127.0.0.1', '9')], 'any', false, OTHERS],
  ["another one's, and its own", [at('10.1.0.5', '9'), at('10.0.0.5')], [], true, '80/tcp is in LISTEN'],
  [
    "another one's, and its own at loopback",
    [at('10.1.0.5', '9'), at('127.0.0.1')],
    [],
    false,
    '80/tcp is bound to 127.0.0.1 only, which others cannot reach',
  ],
  ["nobody's", [], [], false, 'nothing listens on 80/tcp'],
];

for (const [what, sockets, loopback, passing, detail] of SHARED_SIGHTS) {
  test(`in another container's network, ${what}: ${passing ? 'passes' : 'fails'}, and says why`, () => {
    const sight = sharedPortSight('80/tcp', sockets, SERVER, undefined, loopback);
    assert.equal([sight.passing, sight.detail], [passing, detail]);
  });
}

test('at the container’s own address, who asks from inside may ask loopback, and no other network’s address', () => {
  assert.is(ownPortSight('80/tcp', [at('127.0.0.1')], '172.18.0.2', 'any').loopback, '127.0.0.1');
  assert.is(ownPortSight('80/tcp', [at('172.17.0.2')], '172.18.0.2', 'any').passing, false);
});

test('reads how many TCP sockets a namespace has', () => {
  assert.is(tcpInUse('sockets: used 5\nTCP: inuse 3 orphan 0 tw 0 alloc 3 mem 0\nUDP: inuse 1 mem 0\n'), 3);
  assert.is(tcpInUse('TCP6: inuse 2\nUDP6: inuse 0\n'), 2);
  assert.is(tcpInUse(''), 0);
});

const STAT =
  '8963 (busybox (x) y) S 8942 8963 8963 0 -1 4194560 216 0 0 0 0 0 0 0 20 0 1 0 1234567 2322432 381 18446744073709551615';

test('reads the start of a process whose name has brackets and spaces', () => {
  assert.is(startTicks(STAT), '1234567');
  assert.is(startTicks(''), undefined);
});

test('reads when the machine was booted', () => {
  assert.is(bootSeconds('cpu 1 2\nbtime 1795178000\nprocesses 5\n'), 1795178000);
});

const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const BOOT = 1_000_000;
/** Ticks of a process that began 500 s after boot. */
const TICKS = '50000';
const OWNERS: readonly [what: string, cgroup: string, startedAtMs: number, isOwn: boolean][] = [
  ['its cgroup names the container (v1)', `12:pids:/docker/${ID}\n`, 0, true],
  ['its cgroup names the container (v2, systemd)', `0::/system.slice/docker-${ID}.scope\n`, 0, true],
  ['its cgroup names the container (Podman)', `0::/machine.slice/libpod-${ID}.scope/container\n`, 0, true],
  ['its cgroup names another container', `0::/system.slice/docker-${OTHER}.scope\n`, (BOOT + 500) * 1000, false],
  ['no cgroup tells, and it began with the container', '0::/\n', (BOOT + 500) * 1000 + 800, true],
  ['no cgroup tells, and it began long before', '0::/\n', (BOOT + 600) * 1000, false],
  ['no cgroup tells, and it began long after', '0::/\n', (BOOT + 400) * 1000, false],
];

for (const [what, cgroup, startedAtMs, isOwn] of OWNERS) {
  test(`a process is ${isOwn ? '' : 'not '}the container's when ${what}`, () => {
    assert.is(isOfContainer(ID, cgroup, TICKS, BOOT, startedAtMs), isOwn);
  });
}

test.run();
