import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readServices } from '../../../announcer/services/json.ts';
import fc from '../../support/properties.ts';

const test = suite('announcer/services-json');

const WEB = { name: 'web', host: '192.0.2.10', port: 8080 };

function read(...services: unknown[]) {
  const result = readServices(JSON.stringify({ services }));
  if (!result.ok) throw new Error(result.reason);
  return result;
}

test('a byte order mark is no part of the file', () => {
  const result = readServices(`\u{feff}${JSON.stringify({ services: [WEB] })}`);
  assert.is(result.ok && result.services.length, 1);
});

test('reads the example', () => {
  const result = readServices(readFileSync('examples/services.json', 'utf8'));
  assert.is(result.ok && result.services.length, 3);
  assert.equal(result.ok && result.problems, []);
});

test('keeps every field as it is given', () => {
  const full = {
    ...WEB,
    portName: 'http',
    protocol: 'tcp',
    instance: 'a1',
    check: 'http:/healthz',
    priority: 0,
    weight: 100,
    ttl: 30,
    text: 'primary',
    group: 'g',
    mail: true,
    targetstrip: 1,
  };
  assert.equal(read(full), { ok: true, services: [full], problems: [], leftOut: [] });
});

test('folds names to lower case, and takes the dot off a host', () => {
  assert.equal(read({ name: 'Web', host: 'DB.Example.org.' }).services, [{ name: 'web', host: 'db.example.org' }]);
  assert.equal(read({ name: 'web', host: 'db_1.2a' }).services, [{ name: 'web', host: 'db_1.2a' }]);
  assert.equal(
    ['2001:DB8:0::1', '::ffff:192.0.2.1'].map((host) => read({ name: 'web', host }).services[0]?.host),
    ['2001:db8::1', '192.0.2.1'],
  );
});

const REFUSED: readonly [what: string, entry: unknown, problem: RegExp][] = [
  ['no object', 'web', /^services\[1\] is "web"; it must be an object/],
  ['no name', { host: '192.0.2.1' }, /^services\[1\] has no "name"/],
  [
    'a URL for a check',
    { ...WEB, port: 80, check: 'http://192.0.2.1/x' },
    /\.check is .*; it must be "tcp" or "http:\/path"/,
  ],
  [
    'a URL with a password',
    { ...WEB, port: 80, check: 'http://bob:hunter2@h/x?token=hunter2' },
    /"http:\/\/bob:\*\*\*@h\/x\?token=\*\*\*"/,
  ],
  [
    'an address with a port',
    { ...WEB, host: '192.0.2.1:8080' },
    /\.host is "192\.0\.2\.1:8080"; it must be .*a port in "port"/,
  ],
  ['an address with a prefix length', { ...WEB, host: '192.0.2.1/24' }, /\.host is .*domain name alone/],
  ['an address with a zone', { ...WEB, host: 'fe80::1%eth0' }, /\.host is .*domain name alone/],
  ['an address that is mistyped', { ...WEB, host: '192.0.2.256' }, /\.host is .*whose last label is no number/],
  ['an address with a blank', { ...WEB, host: ' 192.0.2.1' }, /\.host is " 192/],
  ['a URL for a host', { ...WEB, host: 'http://bob:hunter2@h/x' }, /\.host is "http:\/\/bob:\*\*\*@h\/x"/],
  ['another spelling of no address', { ...WEB, host: '::0' }, /\.host is "::0".*names none/],
  ['an unknown check', { ...WEB, port: 80, check: 'exec:x' }, /\.check is "exec:x"; it must be "tcp" or "http:\/path"/],
  ['a check without a port', { name: 'web', host: '192.0.2.1', check: 'tcp' }, /\.check is "tcp"; it needs a TCP port/],
  ['no host', { name: 'web' }, /^services\[1\] has no "host"/],
  ['a name that is no label', { ...WEB, name: 'a.b' }, /^services\[1\]\.name is "a\.b"; it must be a label/],
  ['an empty host', { ...WEB, host: '' }, /^services\[1\]\.host is ""; it must be an IPv4/],
  ['a host that names none', { ...WEB, host: '0.0.0.0' }, /\.host is "0\.0\.0\.0".*names none/],
  ['a host with its port', { ...WEB, host: '192.0.2.1:80' }, /\.host is "192\.0\.2\.1:80".*a port in "port"/],
  ['a URL for a host', { ...WEB, host: 'http://example.org/' }, /\.host is "http.*a domain name alone/],
  ['a label of 64', { ...WEB, host: `${'a'.repeat(64)}.org` }, /\.host .*at most 63/],
  ['a port of 0', { ...WEB, port: 0 }, /\.port is 0; it must be a whole number from 1 to 65535/],
  ['a port over 65535', { ...WEB, port: 65_536 }, /\.port is 65536;/],
  ['a port as text', { ...WEB, port: '8080' }, /\.port is "8080";/],
  ['a protocol of its own', { ...WEB, protocol: 'sctp' }, /\.protocol is "sctp"; it must be "tcp" or "udp"/],
  ['a field that is not known', { ...WEB, prot: 80 }, /has the field "prot", which is not known; there are name, host/],
  ['a field of the prototype', { ...WEB, constructor: 1 }, /"constructor", which is not known/],
];

for (const [what, entry, problem] of REFUSED) {
  test(`refuses ${what}, and keeps the others`, () => {
    const { services, problems } = read({ ...WEB, host: '192.0.2.1' }, entry, { ...WEB, host: '192.0.2.3' });
    assert.is(services.length, 2);
    assert.is(problems.length, 1);
    assert.match(problems[0] ?? '', problem);
    assert.not.match(problems[0] ?? '', 'hunter2');
  });
}

const LEFT_OUT: readonly [field: string, value: unknown, problem: RegExp][] = [
  ['weight', '5', /^services\[1\]\.weight is "5"; it must be a number$/],
  ['ttl', true, /\.ttl is true; it must be a number/],
  ['mail', 'yes', /\.mail is "yes"; it must be true or false/],
  ['text', null, /\.text is null; it must be a string/],
];
for (const [field, value, problem] of LEFT_OUT) {
  test(`${field} ${JSON.stringify(value)} costs that value alone`, () => {
    const entry = { ...WEB, host: '192.0.2.1' };
    const { services, problems, leftOut } = read(WEB, { ...entry, [field]: value });
    assert.equal(services, [WEB, entry]);
    assert.equal(problems, []);
    assert.is(leftOut.length, 1);
    assert.match(leftOut[0] ?? '', problem);
  });
}

test('how large a value of the record may be is not for the reader to say', () => {
  for (const fields of [{ weight: 0 }, { ttl: 2 ** 31 }, { priority: 0.5 }]) {
    assert.equal(read({ ...WEB, ...fields }).services, [{ ...WEB, ...fields }]);
  }
});

test('refuses a second entry for the same instance', () => {
  const { services, problems } = read(WEB, { ...WEB, host: '192.0.2.11' }, WEB);
  assert.is(services.length, 2);
  assert.match(problems[0] ?? '', /services\[2\] is the same instance of web as services\[0\]/);
});

test('takes two entries of one address that name their instances', () => {
  assert.is(read({ ...WEB, instance: 'a' }, { ...WEB, instance: 'b' }).services.length, 2);
});

for (const [what, text, reason] of [
  ['no JSON', '{', /not JSON/],
  ['a list', '[]', /no list "services"/],
  ['services that are no list', '{"services":{}}', /no list "services"/],
] as const) {
  test(`uses nothing of ${what}`, () => {
    const result = readServices(text);
    assert.match(result.ok ? 'read' : result.reason, reason);
  });
}

test('never throws, whatever the entries are', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.jsonValue(), fc.record({ name: fc.jsonValue(), host: fc.jsonValue() }))),
      (entries) => {
        const { services, problems } = read(...entries);
        assert.is(services.length + problems.length, entries.length);
      },
    ),
  );
});

test.run();
