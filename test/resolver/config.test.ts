import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DEFAULT_ZONE, type ResolverConfigRead, resolverConfig, resolverSettings } from '../../resolver/config.ts';
import { commonSettings } from '../../shared/common-settings.ts';
import { parseName } from '../../shared/name.ts';
import { type GivenFlags, readSettings } from '../../shared/settings.ts';

const test = suite('resolver/config');

function read(flags: GivenFlags, environment: Record<string, string> = {}): ResolverConfigRead {
  const settings = readSettings({ ...commonSettings, ...resolverSettings }, flags, environment);
  return settings.ok ? resolverConfig(settings.values) : settings;
}
function config(flags: GivenFlags, environment: Record<string, string> = {}) {
  const result = read(flags, environment);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.config;
}
function problems(flags: GivenFlags): readonly string[] {
  const result = read(flags);
  return result.ok ? [] : result.problems;
}

test('the defaults of the design', () => {
  const { allowForward, pastClients, ...rest } = config({});
  assert.is(allowForward.length, 9);
  assert.equal(
    pastClients.map(({ text }) => text),
    ['127.0.0.0/8', '::1/128'],
  );
  assert.equal(rest, {
    prefix: '/skydns',
    zones: [DEFAULT_ZONE],
    listen: [{ host: '127.0.0.1', port: 5300 }],
    defaultTtlSeconds: 5,
    negativeTtlSeconds: 5,
    maxStaleMs: 3_600_000,
    forward: 'system',
    stubs: [],
    local: undefined,
    nsName: undefined,
    srvWeights: 'percent',
    rotate: true,
    legacyApex: false,
    rateLimit: 200,
    chaos: true,
    workers: 1,
    udpBatch: 'auto',
  });
});

test('the zone is the domain of the announcer beside it, unless zones are given', () => {
  const settings = readSettings({ ...commonSettings, ...resolverSettings }, {}, {});
  assert.ok(settings.ok);
  const domain = parseName('example.net');
  const both = settings.ok ? resolverConfig(settings.values, domain) : undefined;
  assert.ok(both?.ok && both.config.zones[0] === domain);
});

test('a network is its reverse zones; what merely has a slash in it is a name (RFC 2317)', () => {
  const zones = (...zone: string[]) => config({ zone }).zones.join(' ');
  assert.is(zones('10.0.0.0/24'), '0.0.10.in-addr.arpa.');
  assert.is(zones('10.0.0.7/8,s.test'), '10.in-addr.arpa. s.test.');
  assert.is(zones('10.0.2.0/23', '10.0.2.0/24'), '2.0.10.in-addr.arpa. 3.0.10.in-addr.arpa.');
  assert.is(zones('2001:db8::/32'), '8.b.d.0.1.0.0.2.ip6.arpa.');
  assert.is(zones('0/25.2.0.192.in-addr.arpa'), '0/25.2.0.192.in-addr.arpa.');
});

test('zones, addresses and stubs may be given several times, with commas too', () => {
  const given = config({
    zone: ['Example.org', '10.in-addr.arpa.', 'example.org'],
    listen: ['127.0.0.1', '[::1]:53'],
    stub: ['corp.example.net=192.0.2.1', 'corp.example.net=192.0.2.2:5353,lab.example.net=[2001:db8::1]:53'],
    forward: '192.0.2.3,192.0.2.4:54',
    'allow-forward': '10.0.0.0/8',
  });
  assert.equal(given.zones, ['example.org.', '10.in-addr.arpa.']);
  assert.equal(given.listen, [
    { host: '127.0.0.1', port: 5300 },
    { host: '::1', port: 53 },
  ]);
  assert.equal(given.stubs, [
    {
      zone: 'corp.example.net.',
      servers: [
        { host: '192.0.2.1', port: 53 },
        { host: '192.0.2.2', port: 5353 },
      ],
    },
    { zone: 'lab.example.net.', servers: [{ host: '2001:db8::1', port: 53 }] },
  ]);
  assert.equal(given.forward, [
    { host: '192.0.2.3', port: 53 },
    { host: '192.0.2.4', port: 54 },
  ]);
  assert.equal(
    given.allowForward.map(({ text }) => text),
    ['10.0.0.0/8'],
  );
});

test('none turns forwarding off', () => {
  assert.equal(config({ forward: 'none' }).forward, []);
  assert.equal(config({ 'past-clients': 'none' }).pastClients, []);
  assert.equal(config({}, { ROLLCALL_FORWARD: 'NONE' }).forward, []);
});

test('every problem is reported at once, with the value and what to write instead', () => {
  const found = problems({
    zone: 'a..b',
    listen: 'localhost:53',
    'default-ttl': '5 minutes',
    'max-stale': '31d',
    forward: '192.0.2.1:0',
    'allow-forward': '10.0.0.0/40',
    stub: 'corp.example.net',
    'srv-weights': 'half',
    workers: '65',
  });
  assert.is(found.length, 9);
  for (const [at, expected] of [
    /empty label/,
    /IP address and a port/,
    /0 to 86400 s/,
    /0 to 2592000 s/,
    /port 0/,
    /no network/,
    /ZONE=ADDRESS/,
    /percent, raw/,
  ].entries()) {
    assert.match(found[at] as string, expected);
  }
  assert.match(found[8] as string, /1 to 64/);
});

test('settings that contradict each other are problems', () => {
  assert.match(problems({ forward: 'none,192.0.2.1' })[0] as string, /none cannot stand beside/);
  assert.match(
    problems({ 'past-clients': '10.0.0.0/8,none' })[0] as string,
    /--past-clients: none cannot stand beside/,
  );
  assert.match(problems({ 'past-clients': 'office' })[0] as string, /is no network/);
  assert.match(
    problems({ zone: 'example.org', stub: 'corp.example.org=192.0.2.1' })[0] as string,
    /is in zone example\.org\. of this server/,
  );
});

test.run();
