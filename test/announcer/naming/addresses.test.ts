import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerFacts, HostFacts } from '../../../announcer/facts.ts';
import { endpointOf } from '../../../announcer/naming/addresses.ts';
import type { AnnounceAs } from '../../../announcer/rules.ts';
import { facts, fixtureFacts, OTHER_ID, published, rules } from '../../support/container-facts.ts';

const test = suite('announcer/addresses');

const HTTP = { containerPort: 80, protocol: 'tcp' } as const;
const { host: HOST } = rules();
const host = (changes: Partial<HostFacts>): HostFacts => ({ ...HOST, ...changes });
const given = (address: string) => ({ address, given: true });
const found = (address: string) => ({ address, given: false });

function where(container: ContainerFacts, as: AnnounceAs = 'private', on: HostFacts = HOST, network?: string): string {
  const endpoint = endpointOf(HTTP, container, on, as, network);
  return endpoint.ok ? `${endpoint.host} ${endpoint.port}` : endpoint.reason;
}
const bound = (hostPort: number, ...hostIps: string[]) => facts({ ports: [published('80/tcp', hostPort, ...hostIps)] });

test('private and public take the host’s address of that kind and the published port', () => {
  assert.is(where(facts()), '10.0.0.5 8080');
  assert.is(where(facts(), 'public'), '192.0.2.5 8080');
});

test('container takes its own address and the container port', () => {
  assert.is(where(facts(), 'container'), '172.17.0.2 80');
});

test('container takes the network that is asked for, IPv6 where there is no IPv4', () => {
  const networks = [
    { name: 'back', ipv4: '', ipv6: '2001:db8:2::2' },
    { name: 'front', ipv4: '172.30.1.2', ipv6: '' },
  ];
  assert.is(where(facts({ networks }), 'container'), '2001:db8:2::2 80');
  assert.is(where(facts({ networks }), 'container', HOST, 'front'), '172.30.1.2 80');
  assert.match(
    where(facts({ networks }), 'container', HOST, 'side'),
    /rollcall.network=side: .*it has one on: back, front/,
  );
});

test('a swarm task is reached on its own networks, not on the routing mesh', () => {
  const networks = [
    { name: 'ingress', ipv4: '10.0.0.7', ipv6: '' },
    { name: 'web_net', ipv4: '10.0.1.7', ipv6: '' },
  ];
  const labels = { 'com.docker.swarm.service.name': 'web' };
  assert.is(where(facts({ networks, labels }), 'container'), '10.0.1.7 80');
  assert.is(where(facts({ networks, labels }), 'container', HOST, 'ingress'), '10.0.0.7 80');
  assert.is(where(facts({ networks: networks.slice(0, 1), labels }), 'container'), '10.0.0.7 80');
  assert.is(where(facts({ networks }), 'container'), '10.0.0.7 80', 'a network of that name outside a swarm');
});

test('a port that is bound to one address is announced with that', () => {
  assert.is(where(bound(8080, '10.9.9.9')), '10.9.9.9 8080');
  assert.is(where(bound(8080, '192.0.2.5')), '192.0.2.5 8080', 'though private is asked for');
});

test('an address with a zone is one of this machine alone', () => {
  assert.match(where(bound(8080, 'fe80::1%eth0')), /^80\/tcp is published on fe80::1%eth0/);
});

test('bound to several, the asked one wins', () => {
  assert.is(where(bound(8080, '192.0.2.5', '10.0.0.5')), '10.0.0.5 8080');
  assert.is(where(bound(8080, '192.0.2.5', '10.0.0.5'), 'public'), '192.0.2.5 8080');
  assert.is(where(bound(8080, '127.0.0.1', '10.9.9.9')), '10.9.9.9 8080');
});

test('bound to loopback it is not announced to others', () => {
  const reason = /80\/tcp is published on 127.0.0.1 only, which other hosts cannot reach/;
  assert.match(where(bound(8080, '127.0.0.1')), reason);
  assert.match(where(bound(8080, '::1')), /published on ::1 only/);
  assert.match(where(bound(8080, '127.0.0.1'), 'private', host({ privateAddress: found('127.0.0.1') })), reason);
});

test('a loopback address that was given is taken as given', () => {
  const local = host({ privateAddress: given('127.0.0.1') });
  assert.is(where(bound(8080, '127.0.0.1'), 'private', local), '127.0.0.1 8080');
  assert.is(where(facts(), 'private', local), '127.0.0.1 8080');
  assert.match(where(bound(8080, '127.0.0.2'), 'private', local), /published on 127.0.0.2 only/);
});

test('an address of the host that names no host is never announced', () => {
  const cases: readonly (readonly [HostFacts['privateAddress'], RegExp])[] = [
    [undefined, /this host has no private address; set --private-ip or --private-if/],
    [found('127.0.0.1'), /private address is 127.0.0.1, which other hosts cannot reach/],
    [given('0.0.0.0'), /which names no host/],
    [given('::'), /which names no host/],
    [given(''), /has no private address/],
  ];
  for (const [privateAddress, reason] of cases) {
    assert.match(where(facts(), 'private', host({ privateAddress })), reason);
    assert.match(where(facts({ networkMode: 'host', ports: [] }), 'private', host({ privateAddress })), reason);
  }
});

test('an IPv6 address of the host needs a binding of its family', () => {
  const six = host({ privateAddress: given('fd00::5') });
  assert.is(where(facts(), 'private', six), 'fd00::5 8080');
  assert.is(where(bound(8080, ''), 'private', six), 'fd00::5 8080', 'Podman’s empty address is both');
  assert.match(where(bound(8080, '0.0.0.0'), 'private', six), /of the other family; publish it on both/);
  assert.match(where(bound(8080, '::')), /of the other family; publish it on both/);
});

test('each family may have a port of its own', () => {
  const ports = [
    {
      ...HTTP,
      bindings: [
        { hostIp: '0.0.0.0', hostPort: 32768 },
        { hostIp: '::', hostPort: 32769 },
      ],
    },
  ];
  assert.is(where(facts({ ports })), '10.0.0.5 32768');
  assert.is(where(facts({ ports }), 'private', host({ privateAddress: found('fd00::5') })), 'fd00::5 32769');
});

test('of several host ports the lowest, in whatever order the engine has them', () => {
  const bindings = [
    { hostIp: '0.0.0.0', hostPort: 9090 },
    { hostIp: '0.0.0.0', hostPort: 8080 },
  ];
  assert.is(where(facts({ ports: [{ ...HTTP, bindings }] })), '10.0.0.5 8080');
  assert.is(where(facts({ ports: [{ ...HTTP, bindings: bindings.toReversed() }] })), '10.0.0.5 8080');
});

test('what is not published has no address of the host', () => {
  const reason = '80/tcp is not published; publish it with -p or set rollcall.as=container';
  assert.is(where(facts({ ports: [published('80/tcp')] })), reason);
  assert.is(where(facts({ ports: [] })), reason);
  assert.is(where(facts({ ports: [published('80/udp', 8080)] })), reason);
});

test('host networking has the host’s address and the container port', () => {
  const container = fixtureFacts('host-net');
  assert.is(where(container), '10.0.0.5 80');
  assert.is(where(container, 'public'), '192.0.2.5 80');
  assert.is(where(container, 'container'), '10.0.0.5 80');
});

test('without a network there is none', () => {
  const container = fixtureFacts('no-net');
  assert.match(where(container), /is not published/);
  assert.match(where(container, 'container'), /has no address of its own on any network/);
});

test('in another container’s network the address is the other’s', () => {
  const container = fixtureFacts('shares');
  for (const as of ['private', 'container'] as const) {
    assert.match(where(container, as), /shares the network of container d1cc500c124d.*put the labels on d1cc500c124d/);
  }
});

test('in another container’s network that is known, its addresses and published ports', () => {
  const owner = facts({ id: OTHER_ID, name: 'pod', startedAt: '2026-11-20T11:00:00Z' });
  const sharing = (changes: Partial<ContainerFacts>) =>
    facts({
      networkMode: `container:${OTHER_ID}`,
      networks: [],
      ports: [published('80/tcp')],
      networkOwner: { ...owner, ...changes },
    });
  assert.is(where(sharing({})), '10.0.0.5 8080');
  assert.is(where(sharing({}), 'public'), '192.0.2.5 8080');
  assert.is(where(sharing({}), 'container'), '172.17.0.2 80');
  const two = [
    { name: 'a', ipv4: '172.30.1.2', ipv6: '' },
    { name: 'b', ipv4: '172.30.2.2', ipv6: '' },
  ];
  assert.is(where(sharing({ networks: two }), 'container', HOST, 'b'), '172.30.2.2 80');
  assert.is(where(sharing({ networkMode: 'host' })), '10.0.0.5 80');
  assert.match(
    where(sharing({ ports: [] })),
    /^80\/tcp is not published.*; it shares the network of container pod \(5b5b5b5b5b5b\)$/,
  );
});

test('in a network that its owner has left behind it is reached by nobody', () => {
  const owner = facts({ id: OTHER_ID, name: 'pod', startedAt: '2026-11-20T11:00:00Z' });
  const sharing = (networkOwner: ContainerFacts | null) =>
    facts({ networkMode: `container:${OTHER_ID}`, networks: [], networkOwner });
  assert.match(
    where(sharing({ ...owner, state: 'exited', pid: 0 })),
    /container pod .*does not run; start that one, then/,
  );
  assert.match(where(sharing({ ...owner, state: 'restarting', pid: 0 })), /does not run/);
  assert.match(
    where(sharing({ ...owner, startedAt: '2026-11-20T13:00:00Z' })),
    /started anew since: .*; start it anew$/,
  );
  assert.match(where(sharing(null)), /container 5b5b5b5b5b5b, which is gone/);
  assert.is(where(sharing({ ...owner, state: 'paused' })), '10.0.0.5 8080', 'its network is there');
});

test('a container’s address is never loopback or unspecified', () => {
  for (const ipv4 of ['', '0.0.0.0', '127.0.0.1', 'nonsense']) {
    assert.match(where(facts({ networks: [{ name: 'n', ipv4, ipv6: '' }] }), 'container'), /no address of its own/);
  }
});

test.run();
