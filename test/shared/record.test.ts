import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, encodeRecord, type ServiceRecord } from '../../shared/record.ts';
import fc from '../support/properties.ts';

const test = suite('shared/record');

test('reads the fields that SkyDNS defines, and ours', () => {
  const record: ServiceRecord = {
    host: '192.0.2.1',
    port: 8080,
    priority: 20,
    weight: 50,
    text: 'hello',
    mail: true,
    ttl: 60,
    targetstrip: 1,
    group: 'g1',
    portName: 'http',
    protocol: 'tcp',
    owner: 'node-1/1',
    container: 'c0ffee',
    image: 'web:1',
    announcedAt: '2026-11-20T10:00:00Z',
  };
  assert.equal(decodeRecord(JSON.stringify(record)), { ok: true, record });
});

test('takes what the peers take: unknown fields, null, other case of a field', () => {
  const rows: [value: string, record: ServiceRecord][] = [
    ['{}', {}],
    ['{"host":"a.example","extra":{"deep":[1]}}', { host: 'a.example' }],
    ['{"host":null,"port":80}', { port: 80 }],
    ['{"Host":"192.0.2.1","Port":80,"TTL":5}', { host: '192.0.2.1', port: 80, ttl: 5 }],
    ['{"port":-1}', { port: -1 }],
  ];
  for (const [value, record] of rows) assert.equal(decodeRecord(value), { ok: true, record }, value);
});

test("a field of ours in another writer's type is left out", () => {
  assert.equal(decodeRecord('{"portName":1,"protocol":6,"owner":{},"host":"a"}'), {
    ok: true,
    record: { host: 'a' },
  });
});

test('what is no record is refused with a reason', () => {
  const rows: [value: string, reason: RegExp][] = [
    ['', /not JSON/],
    ['{', /not JSON/],
    ['192.0.2.1', /not JSON/],
    ['[]', /an array, not a JSON object/],
    ['null', /null, not a JSON object/],
    ['"text"', /"text", not a JSON object/],
    ['42', /42, not a JSON object/],
    ['{"host":1}', /field host is 1; it must be a string/],
    ['{"port":"80"}', /field port is "80"; it must be an integer/],
    ['{"port":80.5}', /field port/],
    ['{"ttl":-1}', /field ttl/],
    ['{"ttl":4294967296}', /field ttl/],
    ['{"mail":"yes"}', /field mail is "yes"; it must be true or false/],
    ['{"group":{}}', /field group/],
  ];
  for (const [value, reason] of rows) {
    const decoded = decodeRecord(value);
    assert.not(decoded.ok, value);
    if (!decoded.ok) assert.match(decoded.reason, reason);
  }
});

test('a field named like something every object has is only unknown', () => {
  for (const field of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    assert.equal(decodeRecord(`{"${field}":1,"host":"a"}`), { ok: true, record: { host: 'a' } }, field);
  }
});

test('a reason repeats only the beginning of a value', () => {
  const decoded = decodeRecord(JSON.stringify('x'.repeat(100_000)));
  assert.ok(!decoded.ok && decoded.reason.length < 200);
});

test('any text is read or refused, never thrown at', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof decodeRecord(text).ok === 'boolean'));
  fc.assert(fc.property(fc.json(), (text) => typeof decodeRecord(text).ok === 'boolean'));
});

test('the same content gives the same bytes, whatever the order', () => {
  assert.is(encodeRecord({ port: 80, host: 'a' }), '{"host":"a","port":80}');
  assert.is(encodeRecord({ host: 'a', port: 80 }), encodeRecord({ port: 80, host: 'a' }));
});

test('a record written and read is the same record', () => {
  const record = fc.record(
    {
      host: fc.string({ minLength: 1 }),
      port: fc.integer(),
      ttl: fc.nat(),
      text: fc.string(),
      mail: fc.boolean(),
      protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(record, (content) => {
      const given = { ...content } as ServiceRecord;
      assert.equal(decodeRecord(encodeRecord(given)), { ok: true, record: given });
    }),
  );
});

test.run();
