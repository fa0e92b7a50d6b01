import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { announcerConfig, announcerSettings } from '../../announcer/config.ts';
import { type GivenFlags, readSettings } from '../../shared/settings.ts';

function read(flags: GivenFlags, environment: Record<string, string> = {}): ReturnType<typeof announcerConfig> {
  const settings = readSettings(announcerSettings, flags, environment);
  return settings.ok ? announcerConfig({ ...settings.values, prefix: '/skydns' }) : settings;
}
const problemsOf = (flags: GivenFlags, environment: Record<string, string> = {}): readonly string[] => {
  const config = read(flags, environment);
  return config.ok ? [] : config.problems;
};

const test = suite('announcer/config');

test('the defaults are those of the design', () => {
  const config = read({});
  assert.ok(config.ok);
  assert.equal(config.config, {
    prefix: '/skydns',
    domain: 's.prod.example.com.',
    hostName: undefined,
    as: 'private',
    privateAddress: { from: 'host' },
    publicAddress: { from: 'host' },
    explicit: false,
    servicesFile: undefined,
    docker: 'unix:///var/run/docker.sock',
    leaseTtlSeconds: 60,
    recordTtlSeconds: 5,
    compareMs: 60_000,
    damping: { penaltyPerDeath: 1000, halfLifeMs: 60_000, suppressAbove: 3000, reuseBelow: 1000, maxHoldMs: 600_000 },
    sinks: { targets: [], labels: [] },
  });
});

test('DOCKER_HOST is read when neither the flag nor its own variable is given', () => {
  const from = (flags: GivenFlags, environment: Record<string, string>): string | undefined => {
    const config = read(flags, environment);
    return config.ok ? config.config.docker : undefined;
  };
  assert.is(from({}, { DOCKER_HOST: 'tcp://192.0.2.1:2376' }), 'tcp://192.0.2.1:2376');
  assert.is(from({ docker: '/run/docker.sock' }, { DOCKER_HOST: 'tcp://192.0.2.1:2376' }), '/run/docker.sock');
});

test('a host name is folded to lower case, as names compare', () => {
  const config = read({ 'host-name': 'Node-1' });
  assert.is(config.ok && config.config.hostName, 'node-1');
});

for (const [rule, flags, expected] of [
  [
    'a record TTL of 0 is refused: readers take it for none, and drain could not tell how long an answer is kept',
    { 'record-ttl': '0' },
    '--record-ttl="0": must be 1 to 86400 s',
  ],
  ['a lease TTL below 15 s is refused', { 'lease-ttl': '14' }, '--lease-ttl="14": must be 15 to 86400 s'],
  [
    'a host name with dots is refused',
    { 'host-name': 'node-1.example.com' },
    '--host-name="node-1.example.com": must be one label',
  ],
  [
    'an address that names no host is refused, however it is written',
    { 'public-ip': '::0' },
    '--public-ip="::0": names no host',
  ],
  ['an address with a zone is refused', { 'private-ip': 'fe80::1%eth0' }, '--private-ip="fe80::1%eth0": has a zone'],
  ['an address that names no host is refused', { 'private-ip': '0.0.0.0' }, '--private-ip="0.0.0.0": names no host'],
  [
    'a domain that nobody can ask for is refused',
    { domain: 'a b' },
    '--domain="a b": must be a name of letters, digits, hyphens and dots',
  ],
  [
    'an engine over ssh is refused with what to do',
    { docker: 'ssh://host' },
    '--docker="ssh://host": ssh is not spoken here',
  ],
  [
    'an address and an interface for the same are refused',
    { 'public-ip': '192.0.2.1', 'public-if': 'eth0' },
    '--public-ip="192.0.2.1" and --public-if="eth0" say it twice',
  ],
  [
    'a reuse limit above the suppress limit is refused',
    { 'damping-reuse': '4000' },
    '--damping-reuse="4000": must be below --damping-suppress, which is 3000',
  ],
  [
    'a hold so short that nothing would ever be held is refused with the least that works',
    { 'damping-max-hold': '60' },
    '--damping-max-hold="60": with a half-life of 60 s (--damping-half-life) no penalty could pass 3000 (--damping-suppress); give at least 97',
  ],
] as const) {
  test(rule, () => {
    const problems = problemsOf(flags);
    assert.is(problems.length, 1);
    assert.is(problems[0]?.slice(0, expected.length), expected);
  });
}

test('every problem is reported at once', () => {
  assert.is(problemsOf({ 'lease-ttl': 'x', 'host-name': '-', as: 'nothing' }).length, 3);
});

test('an address given by a flag is taken as given, loopback included', () => {
  const config = read({ 'private-ip': '127.0.0.1', 'public-if': 'eth0' });
  assert.ok(config.ok);
  assert.equal(config.config.privateAddress, { from: 'address', address: '127.0.0.1' });
  assert.equal(config.config.publicAddress, { from: 'interface', name: 'eth0' });
  const spelt = read({ 'private-ip': '2001:DB8:0:0::5' });
  assert.equal(spelt.ok && spelt.config.privateAddress, { from: 'address', address: '2001:db8::5' });
});

test.run();
