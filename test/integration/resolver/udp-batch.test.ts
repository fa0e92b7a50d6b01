/** UDP in batches: what may go wrong between the kernel and us, and that no answer is lost, doubled or sent elsewhere. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { fstatSync, openSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SystemCalls } from '../../../resolver/serving/udp/system-calls.ts';
import { mutate, Random } from '../../support/mutations.ts';
import { askTcp, askUdp, queryOctets } from '../../support/servers/dns-client.ts';
import { haveIpv6 } from '../../support/servers/machine.ts';
import { freePort } from '../../support/servers/ports.ts';
import { type Serving, serving, udpPaths } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

const ZONE = Array.from({ length: 50 }, (_none, at) => `n${at}.web.example.org host=192.0.2.${at}`).join('\n');
const WEB = { name: 'n1.web.example.org' };
const HEADER_OCTETS = 64;

const batched = udpPaths().find(([, calls]) => calls !== undefined)?.[1];
if (batched !== undefined) define(batched);

interface Client {
  readonly socket: Socket;
  /** By query id: the last octet of the address in the answer, once for each that came. */
  readonly answers: Map<number, number[]>;
}

async function clientAt(host: string, on: Serving): Promise<Client> {
  const answers = new Map<number, number[]>();
  const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 * 1024 * 1024 });
  socket.on('message', (response) => {
    const id = response.readUInt16BE(0);
    answers.set(id, [...(answers.get(id) ?? []), response.at(-1) as number]);
  });
  socket.bind(0, host);
  await once(socket, 'listening');
  socket.connect(on.server.port, on.server.host);
  await once(socket, 'connect');
  return { socket, answers };
}

/** Each client asks `count` questions with ids of its own, in waves that fit into the sockets' buffers. */
async function burst(clients: readonly Client[], count: number): Promise<void> {
  const wave = Math.max(1, Math.floor(250 / clients.length));
  for (let id = 0; id < count; id += wave) {
    for (let next = id; next < Math.min(count, id + wave); next += 1) {
      for (const { socket } of clients) {
        socket.send(queryOctets({ name: `n${next % 50}.web.example.org`, id: next }));
      }
    }
    await until(`the answers of wave ${id}`, () =>
      clients.every(({ answers }) => answers.size >= Math.min(count, id + wave)),
    );
  }
}

/** Calls that count, and go wrong where the test says. */
function faulty(calls: SystemCalls, faults: Partial<SystemCalls>): SystemCalls & { received: number; sent: number } {
  const counting = {
    ...calls,
    received: 0,
    sent: 0,
    receive(fd: number, headers: Uint8Array, count: number) {
      const result = (faults.receive ?? calls.receive)(fd, headers, count);
      counting.received += Math.max(0, result);
      return result;
    },
    send(fd: number, headers: Uint8Array, count: number) {
      const result = (faults.send ?? calls.send)(fd, headers, count);
      counting.sent += Math.max(0, result);
      return result;
    },
  };
  return counting;
}

function define(calls: SystemCalls): void {
  const test = suite('integration: udp in batches');

  for (const [family, host, sources] of [
    ['IPv4', '127.0.0.1', Array.from({ length: 20 }, (_none, at) => `127.0.1.${at + 1}`)],
    ['IPv6', '::1', Array.from({ length: 20 }, () => '::1')],
    ['IPv4 on every address', '0.0.0.0', Array.from({ length: 20 }, (_none, at) => `127.0.1.${at + 1}`)],
    ['IPv6 on every address', '::', Array.from({ length: 20 }, () => '::1')],
  ] as const) {
    if (family.startsWith('IPv6') && !haveIpv6()) continue;
    test(`${family}: each of 5,000 queries is answered once, with its id, to its port`, async () => {
      const counting = faulty(calls, {});
      const on = await serving(ZONE, {}, { host, systemCalls: counting });
      const target = { ...on, server: { host: family.startsWith('IPv4') ? '127.0.0.1' : '::1', port: on.server.port } };
      const clients = await Promise.all(sources.map((source) => clientAt(source, target)));
      try {
        await burst(clients, 250);
        for (const { answers } of clients) {
          assert.is(answers.size, 250);
          for (const [id, octets] of answers) assert.equal(octets, [id % 50], `id ${id}`);
        }
        assert.is(counting.sent, 5_000);
        assert.ok(counting.received > 2_500, `only ${counting.received} of 5,000 were read in batches`);
        assert.is(
          on.answerer.counts.durationSeconds.counts.reduce((sum, count) => sum + count),
          5_000,
        );
      } finally {
        for (const { socket } of clients) socket.close();
        await on.close();
      }
    });
  }

  test('on every IPv6 address, IPv4 is someone else’s', async () => {
    if (!haveIpv6()) return console.log('SKIP udp in batches: IPv6: this machine has no ::1');
    // Not one of the system's choice: IPv4 has other users of those.
    const on = await serving(ZONE, {}, { host: '::', port: await freePort(), systemCalls: calls });
    const other = createSocket('udp4');
    other.bind(on.server.port, '0.0.0.0');
    await once(other, 'listening');
    other.close();
    await on.close();
  });

  const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.flatMap(({ address, scopeid }) => (scopeid ? [`${address}%${name}`] : [])),
  )[0];
  if (linkLocal === undefined) console.log('SKIP link-local listening: this machine has no such address');
  else {
    test('a link-local address is listened on, and answers go back through its interface', async () => {
      const on = await serving(ZONE, {}, { host: linkLocal, systemCalls: calls });
      const clients = await Promise.all([clientAt(linkLocal, on), clientAt(linkLocal, on)]);
      try {
        await burst(clients, 250);
        for (const { answers } of clients)
          assert.is([...answers].filter(([id, [octet]]) => octet === id % 50).length, 250);
      } finally {
        for (const { socket } of clients) socket.close();
        await on.close();
      }
    });
  }

  test('nobody can bind the port beside us, not even one who would share it', async () => {
    const on = await serving(ZONE, {}, { systemCalls: calls });
    const other = createSocket({ type: 'udp4', reuseAddr: true });
    const outcome = new Promise<string | undefined>((resolve) => {
      other.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      other.bind(on.server.port, '127.0.0.1', () => resolve('bound'));
    });
    try {
      assert.is(await outcome, 'EADDRINUSE');
    } finally {
      other.close();
      await on.close();
    }
  });

  test('an address that this machine has not is refused with the reason', async () => {
    let message = '';
    await serving(ZONE, {}, { host: '192.0.2.1', systemCalls: calls }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(
      message,
      'cannot listen for DNS over UDP on 192.0.2.1:0: this machine has no such address; set --listen',
    );
  });

  test('a descriptor that Node does not take is closed, and the address refused', async () => {
    const fd = openSync('/dev/null', 'r');
    const noSocket: SystemCalls = { ...calls, socket: () => fd, setOption: () => 0, bind: () => 0 };
    let message = '';
    await serving(ZONE, {}, { systemCalls: noSocket }).catch((error: Error) => {
      message = error.message;
    });
    assert.match(message, 'cannot listen for DNS over UDP on 127.0.0.1:0');
    assert.throws(() => fstatSync(fd), /EBADF/);
  });

  test('what the kernel does not take costs that answer alone, and is counted', async () => {
    let calledFor = 0;
    const faults = faulty(calls, {
      send(fd, headers, count) {
        calledFor += 1;
        // Every other call fails for its first datagram; the others take two at most.
        return calledFor % 2 === 0 ? -1 : calls.send(fd, headers, Math.min(count, 2));
      },
    });
    const on = await serving(ZONE, {}, { systemCalls: faults });
    const client = await clientAt('127.0.0.1', on);
    try {
      for (let id = 0; id < 300; id += 1) {
        client.socket.send(queryOctets({ name: `n${id % 50}.web.example.org`, id }));
      }
      const { counts } = on.answerer;
      await until('all of them', () => client.answers.size + counts.unsent === 300);
      assert.ok(counts.unsent > 20, `${counts.unsent} were refused`);
      for (const [id, octets] of client.answers) assert.equal(octets, [id % 50], `id ${id}`);
      assert.match(await on.metrics.text(), `rollcall_dns_unsent_total ${counts.unsent}\n`);
    } finally {
      client.socket.close();
      await on.close();
    }
  });

  test('when nothing can be read in batches, Node reads it', async () => {
    const on = await serving(ZONE, {}, { systemCalls: faulty(calls, { receive: () => -1 }) });
    const client = await clientAt('127.0.0.1', on);
    try {
      await burst([client], 300);
      for (const [id, octets] of client.answers) assert.equal(octets, [id % 50], `id ${id}`);
    } finally {
      client.socket.close();
      await on.close();
    }
  });

  test('a query from port 0 is counted and left', async () => {
    const on = await serving(
      ZONE,
      {},
      {
        systemCalls: faulty(calls, {
          receive(fd, headers, count) {
            const received = calls.receive(fd, headers, count);
            for (let at = 0; at < received; at += 1) nameAt(calls, headers, at).setUint16(2, 0);
            return received;
          },
        }),
      },
    );
    const client = await clientAt('127.0.0.1', on);
    try {
      for (let id = 0; id < 100; id += 1) client.socket.send(queryOctets({ ...WEB, id }));
      const { ignored } = on.answerer.counts;
      await until('all of them', () => client.answers.size + ignored['port-0'] === 100);
      assert.ok(ignored['port-0'] > 0);
      assert.is(on.answerer.counts.unsent, 0);
    } finally {
      client.socket.close();
      await on.close();
    }
  });

  test('queries that wait for an upstream are answered to those who asked; after the end they are not', async () => {
    const waiting: (() => void)[] = [];
    const forward = async (query: Uint8Array): Promise<Buffer> => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return Buffer.concat([Buffer.from('000081800001000000000000', 'hex'), query.subarray(12)]);
    };
    const forwarder = { forward, cached: () => undefined, resolve: async () => ({ addresses: [], validUntilMs: 0 }) };
    const on = await serving(ZONE, { deps: { forwarder } }, { systemCalls: calls });
    const clients = await Promise.all(['127.0.1.1', '127.0.1.2'].map((host) => clientAt(host, on)));
    const [first, second] = clients as [Client, Client];
    try {
      for (let id = 0; id < 30; id += 1) {
        for (const { socket } of clients) socket.send(queryOctets({ name: `w${id}.example.com`, id }));
      }
      await until('them to wait', () => waiting.length === 60);
      // What is answered meanwhile is read into the same memory.
      await burst([first], 60);
      first.answers.clear();
      for (const go of waiting.splice(0, 50)) go();
      await until('the answers', () => first.answers.size + second.answers.size === 50);
      await on.close();
      for (const go of waiting) go();
      await new Promise((resolve) => setTimeout(resolve, 20));
      assert.is(first.answers.size + second.answers.size, 50);
      assert.is(on.answerer.slowQueries, 0);
    } finally {
      await on.close();
      for (const { socket } of clients) socket.close();
    }
  });

  test('mutated datagrams leave it answering', async () => {
    const corpus = [
      queryOctets(WEB),
      queryOctets({ ...WEB, edns: { udp: 4096, options: [{ code: 10, data: '12345678' }] } }),
      queryOctets({ name: 'gone.example.org', type: 'SRV' }),
      Buffer.alloc(0),
      Buffer.alloc(9_000, 0xc0),
    ];
    const on = await serving(ZONE, {}, { systemCalls: calls });
    const random = new Random(20_261_120);
    const client = await clientAt('127.0.0.1', on);
    const { counts } = on.answerer;
    const seen = (): number => counts.durationSeconds.counts.reduce((sum, count) => sum + count);
    try {
      for (let sent = 0; sent < 20_000; ) {
        // What the usual net.core.rmem_max holds at once, with the kernel's own of each datagram.
        for (let room = 200_000; room > 0 && sent < 20_000; sent += 1) {
          const datagram = mutate(corpus, random);
          room -= 832 + 2 * datagram.length;
          client.socket.send(datagram);
        }
        await until('the datagrams to be read', () => seen() === sent);
      }
      assert.is((await askUdp(on.server, WEB)).answers?.length, 1);
      assert.equal([counts.failures, counts.unsent], [0, 0]);
    } finally {
      client.socket.close();
      await on.close();
    }
  });

  test('a socket that is closed while it is flooded is closed, and its number is not used again', async () => {
    let isClosed = false;
    let late = 0;
    const watching = faulty(calls, {
      receive(fd, headers, count) {
        if (isClosed) late += 1;
        return calls.receive(fd, headers, count);
      },
      send(fd, headers, count) {
        if (isClosed) late += 1;
        return calls.send(fd, headers, count);
      },
    });
    const on = await serving(ZONE, {}, { systemCalls: watching });
    const client = await clientAt('127.0.0.1', on);
    for (let id = 0; id < 500; id += 1) client.socket.send(queryOctets({ ...WEB, id }));
    await until('some to be answered', () => watching.received > 0);
    for (let id = 0; id < 500; id += 1) client.socket.send(queryOctets({ ...WEB, id }));
    await on.close();
    isClosed = true;
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.socket.close();
    assert.is(late, 0);
    await askTcp(on.server, WEB).then(
      () => assert.unreachable('still listening'),
      (error: NodeJS.ErrnoException) => assert.is(error.code, 'ECONNREFUSED'),
    );
  });

  test.run();
}

/** The socket address that header `at` points to, found as the kernel finds it. */
function nameAt(calls: SystemCalls, headers: Uint8Array, at: number): DataView {
  const { buffer } = headers;
  const name =
    Number(new DataView(buffer).getBigUint64(at * HEADER_OCTETS, true)) - calls.addressOf(buffer as ArrayBuffer);
  return new DataView(buffer, name, 16);
}
