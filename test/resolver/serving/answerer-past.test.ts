import { type DecodedPacket, decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ClientInfo } from '../../../resolver/serving/answerer.ts';
import type { AnswererDeps } from '../../../resolver/serving/answerer-deps.ts';
import { PAST_BUSY } from '../../../resolver/wire/past.ts';
import { Rcode } from '../../../shared/rrset.ts';
import { answering, TCP_CLIENT, UDP_CLIENT } from '../../support/answering.ts';
import { type Ask, queryOctets } from '../../support/servers/dns-client.ts';

const test = suite('resolver/answerer, the past');

const ASK: Ask = { name: '15m.web.example.org.At.Rollcall', type: 'TXT', class: 3, edns: {} };

const on = (deps: Partial<AnswererDeps> = {}) =>
  answering('1.web.example.org host=192.0.2.1 port=80', {
    deps: {
      mayAskPast: (address) => address === UDP_CLIENT.address,
      tellPast: (name) => Promise.resolve({ rcode: Rcode.NOERROR, lines: [`told of ${name}`, 'x'.repeat(300)] }),
      ...deps,
    },
  });

interface Told {
  readonly rcode: string;
  readonly truncated: boolean;
  readonly name: string;
  readonly lines: readonly string[];
  /** RFC 8914. */
  readonly ede: number | undefined;
}

function readTold(octets: Buffer | Uint8Array | undefined): Told {
  const packet = decode(Buffer.from(octets ?? [])) as DecodedPacket & { rcode: string; flag_tc: boolean };
  const opt = packet.additionals?.find(({ type }) => type === 'OPT') as { options?: { code: number; data: Buffer }[] };
  return {
    rcode: packet.rcode,
    truncated: packet.flag_tc,
    name: packet.questions?.[0]?.name ?? '',
    lines: (packet.answers ?? []).map((answer) => Buffer.concat((answer as { data: Buffer[] }).data).toString()),
    ede: opt?.options?.find(({ code }) => code === 15)?.data.readUInt16BE(0),
  };
}

async function askSlowly(state: ReturnType<typeof on>, ask: Ask, client: ClientInfo): Promise<Told> {
  assert.throws(() => state.ask(ask, client), /slowly/);
  return readTold(await state.answerer.answerSlowly(queryOctets(ask), client));
}

test('over TCP the lines are told, with the letters of the question', async () => {
  const told = await askSlowly(on(), ASK, TCP_CLIENT);
  assert.equal(told, {
    rcode: 'NOERROR',
    truncated: false,
    name: ASK.name,
    lines: ['told of 15m.web.example.org.at.rollcall.', 'x'.repeat(300)],
    ede: undefined,
  });
});

test('over UDP, whose sender may be forged, nothing is read: the client is sent to TCP with less than it sent', () => {
  const tellPast = (): never => assert.unreachable() as never;
  const query = queryOctets(ASK);
  const response = on({ tellPast }).ask(query, UDP_CLIENT);
  assert.equal(readTold(response), { rcode: 'NOERROR', truncated: true, name: ASK.name, lines: [], ede: undefined });
  assert.ok((response?.length ?? 0) <= query.length);
});

test('whom it is not for is refused, over UDP and TCP, and told so (RFC 8914 §4.19)', () => {
  for (const client of [UDP_CLIENT, TCP_CLIENT]) {
    const { rcode, ede, lines } = readTold(on().ask(ASK, { ...client, address: '192.0.2.98' }));
    assert.equal([rcode, ede, lines], ['REFUSED', 18, []]);
  }
});

test('an error of the past is told with its RCODE and its reason', async () => {
  const { rcode, ede, lines } = await askSlowly(on({ tellPast: () => Promise.resolve(PAST_BUSY) }), ASK, TCP_CLIENT);
  assert.equal([rcode, ede, lines], ['SERVFAIL', 14, [...PAST_BUSY.lines]]);
});

test('questions of class IN, of other names and of other types do not hit it', () => {
  const state = on({ tellPast: (): never => assert.unreachable() as never });
  for (const client of [UDP_CLIENT, TCP_CLIENT]) {
    assert.is(readTold(state.ask({ ...ASK, class: 1 }, client)).rcode, 'REFUSED');
    assert.is(readTold(state.ask({ ...ASK, class: 1, type: 'A' }, client)).rcode, 'REFUSED');
    assert.is(readTold(state.ask({ ...ASK, name: '15m.web.example.org.xat.rollcall' }, client)).rcode, 'REFUSED');
    assert.equal(readTold(state.ask({ ...ASK, type: 'A' }, client)).ede, 21);
  }
});

test.run();
