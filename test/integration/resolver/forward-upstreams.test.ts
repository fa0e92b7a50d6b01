import { decode, encode, type Packet } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ForwardSettings, UpstreamForwarder } from '../../../resolver/forwarding/forward.ts';
import type { HostPort } from '../../../shared/address.ts';
import { silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';
import { type DnsUpstream, startDnsUpstream } from '../../support/servers/dns-upstream.ts';
import { until } from '../../support/until.ts';

const RECORDS = `
  example.org. 60 IN SOA ns.example.org. hostmaster.example.org. 1 7200 900 1209600 30
  www.example.org. 300 IN A 192.0.2.80
  www.example.org. 300 IN AAAA 2001:db8::80
  alias.example.org. 40 IN CNAME www.example.org.
  big.example.org. 300 IN TXT "big"
`;

const test = suite('integration/forward-upstreams');

interface Set {
  readonly forwarder: UpstreamForwarder;
  readonly metrics: Metrics;
  readonly upstreams: readonly DnsUpstream[];
}

/** Runs `body` with a forwarder on `count` upstreams of the same records, then closes everything. */
async function withUpstreams(
  count: number,
  body: (set: Set) => Promise<void>,
  more: { stubs?: ForwardSettings['stubs']; now?: () => number } = {},
): Promise<void> {
  const upstreams = await Promise.all(Array.from({ length: count }, () => startDnsUpstream(RECORDS)));
  const metrics = new Metrics();
  const forwarder = new UpstreamForwarder(
    { upstreams: upstreams.map(({ address }) => address), stubs: more.stubs ?? [] },
    { log: silentLog, metrics, ...(more.now && { now: more.now }) },
  );
  try {
    await body({ forwarder, metrics, upstreams });
  } finally {
    forwarder.close();
    await Promise.all(upstreams.map((upstream) => upstream.close()));
  }
}

function query(name: string, type: 'A' | 'AAAA' | 'TXT' = 'A', additionals: Packet['additionals'] = []): Buffer {
  return encode({ type: 'query', id: 4711, flags: 0x0100, questions: [{ name, type }], additionals });
}

async function ask(
  forwarder: UpstreamForwarder,
  octets: Buffer,
): Promise<ReturnType<typeof decode> & { rcode: number }> {
  const response = await forwarder.forward(octets);
  if (response === undefined) throw new Error('every upstream failed');
  const packet = decode(Buffer.from(response));
  return { ...packet, rcode: (packet.flags ?? 0) & 0xf };
}

test('answers with id 0, RA, no AA, no OPT, the question as asked', () =>
  withUpstreams(1, async ({ forwarder }) => {
    const response = await ask(forwarder, query('WwW.Example.ORG'));
    assert.is(response.id, 0);
    assert.is(response.flag_ra, true);
    assert.is(response.flag_aa, false);
    assert.is(response.questions?.[0]?.name, 'WwW.Example.ORG');
    assert.equal(response.additionals, []);
    assert.equal(
      response.answers?.map((each) => [each.type, (each as { data: unknown }).data]),
      [['A', '192.0.2.80']],
    );
  }));

test('sends an OPT of its own upstream and leaves the options of the client out', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const subnet = { code: 8, ip: '10.1.2.3', sourcePrefixLength: 24 };
    // biome-ignore lint/suspicious/noExplicitAny: the type package knows fewer options than the codec
    const opt = { type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0x8000, options: [subnet] } as any;
    await ask(forwarder, query('www.example.org', 'A', [opt]));
    const sent = upstreams[0]!.seen[0]!.packet.additionals?.[0] as unknown as Record<string, unknown>;
    assert.is(sent.udpPayloadSize, 1232);
    assert.is(sent.flag_do, true, 'DO is mirrored');
    assert.equal(sent.options, []);
  }));

test('draws ids and source ports anew for each query', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    for (let i = 0; i < 20; i += 1) await ask(forwarder, query(`n${i}.example.org`));
    const { seen } = upstreams[0]!;
    assert.ok(new Set(seen.map(({ id }) => id)).size > 15);
    assert.ok(new Set(seen.map(({ port }) => port)).size > 15);
    assert.not(seen.every(({ id }) => id === 4711));
  }));

test('asks again over TCP when the datagram was cut', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'truncate' });
    const response = await ask(forwarder, query('big.example.org', 'TXT'));
    assert.is(response.answers?.length, 1);
    assert.is(response.flag_tc, false);
    assert.equal(
      upstreams[0]!.seen.map(({ transport }) => transport),
      ['udp', 'tcp'],
    );
  }));

test('turns to the next upstream when the first is silent, and then leaves it alone', () =>
  withUpstreams(2, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'drop' });
    const started = performance.now();
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    assert.ok(performance.now() - started < 4500, 'within what a stub resolver waits');
    await ask(forwarder, query('www.example.org', 'AAAA'));
    const before = upstreams[0]!.seen.filter(({ question }) => question.name !== '.').length;
    const quick = performance.now();
    await ask(forwarder, query('alias.example.org'));
    assert.ok(performance.now() - quick < 1000, 'a dead upstream costs no client time');
    assert.is(upstreams[0]!.seen.filter(({ question }) => question.name !== '.').length, before);
  }));

test('takes a dead upstream back when it answers a probe', () =>
  withUpstreams(1, async ({ forwarder, metrics, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'drop' });
    assert.is(await forwarder.forward(query('www.example.org')), undefined);
    assert.match(await metrics.text(), /rollcall_forward_upstreams_healthy 0/);
    const probed = new Promise<void>((resolve) => {
      upstreams[0]!.fault = ({ question }) => {
        if (question.name === '.') resolve();
        return undefined;
      };
    });
    await probed;
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    assert.match(await metrics.text(), /rollcall_forward_upstreams_healthy 1/);
  }));

test('other upstreams are asked from their coming on, and what the former ones said is forgotten', () =>
  withUpstreams(2, async ({ forwarder, metrics, upstreams }) => {
    const [before, after] = upstreams as [DnsUpstream, DnsUpstream];
    after.setRecords('www.example.org. 300 IN A 192.0.2.81');
    forwarder.useUpstreams([before.address]);
    const www = parseName('www.example.org');
    const addressOf = async (): Promise<unknown> => {
      const { addresses } = (await forwarder.resolve({ name: www, type: RrType.A })) ?? {};
      const { answers } = await ask(forwarder, query('www.example.org'));
      return [...(addresses ?? []), ...(answers ?? []).map((each) => (each as { data?: unknown }).data)];
    };
    assert.equal(await addressOf(), ['192.0.2.80', '192.0.2.80']);
    // One on its way is answered all the same, and not kept.
    before.fault = () => ({ do: 'delay', ms: 500 });
    const late = ask(forwarder, query('www.example.org', 'AAAA'));
    await until('it to be on its way', () => before.seen.some(({ question }) => question.type === 'AAAA'));
    forwarder.useUpstreams([after.address]);
    assert.equal(await addressOf(), ['192.0.2.81', '192.0.2.81']);
    assert.is((await late).answers?.length, 1);
    assert.is((await ask(forwarder, query('www.example.org', 'AAAA'))).answers?.length, 0);
    assert.match(await metrics.text(), /rollcall_forward_upstreams_healthy 1/);
  }));

test('a stub zone keeps its servers when the upstreams change', async () => {
  const stub = await startDnsUpstream(RECORDS);
  const nobody = { host: '127.0.0.1', port: 9 };
  const stubs = [{ zone: parseName('example.org'), servers: [stub.address] }];
  const forwarder = new UpstreamForwarder({ upstreams: [], stubs }, { log: silentLog, metrics: new Metrics() });
  try {
    forwarder.useUpstreams([nobody]);
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    assert.is(await forwarder.forward(query('www.example.com')), undefined, 'asked of nobody, for none is there');
  } finally {
    forwarder.close();
    await stub.close();
  }
});

/** The kernel refuses each at once, on any machine: no permission for a broadcast, no interface for a link-local address, no IPv6. */
for (const host of ['255.255.255.255', 'fe80::1', 'fe80::1%lo', '2001:db8::53%nowhere']) {
  test(`an upstream that cannot be reached at all (${host}) is one that fails, and ends nothing`, async () => {
    const upstream = await startDnsUpstream(RECORDS);
    const dead = { host, port: 53 };
    const forwarderOf = (upstreams: readonly HostPort[]): UpstreamForwarder =>
      new UpstreamForwarder({ upstreams, stubs: [] }, { log: silentLog, metrics: new Metrics() });
    const [withNext, alone] = [forwarderOf([dead, upstream.address]), forwarderOf([dead])];
    try {
      for (const name of ['www', 'alias', 'nope']) {
        assert.ok(await withNext.forward(query(`${name}.example.org`)), name);
        assert.is(await alone.forward(query(`${name}.example.org`)), undefined);
      }
    } finally {
      withNext.close();
      alone.close();
      await upstream.close();
    }
  });
}

test('asks another upstream when one says SERVFAIL or REFUSED, and passes that on when all do', () =>
  withUpstreams(2, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'rcode', rcode: 2 });
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    upstreams[1]!.fault = () => ({ do: 'rcode', rcode: 5 });
    assert.is((await ask(forwarder, query('alias.example.org'))).rcode, 2);
  }));

test('a server that does not know EDNS is asked without', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = ({ packet }) => (packet.additionals?.length ? { do: 'rcode', rcode: 4 } : undefined);
    const original = upstreams[0]!.fault;
    upstreams[0]!.fault = (seen) => {
      // The fault's answer would mirror the OPT; a server without EDNS sends none.
      const fault = original(seen);
      if (fault !== undefined) seen.packet.additionals = [];
      return fault;
    };
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
  }));

test('a server that says FORMERR to EDNS without the question is asked without, over TCP too', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const upstream = upstreams[0]!;
    upstream.fault = ({ packet }) => (packet.additionals?.length ? { do: 'bare', rcode: 1 } : undefined);
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    upstream.fault = ({ packet, transport }) =>
      packet.additionals?.length ? { do: 'bare', rcode: 1 } : transport === 'udp' ? { do: 'truncate' } : undefined;
    assert.is((await ask(forwarder, query('big.example.org', 'TXT'))).answers?.length, 1);
  }));

test('an error without the question counts: the next server is asked at once', () =>
  withUpstreams(2, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'bare', rcode: 5 });
    const startMs = performance.now();
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    upstreams[1]!.fault = () => ({ do: 'bare', rcode: 2 });
    const failed = await ask(forwarder, query('alias.example.org'));
    assert.is(failed.rcode, 5, 'what the first said, as nobody knew better');
    assert.equal(failed.questions?.[0]?.name, 'alias.example.org');
    assert.ok(performance.now() - startMs < 1000, 'nobody was waited for');
  }));

test('without the question nothing but an error counts', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const bare = (flags: number) => (octets: Buffer) => {
      const header = Buffer.concat([octets.subarray(0, 2), Buffer.alloc(10)]);
      header.writeUInt16BE(flags, 2);
      return header;
    };
    // NOERROR, NXDOMAIN, a query, another opcode.
    const forgeries = [0x8180, 0x8183, 0x0101, 0xa185].map(bare);
    upstreams[0]!.fault = () => ({ do: 'spoof', packets: (octets) => forgeries.map((forge) => forge(octets)) });
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
  }));

test('an upstream that is slower than the wait for the next one is heard all the same', () =>
  withUpstreams(2, async ({ forwarder, metrics, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'delay', ms: 2300 });
    upstreams[1]!.fault = () => ({ do: 'drop' });
    const startMs = performance.now();
    assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs > 2200 && tookMs < 4000, `${Math.round(tookMs)} ms`);
    assert.is(upstreams[1]!.seen.length, 1, 'the next was asked meanwhile');
    const [first, next] = upstreams.map(({ address }) => `${address.host}:${address.port}`);
    const text = await metrics.text();
    for (const line of [
      `rollcall_forward_requests_total{to="${first}"} 1`,
      `rollcall_forward_failures_total{to="${first}"} 1`,
      `rollcall_forward_responses_total{to="${first}",rcode="NOERROR"} 1`,
      `rollcall_forward_requests_total{to="${next}"} 1`,
      'rollcall_forward_upstreams_healthy 2',
    ]) {
      assert.ok(text.includes(`${line}\n`), line);
    }
  }));

test('an upstream whose answers come too late counts as failed for all of them, and is passed by as one that gives none', () =>
  withUpstreams(2, async ({ forwarder, metrics, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'delay', ms: 1600 });
    upstreams[1]!.fault = () => ({ do: 'delay', ms: 500 });
    for (const name of ['www.example.org', 'alias.example.org']) {
      assert.ok(((await ask(forwarder, query(name))).answers?.length ?? 0) > 0);
    }
    assert.match(await metrics.text(), /rollcall_forward_upstreams_healthy 1/);
    const startMs = performance.now();
    assert.is((await ask(forwarder, query('www.example.org', 'AAAA'))).answers?.length, 1);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 1400, `${Math.round(tookMs)} ms: the other was asked first`);
  }));

test('a refusal that comes late is believed when nobody says better', () =>
  withUpstreams(2, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'delay', ms: 2000, rcode: 5 });
    upstreams[1]!.fault = () => ({ do: 'drop' });
    assert.is((await ask(forwarder, query('www.example.org'))).rcode, 5);
  }));

test('upstreams that are slow over UDP and silent over TCP cost no more than the whole time-out', () =>
  withUpstreams(2, async ({ forwarder, upstreams }) => {
    for (const upstream of upstreams) {
      upstream.fault = ({ transport }) => (transport === 'udp' ? { do: 'delay', ms: 1300, cut: true } : { do: 'drop' });
    }
    const startMs = performance.now();
    const cut = await ask(forwarder, query('big.example.org', 'TXT'));
    const tookMs = performance.now() - startMs;
    assert.ok(cut.flag_tc);
    assert.ok(tookMs < 4700, `${Math.round(tookMs)} ms, of a stub resolver's 5 s`);
  }));

test('ignores what does not match id and question, and takes the true answer after it', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const forged = (change: (packet: Packet) => Packet) => (octets: Buffer) => {
      const packet = decode(octets);
      return encode(
        change({
          type: 'response',
          id: packet.id ?? 0,
          flags: 0x8180,
          questions: packet.questions ?? [],
          answers: [{ type: 'A', name: 'www.example.org', ttl: 300, data: '203.0.113.66' }],
        }),
      );
    };
    const forgeries = [
      forged((packet) => ({ ...packet, id: ((packet.id ?? 0) + 1) & 0xffff })),
      forged((packet) => ({ ...packet, questions: [{ name: 'other.example.org', type: 'A' }] })),
      forged((packet) => ({ ...packet, questions: [{ name: 'www.example.org', type: 'AAAA' }] })),
      forged((packet) => ({ ...packet, type: 'query' })),
      (octets: Buffer) => octets.subarray(0, 11),
      (octets: Buffer) =>
        Buffer.concat([octets.subarray(0, 2), Buffer.from('818000ff00ff00ff00ff', 'hex'), octets.subarray(12)]),
    ];
    upstreams[0]!.fault = () => ({ do: 'spoof', packets: (octets) => forgeries.map((forge) => forge(octets)) });
    const response = await ask(forwarder, query('www.example.org'));
    assert.equal(
      response.answers?.map((each) => (each as { data: unknown }).data),
      ['192.0.2.80'],
    );
  }));

test('keeps answers for their TTL and counts it down', async () => {
  let nowMs = 1_000_000;
  await withUpstreams(
    1,
    async ({ forwarder, upstreams }) => {
      const ttls = async (): Promise<unknown> =>
        (await ask(forwarder, query('alias.example.org'))).answers?.map((each) => (each as { ttl?: number }).ttl);
      assert.equal(await ttls(), [40, 300]);
      nowMs += 15_000;
      assert.equal(await ttls(), [25, 285]);
      assert.is(upstreams[0]!.seen.length, 1);
      nowMs += 25_000;
      assert.equal(await ttls(), [40, 300], 'expired with its least TTL');
      assert.is(upstreams[0]!.seen.length, 2);
    },
    { now: () => nowMs },
  );
});

test('keeps NXDOMAIN and NODATA for the SOA minimum (RFC 2308 §5)', async () => {
  let nowMs = 1_000_000;
  await withUpstreams(
    1,
    async ({ forwarder, upstreams }) => {
      for (const [name, type, rcode] of [
        ['no.example.org', 'A', 3],
        ['big.example.org', 'A', 0],
      ] as const) {
        const before = upstreams[0]!.seen.length;
        assert.is((await ask(forwarder, query(name, type))).rcode, rcode);
        nowMs += 29_000;
        assert.is((await ask(forwarder, query(name, type))).rcode, rcode);
        assert.is(upstreams[0]!.seen.length, before + 1);
        nowMs += 2000;
        await ask(forwarder, query(name, type));
        assert.is(upstreams[0]!.seen.length, before + 2);
      }
    },
    { now: () => nowMs },
  );
});

test('asks once for the same question from many, whatever its letter case', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    upstreams[0]!.fault = () => ({ do: 'delay', ms: 50 });
    const names = Array.from({ length: 50 }, (_none, at) => (at % 2 === 0 ? 'www.example.org' : 'WWW.example.org'));
    const responses = await Promise.all(names.map((name) => ask(forwarder, query(name))));
    assert.is(upstreams[0]!.seen.length, 1);
    assert.equal(
      responses.map(({ questions }) => questions?.[0]?.name),
      names,
    );
  }));

test('a stub zone is asked at its own server, its parent elsewhere', async () => {
  const corp = await startDnsUpstream('db.corp.example.net. 30 IN A 10.0.0.9');
  try {
    await withUpstreams(
      1,
      async ({ forwarder, upstreams }) => {
        assert.is((await ask(forwarder, query('db.corp.example.net'))).answers?.length, 1);
        assert.is((await ask(forwarder, query('notcorp.example.net'))).rcode, 3);
        assert.is(corp.seen.length, 1);
        assert.is(upstreams[0]!.seen.length, 1);
      },
      { stubs: [{ zone: parseName('corp.example.net'), servers: [corp.address] }] },
    );
  } finally {
    await corp.close();
  }
});

test('without an upstream for a name the answer is REFUSED', async () => {
  const forwarder = new UpstreamForwarder({ upstreams: [], stubs: [] }, { log: silentLog, metrics: new Metrics() });
  assert.is((await ask(forwarder, query('www.example.org'))).rcode, 5);
  forwarder.close();
});

test('a failure is remembered for a second, not longer', async () => {
  let nowMs = 1_000_000;
  const gone = await startDnsUpstream('');
  await gone.close();
  const forwarder = new UpstreamForwarder(
    { upstreams: [gone.address], stubs: [] },
    { log: silentLog, metrics: new Metrics(), now: () => nowMs },
  );
  const started = performance.now();
  assert.is(await forwarder.forward(query('www.example.org')), undefined);
  assert.ok(performance.now() - started < 1000, 'a closed port is known at once');
  const back = await startDnsUpstream(RECORDS, gone.address.host, gone.address.port);
  assert.is(await forwarder.forward(query('www.example.org')), undefined);
  nowMs += 1001;
  assert.is((await ask(forwarder, query('www.example.org'))).answers?.length, 1);
  forwarder.close();
  await back.close();
});

test('resolve gives the addresses behind a CNAME, and cached knows them for their TTL', async () => {
  let nowMs = 1_000_000;
  await withUpstreams(
    1,
    async ({ forwarder }) => {
      const question = { name: parseName('alias.example.org'), type: RrType.A };
      assert.is(forwarder.cached(question), undefined);
      assert.equal(await forwarder.resolve(question), {
        addresses: ['192.0.2.80'],
        aliases: ['www.example.org.'],
        validUntilMs: nowMs + 40_000,
      });
      assert.equal(forwarder.cached(question)?.addresses, ['192.0.2.80']);
      nowMs += 40_000;
      assert.is(forwarder.cached(question), undefined);
      const six = { name: parseName('www.example.org'), type: RrType.AAAA };
      assert.equal((await forwarder.resolve(six)).addresses, ['2001:db8::80']);
      const none = { name: parseName('no.example.org'), type: RrType.A };
      assert.equal((await forwarder.resolve(none)).addresses, []);
      assert.ok(forwarder.cached(none) !== undefined, 'an empty answer is an answer too');
    },
    { now: () => nowMs },
  );
});

test('a TTL of 0 is said to be one, and kept for a second for those who wait for it', async () => {
  let nowMs = 1_000_000;
  await withUpstreams(
    1,
    async ({ forwarder, upstreams }) => {
      upstreams[0]!.setRecords('zero.example.org. 0 IN A 192.0.2.70');
      const question = { name: parseName('zero.example.org'), type: RrType.A };
      const { ttlIsZero, validUntilMs } = await forwarder.resolve(question);
      assert.equal([ttlIsZero, validUntilMs], [true, nowMs + 1000]);
      nowMs += 1000;
      assert.is(forwarder.cached(question), undefined);
    },
    { now: () => nowMs },
  );
});

test('whether there are no addresses, or nobody said, is told apart', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const failed = async (name: string): Promise<boolean> => {
      const { addresses, failed = false } = await forwarder.resolve({ name: parseName(name), type: RrType.A });
      assert.equal(addresses, []);
      return failed;
    };
    assert.is(await failed('no.example.org'), false, 'NXDOMAIN');
    assert.is(await failed('big.example.org'), false, 'NODATA');
    for (const rcode of [1, 2, 4, 5]) {
      upstreams[0]!.fault = () => ({ do: 'rcode', rcode });
      assert.is(await failed(`rcode${rcode}.example.org`), true, `RCODE ${rcode}`);
    }
    upstreams[0]!.fault = () => ({ do: 'drop' });
    assert.is(await failed('silent.example.org'), true);
    assert.is(await failed('server1'), false, 'a name of one label is nobody’s');
  }));

test('who cannot wait is told nothing in time; what the upstream says then is for the next', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const question = { name: parseName('www.example.org'), type: RrType.A };
    upstreams[0]!.fault = () => ({ do: 'delay', ms: 200 });
    assert.is(await forwarder.resolve(question, 10), undefined);
    await until('the answer', () => forwarder.cached(question) !== undefined);
    assert.equal((await forwarder.resolve(question, 10))?.addresses, ['192.0.2.80']);
    assert.is(upstreams[0]!.seen.length, 1);
  }));

test('without an upstream for the name nobody failed: it is as without forwarding', async () => {
  const corp = await startDnsUpstream('');
  const settings = { upstreams: [], stubs: [{ zone: parseName('corp.example.net'), servers: [corp.address] }] };
  const forwarder = new UpstreamForwarder(settings, { log: silentLog, metrics: new Metrics() });
  const { addresses, failed } = await forwarder.resolve({ name: parseName('www.example.org'), type: RrType.A });
  assert.equal([addresses, failed], [[], undefined]);
  forwarder.close();
  await corp.close();
});

test('close ends what is on its way', () =>
  withUpstreams(1, async ({ forwarder, upstreams }) => {
    const asked = new Promise<void>((resolve) => {
      upstreams[0]!.fault = () => {
        resolve();
        return { do: 'drop' };
      };
    });
    const waiting = forwarder.forward(query('www.example.org'));
    await asked;
    forwarder.close();
    assert.is(await waiting, undefined);
  }));

test.run();
