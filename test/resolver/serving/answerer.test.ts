import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Network, parseNetwork } from '../../../resolver/forwarding/allow.ts';
import type { Forwarder, OutsideAnswer } from '../../../resolver/forwarding/forwarder.ts';
import { parseName } from '../../../shared/name.ts';
import {
  ANSWERER_SETTINGS,
  type Answering,
  answering,
  askDecoded,
  TCP_CLIENT,
  UDP_CLIENT,
} from '../../support/answering.ts';
import {
  type Ask,
  optOctets,
  queryOctets,
  recordTexts,
  tsigOctets,
  wireName,
} from '../../support/servers/dns-client.ts';
import { deletion, keyFor, put } from '../../support/zone-text.ts';

const test = suite('resolver/answerer');

const ZONE = `
  1.web.example.org  host=192.0.2.1 port=80
  2.web.example.org  host=192.0.2.2 port=80
  3.web.example.org  host=192.0.2.3 port=80
  alias.example.org  host=web.example.org
  out.example.org    host=www.example.com
  note.example.org   text="hello"
`;

const on = () => answering(ZONE);
const WEB: Ask = { name: 'web.example.org' };

/** `NOERROR aa rd` and the like: RCODE, then the flags that are set. */
function head(response: Buffer | undefined): string {
  if (response === undefined) return 'silence';
  const packet = decode(response);
  const extended =
    (packet.additionals?.find(({ type }) => type === 'OPT') as { extendedRcode?: number })?.extendedRcode ?? 0;
  const rcode = (extended << 4) | ((response[3] as number) & 15);
  const names: Record<number, string> = {
    0: 'NOERROR',
    1: 'FORMERR',
    2: 'SERVFAIL',
    3: 'NXDOMAIN',
    4: 'NOTIMP',
    5: 'REFUSED',
    9: 'NOTAUTH',
    16: 'BADVERS',
  };
  const flags = [
    ['aa', packet.flag_aa],
    ['tc', packet.flag_tc],
    ['rd', packet.flag_rd],
    ['ra', packet.flag_ra],
    ['z', packet.flag_z],
    ['ad', packet.flag_ad],
    ['cd', packet.flag_cd],
  ] as const;
  return [names[rcode], ...flags.filter(([, isSet]) => isSet).map(([name]) => name)].join(' ');
}

interface Opt {
  readonly udp: number;
  readonly version: number;
  readonly flags: number;
  readonly options: ReadonlyMap<number, Buffer>;
}

/** The OPT of a response, read by hand. */
function optOf(response: Buffer | undefined): Opt | undefined {
  if (response === undefined) return undefined;
  const opt = decode(response).additionals?.find(({ type }) => type === 'OPT') as
    | { udpPayloadSize: number; ednsVersion: number; flags: number; options: { code: number; data: Buffer }[] }
    | undefined;
  if (opt === undefined) return undefined;
  const options = new Map(opt.options.map(({ code, data }) => [code, data]));
  return { udp: opt.udpPayloadSize, version: opt.ednsVersion, flags: opt.flags, options };
}

/** RFC 8906 §8: what a server must answer to each of its test queries; EDNS flags and options as the text says. */
const RFC_8906: readonly [section: string, ask: Ask | Buffer, gives: string, opt?: Partial<Opt>][] = [
  ['8.1.1 SOA', { name: 'example.org', type: 'SOA', flags: 0 }, 'NOERROR aa'],
  ['8.1.2 unknown type', { name: 'example.org', type: 1000, flags: 0 }, 'NOERROR aa'],
  ['8.1.3.1 CD', { name: 'example.org', type: 'SOA', flags: 0x0010 }, 'NOERROR aa'],
  ['8.1.3.2 AD', { name: 'example.org', type: 'SOA', flags: 0x0020 }, 'NOERROR aa'],
  ['8.1.3.3 reserved bit', { name: 'example.org', type: 'SOA', flags: 0x0040 }, 'NOERROR aa'],
  ['8.1.3.4 RD', { name: 'example.org', type: 'SOA', flags: 0x0100 }, 'NOERROR aa rd'],
  ['8.1.4 unknown opcode, header only', Buffer.from('123478000000000000000000', 'hex'), 'NOTIMP'],
  ['8.2.1 EDNS', { name: 'example.org', type: 'SOA', flags: 0, edns: {} }, 'NOERROR aa', { version: 0, flags: 0 }],
  [
    '8.2.2 EDNS version 1',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { version: 1 } },
    'BADVERS',
    { version: 0, flags: 0 },
  ],
  [
    '8.2.3 unknown option',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { options: [{ code: 100 }] } },
    'NOERROR aa',
    { options: new Map() },
  ],
  [
    '8.2.4 unknown flag',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { flags: 0x0040 } },
    'NOERROR aa',
    { flags: 0 },
  ],
  [
    '8.2.5 version 1, unknown flag',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { version: 1, flags: 0x0040 } },
    'BADVERS',
    { version: 0, flags: 0 },
  ],
  [
    '8.2.6 version 1, unknown option',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { version: 1, options: [{ code: 100 }] } },
    'BADVERS',
    { version: 0, options: new Map() },
  ],
  [
    '8.2.8 DO',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { dnssecOk: true } },
    'NOERROR aa',
    { flags: 0x8000 },
  ],
  [
    '8.2.9 version 1, DO',
    { name: 'example.org', type: 'SOA', flags: 0, edns: { version: 1, dnssecOk: true } },
    'BADVERS',
    { version: 0 },
  ],
  [
    '8.2.10 NSID, client subnet, expire and a cookie at once',
    {
      name: 'example.org',
      type: 'SOA',
      flags: 0,
      edns: {
        options: [{ code: 3 }, { code: 8, data: '\x00\x01\x00\x00' }, { code: 9 }, { code: 10, data: '12345678' }],
      },
    },
    'NOERROR aa',
    { flags: 0 },
  ],
];
for (const [section, ask, gives, opt] of RFC_8906) {
  test(`RFC 8906 §${section}: ${gives}`, () => {
    for (const client of [UDP_CLIENT, TCP_CLIENT]) {
      const response = on().ask(ask, client);
      assert.is(head(response), gives);
      const found = optOf(response);
      assert.is(found === undefined, opt === undefined);
      for (const [field, value] of Object.entries(opt ?? {})) assert.equal(found?.[field as keyof Opt], value, field);
    }
  });
}

test('RFC 8906 §8.2.7: a truncated answer has its OPT', () => {
  const wide = answering(
    Array.from({ length: 100 }, (_none, at) => `${at}.web.example.org host=192.0.2.${at}`).join('\n'),
  );
  const response = wide.ask({ ...WEB, flags: 0, edns: { udp: 512 } });
  assert.is(head(response), 'NOERROR aa tc');
  assert.is(optOf(response)?.udp, 1232);
});

const REFUSALS: readonly [rule: string, ask: Ask | Buffer, gives: string][] = [
  ['a response is met with silence', queryOctets({ ...WEB, flags: 0x8100 }), 'silence'],
  ['half a header too', Buffer.from('12340100', 'hex'), 'silence'],
  ['class ANY', { ...WEB, class: 255 }, 'REFUSED rd'],
  ['class HS', { ...WEB, class: 4 }, 'REFUSED rd'],
  ['class 0', { ...WEB, class: 0 }, 'REFUSED rd'],
  ['CH of another name', { name: 'authors.bind', type: 'TXT', class: 3 }, 'REFUSED rd'],
  ['AXFR', { name: 'example.org', type: 'AXFR' }, 'REFUSED rd'],
  ['a name outside', { name: 'www.example.com' }, 'REFUSED rd'],
  [
    'a compressed question',
    Buffer.concat([queryOctets(WEB).subarray(0, 12), Buffer.from('c00c00010001', 'hex')]),
    'FORMERR rd',
  ],
];
for (const [rule, ask, gives] of REFUSALS) {
  test(`${rule}: ${gives}`, () => assert.is(head(on().ask(ask)), gives));
}

test('what cannot be read gets a header and no more', () => {
  const state = on();
  state.ask({ ...WEB, edns: {} });
  for (const [rule, query] of [
    ['half an OPT', queryOctets({ ...WEB, edns: {} }).subarray(0, -2)],
    ['a record that is no OPT', withAdditional(ADDRESS, optOctets({}))],
    ['two questions', Buffer.from('123401000002000000000001', 'hex')],
  ] as const) {
    for (const client of [UDP_CLIENT, TCP_CLIENT]) {
      assert.is(state.ask(query, client)?.toString('hex'), '123481010000000000000000', rule);
    }
  }
});

test('an OPT that was read gets one in a FORMERR too (RFC 6891 §6.1.1), with DO and without options', () => {
  const cookie = { code: 10, data: '12345678' };
  const overlong = optOctets({ dnssecOk: true, options: [cookie, { code: 65_001, data: 'abc' }] });
  overlong.writeUInt16BE(4, overlong.length - 5);
  for (const [rule, query] of [
    [
      'a cookie of 3 octets (RFC 7873 §5.2.2)',
      withAdditional(optOctets({ dnssecOk: true, options: [{ ...cookie, data: 'abc' }] })),
    ],
    ['an option longer than the OPT', withAdditional(overlong)],
    ['two OPTs', withAdditional(optOctets({ dnssecOk: true, options: [cookie] }), optOctets({}))],
    ['a record behind the OPT', withAdditional(optOctets({ dnssecOk: true, options: [{ code: 11 }] }), ADDRESS)],
  ] as const) {
    for (const client of [UDP_CLIENT, TCP_CLIENT]) {
      const response = on().ask(query, client) as Buffer;
      assert.is(head(response), 'FORMERR rd', rule);
      assert.equal(optOf(response), { udp: 1232, version: 0, flags: 0x8000, options: new Map() }, rule);
      assert.equal(response.subarray(12, -11), queryOctets(WEB).subarray(12), `${rule}: the question`);
    }
  }
});

test('a TSIG is of a key that nobody shares with us: NOTAUTH, and BADKEY without a MAC (RFC 8945 §5.2.1, §5.3.2)', () => {
  for (const [before, opt] of [
    [[], undefined],
    [[optOctets({ dnssecOk: true })], { udp: 1232, version: 0, flags: 0x8000, options: new Map() }],
  ] as const) {
    const query = withAdditional(...before, tsigOctets({ id: 0x4711 }));
    const expected = tsigOctets({ id: 0x4711, mac: Buffer.alloc(0) });
    expected.writeUInt16BE(17, expected.length - 4);
    for (const client of [UDP_CLIENT, TCP_CLIENT]) {
      const response = on().ask(query, client) as Buffer;
      assert.is(head(response), 'NOTAUTH rd');
      assert.equal(optOf(response), opt);
      assert.equal(response.subarray(-expected.length), expected);
      assert.is(response.readUInt16BE(10), before.length + 1);
      assert.equal(response.subarray(12, 12 + 21), queryOctets(WEB).subarray(12));
    }
  }
});

test('a TSIG that no response of 512 octets holds is refused without one', () => {
  const long = ['a'.repeat(63), 'b'.repeat(63), 'c'.repeat(63), 'd'.repeat(61)].join('.');
  const query = Buffer.concat([queryOctets({ name: long }), tsigOctets({ key: long })]);
  query.writeUInt16BE(1, 10);
  const response = on().ask(query) as Buffer;
  assert.equal([head(response), response.length, response.readUInt16BE(10)], ['NOTAUTH rd', 12 + 255 + 4, 0]);
  assert.is(on().ask(query, TCP_CLIENT)?.readUInt16BE(10), 1);
});

test('a FORMERR with an OPT that asks for a cookie only has no question (RFC 7873 §5.4)', () => {
  const query = Buffer.concat([Buffer.from('123401000000000000000001', 'hex'), optOctets({})]);
  const response = on().ask(query) as Buffer;
  assert.equal([head(response), response.readUInt16BE(4), response.length], ['FORMERR rd', 0, 12 + 11]);
});

const ADDRESS = Buffer.from('00000100010000000500040a000001', 'hex');

function withAdditional(...records: Buffer[]): Buffer {
  const query = Buffer.concat([queryOctets(WEB), ...records]);
  query.writeUInt16BE(records.length, 10);
  return query;
}

test('AA in our zones alone: not of a PTR in a reverse zone of others, compiled or not', () => {
  for (const [zones, gives] of [
    [['example.org.'], 'NOERROR rd'],
    [['example.org.', '2.0.192.in-addr.arpa.'], 'NOERROR aa rd'],
  ] as const) {
    const state = answering(`${ZONE}\n9.2.0.192.in-addr.arpa host=nine.example.com`, {
      lookupSettings: { zones: zones.map(parseName) },
    });
    for (const name of ['1.2.0.192.in-addr.arpa', '9.2.0.192.in-addr.arpa']) {
      for (let times = 0; times < 2; times += 1) assert.is(head(state.ask({ name, type: 'PTR' })), gives, name);
    }
  }
});

test('answers with the id, RD and letter case of the query, from compiled answers as from fresh ones', () => {
  const state = on();
  for (const [id, name, flags] of [
    [1, 'web.example.org', 0x0100],
    [0xffff, 'wEb.eXample.ORG', 0],
    [2, 'WEB.example.org', 0x0100],
  ] as const) {
    const query = queryOctets({ name, id, flags });
    const response = state.ask(query) as Buffer;
    assert.is(response.readUInt16BE(0), id);
    assert.is((response[2] as number) & 1, flags >> 8);
    assert.equal(response.subarray(12, query.length), query.subarray(12));
    assert.is(decode(response).answers?.length, 3);
  }
  assert.is(state.lookups, 1);
});

test('answers rotate', () => {
  const state = on();
  const firsts = Array.from({ length: 6 }, () => recordTexts(askDecoded(state, WEB).answers)[0]?.split(' ').at(-1));
  assert.equal(firsts, ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.1', '192.0.2.2', '192.0.2.3']);
});

test('a change of one name leaves the others compiled', () => {
  const state = on();
  askDecoded(state, WEB);
  askDecoded(state, { name: 'note.example.org', type: 'TXT' });
  state.apply(deletion(keyFor('1.web.example.org'), 100));
  assert.is(askDecoded(state, WEB).answers?.length, 2);
  askDecoded(state, { name: 'note.example.org', type: 'TXT' });
  assert.is(state.lookups, 3);
});

test('a CNAME in the zone goes with what it points at', () => {
  const state = on();
  assert.is(askDecoded(state, { name: 'alias.example.org' }).answers?.length, 4);
  state.apply(put(keyFor('4.web.example.org'), '{"host":"192.0.2.4"}', 100));
  assert.is(askDecoded(state, { name: 'alias.example.org' }).answers?.length, 5);
});

test('a negative answer that was asked for again stays compiled, and its serial is that of the zone when it is sent', () => {
  const state = on();
  const serial = () => {
    const [soa] = askDecoded(state, { name: 'note.example.org', type: 'MX' }).authorities ?? [];
    return (soa as { data: { serial: number } } | undefined)?.data.serial;
  };
  assert.equal([serial(), serial(), serial()], [6, 6, 6]);
  state.apply(put(keyFor('4.web.example.org'), '{"host":"192.0.2.4"}', 0x1_0000_0005));
  assert.is(serial(), 5, 'the low 32 bits');
  assert.is(state.lookups, 2, 'the second was kept');
  state.apply(put(keyFor('note.example.org'), '{"host":"192.0.2.9","mail":true}', 0x1_0000_0006));
  assert.is(askDecoded(state, { name: 'note.example.org', type: 'MX' }).answers?.length, 1);
});

test('a name that is not there is denied without a lookup and without keeping anything, with the serial of the moment', () => {
  const state = on();
  const denied = () => askDecoded(state, { name: 'x.gone.example.org' });
  for (let times = 0; times < 3; times += 1) assert.is((denied() as unknown as { rcode: string }).rcode, 'NXDOMAIN');
  assert.is(state.lookups, 0);
  assert.is(state.answerer.compiled.negativeEntries, 0);
  state.apply(put(keyFor('4.web.example.org'), '{"host":"192.0.2.4"}', 0x1_0000_0005));
  const [soa] = denied().authorities ?? [];
  assert.is((soa as { data: { serial: number } } | undefined)?.data.serial, 5, 'the low 32 bits');
  state.apply(put(keyFor('gone.example.org'), '{"host":"192.0.2.9"}', 0x1_0000_0006));
  assert.is((denied() as unknown as { rcode: string }).rcode, 'NXDOMAIN');
  state.apply(put(keyFor('y.x.gone.example.org'), '{"host":"192.0.2.9"}', 0x1_0000_0007));
  assert.is(denied().answers?.length, 1);
});

test('an answer is looked up again when its time is over', () => {
  const state: Answering = answering(ZONE, {
    deps: {
      lookup: () => {
        state.lookups += 1;
        const dependencies = { subtrees: [], addresses: [], validUntilMs: state.nowMs + 1_000, unresolved: [] };
        const answers = [
          { owner: parseName('web.example.org'), ttlSeconds: 1, type: 'A' as const, address: '192.0.2.1' },
        ];
        return {
          type: 'answer',
          answers,
          authority: [],
          additional: [],
          authoritative: true,
          rotateFrom: 0,
          ...dependencies,
        };
      },
    },
  });
  state.ask(WEB);
  state.nowMs += 999;
  state.ask(WEB);
  assert.is(state.lookups, 1);
  state.nowMs += 1;
  state.ask(WEB);
  assert.is(state.lookups, 2);
});

test('over UDP no answer is above 512 octets without EDNS, what the client takes with it, or 1232', () => {
  const wide = answering(
    Array.from({ length: 60 }, (_none, at) => `${at}.web.example.org host=192.0.2.${at}`).join('\n'),
  );
  const sizes = [undefined, 512, 700, 1_100, 1_232, 4_096, 65_535].map((udp) => {
    const response = wide.ask(udp === undefined ? WEB : { ...WEB, edns: { udp } }) as Buffer;
    assert.ok(response.length <= Math.min(udp ?? 512, 1_232), `${response.length} octets for ${udp}`);
    return head(response);
  });
  const [cut, whole] = ['NOERROR aa tc rd', 'NOERROR aa rd'];
  assert.equal(sizes, [cut, cut, cut, whole, whole, whole, whole]);
  assert.is(decode(wide.ask(WEB, TCP_CLIENT) as Buffer).answers?.length, 60);
});

test('NSID, id.server and version.bind tell what they are told', () => {
  const state = on();
  assert.is(
    optOf(state.ask({ ...WEB, edns: { options: [{ code: 3 }] } }))
      ?.options.get(3)
      ?.toString(),
    'node-1',
  );
  assert.equal(recordTexts(askDecoded(state, { name: 'id.server', type: 'TXT', class: 3 }).answers), [
    'id.server TXT node-1',
  ]);
  assert.equal(recordTexts(askDecoded(state, { name: 'Version.Bind', type: 'TXT', class: 3 }).answers), [
    'Version.Bind TXT rollcall test',
  ]);
});

test('class CH can be turned off', () => {
  const off = answering(ZONE, { settings: { chaos: false } });
  assert.is(head(off.ask({ name: 'id.server', type: 'TXT', class: 3 })), 'REFUSED rd');
});

test('a client cookie gets a server cookie, which is good and is given back as it is', () => {
  const state = on();
  const ask = (data: string) =>
    optOf(state.ask({ ...WEB, edns: { options: [{ code: 10, data }] } }))?.options.get(10) as Buffer;
  const first = ask('12345678');
  assert.is(first.length, 24);
  state.nowMs += 60_000;
  assert.equal(ask(first.toString('latin1')), first);
  state.nowMs += 3_600_000;
  assert.is.not(ask(first.toString('latin1')).toString('hex'), first.toString('hex'));
});

test('a question for a cookie alone gets one (RFC 7873 §5.4)', () => {
  const octets = Buffer.concat([
    Buffer.from('123401000000000000000001', 'hex'),
    queryOctets({ ...WEB, edns: { options: [{ code: 10, data: '12345678' }] } }).subarray(
      12 + wireName(WEB.name).length + 4,
    ),
  ]);
  const response = on().ask(octets);
  assert.is(head(response), 'NOERROR rd');
  assert.is(optOf(response)?.options.get(10)?.length, 24);
});

test('keepalive is told over TCP to who asks (RFC 7828), never over UDP', () => {
  const ask = { ...WEB, edns: { options: [{ code: 11 }] } };
  assert.is(optOf(on().ask(ask, TCP_CLIENT))?.options.get(11)?.readUInt16BE(0), 100);
  assert.is(optOf(on().ask(ask, UDP_CLIENT))?.options.get(11), undefined);
});

const ede = (response: Buffer | undefined) => optOf(response)?.options.get(15)?.readUInt16BE(0);

test('stale answers say so (RFC 8914), compiled ones too, and no longer when the store is back', () => {
  const state = on();
  const ask = (name: string) => ede(state.ask({ name, edns: {} }));
  assert.equal([ask('web.example.org'), ask('gone.example.org')], [undefined, undefined]);
  state.availability = { type: 'stale', sinceMs: 0, ttlCapSeconds: 30 };
  assert.equal([ask('web.example.org'), ask('gone.example.org')], [3, 19]);
  assert.equal([ask('web.example.org'), ask('gone.example.org')], [3, 19]);
  assert.is(optOf(state.ask(WEB)), undefined, 'without EDNS there is nowhere to say it');
  state.availability = 'live';
  assert.equal([ask('web.example.org'), ask('gone.example.org')], [undefined, undefined]);
});

test('while stale no TTL is over the cap: NXDOMAIN with and without a lookup, NODATA, the SOA itself', () => {
  const quick = answering(ZONE, { lookupSettings: { negativeTtlSeconds: 60 } });
  const slow = answering(ZONE, { lookupSettings: { negativeTtlSeconds: 60 }, deps: { denials: undefined } });
  const asks: Ask[] = [
    { name: 'gone.example.org' },
    { ...WEB, type: 'TXT' },
    { name: 'example.org', type: 'A' },
    { name: 'example.org', type: 'SOA' },
  ];
  const soas = (state: Answering) =>
    asks.map((ask) => {
      const { answers = [], authorities = [] } = askDecoded(state, ask);
      return [...answers, ...authorities].map((each) => {
        assert.ok(each.type === 'SOA');
        return [each.ttl, each.data.minimum];
      });
    });
  for (const state of [quick, slow]) {
    for (const [availability, ttl] of [
      ['live', 60],
      [{ type: 'stale', sinceMs: 0, ttlCapSeconds: 5 }, 5],
      ['live', 60],
    ] as const) {
      state.availability = availability;
      // RFC 2308 §5: the lesser of TTL and minimum is how long a negative answer is kept.
      for (let times = 0; times < 3; times += 1)
        assert.equal(
          soas(state),
          asks.map(() => [[ttl, 60]]),
        );
    }
  }
  assert.ok(quick.lookups < slow.lookups);
});

test('never synced, or past the bound, compiled answers do not go out: SERVFAIL with EDE 22, 3', () => {
  const state = on();
  state.ask(WEB);
  for (const [availability, code] of [
    ['never-synced', 22],
    ['too-stale', 3],
  ] as const) {
    state.availability = availability;
    const response = state.ask({ ...WEB, edns: {} });
    assert.equal([head(response), ede(response)], ['SERVFAIL rd', code]);
    const negative = state.ask({ name: 'gone.example.org' });
    assert.is(head(negative), 'SERVFAIL rd');
  }
  state.availability = 'live';
  assert.is(head(state.ask(WEB)), 'NOERROR aa rd');
});

test('a lookup that throws costs its query a SERVFAIL, and is kept for the log', () => {
  const broken = answering(ZONE, {
    deps: {
      lookup: () => {
        throw new Error('zone is broken');
      },
    },
  });
  assert.is(head(broken.ask(WEB)), 'SERVFAIL rd');
  assert.is((broken.answerer.lastFailure as Error).message, 'zone is broken');
  assert.is(broken.answerer.counts.failures, 1);
});

const LIMITED = { responsesPerSecond: 10, slip: 2, exempt: [parseNetwork('127.0.0.0/8') as Network] };

function outcomes(state: Answering, count: number, ask: Ask | Buffer, client = UDP_CLIENT): Record<string, number> {
  const tally: Record<string, number> = {};
  for (let left = count; left > 0; left -= 1) {
    const found = head(state.ask(ask, client));
    tally[found] = (tally[found] ?? 0) + 1;
  }
  return tally;
}

test('over the rate limit every other answer is an empty TC, the others are dropped', () => {
  const state = answering(ZONE, { settings: { rateLimit: LIMITED } });
  assert.equal(outcomes(state, 30, WEB), { 'NOERROR aa rd': 10, silence: 10, 'NOERROR tc rd': 10 });
  assert.is(state.answerer.counts.slipped, 10);
});

test('refusals count too, and are dropped', () => {
  const state = answering(ZONE, { settings: { rateLimit: LIMITED } });
  const notify = Buffer.from('123420000001000000000000', 'hex');
  assert.equal(outcomes(state, 30, notify), { NOTIMP: 10, silence: 20 });
});

test('TCP, exempt networks and clients with a good cookie are not limited', () => {
  const state = answering(ZONE, { settings: { rateLimit: LIMITED } });
  const ask = (data: string): Ask => ({ ...WEB, edns: { options: [{ code: 10, data }] } });
  const cookie =
    optOf(state.ask(ask('12345678')))
      ?.options.get(10)
      ?.toString('latin1') ?? '';
  assert.equal(outcomes(state, 50, ask(cookie)), { 'NOERROR aa rd': 50 });
  assert.equal(outcomes(state, 50, WEB, TCP_CLIENT), { 'NOERROR aa rd': 50 });
  assert.equal(outcomes(state, 50, WEB, { ...UDP_CLIENT, address: '127.0.0.1' }), { 'NOERROR aa rd': 50 });
});

class FakeForwarder implements Forwarder {
  readonly known = new Map<string, OutsideAnswer>();
  asked = 0;
  response: Buffer | undefined;
  /** Names of which nothing is known until then. */
  readonly late = new Map<string, Promise<unknown>>();
  /** Settles each question. */
  gate: Promise<unknown> = Promise.resolve();

  async forward(query: Uint8Array): Promise<Uint8Array | undefined> {
    this.asked += 1;
    await this.gate;
    if (this.response === undefined) return undefined;
    const end = query.indexOf(0, 12) + 5;
    return Buffer.concat([
      Buffer.from([0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]),
      query.subarray(12, end),
      this.response,
    ]);
  }

  cached({ name, type }: { name: string; type: number }): OutsideAnswer | undefined {
    return this.known.get(`${name} ${type}`);
  }

  async resolve({ name, type }: { name: string; type: number }, withinMs?: number): Promise<OutsideAnswer | undefined> {
    this.asked += 1;
    await this.gate;
    const late = this.late.get(name);
    if (late !== undefined && withinMs !== undefined) return undefined;
    await late;
    const answer = { addresses: type === 1 ? ['198.51.100.7'] : [], validUntilMs: 1_800_000_000_000 };
    this.known.set(`${name} ${type}`, answer);
    return answer;
  }
}

const A_RECORD = Buffer.from('c00c000100010000003c0004c6336407', 'hex');

function forwarding(mayForward = true) {
  const forwarder = new FakeForwarder();
  const state = answering(ZONE, { deps: { forwarder, mayForward: () => mayForward } });
  const slowly = async (ask: Ask | Buffer, client = UDP_CLIENT): Promise<Buffer | undefined> => {
    const query = Buffer.isBuffer(ask) ? ask : queryOctets(ask);
    assert.throws(() => state.ask(query, client), /asked slowly/);
    const response = await state.answerer.answerSlowly(query, client);
    return response === undefined ? undefined : Buffer.from(response);
  };
  return { forwarder, state, slowly };
}

test('a name outside is forwarded for who may, with the id, letter case and OPT of the query', async () => {
  const { forwarder, slowly } = forwarding();
  forwarder.response = A_RECORD;
  const response = await slowly({ name: 'WWW.example.com', id: 77, edns: {} });
  assert.is(response?.readUInt16BE(0), 77);
  assert.equal(recordTexts(decode(response as Buffer).answers), ['WWW.example.com A 198.51.100.7']);
  assert.is(head(response), 'NOERROR rd ra');
  assert.is(optOf(response)?.udp, 1232);
});

test('for others it is refused, with EDE 18; with forwarding off, EDE 20', () => {
  const outside: Ask = { name: 'www.example.com', edns: {} };
  const { state, forwarder } = forwarding(false);
  const response = state.ask(outside);
  assert.equal([head(response), ede(response), forwarder.asked], ['REFUSED rd', 18, 0]);
  const off = on().ask(outside);
  assert.equal([head(off), ede(off)], ['REFUSED rd', 20]);
});

test('RA is set for who may forward, on every answer', () => {
  assert.is(head(forwarding().state.ask(WEB)), 'NOERROR aa rd ra');
  assert.is(head(forwarding(false).state.ask(WEB)), 'NOERROR aa rd');
});

test('upstreams that fail are SERVFAIL with EDE 23', async () => {
  const { slowly } = forwarding();
  const response = await slowly({ name: 'www.example.com', edns: {} });
  assert.equal([head(response), ede(response)], ['SERVFAIL rd ra', 23]);
});

test('a forwarded answer is cut to what the client takes', async () => {
  const { forwarder, slowly } = forwarding();
  forwarder.response = Buffer.concat([
    A_RECORD.subarray(0, 2),
    Buffer.from('001000010000003c', 'hex'),
    Buffer.from([2, 88]),
    ...Array.from({ length: 3 }, () => Buffer.concat([Buffer.from([199]), Buffer.alloc(199)])),
  ]);
  const response = await slowly({ name: 'www.example.com' });
  assert.equal(
    [head(response), (response as Buffer).length],
    ['NOERROR tc rd ra', queryOctets({ name: 'www.example.com' }).length],
  );
  assert.is(head(await slowly({ name: 'www.example.com', edns: { udp: 1232 } })), 'NOERROR rd ra');
});

test('an answer that needs a name outside asks for it once, and is compiled then', async () => {
  const { state, forwarder, slowly } = forwarding();
  const response = await slowly({ name: 'out.example.org' });
  const expected = ['out.example.org CNAME www.example.com', 'www.example.com A 198.51.100.7'];
  assert.equal(recordTexts(decode(response as Buffer).answers), expected);
  assert.equal(recordTexts(askDecoded(state, { name: 'OUT.example.org' }).answers).length, 2);
  assert.is(forwarder.asked, 1);
});

test('queries that wait mix up nothing', async () => {
  const { forwarder, state } = forwarding();
  forwarder.response = A_RECORD;
  let open = (_value: unknown): void => undefined;
  forwarder.gate = new Promise((resolve) => {
    open = resolve;
  });
  const asks = [1, 2, 3].map((id) => queryOctets({ name: `W${id}.example.com`, id, ...(id === 2 && { edns: {} }) }));
  const waiting = asks.map((query, at) => state.answerer.answerSlowly(query, at === 1 ? TCP_CLIENT : UDP_CLIENT));
  assert.is(state.answerer.slowQueries, 3);
  state.ask({ ...WEB, edns: { options: [{ code: 3 }] } });
  open(undefined);
  const responses = (await Promise.all(waiting)).map((each) => Buffer.from(each as Uint8Array));
  assert.equal(
    responses.map((each) => each.readUInt16BE(0)),
    [1, 2, 3],
  );
  assert.equal(
    responses.map((each) => decode(each).questions?.[0]?.name),
    ['W1.example.com', 'W2.example.com', 'W3.example.com'],
  );
  assert.equal(
    responses.map((each) => optOf(each) !== undefined),
    [false, true, false],
  );
  assert.is(state.answerer.slowQueries, 0);
});

test('names outside are asked once for a question, though what is said of one is over before the other is', async () => {
  const { forwarder, state } = forwarding();
  state.apply(put(keyFor('1.far.example.org'), '{"host":"www.example.com"}', 90));
  state.apply(put(keyFor('2.far.example.org'), '{"host":"mail.example.com"}', 91));
  forwarder.cached = () => undefined;
  const response = await state.answerer.answerSlowly(queryOctets({ name: 'far.example.org' }), UDP_CLIENT);
  assert.is(forwarder.asked, 2);
  assert.is(recordTexts(decode(Buffer.from(response as Uint8Array)).answers).length, 3);
});

test('SRV and MX do not wait for what is only additional; A does', async () => {
  const { forwarder, state } = forwarding();
  state.apply(put(keyFor('1.far.example.org'), '{"host":"www.example.com","port":80,"mail":true}', 90));
  state.apply(put(keyFor('2.far.example.org'), '{"host":"lost.example.com","port":80}', 91));
  let tell: (value: unknown) => void = () => undefined;
  const lost = new Promise((resolve) => {
    tell = resolve;
  });
  forwarder.late.set('lost.example.com.', lost);
  const ask = async (type: 'A' | 'SRV' | 'MX') => {
    const response = await state.answerer.answerSlowly(queryOctets({ name: 'far.example.org', type }), UDP_CLIENT);
    const { answers, additionals } = decode(Buffer.from(response as Uint8Array));
    return [answers?.length, recordTexts(additionals)];
  };
  const address = 'www.example.com A 198.51.100.7';
  assert.equal(await ask('SRV'), [2, [address]]);
  assert.equal(await ask('MX'), [1, [address]]);
  assert.is(state.answerer.compiled.octets > 0, true, 'the MX has all that it needs');
  const addresses = ask('A');
  assert.equal(await Promise.race([addresses, ask('SRV')]), [2, [address]]);
  tell(undefined);
  assert.equal(await addresses, [3, []]);
  assert.equal(await ask('SRV'), [2, [address, 'lost.example.com A 198.51.100.7']]);
});

test('past the bound of waiting queries the next gets SERVFAIL at once', () => {
  const forwarder = new FakeForwarder();
  forwarder.gate = new Promise(() => undefined);
  const state = answering(ZONE, { deps: { forwarder }, settings: { slowQueriesMax: 2 } });
  for (const id of [1, 2]) void state.answerer.answerSlowly(queryOctets({ name: 'www.example.com', id }), UDP_CLIENT);
  const response = state.ask({ name: 'www.example.com', edns: {} });
  assert.equal([head(response), ede(response)], ['SERVFAIL rd ra', 14]);
  assert.is(head(state.ask(WEB)), 'NOERROR aa rd ra', 'our own names are not touched');
});

test('a forwarder that throws costs its query a SERVFAIL', async () => {
  const { forwarder, slowly, state } = forwarding();
  forwarder.gate = Promise.reject(new Error('upstream is broken'));
  assert.is(head(await slowly({ name: 'www.example.com' })), 'SERVFAIL rd');
  assert.is(state.answerer.counts.failures, 1);
});

test('counts by protocol, family, type and RCODE', () => {
  const state = on();
  state.ask(WEB);
  state.ask({ ...WEB, type: 'SRV' }, { ...TCP_CLIENT, address: '2001:db8::1' });
  state.ask({ ...WEB, type: 4711 });
  state.ask({ name: 'gone.example.org' });
  assert.equal(
    [...state.answerer.counts.requests()],
    [
      [['udp', '1', 'other'], 1],
      [['udp', '1', 'A'], 2],
      [['tcp', '2', 'SRV'], 1],
    ],
  );
  assert.equal(
    [...state.answerer.counts.responses()],
    [
      [['NOERROR'], 3],
      [['NXDOMAIN'], 1],
    ],
  );
  assert.is(ANSWERER_SETTINGS.rateLimit.responsesPerSecond, 0);
});

test.run();
