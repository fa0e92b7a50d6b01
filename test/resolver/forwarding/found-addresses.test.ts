import { encode, type Packet } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addressesIn, type FoundAddresses } from '../../../resolver/forwarding/found-addresses.ts';
import { decodeResponse } from '../../../resolver/wire/codec.ts';
import { parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';

const test = suite('resolver/found-addresses');

const response = (more: Partial<Packet>): Buffer =>
  encode({ type: 'response', id: 7, flags: 0x8580, questions: [{ name: 'a.example', type: 'A' }], ...more });

function foundIn(octets: Buffer, type: number): FoundAddresses {
  const decoded = decodeResponse(octets);
  if (decoded === undefined) throw new Error('no response');
  return addressesIn(decoded, { name: parseName('a.example'), type });
}

test('addresses are read behind CNAMEs, in canonical text', () => {
  const octets = response({
    questions: [{ name: 'a.example', type: 'AAAA' }],
    answers: [
      { type: 'CNAME', name: 'a.example', ttl: 5, data: 'b.example' },
      { type: 'AAAA', name: 'b.example', ttl: 60, data: '2001:db8:0:0:1:0:0:1' },
      { type: 'AAAA', name: 'b.example', ttl: 60, data: '::1' },
      { type: 'A', name: 'b.example', ttl: 60, data: '192.0.2.1' },
    ],
  });
  const found = foundIn(octets, RrType.AAAA);
  assert.equal(found, { addresses: ['2001:db8::1:0:0:1', '::1'], aliases: ['b.example.'], ttlSeconds: 5 });
});

test('addresses of a name that the question does not lead to are left out, and a loop of CNAMEs ends', () => {
  const octets = response({
    answers: [
      { type: 'CNAME', name: 'a.example', ttl: 5, data: 'b.example' },
      { type: 'CNAME', name: 'b.example', ttl: 5, data: 'a.example' },
      { type: 'A', name: 'c.example', ttl: 60, data: '192.0.2.1' },
    ],
  });
  assert.equal(foundIn(octets, RrType.A).addresses, []);
});

test('a TTL with its top bit set is 0 (RFC 2181 §8), and another class has no addresses', () => {
  const octets = response({ answers: [{ type: 'A', name: 'a.example', ttl: 0x80000001, data: '192.0.2.1' }] });
  assert.equal(foundIn(octets, RrType.A), { addresses: ['192.0.2.1'], aliases: [], ttlSeconds: 0 });
  const chaos = response({ answers: [{ type: 'A', name: 'a.example', ttl: 1, data: '192.0.2.1', class: 'CH' }] });
  assert.equal(foundIn(chaos, RrType.A).addresses, []);
});

test.run();
