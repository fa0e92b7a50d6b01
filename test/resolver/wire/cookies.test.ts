import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { octetsOf } from '../../../resolver/forwarding/allow.ts';
import { Cookies } from '../../../resolver/wire/cookies.ts';

const test = suite('resolver/cookies');

interface Vector {
  readonly rule: string;
  readonly secret: string;
  readonly client: string;
  readonly address: string;
  readonly server: string;
  readonly nowSeconds: number;
}

/** RFC 9018 appendix A. */
const VECTORS: readonly Vector[] = [
  {
    rule: 'A.1: a new server cookie',
    secret: 'e5e973e5a6b2a43f48e7dc849e37bfcf',
    client: '2464c4abcf10c957',
    address: '198.51.100.100',
    server: '010000005cf79f111f8130c3eee29480',
    nowSeconds: 1_559_731_985,
  },
  {
    rule: 'A.2: the same client cookie later',
    secret: 'e5e973e5a6b2a43f48e7dc849e37bfcf',
    client: '2464c4abcf10c957',
    address: '198.51.100.100',
    server: '010000005cf7a871d4a564a1442aca77',
    nowSeconds: 1_559_734_385,
  },
  {
    rule: 'A.4: IPv6, after the secret was changed',
    secret: '445536bcd2513298075a5d379663c962',
    client: '22681ab97d52c298',
    address: '2001:db8:220:1:59de:d0f4:8769:82b8',
    server: '010000005cf7c609a6bb79d16625507a',
    nowSeconds: 1_559_741_961,
  },
];

function octets(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

for (const { rule, secret, client, address, server, nowSeconds } of VECTORS) {
  test(`RFC 9018 ${rule}`, () => {
    const cookies = new Cookies(octets(secret));
    const out = Buffer.alloc(16);
    cookies.write(octets(client), 0, octetsOf(address) as Uint8Array, nowSeconds, out, 0);
    assert.is(out.toString('hex'), server);
    const shown = octets(client + server);
    assert.is(cookies.check(shown, 0, 24, octetsOf(address) as Uint8Array, nowSeconds), 'good');
  });
}

test('RFC 9018 A.3: reserved octets of a cookie are part of what is checked', () => {
  const cookies = new Cookies(octets('e5e973e5a6b2a43f48e7dc849e37bfcf'));
  const shown = octets('fc93fc62807ddb86' + '01abcdef5cf78f71a314227b6679ebf5');
  assert.is(cookies.check(shown, 0, 24, octetsOf('203.0.113.203') as Uint8Array, 1_559_728_000), 'good');
});

const { secret, client, address, server, nowSeconds } = VECTORS[0] as Vector;
const FROM = octetsOf(address) as Uint8Array;
const cookies = new Cookies(octets(secret));
const state = (shown: Buffer, from = FROM, atSeconds = nowSeconds) =>
  cookies.check(shown, 0, shown.length, from, atSeconds);

test('a cookie is good for half an hour, is to be renewed for another, and is bad then (RFC 9018 §4.3)', () => {
  const shown = octets(client + server);
  assert.is(state(shown, FROM, nowSeconds + 1800), 'good');
  assert.is(state(shown, FROM, nowSeconds + 1801), 'renew');
  assert.is(state(shown, FROM, nowSeconds + 3600), 'renew');
  assert.is(state(shown, FROM, nowSeconds + 3601), 'bad');
});

test('a cookie from up to five minutes ahead is good, for servers whose clocks differ', () => {
  const shown = octets(client + server);
  assert.is(state(shown, FROM, nowSeconds - 300), 'good');
  assert.is(state(shown, FROM, nowSeconds - 301), 'bad');
});

test('a cookie is bad from another address, for another client cookie, with one bit changed', () => {
  assert.is(state(octets(client + server), octetsOf('198.51.100.101')), 'bad');
  assert.is(state(octets(`${client.slice(0, -1)}6${server}`)), 'bad');
  for (let bit = 0; bit < 16 * 8; bit += 1) {
    const shown = octets(client + server);
    shown[8 + (bit >> 3)] = (shown[8 + (bit >> 3)] as number) ^ (1 << (bit & 7));
    assert.is(state(shown), 'bad', `bit ${bit}`);
  }
});

test('a cookie of another length is none of ours', () => {
  assert.is(state(octets(client)), 'bad');
  assert.is(state(octets(client + server.slice(0, 16))), 'bad');
  assert.is(state(octets(`${client + server}00`)), 'bad');
});

test('a secret of another length is refused with both lengths', () => {
  assert.throws(() => new Cookies(Buffer.alloc(15)), /has 15 octets; it must have 16/);
});

test.run();
