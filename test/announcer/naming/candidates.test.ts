import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ContainerFacts, PortFacts } from '../../../announcer/facts.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import type { AnnounceRules } from '../../../announcer/rules.ts';
import { facts, fixtureFacts, ID, OTHER_ID, published, rules } from '../../support/container-facts.ts';

const test = suite('announcer/candidates');

const PREFIX = '/skydns/com/example/prod/s/';
const HOST_PORTS: Readonly<Record<number, number>> = { 53: 5353, 80: 8080, 443: 8443, 9000: 9000, 132: 1320 };

/** `service/instance host:port[ portName]` of each candidate, host name left out. */
function keys(container: ContainerFacts, by: AnnounceRules = rules()): string[] {
  return candidatesOf(container, by).candidates.map(({ key, record }) => {
    assert.ok(key.startsWith(PREFIX), key);
    const [service, host, instance] = key.slice(PREFIX.length).split('/');
    assert.is(host, 'node-1');
    const name = record.portName === undefined ? '' : ` ${record.portName}`;
    return `${service}/${instance} ${record.host}:${record.port}${name}`;
  });
}
const refusals = (container: ContainerFacts, by: AnnounceRules = rules()) => candidatesOf(container, by).refusals;
const withPorts = (ports: readonly string[], changes: Partial<ContainerFacts> = {}) =>
  facts({ ports: ports.map((port) => published(port, HOST_PORTS[Number.parseInt(port, 10)])), ...changes });

test('one published port: the image’s name, the short id, the host’s private address', () => {
  const [candidate, ...others] = candidatesOf(facts(), rules()).candidates;
  assert.equal(others, []);
  assert.is(candidate?.key, '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7');
  assert.is(candidate?.service, 'web');
  assert.is(candidate?.port, 80);
  assert.is(
    candidate?.value,
    `{"container":"${ID}","host":"10.0.0.5","image":"registry.example.org:5000/team/web:1.2","owner":"node-1/a1b2","port":8080,"protocol":"tcp","ttl":5}`,
  );
});

test('the classic case: influxdb on 8086 and grafana published as 8087 behind 80', () => {
  const by = rules({ host: { ...rules().host, name: 'node-back-1' } });
  const influxdb = facts({ image: 'influxdb:1.8', ports: [published('8086/tcp', 8086)] });
  const grafana = facts({ id: OTHER_ID, image: 'grafana/grafana', ports: [published('80/tcp', 8087)] });
  const all = [influxdb, grafana].flatMap((each) => candidatesOf(each, by).candidates);
  assert.equal(
    all.map(({ key, record }) => [key, record.port]),
    [
      ['/skydns/com/example/prod/s/influxdb/node-back-1/3f2a9c01d4e7', 8086],
      ['/skydns/com/example/prod/s/grafana/node-back-1/5b5b5b5b5b5b', 8087],
    ],
  );
});

test('several ports without names: the lowest has the name, each has the name with its container port', () => {
  assert.equal(keys(withPorts(['443/tcp', '80/tcp'])), [
    'web/3f2a9c01d4e7 10.0.0.5:8080',
    'web-80/3f2a9c01d4e7 10.0.0.5:8080',
    'web-443/3f2a9c01d4e7 10.0.0.5:8443',
  ]);
});

test('named ports are all under one service', () => {
  const labels = { 'rollcall.port.http': '80', 'rollcall.port.admin': '9000' };
  assert.equal(keys(withPorts(['80/tcp', '443/tcp', '9000/tcp'], { labels })), [
    'web/3f2a9c01d4e7-80 10.0.0.5:8080 http',
    'web/3f2a9c01d4e7-9000 10.0.0.5:9000 admin',
  ]);
});

test('rollcall.port chooses among the published ports', () => {
  assert.equal(keys(withPorts(['80/tcp', '443/tcp'], { labels: { 'rollcall.port': '443' } })), [
    'web/3f2a9c01d4e7 10.0.0.5:8443',
  ]);
});

test('one number over both protocols is one port to ask for, and two keys', () => {
  const container = withPorts(['53/udp', '53/tcp'], { image: 'dns' });
  assert.equal(keys(container), ['dns/3f2a9c01d4e7-53 10.0.0.5:5353', 'dns/3f2a9c01d4e7-53-udp 10.0.0.5:5353']);
  assert.equal(
    candidatesOf(container, rules()).candidates.map(({ protocol }) => protocol),
    ['tcp', 'udp'],
  );
});

test('a recorded range over udp, beside 53 over both', () => {
  assert.equal(keys(fixtureFacts('udp-range')), [
    'web-app/48e23c614b22-53 10.0.0.5:5353',
    'web-app/48e23c614b22-53-udp 10.0.0.5:53',
    'web-app-53/48e23c614b22-53 10.0.0.5:5353',
    'web-app-53/48e23c614b22-53-udp 10.0.0.5:53',
    'web-app-10000/48e23c614b22 10.0.0.5:10000',
    'web-app-10001/48e23c614b22 10.0.0.5:10001',
    'web-app-10002/48e23c614b22 10.0.0.5:10002',
  ]);
});

test('a range of hundreds is not announced but for its lowest, with the reason', () => {
  const ports = Array.from({ length: 101 }, (_, at) => published(`${10000 + at}/udp`, 10000 + at));
  assert.equal(keys(facts({ ports })), ['web/3f2a9c01d4e7 10.0.0.5:10000']);
  assert.equal(refusals(facts({ ports })), [
    '101 ports are published; a container announces at most 100: only 10000/udp is announced; name the ports with rollcall.port',
  ]);
});

test('sctp is refused and costs no other port', () => {
  const container = withPorts(['80/tcp', '132/sctp']);
  assert.equal(keys(container), ['web/3f2a9c01d4e7 10.0.0.5:8080']);
  assert.match(refusals(container)[0] ?? '', /132\/sctp: protocol sctp has no record/);
});

const NAMES: readonly (readonly [string, Partial<ContainerFacts>, string])[] = [
  ['rollcall.name first', { labels: { 'rollcall.name': 'a', SERVICE_NAME: 'b' } }, 'a'],
  ['rollcall.name before a port’s SERVICE_NAME', { labels: { 'rollcall.name': 'a', SERVICE_80_NAME: 'b' } }, 'a'],
  ['rollcall.name.<port> before all', { labels: { 'rollcall.name': 'a', 'rollcall.name.80': 'b' } }, 'b'],
  ['rollcall.name.<port>/<protocol>', { labels: { 'rollcall.name.80/tcp': 'b' } }, 'b'],
  ['SERVICE_<port>_NAME before SERVICE_NAME', { labels: { SERVICE_80_NAME: 'a', SERVICE_NAME: 'b' } }, 'a'],
  ['a label before a variable', { labels: { SERVICE_NAME: 'a' }, serviceEnvironment: { SERVICE_NAME: 'b' } }, 'a'],
  ['a variable', { serviceEnvironment: { SERVICE_NAME: 'My_Db' } }, 'my-db'],
  [
    'the swarm before the compose service',
    { labels: { 'com.docker.swarm.service.name': 'stack_api', 'com.docker.compose.service': 'b' } },
    'stack-api',
  ],
  ['the compose service', { labels: { 'com.docker.compose.service': 'api' } }, 'api'],
  ['the image, with digest and upper case', { image: `r:5000/team/Web_App:1@sha256:${'ab'.repeat(32)}` }, 'web-app'],
];
for (const [rule, changes, service] of NAMES) {
  test(`name: ${rule}`, () => assert.equal(keys(facts(changes)), [`${service}/3f2a9c01d4e7 10.0.0.5:8080`]));
}

test('a port with a name of its own leaves the group', () => {
  const labels = { SERVICE_443_NAME: 'tls' };
  assert.equal(keys(withPorts(['80/tcp', '443/tcp'], { labels })), [
    'web/3f2a9c01d4e7 10.0.0.5:8080',
    'web-80/3f2a9c01d4e7 10.0.0.5:8080',
    'tls/3f2a9c01d4e7 10.0.0.5:8443',
  ]);
});

test('a port’s name may be given by the port’s name', () => {
  const labels = { 'rollcall.port.http': '80', 'rollcall.port.admin': '9000', 'rollcall.name.admin': 'console' };
  assert.equal(keys(withPorts(['80/tcp', '9000/tcp'], { labels })), [
    'web/3f2a9c01d4e7 10.0.0.5:8080 http',
    'console/3f2a9c01d4e7 10.0.0.5:9000 admin',
  ]);
});

test('a name for a port that is not announced is said', () => {
  assert.match(
    refusals(facts({ labels: { 'rollcall.name.81': 'x' } }))[0] ?? '',
    /81 is no announced port; those are: 80\/tcp/,
  );
});

test('of two names for one port the other is said', () => {
  const labels = { 'rollcall.port.http': '80', 'rollcall.name.80': 'x', 'rollcall.name.http': 'y' };
  const container = withPorts(['80/tcp'], { labels });
  assert.equal(keys(container), ['x/3f2a9c01d4e7 10.0.0.5:8080 http']);
  assert.equal(refusals(container), ['rollcall.name.http: 80/tcp has its name of rollcall.name.80 already']);
  const both = withPorts(['53/tcp', '53/udp'], {
    labels: { 'rollcall.name.53': 'dns', 'rollcall.name.53/udp': 'dns-udp' },
  });
  assert.equal(refusals(both), [], 'one for each protocol');
});

test('a name that makes no label is refused, never replaced by another', () => {
  const container = facts({ labels: { 'rollcall.name': '_web' } });
  assert.equal(keys(container), []);
  assert.match(
    refusals(container)[0] ?? '',
    /service name of label rollcall.name: "_web" begins or ends with a hyphen/,
  );
});

test('a variable’s value is not shown unless it is a name', () => {
  const secret = `pass_${'x'.repeat(80)}`;
  const container = facts({ serviceEnvironment: { SERVICE_NAME: secret } });
  assert.not.ok(JSON.stringify(candidatesOf(container, rules())).includes('pass_'));
  assert.match(refusals(container)[0] ?? '', /variable SERVICE_NAME: its value has 85 characters/);
});

test('a name that only fits without its port is refused for the others', () => {
  const container = withPorts(['80/tcp', '443/tcp'], { labels: { 'rollcall.name': 'n'.repeat(62) } });
  assert.equal(keys(container), [`${'n'.repeat(62)}/3f2a9c01d4e7 10.0.0.5:8080`]);
  assert.is(refusals(container).length, 2);
});

test('SERVICE_ID names the instance; colons become hyphens', () => {
  const labels = { SERVICE_ID: 'host:redis.0:6379' };
  assert.equal(keys(facts({ labels })), ['web/host-redis-0-6379 10.0.0.5:8080']);
});

test('one SERVICE_ID for two ports of one service never makes one key of them', () => {
  const labels = { SERVICE_ID: 'main', 'rollcall.port.http': '80', 'rollcall.port.admin': '9000' };
  assert.equal(keys(withPorts(['80/tcp', '9000/tcp'], { labels })), [
    'web/main-80 10.0.0.5:8080 http',
    'web/main-9000 10.0.0.5:9000 admin',
  ]);
});

test('SERVICE_TAGS are the TXT data; those of a port are of that port alone', () => {
  const labels = { SERVICE_TAGS: 'www', SERVICE_443_TAGS: 'tls,www', SERVICE_53_UDP_TAGS: 'x'.repeat(1025) };
  const texts = (more: Record<string, string>) =>
    candidatesOf(
      withPorts(['80/tcp', '443/tcp', '53/udp'], { labels: { ...labels, ...more } }),
      rules(),
    ).candidates.map(({ key, record }) => `${key.slice(PREFIX.length).split('/')[0]} ${record.text}`);
  assert.equal(texts({}), ['web www', 'web-53 www', 'web-80 www', 'web-443 tls,www']);
  assert.equal(texts({ 'rollcall.text': 'ours' }), ['web ours', 'web-53 ours', 'web-80 ours', 'web-443 ours']);
  assert.match(
    refusals(withPorts(['53/udp'], { labels })).join(),
    /^label SERVICE_53_UDP_TAGS: has 1025 octets; at most 1024; left out, the rest stands$/,
  );
});

const EXCLUDED: readonly (readonly [string, Partial<ContainerFacts>, Partial<AnnounceRules>])[] = [
  ['rollcall.announce=false', { labels: { 'rollcall.announce': 'false' } }, {}],
  ['SERVICE_IGNORE', { labels: { SERVICE_IGNORE: 'true' } }, {}],
  ['SERVICE_IGNORE as a variable', { serviceEnvironment: { SERVICE_IGNORE: '1' } }, {}],
  ['SERVICE_80_IGNORE', { labels: { SERVICE_80_IGNORE: 'true' } }, {}],
  ['--explicit without labels', { labels: { 'com.docker.compose.service': 'x' } }, { explicit: true }],
  ['--explicit with an empty SERVICE_NAME', { serviceEnvironment: { SERVICE_NAME: '' } }, { explicit: true }],
  ['--explicit with an empty label', { labels: { SERVICE_80_NAME: ' ' } }, { explicit: true }],
  ['no published port, no label', { ports: [published('80/tcp')] }, {}],
];
for (const [rule, changes, ruleChanges] of EXCLUDED) {
  test(`not announced: ${rule}`, () => assert.equal(keys(facts(changes), rules(ruleChanges)), []));
}

test('what nobody asked for is left out without a complaint', () => {
  assert.equal(refusals(facts({ ports: [published('80/tcp')] })), []);
  assert.equal(refusals(facts({ labels: { 'rollcall.announce': 'false', 'rollcall.bad': 'x' } })), []);
});

const INCLUDED: readonly (readonly [string, Partial<ContainerFacts>, Partial<AnnounceRules>])[] = [
  ['SERVICE_IGNORE=false', { labels: { SERVICE_IGNORE: 'false' } }, {}],
  ['rollcall.announce=true over SERVICE_IGNORE', { labels: { SERVICE_IGNORE: '1', 'rollcall.announce': 'true' } }, {}],
  ['--explicit with a rollcall label', { labels: { 'rollcall.announce': 'true' } }, { explicit: true }],
  ['--explicit with SERVICE_NAME', { serviceEnvironment: { SERVICE_NAME: 'web' } }, { explicit: true }],
];
for (const [rule, changes, ruleChanges] of INCLUDED) {
  test(`announced: ${rule}`, () => {
    assert.equal(keys(facts(changes), rules(ruleChanges)), ['web/3f2a9c01d4e7 10.0.0.5:8080']);
  });
}

test('asked for and without a published port: the reason says what to do', () => {
  const container = facts({ labels: { 'rollcall.name': 'web' }, ports: [published('80/tcp')] });
  assert.equal(refusals(container), [
    'no port is published (exposed: 80/tcp); publish one with -p, or set rollcall.as=container and rollcall.port',
  ]);
});

test('the advice is one that the network mode can follow', () => {
  const labels = { 'rollcall.name': 'web' };
  assert.equal(refusals(facts({ labels, ports: [], networkMode: 'host' })), [
    'no port is exposed; with host networking name what it listens on with rollcall.port',
  ]);
  const onNone = (more: Record<string, string>) =>
    refusals(facts({ labels: { ...labels, ...more }, ports: [], networkMode: 'none', networks: [] }));
  assert.equal(onNone({ 'rollcall.port': '80' }), [
    '80/tcp is not published, nor could it be: it runs with network none, where nobody reaches it; run it with another one',
  ]);
  assert.equal(onNone({ 'rollcall.port': '80', 'rollcall.as': 'container' }), [
    '80/tcp: it has no address of its own on any network: it runs with network none, where nobody reaches it; run it with another one',
  ]);
  assert.equal(onNone({}), ['it runs with network none, where nobody reaches it; run it with another one']);
  assert.equal(refusals(facts({ labels: { ...labels, 'rollcall.as': 'container' }, ports: [] })), [
    'no port is exposed; name what it listens on with rollcall.port',
  ]);
});

test('what docker network disconnect has taken away is not asked for with -p again', () => {
  const cut = (labels: Record<string, string>) =>
    candidatesOf(facts({ labels, ports: [published('80/tcp')], networks: [] }), rules());
  assert.equal(cut({ 'rollcall.name': 'web' }).refusals, ['it is connected to no network; connect it to one']);
  assert.equal(cut({ 'rollcall.port': '80' }).refusals, [
    '80/tcp is not published: it is connected to no network; connect it to one',
  ]);
  assert.equal(cut({}).refusals, []);
  assert.equal(cut({}).steps[0]?.input, 'it is connected to no network, and has no rollcall.* or SERVICE_* settings');
  for (const labels of [{}, { 'rollcall.name': 'web' }, { 'rollcall.port': '80' }])
    assert.is(cut(labels).lacksAddress, true, JSON.stringify(labels));
  const rootless = facts({ labels: { 'rollcall.name': 'web' }, ports: [], networks: [], networkMode: 'pasta' });
  assert.match(refusals(rootless)[0] ?? '', /^no port is published/);
});

test('ports that are left out as asked are no complaint; explain says what asked', () => {
  const container = facts({ labels: { SERVICE_80_IGNORE: 'true' } });
  const { candidates, refusals, steps } = candidatesOf(container, rules());
  assert.equal([candidates, refusals], [[], []]);
  assert.equal(steps.slice(1), [
    { rule: 'ports: published ports', input: '80/tcp on 0.0.0.0:8080 :::8080', verdict: 'none' },
    { rule: 'ports', input: '80/tcp (label SERVICE_80_IGNORE)', verdict: 'left out, as asked' },
  ]);
});

test('as=container announces the exposed ports, as registrator’s -internal', () => {
  const ports = [published('80/tcp'), published('443/tcp')];
  assert.equal(keys(facts({ ports }), rules({ as: 'container' })), [
    'web/3f2a9c01d4e7 172.17.0.2:80',
    'web-80/3f2a9c01d4e7 172.17.0.2:80',
    'web-443/3f2a9c01d4e7 172.17.0.2:443',
  ]);
});

test('rollcall.as of a container wins over the setting', () => {
  const labels = { 'rollcall.as': 'container', 'rollcall.port': '9000' };
  assert.equal(keys(facts({ labels }), rules({ as: 'public' })), ['web/3f2a9c01d4e7 172.17.0.2:9000']);
});

test('a network that chooses nothing is said, and costs nothing', () => {
  const labelled = (changes: Partial<ContainerFacts> = {}, as?: string): ContainerFacts => {
    const labels = {
      'rollcall.network': 'front',
      'rollcall.port': '80',
      ...(as === undefined ? {} : { 'rollcall.as': as }),
    };
    return withPorts(['80/tcp'], { labels, networks: [{ name: 'front', ipv4: '172.20.0.9', ipv6: '' }], ...changes });
  };
  const idle =
    'rollcall.network="front": it chooses among the container\'s own addresses, and the host\'s is announced; set rollcall.as=container; left out, the rest stands';
  for (const as of [undefined, 'private', 'public']) {
    assert.equal(refusals(labelled({}, as)), [idle]);
    assert.is(keys(labelled({}, as)).length, 1);
  }
  assert.ok(
    candidatesOf(labelled(), rules()).steps.some(
      ({ input, verdict }) => idle.startsWith(input) && verdict === 'left out',
    ),
  );
  assert.equal(refusals(labelled({}, 'container')), []);
  assert.equal(keys(labelled({}, 'container')), ['web/3f2a9c01d4e7 172.20.0.9:80']);
  assert.equal(refusals(labelled({}), rules({ as: 'container' })), []);
  assert.match(
    refusals(labelled({ networkMode: 'host' }, 'container'))[0] ?? '',
    /with host networking the host's address is announced/,
  );
});

test('host networking announces what the image exposes, or what the label says', () => {
  assert.equal(keys(fixtureFacts('host-net')), ['web-app/636245898fa5 10.0.0.5:8086']);
  assert.equal(keys(facts({ networkMode: 'host', ports: [published('80/tcp')] })), ['web/3f2a9c01d4e7 10.0.0.5:80']);
});

test('host networking with -p announces those ports, not the others that the image exposes', () => {
  const [ssh, web, admin] = [published('22/tcp'), published('3000/tcp'), published('9000/tcp')];
  const asked = (...ports: PortFacts[]) => ports.map((port) => ({ ...port, isAskedFor: true }) as const);
  const container = (ports: PortFacts[]) => facts({ networkMode: 'host', ports });
  assert.equal(keys(container([ssh, ...asked(web), admin])), ['web/3f2a9c01d4e7 10.0.0.5:3000']);
  assert.equal(keys(container([ssh, ...asked(web, admin)])), [
    'web/3f2a9c01d4e7 10.0.0.5:3000',
    'web-3000/3f2a9c01d4e7 10.0.0.5:3000',
    'web-9000/3f2a9c01d4e7 10.0.0.5:9000',
  ]);
});

test('the record carries the labels’ fields', () => {
  const labels = { 'rollcall.ttl': '30', 'rollcall.priority': '20', 'rollcall.text': 'x', 'rollcall.weight': 'heavy' };
  const derivation = candidatesOf(facts({ labels }), rules());
  const { ttl, priority, text, weight } = derivation.candidates[0]?.record ?? {};
  assert.equal([ttl, priority, text, weight], [30, 20, 'x', undefined]);
  assert.equal(derivation.refusals, [
    'rollcall.weight="heavy": must be 1 to 65535; 0 would be read as absent, which is 100; left out, the rest stands',
  ]);
});

test('a fault in a label that decides where and when costs the announcement', () => {
  for (const labels of [
    { 'rollcall.announce': 'never' },
    { 'rollcall.as': 'pubilc' },
    { 'rollcall.check': 'sometimes' },
    { 'rollcall.check.port': 'x' },
  ]) {
    assert.equal(keys(facts({ labels })), []);
    assert.is(refusals(facts({ labels })).length, 1);
  }
});

test('of a label with thousands of faults the first few are told, and how many more there are', () => {
  const items = Array.from({ length: 20_000 }, (_, at) => `x${at}`);
  const told = refusals(facts({ labels: { 'rollcall.port': items.join(',') } }));
  assert.is(told.length, 4);
  assert.ok(told[0]?.endsWith('"x0" is no port; write one, as 8086 or 9000/udp'));
  assert.match(told[3] ?? '', /^rollcall\.port="x0,x1,.*: and 19997 more$/);
  assert.ok(told.every((sentence) => sentence.length < 300));
});

test('of thousands of labels that are wrong the first few are told, and none at length', () => {
  const many = (label: (at: number) => string) =>
    Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`rollcall.${label(at)}`, 'x']));
  const unknown = refusals(facts({ labels: many((at) => `unknown${at}`) }));
  assert.is(unknown.length, 4);
  assert.is(unknown[3], "and 4997 more labels that are none of rollcall's; left out, the rest stands");
  const stray = refusals(facts({ labels: many((at) => `name.n${at}`) }));
  assert.is(stray.length, 4);
  assert.is(stray[3], 'and 4997 more names for ports that are not announced');
  const ports = refusals(facts({ labels: many((at) => `port.p${at}`) }));
  assert.is(ports.length, 21);
  assert.is(ports[20], 'and 4980 more things that are wrong with it');
  const long = 'l'.repeat(100_000);
  for (const labels of [
    { [`rollcall.${long}`]: 'x' },
    { [`rollcall.port.${long}`]: '80' },
    { 'rollcall.port': long },
  ]) {
    assert.ok(refusals(facts({ labels })).every((sentence) => sentence.length < 400));
  }
});

test('a check by a HEALTHCHECK that is not there is refused', () => {
  const labels = { 'rollcall.check': 'healthcheck' };
  assert.match(refusals(facts({ labels }))[0] ?? '', /neither the image nor the container has a HEALTHCHECK/);
  assert.equal(keys(facts({ labels, health: 'starting' })).length, 1);
});

test('a name over 255 octets is refused', () => {
  const by = rules({ domain: `${'d'.repeat(63)}.`.repeat(3).concat('x'.repeat(50), '.') as AnnounceRules['domain'] });
  assert.equal(keysCount(facts({ labels: { 'rollcall.name': 'n'.repeat(60) } }), by), 0);
  assert.match(refusals(facts({ labels: { 'rollcall.name': 'n'.repeat(60) } }), by)[0] ?? '', /octets; at most 255/);
});

function keysCount(container: ContainerFacts, by: AnnounceRules): number {
  return candidatesOf(container, by).candidates.length;
}

test('says for each rule what it looked at and what it found', () => {
  const { steps } = candidatesOf(facts({ labels: { 'rollcall.name': 'Web' } }), rules());
  assert.equal(steps, [
    { rule: 'announce', input: 'it has rollcall.* or SERVICE_* settings', verdict: 'included' },
    { rule: 'ports: published ports', input: '80/tcp on 0.0.0.0:8080 :::8080', verdict: '80/tcp' },
    {
      rule: "address as private: published on all addresses: the host's private address",
      input: '80/tcp',
      verdict: '10.0.0.5 port 8080',
    },
    { rule: 'service name', input: 'label rollcall.name', verdict: 'web' },
  ]);
});

test('the same facts give the same candidates, whatever order the engine has its ports in', () => {
  const ports = [published('443/tcp', 8443), published('80/tcp', 8080), published('53/udp', 53)];
  assert.equal(keys(facts({ ports })), keys(facts({ ports: ports.toReversed() })));
});

test.run();
