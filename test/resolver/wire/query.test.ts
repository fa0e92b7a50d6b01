import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { foldedQuestion, QueryReader, readQuestionName } from '../../../resolver/wire/query.ts';
import { parseName } from '../../../shared/name.ts';
import { Rcode } from '../../../shared/rrset.ts';
import fc from '../../support/properties.ts';
import { optOctets, queryOctets, tsigOctets, wireName } from '../../support/servers/dns-client.ts';

const test = suite('resolver/query');
const reader = new QueryReader(7);

function read(octets: Uint8Array): number {
  return reader.read(octets, octets.length);
}

/** A query whose question is these octets. */
function withQuestion(question: Uint8Array): Buffer {
  const header = Buffer.from('123401000001000000000000', 'hex');
  return Buffer.concat([header, question]);
}

function withAdditional(count: number, ...records: Uint8Array[]): Buffer {
  const query = queryOctets({ name: 'web.example.org' });
  query.writeUInt16BE(count, 10);
  return Buffer.concat([query, ...records]);
}

const TYPE_AND_CLASS = Buffer.from('00010001', 'hex');
const TSIG = tsigOctets();
const SIG = Buffer.from('0000180001000000000004deadbeef', 'hex');

/** With the octets at `at` (from the end when negative) replaced. */
function changed(record: Buffer, at: number, octets: string): Buffer {
  const copy = Buffer.from(record);
  copy.write(octets, at < 0 ? copy.length + at : at, 'hex');
  return copy;
}

test('reads name, type and class', () => {
  const query = queryOctets({ name: 'web.example.org', type: 'SRV' });
  assert.is(read(query), Rcode.NOERROR);
  assert.equal([reader.type, reader.class, reader.questionEnd], [33, 1, query.length]);
  assert.is(readQuestionName(query), 'web.example.org.');
});

test('the root is a name', () => {
  const query = queryOctets({ name: '.', type: 'NS' });
  assert.is(read(query), Rcode.NOERROR);
  assert.is(readQuestionName(query), '.');
});

test('a name keeps its odd octets, escaped, and is folded', () => {
  const query = queryOctets({ name: 'W\x00b \\x.Example.org' });
  assert.is(read(query), Rcode.NOERROR);
  assert.is(readQuestionName(query), parseName('w\\000b\\032\\\\x.example.org'));
});

test('questions that differ in letter case alone have one hash, others have others', () => {
  const hashes = (names: readonly string[]) =>
    names.map((name) => {
      read(queryOctets({ name }));
      return reader.hash;
    });
  assert.is(new Set(hashes(['web.example.org', 'WEB.example.ORG', 'wEb.Example.oRG'])).size, 1);
  assert.is(new Set(hashes(['web.example.org', 'wec.example.org', 'we.bexample.org', 'webexample.org'])).size, 4);
  read(queryOctets({ name: 'web.example.org', type: 'A' }));
  const { hash } = reader;
  read(queryOctets({ name: 'web.example.org', type: 'AAAA' }));
  assert.is.not(reader.hash, hash);
});

test('sees upper-case letters, and takes no other octet for one', () => {
  read(queryOctets({ name: 'web.example.org' }));
  assert.is(reader.hasUpperCase, false);
  read(queryOctets({ name: '@[`{.example.org' }));
  assert.is(reader.hasUpperCase, false);
  read(queryOctets({ name: 'weB.example.org' }));
  assert.is(reader.hasUpperCase, true);
});

const MALFORMED: readonly [rule: string, octets: Buffer][] = [
  ['a question that ends in a label', withQuestion(Buffer.from('03776562', 'hex'))],
  ['a question without type and class', withQuestion(Buffer.from('0377656200', 'hex'))],
  ['a question that lacks an octet', withQuestion(Buffer.from('03776562000001' + '00', 'hex'))],
  ['a compression pointer in the question', withQuestion(Buffer.concat([Buffer.from('c00c', 'hex'), TYPE_AND_CLASS]))],
  [
    'a label and then a pointer at itself',
    withQuestion(Buffer.concat([Buffer.from('0161c00c', 'hex'), TYPE_AND_CLASS])),
  ],
  [
    'a label of 64 octets',
    withQuestion(Buffer.concat([Buffer.from([64]), Buffer.alloc(64, 'a'), Buffer.from([0]), TYPE_AND_CLASS])),
  ],
  [
    'a name of 256 octets',
    withQuestion(
      Buffer.concat([
        wireName(['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(62)].join('.')),
        TYPE_AND_CLASS,
      ]),
    ),
  ],
  ['an OPT that is not there', withAdditional(1)],
  ['half an OPT', withAdditional(1, optOctets({}).subarray(0, 9))],
  ['two OPTs (RFC 6891 §6.1.1)', withAdditional(2, optOctets({}), optOctets({}))],
  ['an OPT with an owner', withAdditional(1, Buffer.concat([wireName('a'), optOctets({}).subarray(1)]))],
  [
    'an option longer than the OPT',
    withAdditional(
      1,
      (() => {
        const opt = optOctets({ options: [{ code: 65_001, data: 'abc' }] });
        opt.writeUInt16BE(9, 13);
        return opt;
      })(),
    ),
  ],
  [
    'an OPT with three octets of an option',
    withAdditional(
      1,
      (() => {
        const opt = Buffer.concat([optOctets({}), Buffer.alloc(3)]);
        opt.writeUInt16BE(3, 9);
        return opt;
      })(),
    ),
  ],
  [
    'a cookie of 7 octets (RFC 7873 §5.2.2)',
    withAdditional(1, optOctets({ options: [{ code: 10, data: 'a'.repeat(7) }] })),
  ],
  ['a cookie of 9 octets', withAdditional(1, optOctets({ options: [{ code: 10, data: 'a'.repeat(9) }] }))],
  ['a cookie of 41 octets', withAdditional(1, optOctets({ options: [{ code: 10, data: 'a'.repeat(41) }] }))],
  ['a signature before the OPT (RFC 8945 §5.1)', withAdditional(2, TSIG, optOctets({}))],
  [
    'a TSIG that is cut off',
    withAdditional(1, Buffer.concat([wireName('k'), Buffer.from('00fa00ff000000000004deadbeef', 'hex')])),
  ],
  ['a TSIG of class IN', withAdditional(1, changed(TSIG, wireName('key.example.org').length + 2, '0001'))],
  ['a TSIG with a TTL', withAdditional(1, changed(TSIG, wireName('key.example.org').length + 7, '01'))],
  ['a TSIG with more other data than there is', withAdditional(1, changed(TSIG, -1, '01'))],
  ['a TSIG with a longer MAC than there is', withAdditional(1, changed(TSIG, -40, 'ffff'))],
  ['two TSIGs', withAdditional(2, TSIG, TSIG)],
  // Its name goes into the response, where only the question stands where it stood.
  ...['c000', 'c00b', 'c00d', 'c01d', 'c021'].map((pointer): [string, Buffer] => [
    `a TSIG whose name points at ${pointer}, where no label of the question begins`,
    withAdditional(1, Buffer.concat([Buffer.from(pointer, 'hex'), TSIG.subarray(wireName('key.example.org').length)])),
  ]),
  [
    'a TSIG whose name has more than 255 octets',
    withAdditional(
      1,
      Buffer.concat([
        Buffer.from(`3f${'61'.repeat(63)}`.repeat(4), 'hex'),
        Buffer.from('c00c', 'hex'),
        TSIG.subarray(17),
      ]),
    ),
  ],
  ['an address in the additional section', withAdditional(1, Buffer.from('00000100010000000500040a000001', 'hex'))],
];
for (const [rule, octets] of MALFORMED) {
  test(`${rule} is FORMERR`, () => {
    assert.is(read(octets), Rcode.FORMERR);
  });
}

test('a name of 255 octets is read', () => {
  const name = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)].join('.');
  assert.is(wireName(name).length, 255);
  assert.is(read(queryOctets({ name })), Rcode.NOERROR);
});

test('octets behind the last record are passed over', () => {
  assert.is(read(Buffer.concat([queryOctets({ name: 'web.example.org' }), Buffer.alloc(9, 'x')])), Rcode.NOERROR);
});

test('a SIG(0) at the end is passed over', () => {
  assert.is(read(withAdditional(1, SIG)), Rcode.NOERROR);
  assert.is(read(withAdditional(2, optOctets({ dnssecOk: true }), SIG)), Rcode.NOERROR);
  assert.is(reader.dnssecOk, true);
});

test('a TSIG at the end is of a key that we do not have', () => {
  const named = queryOctets({ name: 'web.example.org' }).length;
  assert.is(read(withAdditional(1, TSIG)), Rcode.NOTAUTH);
  assert.is(reader.tsigAt, named);
  assert.is(read(withAdditional(1, tsigOctets({ other: 'abcdef' }))), Rcode.NOTAUTH);
  const compressed = Buffer.concat([Buffer.from('c00c', 'hex'), TSIG.subarray(wireName('key.example.org').length)]);
  assert.is(read(withAdditional(1, compressed)), Rcode.NOTAUTH);
  assert.is(read(withAdditional(2, optOctets({ dnssecOk: true }), TSIG)), Rcode.NOTAUTH);
  assert.is(reader.dnssecOk, true);
  assert.is(read(withAdditional(2, optOctets({ version: 1 }), TSIG)), Rcode.BADVERS);
  assert.is(read(queryOctets({ name: 'web.example.org' })), Rcode.NOERROR);
  assert.is(reader.tsigAt, 0);
});

test('authority is for IXFR alone', () => {
  const soa = Buffer.from(`00000600010000000000160000${'00'.repeat(20)}`, 'hex');
  for (const [type, gives] of [
    [251, Rcode.NOERROR],
    ['SOA', Rcode.FORMERR],
  ] as const) {
    const query = Buffer.concat([queryOctets({ name: 'example.org', type }), soa]);
    query.writeUInt16BE(1, 8);
    assert.is(read(query), gives);
  }
});

test('reads what EDNS says', () => {
  const options = [
    { code: 3 },
    { code: 65_001, data: 'unknown' },
    { code: 10, data: '12345678' },
    { code: 11 },
    { code: 10, data: '87654321' },
  ];
  const query = queryOctets({ name: 'web.example.org', edns: { udp: 4096, dnssecOk: true, options } });
  assert.is(read(query), Rcode.NOERROR);
  assert.equal([reader.hasEdns, reader.udpOctets, reader.dnssecOk], [true, 4096, true]);
  assert.equal([reader.wantsNsid, reader.wantsKeepalive], [true, true]);
  assert.is(query.toString('latin1', reader.cookieAt, reader.cookieAt + reader.cookieOctets), '12345678');
});

test('sizes below 512 are 512 (RFC 6891 §6.2.3)', () => {
  read(queryOctets({ name: 'web.example.org', edns: { udp: 100 } }));
  assert.is(reader.udpOctets, 512);
});

test('a version we do not know is BADVERS, whatever its options look like', () => {
  const edns = { version: 1, options: [{ code: 10, data: 'short' }] };
  assert.is(read(queryOctets({ name: 'web.example.org', edns })), Rcode.BADVERS);
});

test('nothing of a query is left for the next', () => {
  const options = [{ code: 3 }, { code: 11 }, { code: 10, data: '12345678' }];
  read(queryOctets({ name: 'WEB.example.org', edns: { udp: 4096, dnssecOk: true, options } }));
  read(queryOctets({ name: 'web.example.org' }));
  assert.equal(
    [reader.hasEdns, reader.udpOctets, reader.dnssecOk, reader.cookieOctets, reader.wantsNsid, reader.wantsKeepalive],
    [false, 512, false, 0, false, false],
  );
});

test('without a question only a cookie is a query', () => {
  const bare = (options: { code: number; data?: string }[]) =>
    Buffer.concat([Buffer.from('123401000000000000000001', 'hex'), optOctets({ options })]);
  assert.is(read(bare([{ code: 10, data: '12345678' }])), Rcode.NOERROR);
  assert.is(reader.questionEnd, 12);
  assert.is(read(bare([{ code: 3 }])), Rcode.FORMERR);
});

test('the folded question differs from the query in letters alone', () => {
  const query = queryOctets({ name: 'WeB.Example.ORG', type: 0x4142 });
  read(query);
  const expected = Buffer.concat([wireName('web.example.org'), Buffer.from('41420001', 'hex')]);
  const before = Buffer.from(query);
  assert.equal(Buffer.from(foldedQuestion(query, reader.questionEnd)), expected);
  assert.equal(query, before, 'and the query stays as it was');
});

test('no octets make it throw or read past the end', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 0, maxLength: 80 }),
      fc.constantFrom(0, 1),
      fc.constantFrom(0, 1, 2),
      (tail, authority, additional) => {
        const query = withQuestion(tail);
        query[9] = authority;
        query[11] = additional;
        assert.ok([Rcode.NOERROR, Rcode.FORMERR, Rcode.NOTAUTH, Rcode.BADVERS].includes(read(query) as never));
        assert.ok(reader.questionEnd <= query.length);
        assert.ok(reader.cookieAt + reader.cookieOctets <= query.length);
      },
    ),
    { numRuns: 2_000 },
  );
});

test.run();
