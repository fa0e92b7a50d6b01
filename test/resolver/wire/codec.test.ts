import { type Answer, encode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeResponse } from '../../../resolver/wire/codec.ts';
import { answering } from '../../support/answering.ts';
import fc from '../../support/properties.ts';
import { queryOctets } from '../../support/servers/dns-client.ts';

const test = suite('resolver/codec');

function response(answers: Answer[]): Buffer {
  return encode({
    type: 'response',
    id: 77,
    flags: 0x0400,
    questions: [{ type: 'A', name: 'www.example.org' }],
    answers,
  });
}

test('reads addresses, targets and TTLs', () => {
  const decoded = decodeResponse(
    response([
      { type: 'CNAME', name: 'www.example.org', ttl: 300, data: 'Web.example.org' },
      { type: 'A', name: 'web.example.org', ttl: 60, data: '192.0.2.1' },
      { type: 'AAAA', name: 'web.example.org', ttl: 30, data: '2001:db8::1' },
      { type: 'TXT', name: 'web.example.org', ttl: 5, data: 'text' },
      { type: 'NS', name: 'example.org', ttl: 5, data: 'ns.example.org' },
    ]),
  );
  assert.equal(decoded, {
    id: 77,
    rcode: 0,
    authoritative: true,
    truncated: false,
    answers: [
      { owner: 'www.example.org.', type: 5, ttlSeconds: 300, target: 'web.example.org.' },
      { owner: 'web.example.org.', type: 1, ttlSeconds: 60, address: '192.0.2.1' },
      { owner: 'web.example.org.', type: 28, ttlSeconds: 30, address: '2001:db8::1' },
      { owner: 'web.example.org.', type: 16, ttlSeconds: 5 },
      { owner: 'example.org.', type: 2, ttlSeconds: 5, target: 'ns.example.org.' },
    ],
    problems: [],
  });
});

test('reads our own answers', () => {
  const on = answering('1.web.example.org host=192.0.2.1 ttl=9');
  const decoded = decodeResponse(on.ask({ name: 'web.example.org' }) as Buffer);
  assert.equal(decoded?.answers, [{ owner: 'web.example.org.', type: 1, ttlSeconds: 9, address: '192.0.2.1' }]);
  assert.is(decodeResponse(on.ask({ name: 'gone.example.org' }) as Buffer)?.rcode, 3);
  assert.is(decodeResponse(on.ask({ name: 'web.example.org', edns: { version: 1 } }) as Buffer)?.rcode, 16);
});

test('a record that cannot be read costs itself, and is named', () => {
  const octets = response([
    { type: 'A', name: 'www.example.org', ttl: 60, data: '192.0.2.1' },
    { type: 'A', name: 'www.example.org', ttl: 60, data: '192.0.2.2' },
  ]);
  // The first address is said to have three octets; the record behind it is lost too.
  const first = octets.indexOf(Buffer.from([0, 4, 192, 0, 2, 1]));
  octets[first + 1] = 3;
  const decoded = decodeResponse(octets);
  assert.ok((decoded?.answers.length ?? 2) < 2);
  assert.ok((decoded?.problems.length ?? 0) > 0);
});

test('a query and half a header are no responses', () => {
  assert.is(decodeResponse(queryOctets({ name: 'www.example.org' })), undefined);
  assert.is(decodeResponse(Buffer.alloc(11)), undefined);
});

test('no octets make it throw', () => {
  const octets = response([{ type: 'CNAME', name: 'www.example.org', ttl: 300, data: 'web.example.org' }]);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(octets.length - 1), fc.nat(255)), { maxLength: 8 }),
      fc.nat(octets.length),
      (edits, length) => {
        const mutated = Buffer.from(octets);
        for (const [at, octet] of edits) mutated[at] = octet;
        decodeResponse(mutated.subarray(0, length));
      },
    ),
    { numRuns: 2_000 },
  );
});

test.run();
