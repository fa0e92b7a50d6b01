import { decode, encode, type OptAnswer, type Packet } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  asAsked,
  cleanResponse,
  isResponseTo,
  keyOfQuery,
  queryOf,
  type ScannedMessage,
  scanMessage,
  upstreamQuery,
} from '../../../resolver/forwarding/message.ts';
import { parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/forward-message');

const OPT: OptAnswer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};
const query = (name: string, more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ name, type: 'A' }], ...more });
const response = (more: Partial<Packet>): Buffer =>
  encode({ type: 'response', id: 7, flags: 0x8580, questions: [{ name: 'a.example', type: 'A' }], ...more });
const scan = (octets: Uint8Array): ScannedMessage => scanMessage(octets) as ScannedMessage;

test('letter case does not tell questions apart; RD, CD, DO, type and name do', () => {
  const key = (octets: Uint8Array): string => keyOfQuery(scan(octets));
  assert.is(key(query('www.EXAMPLE.org')), key(query('WWW.example.org')));
  assert.is(key(query('www.example.org', { additionals: [OPT] })), key(query('www.example.org')));
  const keys = [
    query('www.example.org'),
    query('ww.example.org'),
    query('www.example.org', { flags: 0 }),
    query('www.example.org', { flags: 0x0110 }),
    query('www.example.org', { questions: [{ name: 'www.example.org', type: 'AAAA' }] }),
    query('www.example.org', { additionals: [{ ...OPT, flags: 0x8000 }] }),
  ].map(key);
  assert.is(new Set(keys).size, keys.length);
});

test('a query goes upstream with our id, our OPT, and nothing else of the client', () => {
  const client = query('Www.example.org', {
    flags: 0x0130,
    additionals: [
      { ...OPT, flags: 0x8000 },
      { type: 'A', name: 'x', data: '192.0.2.1' },
    ],
  });
  const sent = decode(Buffer.from(upstreamQuery(client, scan(client), 99, true)));
  assert.is(sent.id, 99);
  assert.is((sent.flags ?? 0) & 0xffff, 0x0110, 'RD and CD; AD and the rest are not passed on');
  assert.is(sent.questions?.[0]?.name, 'Www.example.org');
  assert.is(sent.additionals?.length, 1);
  const bare = decode(Buffer.from(upstreamQuery(client, scan(client), 99, false)));
  assert.equal(bare.additionals, []);
});

test('only a response to this very query counts', () => {
  const asked = scan(query('a.example'));
  assert.ok(isResponseTo(asked, 7, scan(response({}))));
  assert.not(isResponseTo(asked, 8, scan(response({}))));
  assert.not(isResponseTo(asked, 7, scan(query('a.example'))));
  assert.not(isResponseTo(asked, 7, scan(response({ questions: [{ name: 'b.example', type: 'A' }] }))));
  assert.not(isResponseTo(asked, 7, scan(response({ questions: [{ name: 'a.example', type: 'NS' }] }))));
  assert.not(isResponseTo(asked, 7, scan(response({ flags: 0x2180 }))), 'another opcode');
});

test('OPT and what stands behind it go, what stands before stays', () => {
  const octets = response({
    answers: [{ type: 'A', name: 'a.example', ttl: 9, data: '192.0.2.1' }],
    additionals: [
      { type: 'A', name: 'b.example', ttl: 9, data: '192.0.2.2' },
      OPT,
      { type: 'A', name: 'c.example', ttl: 9, data: '192.0.2.3' },
    ],
  });
  const cleaned = decode(Buffer.from(cleanResponse(octets, scan(octets))));
  assert.is(cleaned.answers?.length, 1);
  assert.equal(
    cleaned.additionals?.map(({ name }) => name),
    ['b.example'],
  );
});

test('a cleaned response shares no memory with the datagram it came in', () => {
  const octets = response({ answers: [{ type: 'A', name: 'a.example', ttl: 9, data: '192.0.2.1' }] });
  const cleaned = cleanResponse(octets, scan(octets));
  octets.fill(0xff);
  assert.is(decode(Buffer.from(cleaned)).answers?.length, 1);
});

test('the client sees its own letter case and its own RD and CD', () => {
  const cleaned = cleanResponse(response({}), scan(response({})));
  const client = query('A.eXample', { flags: 0x0010 });
  asAsked(cleaned, client, scan(client));
  const packet = decode(Buffer.from(cleaned));
  assert.is(packet.questions?.[0]?.name, 'A.eXample');
  assert.is(packet.flag_rd, false);
  assert.is(packet.flag_cd, true);
});

test('a query of our own is what another codec makes of it', () => {
  const octets = queryOf({ name: parseName('www.example.org'), type: RrType.AAAA });
  assert.equal(
    Buffer.from(octets),
    encode({ type: 'query', id: 0, flags: 0x0100, questions: [{ name: 'www.example.org', type: 'AAAA' }] }),
  );
});

test('refuses what is not one whole message, and never throws or hangs', () => {
  const whole = response({
    answers: [
      { type: 'CNAME', name: 'a.example', ttl: 5, data: 'b.example' },
      { type: 'A', name: 'b.example', ttl: 60, data: '192.0.2.1' },
    ],
    authorities: [{ type: 'NS', name: 'example', ttl: 5, data: 'ns.example' }],
    additionals: [OPT],
  });
  for (let length = 0; length < whole.length; length += 1) assert.is(scanMessage(whole.subarray(0, length)), undefined);
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const octets = Buffer.from(whole);
      for (const [at, value] of changes) octets[at] = value;
      const scanned = scanMessage(octets);
      if (scanned === undefined) return;
      const cleaned = cleanResponse(octets, scanned);
      assert.ok(cleaned.length <= octets.length);
      assert.ok(scanMessage(cleaned) !== undefined, 'what was cleaned is still whole');
    }),
    { numRuns: 3000 },
  );
});

test.run();
