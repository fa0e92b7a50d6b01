import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MessageWriter, writeTurned } from '../../../resolver/wire/message.ts';
import { parseName } from '../../../shared/name.ts';
import type { Rdata, ResourceRecord } from '../../../shared/rrset.ts';
import fc from '../../support/properties.ts';
import { recordTexts, wireName } from '../../support/servers/dns-client.ts';

const test = suite('resolver/message');
const NAME = parseName('web.example.org');
const QUESTION = Buffer.concat([wireName('web.example.org'), Buffer.from('00010001', 'hex')]);

function rr(owner: string, rdata: Rdata, ttlSeconds = 30): ResourceRecord {
  return { owner: parseName(owner), ttlSeconds, ...rdata };
}

const a = (owner: string, address: string) => rr(owner, { type: 'A', address });
const srv = (owner: string, target: string, port = 80) =>
  rr(owner, { type: 'SRV', priority: 10, weight: 100, port, target: parseName(target) });

/** A message with these as answers. */
function written(...answers: ResourceRecord[]): Buffer {
  const writer = new MessageWriter();
  writer.begin(NAME, QUESTION);
  for (const record of answers) writer.record(record);
  writer.setCount(6, answers.length);
  writer.setFlags(0x8400);
  return Buffer.from(writer.finish().octets);
}

const READ_BACK: readonly [record: ResourceRecord, text: string][] = [
  [a('web.example.org', '192.0.2.1'), 'web.example.org A 192.0.2.1'],
  [rr('web.example.org', { type: 'AAAA', address: '2001:db8::1' }), 'web.example.org AAAA 2001:db8::1'],
  [rr('web.example.org', { type: 'CNAME', target: parseName('x.example.net') }), 'web.example.org CNAME x.example.net'],
  [rr('example.org', { type: 'NS', target: parseName('ns.example.org') }), 'example.org NS ns.example.org'],
  [rr('1.2.0.192.in-addr.arpa', { type: 'PTR', target: NAME }), '1.2.0.192.in-addr.arpa PTR web.example.org'],
  [rr('example.org', { type: 'MX', preference: 10, exchange: NAME }), 'example.org MX 10 web.example.org'],
  [srv('web.example.org', '1.web.example.org', 8080), 'web.example.org SRV 10 100 8080 1.web.example.org'],
  [rr('web.example.org', { type: 'TXT', strings: ['a b', 'c'] }), 'web.example.org TXT a b c'],
  [rr('web.example.org', { type: 'HINFO', cpu: 'RFC8482', os: '' }), 'web.example.org HINFO RFC8482 '],
  [
    rr('example.org', {
      type: 'SOA',
      mname: parseName('ns.dns.example.org'),
      rname: parseName('hostmaster.example.org'),
      serial: 0xfffffffe,
      refresh: 28800,
      retry: 7200,
      expire: 604800,
      minimum: 5,
    }),
    'example.org SOA ns.dns.example.org hostmaster.example.org 4294967294 28800 7200 604800 5',
  ],
];
for (const [record, text] of READ_BACK) {
  test(`${record.type} is read back by dns-packet`, () => {
    const { answers } = decode(written(record));
    assert.equal(recordTexts(answers), [text]);
    assert.is((answers?.[0] as { ttl: number } | undefined)?.ttl, 30);
  });
}

test('an owner that is the question is a pointer to it', () => {
  const octets = written(a('web.example.org', '192.0.2.1'));
  assert.is(octets.toString('hex', 12 + QUESTION.length), 'c00c000100010000001e0004c0000201');
});

test('SRV targets are written whole (RFC 2782), and others may point at them', () => {
  const octets = written(srv('web.example.org', '1.web.example.org'), a('1.web.example.org', '192.0.2.1'));
  const target = wireName('1.web.example.org').toString('hex');
  assert.ok(octets.toString('hex').includes(target));
  const owner = octets.subarray(octets.length - 16);
  assert.is((owner[0] as number) & 0xc0, 0xc0, 'the additional owner is a pointer');
  assert.is(
    recordTexts(decode(octets).answers).join(),
    'web.example.org SRV 10 100 80 1.web.example.org,1.web.example.org A 192.0.2.1',
  );
});

test('an IPv4-mapped AAAA keeps its 16 octets', () => {
  const octets = written(rr('web.example.org', { type: 'AAAA', address: '::ffff:10.0.0.1' }));
  assert.is(octets.toString('hex', octets.length - 18), '001000000000000000000000ffff0a000001');
});

test('TXT strings over 255 octets are split, with no empty one at an exact multiple', () => {
  const strings = (text: string) => {
    const record = decode(written(rr('web.example.org', { type: 'TXT', strings: [text] }))).answers?.[0];
    return (record as unknown as { data: Buffer[] }).data.map((part) => part.length);
  };
  assert.equal(strings('x'.repeat(600)), [255, 255, 90]);
  assert.equal(strings('x'.repeat(510)), [255, 255]);
  assert.equal(strings(''), [0]);
});

test('octets of names and texts pass through as they are', () => {
  const label = 'a.b\\ \x00\xff';
  const owner = parseName('a\\.b\\\\\\032\\000\\255.example.org');
  const octets = written({ owner, ttlSeconds: 5, type: 'TXT', strings: ['\x00\xff'] });
  const expected = Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]);
  assert.ok(octets.includes(expected));
  assert.ok(octets.includes(Buffer.from('0200ff', 'hex')));
});

test('labels that only look alike are not compressed onto each other', () => {
  const octets = written(a('a\\.web.example.org', '192.0.2.1'), a('a.web.example.org', '192.0.2.2'));
  const owners = (decode(octets).answers ?? []).map(({ name }) => name);
  // dns-packet gives both as `a.web.example.org`; the octets tell them apart.
  assert.is(owners.length, 2);
  assert.ok(octets.includes(Buffer.concat([Buffer.from([5]), Buffer.from('a.web')])));
});

test('what goes past the end is lost, and the position says so', () => {
  const writer = new MessageWriter();
  writer.begin(NAME, QUESTION);
  const before = writer.position;
  writer.record(rr('web.example.org', { type: 'TXT', strings: ['x'.repeat(200_000)] }));
  assert.ok(writer.position > 65_535);
  writer.rollBack(before);
  writer.record(a('web.example.org', '192.0.2.1'));
  writer.setCount(6, 1);
  assert.equal(recordTexts(decode(Buffer.from(writer.finish().octets)).answers), ['web.example.org A 192.0.2.1']);
});

test('names that were taken back are not pointed at', () => {
  const writer = new MessageWriter();
  writer.begin(NAME, QUESTION);
  const before = writer.position;
  writer.record(srv('web.example.org', 'far.example.net'));
  writer.rollBack(before);
  writer.record(a('web.example.org', '192.0.2.1'));
  writer.record(a('far.example.net', '192.0.2.2'));
  writer.setCount(6, 2);
  const expected = ['web.example.org A 192.0.2.1', 'far.example.net A 192.0.2.2'];
  assert.equal(recordTexts(decode(Buffer.from(writer.finish().octets)).answers), expected);
});

test('a message of 65,535 octets has only pointers that reach', () => {
  const many = Array.from({ length: 1_000 }, (_none, at) => srv('web.example.org', `i${at}.node.web.example.org`));
  const owners = many.slice(0, 300).map((_record, at) => a(`i${at * 3}.node.web.example.org`, '192.0.2.1'));
  const octets = written(...many, ...owners);
  const { answers } = decode(octets);
  assert.is(answers?.length, 1_300);
  assert.is(answers?.[1_299]?.name, 'i897.node.web.example.org');
});

const ringRecord = fc.oneof(
  fc.nat(255).map((at) => a('web.example.org', `192.0.2.${at}`)),
  fc.nat(9).map((at) => srv('web.example.org', `i${at}.node-${at}.web.example.org`, at)),
  fc
    .nat(9)
    .map((at) => rr('web.example.org', { type: 'MX', preference: at, exchange: parseName(`m${at}.example.net`) })),
);

test('however a ring is turned, the message has the same records in turned order', () => {
  const writer = new MessageWriter();
  fc.assert(
    fc.property(fc.array(ringRecord, { minLength: 2, maxLength: 12 }), fc.nat(3), (ring, aliases) => {
      writer.begin(NAME, QUESTION);
      const chain = Array.from({ length: aliases }, (_none, at) =>
        rr(at === 0 ? 'web.example.org' : `alias${at}.example.org`, {
          type: 'CNAME',
          target: parseName(`alias${at + 1}.example.org`),
        }),
      );
      for (const record of chain) writer.record(record);
      writer.beginRing();
      for (const record of ring) writer.record(record);
      writer.endRing();
      writer.setCount(6, aliases + ring.length);
      // Owners behind the ring are the targets inside it.
      const targets = ring.flatMap((record) => (record.type === 'SRV' ? [record.target] : []));
      for (const target of targets) writer.record(a(target, '192.0.2.7'));
      writer.setCount(10, targets.length);
      const message = writer.finish();
      const expected = recordTexts(decode(Buffer.from(message.octets)).answers);
      const out = Buffer.alloc(message.octets.length);
      for (let first = 0; first < ring.length; first += 1) {
        assert.ok(message.ring !== undefined);
        assert.is(writeTurned(message.octets, message.ring, first, out), out.length);
        const turned = decode(out);
        const [head, tail] = [expected.slice(0, aliases), expected.slice(aliases)];
        assert.equal(recordTexts(turned.answers), [...head, ...tail.slice(first), ...tail.slice(0, first)]);
        assert.equal(
          recordTexts(turned.additionals),
          targets.map((target) => `${target.slice(0, -1)} A 192.0.2.7`),
        );
      }
    }),
    { numRuns: 300 },
  );
});

test('one record is no ring', () => {
  const writer = new MessageWriter();
  writer.begin(NAME, QUESTION);
  writer.beginRing();
  writer.record(a('web.example.org', '192.0.2.1'));
  writer.endRing();
  assert.is(writer.finish().ring, undefined);
});

test.run();
