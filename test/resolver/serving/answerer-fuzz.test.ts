import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClientInfo } from '../../../resolver/serving/answerer.ts';
import { type Answering, answering, TCP_CLIENT, UDP_CLIENT } from '../../support/answering.ts';
import { mutate, Random } from '../../support/mutations.ts';
import { optOctets, queryOctets, tsigOctets } from '../../support/servers/dns-client.ts';

/**
 * Mutated messages into the query path. `ROLLCALL_FUZZ_INPUTS` sets their number, `ROLLCALL_FUZZ_SEED` the seed, which a
 * failure names.
 */
const INPUTS = Number(process.env.ROLLCALL_FUZZ_INPUTS ?? 20_000);
const SEED = Number(process.env.ROLLCALL_FUZZ_SEED ?? 20_261_120);
/** A millisecond where the figure is reported; elsewhere the machine may be slow, and an input that hangs is far beyond. */
const SLOW_MS = Number(process.env.ROLLCALL_FUZZ_SLOW_MS ?? 10);
/** A slow input is tried again: the machine may have been busy with something else. */
const TRIES = 20;

const test = suite('resolver/answerer fuzz');

const ZONE = [
  ...Array.from({ length: 40 }, (_none, at) => `${at}.node-${at % 4}.web.example.org host=10.0.0.${at} port=80`),
  'alias.example.org host=web.example.org',
  'out.example.org host=www.example.com',
  'mail.example.org host=10.0.0.1 mail=true text=hello',
  `note.example.org text=${'x'.repeat(700)}`,
].join('\n');

const COOKIE = { code: 10, data: '12345678' };
const CORPUS: readonly Buffer[] = [
  ...(['A', 'AAAA', 'SRV', 'TXT', 'MX', 'ANY', 'PTR', 'CNAME', 4711] as const).flatMap((type) =>
    [
      'web.example.org',
      'alias.example.org',
      'mail.example.org',
      'gone.example.org',
      '*.node-1.web.example.org',
      'note.example.org',
    ].map((name) => queryOctets({ name, type })),
  ),
  queryOctets({
    name: 'example.org',
    type: 'SOA',
    edns: { udp: 4096, dnssecOk: true, options: [{ code: 3 }, COOKIE, { code: 11 }] },
  }),
  queryOctets({ name: 'WeB.exAMple.org', type: 'SRV', edns: { udp: 1232, options: [COOKIE] } }),
  queryOctets({ name: 'web.example.org', type: 'SRV', edns: { version: 1 } }),
  queryOctets({ name: 'version.bind', type: 'TXT', class: 3 }),
  queryOctets({ name: 'www.example.com', edns: {} }),
  queryOctets({ name: '.', type: 'NS' }),
  queryOctets({ name: Array.from({ length: 127 }, () => 'a').join('.') }),
  queryOctets({ name: ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(49), 'example.org'].join('.') }),
  Buffer.concat([Buffer.from('123401000000000000000001', 'hex'), optOctets({ options: [COOKIE] })]),
  Buffer.concat([
    Buffer.from('123401000001000000000002', 'hex'),
    queryOctets({ name: 'web.example.org' }).subarray(12),
    optOctets({}),
    tsigOctets(),
  ]),
  // A response, a NOTIFY, an UPDATE; 65535 of everything; a name that points at itself.
  Buffer.from(
    '123481800001000100000000037765620765786d706c65036f72670000010001c00c000100010000003c0004c0000201',
    'hex',
  ),
  Buffer.from('123424000001000000000000076578616d706c65036f72670000060001', 'hex'),
  Buffer.from('123428000001000000010000076578616d706c65036f72670000060001', 'hex'),
  Buffer.from('12340100ffffffffffffffff', 'hex'),
  Buffer.from('123401000001000000000000c00c00010001', 'hex'),
];

interface Largest {
  ratio: number;
  refusalRatio: number;
}

/** What must hold of a response, whatever the message was. */
function checkResponse(query: Buffer, response: Buffer, client: ClientInfo, largest: Largest): void {
  const rcode = (response[3] as number) & 0xf;
  assert.is(response.readUInt16BE(0), query.readUInt16BE(0));
  assert.ok(((response[2] as number) & 0x80) !== 0, 'is a response');
  assert.ok(((query[2] as number) & 0x80) === 0, 'to no response');
  if (client.transport === 'udp') {
    assert.ok(response.length <= 1232, `${response.length} octets`);
    largest.ratio = Math.max(largest.ratio, response.length / query.length);
    if (response.readUInt16BE(6) === 0 && response.readUInt16BE(8) === 0) {
      largest.refusalRatio = Math.max(largest.refusalRatio, response.length / query.length);
    }
  }
  assert.is.not(rcode, 2, `SERVFAIL to ${query.toString('hex')}`);
  const sections = decode(response);
  if (rcode === 4) assert.is(response.length, 12);
  // A bare header, or what an OPT asked for: question and OPT.
  if (rcode === 1 && response.length > 12) {
    assert.equal([...(sections.answers ?? []), ...(sections.authorities ?? [])], []);
    assert.equal(
      sections.additionals?.map(({ type }) => type),
      ['OPT'],
    );
  }
  for (const [count, records] of [
    [response.readUInt16BE(6), sections.answers],
    [response.readUInt16BE(8), sections.authorities],
    [response.readUInt16BE(10), sections.additionals],
  ] as const) {
    assert.is(records?.length ?? 0, count);
  }
}

function timed(on: Answering, query: Buffer, client: ClientInfo): { response: Buffer | undefined; ms: number } {
  const startedMs = performance.now();
  const response = on.ask(query, client);
  return { response, ms: performance.now() - startedMs };
}

test(`${INPUTS} mutated messages: no throw, none over ${SLOW_MS} ms, no answer that breaks a rule`, () => {
  const random = new Random(SEED);
  const on = answering(ZONE);
  const largest: Largest = { ratio: 0, refusalRatio: 0 };
  let answered = 0;
  let slowestMs = 0;
  // The first calls compile the code itself.
  for (const query of CORPUS) for (let times = 0; times < 50; times += 1) on.ask(Buffer.from(query));
  for (let input = 0; input < INPUTS; input += 1) {
    const query = mutate(CORPUS, random);
    const client = random.below(4) === 0 ? TCP_CLIENT : UDP_CLIENT;
    const what = `input ${input} of seed ${SEED}: ${query.toString('hex')}`;
    try {
      let { response, ms } = timed(on, query, client);
      for (let left = TRIES; ms > SLOW_MS && left > 0; left -= 1) {
        on.answerer.compiled.clear();
        ms = Math.min(ms, timed(on, query, client).ms);
      }
      assert.ok(ms <= SLOW_MS, `took ${ms} ms`);
      slowestMs = Math.max(slowestMs, ms);
      if (response !== undefined) {
        answered += 1;
        checkResponse(query, response, client, largest);
      }
    } catch (error) {
      throw new Error(`${(error as Error).message}; ${what}`, { cause: error });
    }
  }
  assert.is(on.answerer.counts.failures, 0, String(on.answerer.lastFailure));
  assert.ok(answered > INPUTS / 4, `${answered} answered: the mutations are too wild to reach the parser`);
  // Refusals hold the question and an OPT: NSID and a cookie at most, which the query must have asked for.
  assert.ok(largest.refusalRatio <= 3, `a refusal of ${largest.refusalRatio} × its query`);
  console.log(
    `  fuzz: ${INPUTS} inputs, ${answered} answered, slowest ${slowestMs.toFixed(3)} ms, largest reply/query over UDP ${largest.ratio.toFixed(1)}, without records ${largest.refusalRatio.toFixed(2)}`,
  );
});

test.run();
