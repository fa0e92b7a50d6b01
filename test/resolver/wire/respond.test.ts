import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MessageWriter } from '../../../resolver/wire/message.ts';
import { type Composed, compose, type Response, responseOf } from '../../../resolver/wire/respond.ts';
import { parseName } from '../../../shared/name.ts';
import { Rcode, type Rdata, type ResourceRecord } from '../../../shared/rrset.ts';
import fc from '../../support/properties.ts';
import { recordTexts, wireName } from '../../support/servers/dns-client.ts';

const test = suite('resolver/respond');
const writer = new MessageWriter();
const NAME = parseName('web.example.org');
const QUESTION = Buffer.concat([wireName('web.example.org'), Buffer.from('00210001', 'hex')]);

function rr(owner: string, rdata: Rdata): ResourceRecord {
  return { owner: parseName(owner), ttlSeconds: 30, ...rdata };
}

const SOA = rr('example.org', {
  type: 'SOA',
  mname: parseName('ns.dns.example.org'),
  rname: parseName('hostmaster.example.org'),
  serial: 7,
  refresh: 28800,
  retry: 7200,
  expire: 604800,
  minimum: 5,
});

/** `count` SRV records, each with an address beside it. */
function service(count: number): Response {
  const targets = Array.from({ length: count }, (_none, at) => `i${at}.web.example.org`);
  return {
    rcode: Rcode.NOERROR,
    authoritative: true,
    answers: targets.map((target) =>
      rr('web.example.org', { type: 'SRV', priority: 10, weight: 1, port: 80, target: parseName(target) }),
    ),
    authority: [],
    additional: targets.map((target, at) => rr(target, { type: 'A', address: `10.0.${at >> 8}.${at & 255}` })),
    rotateFrom: 0,
  };
}

function composed(response: Response, octets: number, partialFrom?: number): Composed {
  return compose(writer, NAME, QUESTION, response, { octets, partialFrom });
}

const read = ({ octets }: Composed) => decode(Buffer.from(octets));

test('all goes in when there is room, AA set and TC clear', () => {
  const message = composed(service(3), 512);
  const { answers, additionals, flag_aa, flag_tc, flag_qr } = read(message);
  assert.equal([answers?.length, additionals?.length, flag_aa, flag_tc, flag_qr], [3, 3, true, false, true]);
  assert.equal([message.whole, message.truncated], [true, false]);
});

test('additional records go before answers do, without TC', () => {
  const whole = composed(service(6), 65_535).octets.length;
  const message = composed(service(6), whole - 1);
  const { answers, additionals, flag_tc } = read(message);
  assert.equal([answers?.length, additionals?.length, flag_tc], [6, 5, false]);
  assert.equal([message.whole, message.truncated], [false, false]);
});

test('an additional RRset goes whole', () => {
  const response = service(1);
  const target = (response.additional[0] as ResourceRecord).owner;
  const two = { ...response, additional: [...response.additional, rr(target, { type: 'A', address: '10.9.9.9' })] };
  const whole = composed(two, 65_535).octets.length;
  assert.is(read(composed(two, whole - 1)).additionals?.length, 0);
});

test('answers that do not fit leave the question and TC (RFC 2181 §9)', () => {
  const { answers, additionals, questions, flag_tc } = read(composed(service(100), 512));
  assert.equal([answers?.length, additionals?.length, questions?.length, flag_tc], [0, 0, 1, true]);
});

test('over TCP as many answers as fit go out, with TC, from the one that is asked for', () => {
  const message = composed(service(3_000), 65_535, 2_900);
  const { answers, flag_tc } = read(message);
  assert.ok(message.octets.length <= 65_535 && message.octets.length > 65_400);
  assert.is(flag_tc, true);
  const ports = recordTexts(answers);
  assert.ok(ports[0]?.endsWith('i2900.web.example.org'));
  assert.ok(ports[100]?.endsWith('i0.web.example.org'));
  assert.is(new Set(ports).size, ports.length, 'none twice');
});

test('over TCP an answer of which not one record fits is SERVFAIL, without TC; over UDP it is cut', () => {
  const strings = Array.from({ length: 257 }, () => 'x'.repeat(255));
  const response = { ...service(0), answers: [rr('web.example.org', { type: 'TXT', strings })], rotateFrom: 1 };
  const heads = [0, undefined].map((partialFrom) => {
    const message = composed(response, 65_535, partialFrom);
    const { questions, answers, flag_tc, flag_aa } = read(message);
    return [message.rcode, questions?.length, answers?.length, flag_tc, flag_aa, message.truncated, message.whole];
  });
  assert.equal(heads, [
    [Rcode.SERVFAIL, 1, 0, false, false, false, false],
    [Rcode.NOERROR, 1, 0, true, true, true, false],
  ]);
});

test('over TCP what fits is whole wherever it begins', () => {
  const message = composed(service(3), 65_535, 1);
  assert.equal([message.whole, read(message).answers?.length], [true, 3]);
});

test('a negative answer has the SOA, and TC when there is no room for it', () => {
  const negative = responseOf(
    { type: 'nxdomain', zone: parseName('example.org'), subtrees: [], addresses: [], validUntilMs: 0, unresolved: [] },
    () => SOA,
    true,
  );
  const message = composed(negative, 512);
  const { authorities, rcode, flag_aa } = read(message) as ReturnType<typeof read> & { rcode: string };
  assert.equal([authorities?.length, rcode, flag_aa], [1, 'NXDOMAIN', true]);
  assert.is(Buffer.from(message.octets).readUInt32BE(message.serialAts[0] as number), 7);
  const cut = composed(negative, message.octets.length - 1);
  assert.equal([read(cut).authorities?.length, cut.truncated, cut.serialAts.length], [0, true, 0]);
});

test('refusals have no records and no AA', () => {
  for (const [type, rcode] of [
    ['refused', Rcode.REFUSED],
    ['notimp', Rcode.NOTIMP],
  ] as const) {
    const response = responseOf({ type }, () => SOA, true);
    assert.equal([response.rcode, response.authoritative, response.authority.length], [rcode, false, 0]);
  }
});

test('what must not rotate has no ring', () => {
  const outcome = {
    type: 'answer' as const,
    ...service(3),
    subtrees: [],
    addresses: [],
    validUntilMs: 0,
    unresolved: [],
  };
  assert.is(
    composed(
      responseOf(outcome, () => SOA, false),
      512,
    ).ring,
    undefined,
  );
  assert.is(
    composed(
      responseOf(outcome, () => SOA, true),
      512,
    ).ring?.starts.length,
    4,
  );
});

test('whatever the room, a message fits it and has whole RRsets', () => {
  fc.assert(
    fc.property(fc.nat(40), fc.integer({ min: 100, max: 4_096 }), fc.boolean(), (count, room, isTcp) => {
      const response = { ...service(count), authority: count === 0 ? [SOA] : [] };
      const message = composed(response, room, isTcp ? 0 : undefined);
      assert.ok(message.octets.length <= room);
      const { answers = [], authorities = [], additionals = [], flag_tc } = read(message);
      assert.is(flag_tc, message.truncated);
      const isTooLarge = isTcp && count > 0 && answers.length === 0;
      assert.is(message.rcode, isTooLarge ? Rcode.SERVFAIL : Rcode.NOERROR);
      const isAll = answers.length === count && authorities.length === response.authority.length;
      assert.is(message.truncated, !isAll && !isTooLarge);
      if (!isTcp && message.truncated) assert.is(answers.length, 0);
      if (message.truncated) assert.is(additionals.length, 0);
      assert.is(message.whole, isAll && additionals.length === count);
    }),
    { numRuns: 300 },
  );
});

test.run();
