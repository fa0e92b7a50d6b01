import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { factsOf, NETWORK_OWNER, networkOwnerIdOf } from '../../../announcer/docker/inspect.ts';
import { fixtureFacts, inspectFixture } from '../../support/container-facts.ts';

const test = suite('announcer/inspect');

test('reads what a recorded inspect says of a published port', () => {
  const facts = fixtureFacts('published');
  assert.is(facts.name, 'published');
  assert.is(facts.image, 'registry.example.org:5000/team/web_app:1.2');
  assert.is(facts.state, 'running');
  assert.ok(facts.pid > 0);
  assert.is(facts.networkMode, 'bridge', "the engine's default is called bridge");
  assert.is(facts.networks[0]?.name, 'bridge');
  assert.match(facts.networks[0]?.ipv4 ?? '', /^172\./);
  assert.equal(
    facts.ports.map(({ containerPort, bindings }) => [containerPort, bindings]),
    [
      [
        80,
        [
          { hostIp: '0.0.0.0', hostPort: 8080 },
          { hostIp: '::', hostPort: 8080 },
        ],
      ],
      [443, []],
    ],
  );
  assert.is(facts.labels['rollcall.name'], 'web');
});

test('drops every environment variable but those that are there to be published', () => {
  const facts = fixtureFacts('published');
  assert.equal(facts.serviceEnvironment, { SERVICE_443_NAME: 'tls' });
  const text = JSON.stringify(facts);
  assert.not.ok(text.includes('hunter2'), 'DB_PASSWORD');
  assert.not.ok(text.includes('s3cret'), 'SERVICE_TOKEN');
});

test('keeps registrator’s name, ignore, tags and id variables, of ports and protocols too', () => {
  const kept = ['SERVICE_NAME=a', 'SERVICE_53_udp_NAME=b', 'SERVICE_80_IGNORE=1', 'SERVICE_IGNORE='];
  kept.push('SERVICE_ID=c', 'SERVICE_443_TAGS=d,e');
  const dropped = [
    'SERVICE_IDENTITY=c',
    'SERVICE_TAGS_TOKEN=d',
    'SERVICE_80_PASSWORD=e',
    'service_name=f',
    'SERVICE_NAME',
    'X=SERVICE_NAME=g',
  ];
  const facts = factsOf({ Id: 'x', Config: { Env: [...kept, ...dropped, null, 7] } });
  assert.equal(facts.serviceEnvironment, {
    SERVICE_NAME: 'a',
    SERVICE_53_udp_NAME: 'b',
    SERVICE_80_IGNORE: '1',
    SERVICE_IGNORE: '',
    SERVICE_ID: 'c',
    SERVICE_443_TAGS: 'd,e',
  });
});

const STATES: readonly (readonly [string, string, boolean])[] = [
  ['paused', 'paused', true],
  ['restarting', 'restarting', false],
  ['exited', 'exited', false],
  ['created', 'created', false],
  ['host-net', 'running', true],
  ['podman-5-stopping', 'removing', true],
  ['podman-4', 'running', true],
  ['podman-4-paused', 'paused', true],
  ['podman-4-exited', 'exited', false],
  ['api-1.18', 'running', true],
  ['api-1.52', 'running', true],
];
for (const [name, state, hasPid] of STATES) {
  test(`reads the state of ${name}`, () => {
    const facts = fixtureFacts(name);
    assert.is(facts.state, state);
    assert.is(facts.pid > 0, hasPid);
  });
}

test('reads a state from its flags where an old API has no status', () => {
  const stateOf = (State: object) => factsOf({ Id: 'x', State }).state;
  assert.is(stateOf({ Running: true, Restarting: true }), 'restarting');
  assert.is(stateOf({ Running: true, Paused: true }), 'paused');
  assert.is(stateOf({ Running: false, Dead: true }), 'dead');
  assert.is(stateOf({ Running: false }), 'exited');
});

test('reads health, and none where there is no HEALTHCHECK', () => {
  assert.is(fixtureFacts('healthy').health, 'healthy');
  assert.is(fixtureFacts('unhealthy').health, 'unhealthy');
  assert.is(fixtureFacts('published').health, 'none');
  assert.is(fixtureFacts('podman-3').health, 'healthy', 'Healthcheck');
  assert.is(fixtureFacts('podman-5-stopping').health, 'none', 'the empty status');
  assert.is(factsOf({ Id: 'x', State: { Health: { Status: 'none' } } }).health, 'none');
});

test('reads the stop signal by name or number, and the stop timeout', () => {
  const { stopSignal, stopTimeoutSeconds, exitCode } = fixtureFacts('exited');
  assert.equal([stopSignal, stopTimeoutSeconds, exitCode], [3, 30, 3]);
  assert.is(fixtureFacts('published').stopSignal, 15);
  assert.not.ok('stopTimeoutSeconds' in fixtureFacts('published'));
  assert.is(fixtureFacts('podman-3').stopSignal, 3);
  assert.is(fixtureFacts('podman-5-stopping').stopSignal, 37);
});

test('keeps every network with its addresses', () => {
  const { networks, networkMode } = fixtureFacts('two-nets');
  assert.is(networkMode, 'front');
  assert.equal(
    networks.map(({ name }) => name),
    ['back', 'front'],
  );
  assert.is(networks[0]?.ipv6, '2001:db8:2::2');
  assert.equal(fixtureFacts('shares').networks, []);
  assert.match(fixtureFacts('shares').networkMode, /^container:[0-9a-f]{64}$/);
});

test('finds the address where API 1.52 and 1.18 have it', () => {
  assert.equal(fixtureFacts('api-1.52').networks, [{ name: 'bridge', ipv4: '172.17.0.2', ipv6: '' }]);
  assert.equal(fixtureFacts('api-1.18').networks, [{ name: 'bridge', ipv4: '172.17.0.2', ipv6: '' }]);
});

test('sorts ports by number and protocol, with udp and ranges', () => {
  const { ports } = fixtureFacts('udp-range');
  assert.equal(
    ports.map(({ containerPort, protocol, bindings }) => `${containerPort}/${protocol}:${bindings[0]?.hostPort ?? ''}`),
    ['53/tcp:5353', '53/udp:53', '80/tcp:', '443/tcp:', '10000/udp:10000', '10001/udp:10001', '10002/udp:10002'],
  );
});

test('has the container whose network it shares, where that was inspected too', () => {
  const shares = inspectFixture('shares') as object;
  assert.is(networkOwnerIdOf(shares)?.slice(0, 12), 'd1cc500c124d');
  assert.is(networkOwnerIdOf(inspectFixture('host-net')), undefined);
  assert.not('networkOwner' in factsOf(shares));
  assert.is(factsOf({ ...shares, [NETWORK_OWNER]: null }).networkOwner, null);
  const { networkOwner } = factsOf({ ...shares, [NETWORK_OWNER]: inspectFixture('host-net') });
  assert.is(networkOwner?.networkMode, 'host');
});

test('knows which ports -p asked for where host networking publishes none', () => {
  const inspect = structuredClone(inspectFixture('host-net')) as { HostConfig: { PortBindings: object } };
  inspect.HostConfig.PortBindings = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] };
  assert.equal(factsOf(inspect).ports, [
    { containerPort: 80, protocol: 'tcp', bindings: [], isAskedFor: true },
    { containerPort: 443, protocol: 'tcp', bindings: [] },
  ]);
});

test('has the ports that host networking declares', () => {
  assert.equal(
    fixtureFacts('host-net').ports.map(({ containerPort, bindings }) => [containerPort, bindings.length]),
    [
      [80, 0],
      [443, 0],
    ],
  );
});

test('one address has one spelling, whichever the engine keeps; what is none stays none, and is not all of them', () => {
  const { networks, ports } = factsOf({
    Id: 'abc',
    NetworkSettings: {
      Networks: { front: { IPAddress: 'invalid IP', GlobalIPv6Address: '2001:DB8:0:0::5/64' } },
      Ports: {
        '80/tcp': ['0:0:0:0:0:0:0:1', '::ffff:127.0.0.1', '0::0', '', 'fe80::1%eth0'].map((HostIp) => ({
          HostIp,
          HostPort: '80',
        })),
      },
    },
  });
  assert.equal(networks, [{ name: 'front', ipv4: '', ipv6: '2001:db8::5' }]);
  assert.equal(
    ports[0]?.bindings.map(({ hostIp }) => hostIp),
    ['::1', '127.0.0.1', '::', '', 'fe80::1%eth0'],
  );
});

test("reads Podman's inspect: null labels, null bindings, an empty host address", () => {
  const facts = fixtureFacts('podman-3');
  assert.equal(facts.labels, {});
  assert.is(facts.image, 'quay.io/team/web:1');
  assert.is(facts.restartCount, 2);
  assert.equal(facts.ports, [
    { containerPort: 8080, protocol: 'tcp', bindings: [{ hostIp: '', hostPort: 18080 }] },
    { containerPort: 9090, protocol: 'tcp', bindings: [] },
  ]);
});

test('reads what a real Podman says: no address of the host, an empty health, no network at all', () => {
  const { ports, networks, health, stopSignal, networkMode, image } = fixtureFacts('podman-4');
  assert.equal(ports, [{ containerPort: 80, protocol: 'tcp', bindings: [{ hostIp: '', hostPort: 18080 }] }]);
  assert.equal(networks, [{ name: 'podman', ipv4: '10.88.0.3', ipv6: '' }]);
  assert.equal(
    [health, stopSignal, networkMode, image],
    ['none', 15, 'bridge', 'docker.io/library/rollcall-test:latest'],
  );
  const inner = fixtureFacts('podman-4-no-net');
  assert.equal([inner.networks, inner.networkMode, inner.health], [[], 'none', 'starting']);
});

test('has the address of a macvlan network', () => {
  const { networks, networkMode, ports } = fixtureFacts('macvlan');
  assert.equal([networks, networkMode, ports], [[{ name: 'lan', ipv4: '192.0.2.77', ipv6: '' }], 'lan', []]);
});

test('takes anything that has an id, and refuses what is no inspect', () => {
  const bare = factsOf({ Id: 'abc', State: null, Config: [], NetworkSettings: 'x', RestartCount: -1 });
  assert.equal([bare.state, bare.pid, bare.ports, bare.networks], ['exited', 0, [], []]);
  assert.throws(() => factsOf({}), /no Id/);
  assert.throws(() => factsOf([]), /no JSON object/);
  assert.throws(() => factsOf(undefined), /no JSON object/);
});

test('gives the same facts twice', () => {
  assert.equal(factsOf(inspectFixture('two-nets')), factsOf(inspectFixture('two-nets')));
});

test.run();
