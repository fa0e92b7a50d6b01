import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_SETTINGS, serveDns } from '../../../resolver/serving/server.ts';
import type { SystemCalls } from '../../../resolver/serving/udp/system-calls.ts';
import { ListenError } from '../../../shared/address.ts';
import { silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { answering } from '../../support/answering.ts';
import { askTcp, askUdp, queryOctets, recordTexts, sendDatagram, sendUdp } from '../../support/servers/dns-client.ts';
import { haveIpv6 } from '../../support/servers/machine.ts';
import { type Serving, serving, udpPaths } from '../../support/serving.ts';
import { until } from '../../support/until.ts';

const ZONE = `
  1.web.example.org host=192.0.2.1 port=80
  2.web.example.org host=192.0.2.2 port=80
`;
const WEB = { name: 'web.example.org' };

function define(path: string, systemCalls: SystemCalls | undefined): void {
  const test = suite<{ on: Serving }>(`integration: server udp, ${path}`);

  test.before.each(async (context) => {
    context.on = await serving(ZONE, {}, { systemCalls });
  });
  test.after.each(({ on }) => on.close());

  test('answers over UDP, and over TCP on the same port', async ({ on }) => {
    const expected = ['web.example.org A 192.0.2.1', 'web.example.org A 192.0.2.2'];
    assert.equal(recordTexts((await askUdp(on.server, WEB)).answers).sort(), expected);
    assert.equal(recordTexts((await askTcp(on.server, WEB)).answers).sort(), expected);
  });

  test('answers on an IPv6 address', async () => {
    if (!haveIpv6()) return console.log('SKIP server-udp: IPv6: this machine has no ::1');
    const on = await serving(ZONE, {}, { host: '::1', systemCalls });
    try {
      assert.is((await askUdp(on.server, WEB)).answers?.length, 2);
      assert.is((await askTcp(on.server, WEB)).answers?.length, 2);
    } finally {
      await on.close();
    }
  });

  test('octets of every length, and responses, leave it answering', async ({ on }) => {
    for (const length of [0, 1, 11, 12, 13, 511, 4_096, 60_000])
      await sendDatagram(on.server, Buffer.alloc(length, 0xc0));
    await sendDatagram(on.server, queryOctets({ ...WEB, flags: 0x8180 }));
    assert.is((await askUdp(on.server, WEB)).answers?.length, 2);
    assert.is(on.answerer.counts.failures, 0);
  });

  test('a query is read whole, whatever it has behind its question', async ({ on }) => {
    const padding = { code: 12, data: Buffer.alloc(30_000) };
    const response = await askUdp(on.server, { ...WEB, edns: { options: [padding, { code: 3 }] } });
    assert.is(response.answers?.length, 2);
    const opt = response.additionals?.find(({ type }) => type === 'OPT') as { options: { code: number }[] } | undefined;
    // NSID, which was asked for behind the padding.
    assert.equal(
      opt?.options.map(({ code }) => code),
      [3],
    );
  });

  test('a datagram that goes unanswered goes unanswered', async ({ on }) => {
    assert.is(await sendUdp(on.server, queryOctets({ ...WEB, flags: 0x8180 }), 100), undefined);
  });

  test('many clients at once each get their own answer', async ({ on }) => {
    const asks = Array.from({ length: 200 }, (_none, id) => ({
      ...WEB,
      id,
      type: id % 2 === 0 ? ('A' as const) : ('SRV' as const),
    }));
    const answers = await Promise.all(asks.map((ask) => askUdp(on.server, ask)));
    for (const [at, { id, answers: records = [] }] of answers.entries()) {
      assert.equal([id, records.length, records[0]?.type], [at, 2, asks[at]?.type]);
    }
  });

  test('a query that must wait is answered when it can be', async () => {
    const on = await serving(
      ZONE,
      {
        deps: {
          forwarder: {
            forward: async (query) =>
              Buffer.concat([Buffer.from('000081800001000000000000', 'hex'), query.subarray(12)]),
            cached: () => undefined,
            resolve: async () => ({ addresses: [], validUntilMs: 0 }),
          },
        },
      },
      { systemCalls },
    );
    try {
      const { id, rcode, flag_ra } = (await askUdp(on.server, { name: 'www.example.com', id: 99 })) as Awaited<
        ReturnType<typeof askUdp>
      > & { rcode: string };
      assert.equal([id, rcode, flag_ra], [99, 'NOERROR', true]);
    } finally {
      await on.close();
    }
  });

  function listening(port: number) {
    const addresses = [
      { host: '127.0.0.1', port: 0 },
      { host: '127.0.0.1', port },
    ];
    return serveDns(addresses, answering(ZONE).answerer, { ...SERVER_SETTINGS, systemCalls }, silentLog, new Metrics());
  }

  test('a port taken for UDP is refused with the flag that moves it, and nothing stays bound', async ({ on }) => {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const { port } = udp.address();
    try {
      await listening(port);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, ListenError);
      assert.match(
        (error as Error).message,
        `cannot listen for DNS over UDP on 127.0.0.1:${port}: the port is already in use; set --listen`,
      );
    } finally {
      udp.close();
    }
    assert.ok(on.server.port > 0);
  });

  test('a port taken for TCP is refused too', async () => {
    const tcp = createServer();
    tcp.listen(0, '127.0.0.1');
    await once(tcp, 'listening');
    const { port } = tcp.address() as { port: number };
    try {
      await listening(port);
      assert.unreachable();
    } catch (error) {
      assert.match(
        (error as Error).message,
        `cannot listen for DNS over TCP on 127.0.0.1:${port}: the port is already in use`,
      );
    } finally {
      tcp.close();
    }
  });

  test('a flood of queries keeps neither timers nor connections from their turn', async ({ on }) => {
    // Random names: none is answered from what another was answered with.
    const flood = new Worker(
      `const { workerData: { port } } = require('node:worker_threads');
     const socket = require('node:dgram').createSocket('udp4');
     const name = Buffer.from('08xxxxxxxx076578616d706c65036f72670000010001'.replace('xxxxxxxx', '6161616161616161'), 'hex');
     const query = Buffer.concat([Buffer.from('123401000001000000000000', 'hex'), name]);
     const burst = () => {
       for (let left = 200; left > 0; left -= 1) {
         const each = Buffer.from(query);
         each.write(Math.random().toString(36).padEnd(10, 'z').slice(2, 10), 13, 'latin1');
         socket.send(each, port, '127.0.0.1');
       }
       setImmediate(burst);
     };
     burst();`,
      { eval: true, workerData: { port: on.server.port } },
    );
    // Counted in queries, not in time: a busy machine may hold the whole process up.
    const { answered } = on.answerer.counts;
    const answers = (): number => Object.values(answered).reduce((sum, count) => sum + count);
    let mostBetween = 0;
    let before = 0;
    let isOver = false;
    const turn = (): void => {
      mostBetween = Math.max(mostBetween, answers() - before);
      before = answers();
      if (!isOver) setTimeout(turn, 0);
    };
    turn();
    try {
      await until('the flood', () => answers() > 1_000, { timeoutMs: 30_000 });
      assert.is((await askTcp(on.server, WEB)).answers?.length, 2);
      await until('20,000 queries of the flood', () => answers() > 20_000, { timeoutMs: 30_000 });
    } finally {
      isOver = true;
      await flood.terminate();
    }
    assert.ok(mostBetween < 1_000, `${mostBetween} queries were answered before a timer had its turn`);
    console.log(`${path}: at most ${mostBetween} queries of a flood between two turns of a timer`);
  });

  test('metrics say what was asked and answered', async ({ on }) => {
    await askUdp(on.server, WEB);
    await askUdp(on.server, { name: 'gone.example.org', type: 'AAAA' });
    await askTcp(on.server, { ...WEB, type: 'SRV', edns: { dnssecOk: true } });
    const text = await on.metrics.text();
    for (const line of [
      'rollcall_dns_requests_total{proto="udp",family="1",type="A"} 1',
      'rollcall_dns_requests_total{proto="udp",family="1",type="AAAA"} 1',
      'rollcall_dns_requests_total{proto="tcp",family="1",type="SRV"} 1',
      'rollcall_dns_responses_total{rcode="NOERROR"} 2',
      'rollcall_dns_responses_total{rcode="NXDOMAIN"} 1',
      'rollcall_dns_request_duration_seconds_count 3',
      'rollcall_dns_request_duration_seconds_bucket{le="+Inf"} 3',
      'rollcall_dns_request_size_bytes_count{proto="udp"} 2',
      'rollcall_dns_request_size_bytes_count{proto="tcp"} 1',
      'rollcall_dns_request_size_bytes_bucket{le="+Inf",proto="tcp"} 1',
      'rollcall_dns_do_requests_total 1',
      'rollcall_panics_total 0',
      'rollcall_dns_response_size_bytes_count{proto="udp"} 2',
      'rollcall_dns_response_size_bytes_count{proto="tcp"} 1',
      'rollcall_dns_response_size_bytes_bucket{le="+Inf",proto="tcp"} 1',
      'rollcall_dns_answered_total{from="looked-up"} 3',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line} in:\n${text.replace(/^(#|nodejs|process).*\n/gm, '')}`);
    }
  });

  test('a flood of odd types, classes, opcodes and names makes no labels', async ({ on }) => {
    const lines = async (): Promise<string[]> =>
      (await on.metrics.text()).split('\n').filter((line) => line.startsWith('rollcall_'));
    for (let at = 0; at < 3_000; at += 1) {
      const ask = { name: `n${at}.zone${at}.test`, type: (at * 37) % 65_536, class: at % 7, flags: (at % 16) << 11 };
      await sendDatagram(on.server, queryOctets(ask));
    }
    await askUdp(on.server, WEB);
    const requests = (await lines()).filter((line) => line.startsWith('rollcall_dns_requests_total'));
    assert.ok(requests.length <= 4 * 16, `${requests.length} series of requests`);
    assert.ok(requests.some((line) => line.includes('type="other"')));
    assert.ok((await lines()).length < 250, `${(await lines()).length} series in all`);
  });

  test.run();
}

for (const [path, systemCalls] of udpPaths()) define(path, systemCalls);
