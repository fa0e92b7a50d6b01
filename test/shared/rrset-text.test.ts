import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nameOf } from '../../shared/name.ts';
import type { Rdata, ResourceRecord } from '../../shared/rrset.ts';
import { formatRecord, parseRecord, parseRecords, RecordTextError } from '../../shared/rrset-text.ts';
import fc from '../support/properties.ts';

const test = suite('shared/rrset-text');

test('every type is written and read as it was', () => {
  const lines = [
    'web.example.org. 30 IN A 192.0.2.10',
    'web.example.org. 30 IN AAAA 2001:db8::1',
    'www.example.org. 30 IN CNAME web.example.org.',
    'example.org. 0 IN NS ns.dns.example.org.',
    '1.2.0.192.in-addr.arpa. 5 IN PTR web.example.org.',
    'example.org. 300 IN MX 10 mail.example.org.',
    '_http._tcp.example.org. 300 IN SRV 10 60 8080 a\\.b.example.org.',
    'note.example.org. 300 IN TXT "v=1; \\"quoted\\" \\\\ \\195\\169" ""',
    'any.example.org. 300 IN HINFO "RFC8482" ""',
    'example.org. 5 IN SOA ns.dns.example.org. hostmaster.example.org. 4294967295 28800 7200 604800 5',
  ];
  for (const line of lines) assert.is(formatRecord(parseRecord(line)), line);
});

test('reads what people write: case, spaces, comments, bare strings, other spellings of an address', () => {
  const rows: [written: string, line: string][] = [
    ['  WEB.example.org\t30  in a 192.0.2.10 ; the first', 'web.example.org. 30 IN A 192.0.2.10'],
    ['x. 1 IN AAAA 2001:DB8:0::1', 'x. 1 IN AAAA 2001:db8::1'],
    ['x. 1 IN TXT bare "two words" ; not this', 'x. 1 IN TXT "bare" "two words"'],
    ['x. 1 IN TXT é', 'x. 1 IN TXT "\\195\\169"'],
  ];
  for (const [written, line] of rows) assert.is(formatRecord(parseRecord(written)), line);
});

test('reads several lines, passing over empty ones and comments', () => {
  const text = '\n; two records\nx. 1 IN A 192.0.2.1\n\n  y. 1 IN A 192.0.2.2\n';
  assert.equal(
    parseRecords(text).map(({ owner }) => owner),
    ['x.', 'y.'],
  );
});

test('refuses what is no record, and says why', () => {
  const rows: [line: string, reason: RegExp][] = [
    ['x.', /TTL is missing/],
    ['x. -1 IN A 192.0.2.1', /TTL is -1; it must be a whole number from 0 to 2147483647/],
    ['x. 1 CH A 192.0.2.1', /class CH is not IN/],
    ['x. 1 IN LOC 1', /type LOC/],
    ['x. 1 IN A 2001:db8::1', /no address of type A/],
    ['x. 1 IN AAAA 192.0.2.1', /no address of type AAAA/],
    ['x. 1 IN A 192.0.2.1 192.0.2.2', /left over/],
    ['x. 1 IN MX 65536 y.', /preference is 65536/],
    ['x. 1 IN CNAME a..b', /target: .*empty label/],
    ['x. 1 IN TXT', /text is missing/],
    ['x. 1 IN TXT "open', /cannot read/],
    [`x. 1 IN TXT ${'x'.repeat(256)}`, /256 octets; at most 255/],
    ['x. 1 IN TXT "\\256"', /over 255/],
    ['x. 1 IN CNAME "y."', /must not be quoted/],
  ];
  for (const [line, reason] of rows) {
    assert.throws(
      () => parseRecord(line),
      (error: Error) => error instanceof RecordTextError && reason.test(error.message),
      line,
    );
  }
});

const octets = (max: number) => fc.uint8Array({ maxLength: max }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const name = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 5 })
  .map((labels) => nameOf(labels.map((label) => Buffer.from(label).toString('latin1'))));
const rdata: fc.Arbitrary<Rdata> = fc.oneof(
  fc.record({ type: fc.constant('TXT' as const), strings: fc.array(octets(255), { minLength: 1, maxLength: 3 }) }),
  fc.record({ type: fc.constant('HINFO' as const), cpu: octets(20), os: octets(20) }),
  fc.record({ type: fc.constantFrom('CNAME' as const, 'NS' as const, 'PTR' as const), target: name }),
  fc.record({
    type: fc.constant('SRV' as const),
    priority: fc.nat(65535),
    weight: fc.nat(65535),
    port: fc.nat(65535),
    target: name,
  }),
);

test('any record written and read is the same record', () => {
  fc.assert(
    fc.property(name, fc.nat(), rdata, (owner, ttlSeconds, data) => {
      const record: ResourceRecord = { owner, ttlSeconds, ...data };
      assert.equal(parseRecord(formatRecord(record)), record);
    }),
  );
});

test('any line is read or refused with a RecordTextError', () => {
  const words = fc.constantFrom('x.', '1', 'IN', 'A', 'TXT', '"', '\\', ';', '192.0.2.1', '\\1', 'é', '"a b"');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(words).map((all) => all.join(' ')),
      ),
      (line) => {
        try {
          parseRecord(line);
        } catch (error) {
          if (!(error instanceof RecordTextError)) throw error;
        }
      },
    ),
  );
});

test.run();
