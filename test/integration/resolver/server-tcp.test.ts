import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Forwarder } from '../../../resolver/forwarding/forwarder.ts';
import { askTcp, askUdp, queryOctets, TcpClient, withLength } from '../../support/servers/dns-client.ts';
import { type Serving, serving } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

const test = suite('integration: server tcp');

const ZONE = `
  1.web.example.org host=192.0.2.1 port=80
  2.web.example.org host=192.0.2.2 port=80
`;
const WEB = { name: 'web.example.org' };

/** Runs `body` with a server, its clients closed behind it. */
async function using(
  options: Parameters<typeof serving>,
  body: (on: Serving, connect: () => Promise<TcpClient>) => Promise<void>,
): Promise<void> {
  const on = await serving(...options);
  const clients: TcpClient[] = [];
  try {
    await body(on, async () => {
      const client = await TcpClient.connect(on.server);
      clients.push(client);
      return client;
    });
  } finally {
    for (const client of clients) client.close();
    await on.close();
  }
}

const ids = (messages: readonly Buffer[]) => messages.map((message) => message.readUInt16BE(0));

test('queries sent in one go are all answered (RFC 7766 §6.2.1.1)', () =>
  using([ZONE], async (_on, connect) => {
    const client = await connect();
    const asked = Array.from({ length: 500 }, (_none, id) => id);
    client.send(...asked.map((id) => queryOctets({ ...WEB, id })));
    assert.equal(ids(await client.receive(500)), asked);
  }));

test('a query that comes octet by octet is answered', () =>
  using([ZONE], async (_on, connect) => {
    const client = await connect();
    const octets = Buffer.concat([
      withLength(queryOctets({ ...WEB, id: 1 })),
      withLength(queryOctets({ ...WEB, id: 2 })),
    ]);
    for (const octet of octets) {
      client.socket.write(Buffer.from([octet]));
      await new Promise(setImmediate);
    }
    assert.equal(ids(await client.receive(2)), [1, 2]);
  }));

function slowForwarder(): { forwarder: Forwarder; open: () => void } {
  let open = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    open: () => open(),
    forwarder: {
      async forward(query) {
        await gate;
        return Buffer.concat([Buffer.from('000081800001000000000000', 'hex'), query.subarray(12)]);
      },
      cached: () => undefined,
      resolve: async () => ({ addresses: [], validUntilMs: 0 }),
    },
  };
}

test('an answer that waits for an upstream holds up no other (RFC 7766 §6.2.1.1)', () => {
  const { forwarder, open } = slowForwarder();
  return using([ZONE, { deps: { forwarder } }], async (_on, connect) => {
    const client = await connect();
    client.send(queryOctets({ name: 'www.example.com', id: 1 }), queryOctets({ ...WEB, id: 2 }));
    assert.equal(ids(await client.receive(1)), [2]);
    open();
    assert.equal(ids(await client.receive(2)), [2, 1]);
  });
});

test('one connection waits for so many answers and no more; then the next are read', () => {
  const { forwarder, open } = slowForwarder();
  return using([ZONE, { deps: { forwarder } }, { tcp: { slowQueriesMax: 3 } }], async (on, connect) => {
    const client = await connect();
    client.send(
      ...[1, 2, 3, 4, 5].map((id) => queryOctets({ name: 'www.example.com', id })),
      queryOctets({ ...WEB, id: 6 }),
    );
    await until('three queries that wait', () => on.answerer.slowQueries === 3);
    assert.equal(ids(await client.receive(0)), []);
    open();
    assert.equal(ids(await client.receive(6)).sort(), [1, 2, 3, 4, 5, 6]);
  });
});

test('a client that sends its end with its query gets its answer, then ours', () =>
  using([ZONE], async (_on, connect) => {
    const client = await connect();
    client.socket.end(withLength(queryOctets(WEB)));
    await client.receive(1);
    await until('the end of the connection', () => client.isClosed);
  }));

test('what needs no answer gets none, and the connection stays', () =>
  using([ZONE], async (_on, connect) => {
    const client = await connect();
    client.send(
      Buffer.alloc(0),
      Buffer.alloc(5),
      queryOctets({ ...WEB, flags: 0x8100 }),
      Buffer.alloc(60_000, 0xff),
      queryOctets({ ...WEB, id: 9 }),
    );
    assert.equal(ids(await client.receive(1)), [9]);
  }));

test('an idle connection is closed, one in use is not', () =>
  using([ZONE, {}, { tcp: { idleMs: 1_000 } }], async (_on, connect) => {
    const idle = await connect();
    const used = await connect();
    const usedFrom = performance.now();
    await until('the idle connection to be closed', async () => {
      used.send(queryOctets(WEB));
      await used.receive(used.messages.length + 1);
      return idle.isClosed;
    });
    assert.ok(performance.now() - usedFrom > 900, 'not before its time');
    assert.is(used.isClosed, false);
  }));

/** A program of `test/support/programs`, so that what it does costs the server's process nothing. */
function program(name: string, { server }: Serving, ...args: readonly string[]): ChildProcess {
  const path = fileURLToPath(new URL(`../../support/programs/${name}.js`, import.meta.url));
  return fork(path, [server.host, String(server.port), ...args]);
}

/** What the good client measured since the last time, sorted. */
async function measured(client: ChildProcess): Promise<number[]> {
  client.send('tell');
  const [tookMs] = (await once(client, 'message')) as [number[]];
  return tookMs.sort((a, b) => a - b);
}

const share = (sorted: readonly number[], part: number): number => sorted[Math.floor(sorted.length * part)] as number;

test('300 clients that drip octets: 95 % are cut in time, and good queries are answered as without them', () =>
  using([ZONE], async (on) => {
    const good = program('good-client', on, WEB.name);
    await wait(500);
    await measured(good);
    await wait(2_000);
    const control = await measured(good);
    const dripping = program('dripping-clients', on, '300');
    await once(dripping, 'message');
    const livedMs: number[] = [];
    dripping.on('message', ({ livedMs: each }: { livedMs: number }) => livedMs.push(each));
    const startedMs = performance.now();
    // After 5 s, or when a busy machine comes to it; their queries would be whole after 18 s.
    await until('95 % of the dripping clients to be cut', () => livedMs.length >= 285, { timeoutMs: 17_000 });
    const beside = await measured(good);
    for (const child of [good, dripping]) {
      child.disconnect();
      await once(child, 'exit');
    }
    const texts = [control, beside].map(
      (all) => `p50 ${share(all, 0.5).toFixed(1)} ms, p99 ${share(all, 0.99).toFixed(1)} ms`,
    );
    const report = `good queries ${texts[1]} of ${beside.length} beside, ${texts[0]} of ${control.length} without`;
    console.log(
      `    95 % of 300 dripping clients cut after ${((performance.now() - startedMs) / 1000).toFixed(1)} s; ${report}`,
    );
    // A busy machine delays both alike.
    assert.ok(share(beside, 0.99) <= 300 + 4 * share(control, 0.99), report);
    assert.ok(share(beside, 0.5) <= 30 + 3 * share(control, 0.5), report);
  }));

test('past the bound of one client, its connection without a query for longest makes room', () =>
  using([ZONE, {}, { tcp: { connectionsPerClientMax: 3 } }], async (on, connect) => {
    const clients = [await connect(), await connect(), await connect()];
    // The first has asked since, so that the second is next.
    clients[0]?.send(queryOctets(WEB));
    await clients[0]?.receive(1);
    const fourth = await connect();
    fourth.send(queryOctets(WEB));
    await fourth.receive(1);
    await until('the second to be closed', () => clients[1]?.isClosed === true);
    assert.equal([clients[0]?.isClosed, clients[2]?.isClosed], [false, false]);
    assert.match(await on.metrics.text(), 'rollcall_dns_tcp_closed_total{reason="room"} 1');
  }));

test('past the bound of all connections the new one is served too', () =>
  using([ZONE, {}, { tcp: { connectionsMax: 5 } }], async (on, connect) => {
    for (let left = 12; left > 0; left -= 1) {
      const client = await connect();
      client.send(queryOctets(WEB));
      await client.receive(1);
    }
    assert.match(await on.metrics.text(), 'rollcall_dns_tcp_connections 5\n');
  }));

test('a connection that has had its octets is closed when its answers are out', () =>
  using([ZONE, {}, { tcp: { octetsMax: 1_000 } }], async (_on, connect) => {
    const client = await connect();
    client.send(...Array.from({ length: 50 }, (_none, id) => queryOctets({ ...WEB, id })));
    await until('the connection to be closed', () => client.isClosed);
    assert.ok(client.messages.length >= 1_000 / 35 - 1, `${client.messages.length} answers`);
  }));

const WIDE = Array.from(
  { length: 2_000 },
  (_none, at) => `${at.toString(36)}.node-${at % 7}.web.example.org host=10.0.${at >> 8}.${at & 255} port=80`,
).join('\n');

test('who takes no answers is read from no more, and cut; others go on', () =>
  using([WIDE, {}, { tcp: { idleMs: 1_000 } }], async (on, connect) => {
    const client = await connect();
    client.socket.pause();
    // Some 60 MB of answers, far beyond what the kernel and we hold.
    client.send(...Array.from({ length: 2_000 }, (_none, id) => queryOctets({ ...WEB, id })));
    await askTcp(on.server, WEB);
    await until('the connection to be cut', async () =>
      (await on.metrics.text()).includes('rollcall_dns_tcp_closed_total{reason="unread-answers"} 1'),
    );
    assert.ok(
      [...on.answerer.counts.responses()].every(([, total]) => total < 2_000),
      'not all were composed',
    );
  }));

test('a name with 2,000 instances: TC over UDP, all addresses over TCP, as many SRV as a message holds', () =>
  using([WIDE], async (on) => {
    const overUdp = await askUdp(on.server, { ...WEB, edns: { udp: 4_096 } });
    assert.equal([overUdp.flag_tc, overUdp.answers?.length], [true, 0]);
    const addresses = await askTcp(on.server, WEB);
    assert.equal([addresses.flag_tc, addresses.answers?.length], [false, 2_000]);
    const services = await askTcp(on.server, { ...WEB, type: 'SRV' });
    assert.ok(services.flag_tc && (services.answers?.length ?? 0) > 1_000);
  }));

test('closing ends connections and waits for no client', async () => {
  const on = await serving(ZONE);
  const client = await TcpClient.connect(on.server);
  client.send(queryOctets(WEB));
  await client.receive(1);
  const startedMs = performance.now();
  await on.close();
  // Far below the idle time, which is what waiting for the client would take.
  assert.ok(performance.now() - startedMs < 5_000);
  await until('the connection to be closed', () => client.isClosed);
  assert.is(decode(client.messages[0] as Buffer).answers?.length, 2);
});

test.run();
