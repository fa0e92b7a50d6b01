import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Triage, triage } from '../../../resolver/wire/accept.ts';

const test = suite('resolver/accept');

/** Header in hex, spaced as id, flags, QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT. */
const HEADERS: readonly [rule: string, header: string, gives: Triage][] = [
  ['a plain query is parsed', '1234 0100 0001 0000 0000 0000', 'parse'],
  ['AD, CD and Z say nothing to us (RFC 8906 §8.1.3)', '1234 0170 0001 0000 0000 0000', 'parse'],
  ['TC in a query says nothing', '1234 0300 0001 0000 0000 0000', 'parse'],
  ['one OPT', '1234 0000 0001 0000 0000 0001', 'parse'],
  ['an OPT and a signature', '1234 0000 0001 0000 0000 0002', 'parse'],
  ['more additional records than any query has', '1234 0000 0001 0000 0000 0003', 'formerr'],
  ['one authority record, as IXFR has', '1234 0000 0001 0000 0001 0000', 'parse'],
  ['two authority records', '1234 0000 0001 0000 0002 0000', 'formerr'],
  ['a response is never answered', '1234 8100 0001 0001 0000 0000', 'ignore'],
  ['a response with another opcode neither', '1234 f800 0001 0000 0000 0000', 'ignore'],
  ['another opcode, whatever the counts say (RFC 8906 §8.1.4)', '1234 7800 0000 0000 0000 0000', 'notimp'],
  ['NOTIFY', '1234 2000 0001 0001 0000 0000', 'notimp'],
  ['UPDATE', '1234 2800 0001 0000 0001 0000', 'notimp'],
  ['no question', '1234 0100 0000 0000 0000 0000', 'formerr'],
  ['no question but an OPT, which may ask for a cookie (RFC 7873 §5.4)', '1234 0100 0000 0000 0000 0001', 'parse'],
  ['two questions (RFC 9619)', '1234 0100 0002 0000 0000 0000', 'formerr'],
  ['65535 of everything', '1234 0100 ffff ffff ffff ffff', 'formerr'],
  ['answers in a query', '1234 0100 0001 0001 0000 0000', 'formerr'],
  ['an RCODE in a query', '1234 0105 0001 0000 0000 0000', 'formerr'],
];

for (const [rule, header, gives] of HEADERS) {
  test(`${rule}: ${gives}`, () => {
    const octets = Buffer.from(header.replaceAll(' ', ''), 'hex');
    assert.is(triage(octets, octets.length), gives);
  });
}

test('fewer octets than a header are ignored', () => {
  for (let length = 0; length < 12; length += 1) assert.is(triage(Buffer.alloc(12), length), 'ignore');
});

test.run();
