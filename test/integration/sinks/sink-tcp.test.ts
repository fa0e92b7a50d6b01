import type { Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonLine } from '../../../announcer/sinks/lines.ts';
import { TcpReceiver } from '../../../announcer/sinks/receivers/tcp.ts';
import { numbers, type Pumping, pumping, sequencesOf } from '../../support/pumping.ts';
import {
  type Behaviour,
  hangsUp,
  type LineServer,
  lineServer,
  neverReads,
  reads,
} from '../../support/servers/line-server.ts';
import { freePort } from '../../support/servers/ports.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/sink-tcp');
const open: { stop(): Promise<void> }[] = [];

test.after.each(async () => {
  for (const each of open.splice(0)) await each.stop();
});

/** Each number once: repeats do no harm. */
function inOrder(sequences: readonly number[]): number[] {
  return [...new Set(sequences)].sort((a, b) => a - b);
}

async function staged(behaviour: Behaviour, idleMs = 150, totalMs = 5_000): Promise<[LineServer, Pumping]> {
  const server = await lineServer(behaviour);
  const receiver = new TcpReceiver({
    host: '127.0.0.1',
    port: server.port,
    frame: jsonLine,
    idleMs,
    totalMs,
    quietMs: 20,
  });
  const pumped = await pumping(receiver);
  open.push({ stop: () => pumped.stop() }, { stop: () => server.close() });
  return [server, pumped];
}

test('every record arrives once, in order', async () => {
  const [server, pumped] = await staged(reads, 5_000);
  pumped.record(1_200);
  await pumped.allTaken();
  pumped.record(3);
  await pumped.allTaken();
  assert.equal(sequencesOf(server.text()), numbers(1_203));
  assert.equal(pumped.pump.counts, { sent: 1_203, retried: 0, dropped: 0, gaps: 0 });
  assert.equal(pumped.pump.lag, { events: 0, ms: 0 });
});

test('a receiver that accepts and never reads holds nothing up, is said once, and gets all when it reads', async () => {
  const [server, pumped] = await staged(neverReads, 300);
  pumped.record(3);
  await until('a failure', () => pumped.log.of('sink-failing').length > 0);
  // The kernels hold all of it: on a connection that stayed it would have counted as delivered.
  assert.is(pumped.taken(), 0);
  assert.match(pumped.log.of('sink-failing')[0]?.message ?? '', 'it did not read what was sent');
  const began = performance.now();
  pumped.record(10_000);
  assert.ok(performance.now() - began < 10_000, 'recording waits for no receiver');
  await until('some retries', () => server.connections() > 3);
  assert.is(pumped.taken(), 0);
  assert.ok(pumped.pump.isFailing);
  assert.is(pumped.log.of('sink-failing').length, 1);
  assert.ok(pumped.pump.lag.events === 10_003 && pumped.pump.lag.ms > 0);
  server.behave(reads);
  await pumped.allTaken();
  assert.equal(inOrder(sequencesOf(server.text())), numbers(10_003));
  assert.ok(pumped.log.of('sink-delivering').length > 0);
});

test('a receiver that hangs up in the middle of a line gets the whole batch again', async () => {
  const [server, pumped] = await staged(hangsUp, 5_000);
  pumped.record(50);
  await until('some hang-ups', () => server.connections() > 3);
  assert.is(pumped.taken(), 0);
  server.behave(reads);
  await pumped.allTaken();
  assert.equal(sequencesOf(server.text()), numbers(50));
  assert.ok(pumped.pump.counts.retried >= 50);
  assert.is(pumped.pump.counts.sent, 50);
});

test('a receiver or a proxy that accepts and closes at once has taken nothing', async () => {
  for (const closes of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.end()]) {
    const [server, pumped] = await staged((socket) => void closes(socket));
    pumped.record(5);
    await until('some tries', () => server.connections() > 5);
    assert.is(pumped.taken(), 0);
    assert.match(pumped.log.of('sink-failing')[0]?.message ?? '', 'before anything was sent: has it no room');
    server.behave(reads);
    await pumped.allTaken();
    assert.equal(sequencesOf(server.text()), numbers(5));
  }
});

test('what is repeated is a batch, and nothing is missing, when every other connection breaks', async () => {
  let at = 0;
  const [server, pumped] = await staged((socket, collect) => {
    at += 1;
    const breaks = at % 2 === 1;
    socket.setEncoding('utf8').on('data', (text: string) => {
      collect(text);
      if (breaks) socket.resetAndDestroy();
    });
  }, 5_000);
  pumped.record(300);
  await pumped.allTaken();
  assert.equal(inOrder(sequencesOf(server.text())), numbers(300));
});

test('a slow receiver gets smaller batches, and so all of it', async () => {
  const slow: Behaviour = (socket, collect) => {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      collect(text);
      socket.pause();
      setTimeout(() => socket.resume(), text.length / 400); // about 400 KB/s
    });
  };
  const [server, pumped] = await staged(slow, 250, 250);
  pumped.record(300, 'x'.repeat(500));
  await pumped.allTaken();
  assert.ok(pumped.pump.counts.retried > 0, 'the first batch is too much for it');
  assert.equal(inOrder(sequencesOf(server.text())), numbers(300));
});

test('without a receiver everything waits, until there is one', async () => {
  const port = await freePort();
  const receiver = new TcpReceiver({ host: '127.0.0.1', port, frame: jsonLine });
  const pumped = await pumping(receiver);
  open.push({ stop: () => pumped.stop() });
  pumped.record(5);
  await until('a failure', () => pumped.log.of('sink-failing').length > 0);
  assert.match(pumped.log.of('sink-failing')[0]?.message ?? '', 'ECONNREFUSED');
});

test('a stop waits no longer for a receiver that hangs than it may', async () => {
  const [, pumped] = await staged(neverReads, 60_000, 60_000);
  pumped.record(5);
  await until('a delivery under way', () => pumped.pump.lag.ms > 0);
  const began = performance.now();
  await pumped.stop(100);
  // The receiver may hang for a minute.
  assert.ok(performance.now() - began < 20_000);
  assert.is(pumped.taken(), 0);
});

test('a stop sends what there is first', async () => {
  const [server, pumped] = await staged(reads, 5_000);
  pumped.record(1_500);
  await pumped.stop(5_000);
  assert.equal(sequencesOf(server.text()), numbers(1_500));
});

test.run();
