import cluster, { type Worker } from 'node:cluster';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostPort } from '../../../shared/address.ts';
import { type RecordingLog, recordingLog } from '../../support/doubles/recording-log.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { askTcp, askUdp, queryOctets, recordTexts } from '../../support/servers/dns-client.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/workers');

const WEB_A = '/skydns/org/example/web/node-1/a';
const QUESTIONS = 40;
/** Each has one question out at a time. */
const CLIENTS = 20;
/** As a stub resolver, whose 5 s are more than a busy machine needs. */
const RETRY_MS = 3_000;

async function started(log?: RecordingLog): Promise<{ store: ScriptedStore; running: RunningResolver }> {
  const store = new ScriptedStore();
  store.put(WEB_A, '{"host":"192.0.2.1","port":80}');
  const running = await startResolver(store, { config: { workers: 2 }, ...(log !== undefined && { log }) });
  await until('the zone', () => running.resolver.notReady().length === 0 || undefined);
  return { store, running };
}

/** Many clients, so that whatever shares the address shares them out. @returns the distinct answers */
async function askMany({ resolver }: RunningResolver, name: string, ask = askUdp): Promise<string[]> {
  const [server] = resolver.addresses;
  if (server === undefined) throw new Error('the resolver does not listen');
  const answers = new Set<string>();
  const one = async (): Promise<void> => {
    const packet = await ask(server, { name, type: 'A', edns: {} });
    answers.add([(packet as unknown as { rcode: string }).rcode, ...recordTexts(packet.answers)].join(' '));
  };
  await Promise.all(Array.from({ length: QUESTIONS }, one));
  return [...answers].sort();
}

/** Of each worker that is named in the pool, by its requests: the sum that `/metrics` shows. */
async function total(running: RunningResolver, metric: string): Promise<number> {
  const text = await running.metrics.text();
  return [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\d+)$`, 'gm'))].reduce(
    (sum, [, value]) => sum + Number(value),
    0,
  );
}

test('every worker answers over UDP and TCP, and a change reaches each', async () => {
  const { store, running } = await started();
  assert.equal(await until('the first answer everywhere', () => onlyOne(askMany(running, 'web.example.org'))), [
    'NOERROR web.example.org A 192.0.2.1',
  ]);
  assert.equal(await askMany(running, 'web.example.org', askTcp), ['NOERROR web.example.org A 192.0.2.1']);
  store.put(WEB_A, '{"host":"192.0.2.2","port":80}');
  await until('the change everywhere', async () => {
    const answers = await askMany(running, 'web.example.org');
    return answers.join() === 'NOERROR web.example.org A 192.0.2.2' || undefined;
  });
  await running.stop();
  await store.close();
});

test('metrics are the sum over the workers, and what one counted stays when it is gone', async () => {
  const { store, running } = await started();
  await askMany(running, 'web.example.org');
  const counted = await until('the workers to report', async () => {
    const requests = await total(running, 'rollcall_dns_requests_total');
    return requests === QUESTIONS ? requests : undefined;
  });
  assert.is(await total(running, 'rollcall_resolver_workers'), 2);
  const [victim] = running.resolver.workerPids;
  process.kill(victim as number, 'SIGKILL');
  await until('the replacement', async () => (await total(running, 'rollcall_resolver_workers_replaced_total')) === 1);
  await until('two workers again', () => running.resolver.workerPids.length === 2 || undefined);
  assert.is(await total(running, 'rollcall_dns_requests_total'), counted);
  await running.stop();
  await store.close();
});

test('a worker that dies is replaced by one that is in step, and the other answers meanwhile', async () => {
  const log = recordingLog();
  const { store, running } = await started(log);
  const [victim] = running.resolver.workerPids;
  process.kill(victim as number, 'SIGKILL');
  await until('its death', () => log.of('worker-died')[0]);
  store.put(WEB_A, '{"host":"192.0.2.3","port":80}');
  await until('the other one to answer alone', async () => {
    const answers = await askMany(running, 'web.example.org');
    return answers.join() === 'NOERROR web.example.org A 192.0.2.3' || undefined;
  });
  await until('the replacement', () => log.of('worker-replaced')[0]);
  assert.is(running.resolver.workerPids.length, 2);
  assert.not(running.resolver.workerPids.includes(victim as number));
  assert.equal(await askMany(running, 'web.example.org'), ['NOERROR web.example.org A 192.0.2.3']);
  await running.stop();
  await store.close();
});

test('a terminal that closes ends no worker', async () => {
  const log = recordingLog();
  const { store, running } = await started(log);
  const pids = [...running.resolver.workerPids];
  for (const pid of pids) process.kill(pid, 'SIGHUP');
  await until('the first answer everywhere', () => onlyOne(askMany(running, 'web.example.org')));
  assert.equal(await askMany(running, 'web.example.org'), ['NOERROR web.example.org A 192.0.2.1']);
  assert.equal(running.resolver.workerPids, pids);
  assert.equal(log.of('worker-died'), []);
  await running.stop();
  await store.close();
});

test('an address that is taken is an error at the start, though workers could share it', async () => {
  const { store, running } = await started();
  const [taken] = running.resolver.addresses;
  if (taken === undefined) throw new Error('the resolver does not listen');
  let message = '';
  await startResolver(store, { config: { workers: 2, listen: [taken] } }).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, /already in use/);
  await running.stop();
  await store.close();
});

test('a worker that is killed in the middle of the first start is replaced, and the start goes on', async () => {
  const store = new ScriptedStore();
  store.put(WEB_A, '{"host":"192.0.2.1","port":80}');
  const log = recordingLog();
  const forked = once(cluster, 'fork') as Promise<[Worker]>;
  const starting = startResolver(store, { config: { workers: 2 }, log });
  const [victim] = await forked;
  victim.process.kill('SIGKILL');
  const running = await starting;
  assert.is(running.resolver.workerPids.length, 2);
  assert.is(log.of('worker-died').length, 1);
  await until('the answer everywhere', () => onlyOne(askMany(running, 'web.example.org')));
  await running.stop();
  await store.close();
});

test('workers that all end before they answer fail the start, after three tries for a place', async () => {
  const store = new ScriptedStore();
  const log = recordingLog();
  const kill = (worker: Worker): void => void worker.process.kill('SIGKILL');
  cluster.on('fork', kill);
  let message = '';
  await startResolver(store, { config: { workers: 2 }, log }).catch((error: Error) => {
    message = error.message;
  });
  cluster.off('fork', kill);
  assert.match(message, /worker \d+ ended while it started: SIGKILL/);
  const { length: deaths } = log.of('worker-died');
  assert.ok(deaths >= 3 && deaths <= 6, `${deaths} deaths`);
  await store.close();
});

/** Asks again and again, one question at a time, and once more from the same port when no answer comes. */
async function askSteadily(
  server: HostPort,
  until: () => boolean,
): Promise<{ asked: number; lost: number; failed: number }> {
  const socket = createSocket('udp4');
  const counts = { asked: 0, lost: 0, failed: 0 };
  try {
    while (!until()) {
      counts.asked += 1;
      const id = counts.asked & 0xffff;
      const query = queryOctets({ name: 'web.example.org', id });
      if (await answered(socket, server, query, RETRY_MS)) continue;
      counts.lost += 1;
      if (!(await answered(socket, server, query, 10 * RETRY_MS))) counts.failed += 1;
    }
  } finally {
    socket.close();
  }
  return counts;
}

async function answered(socket: Socket, server: HostPort, query: Buffer, timeoutMs: number): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  socket.send(query, server.port, server.host);
  try {
    for (;;) {
      const [response] = (await once(socket, 'message', { signal })) as [Buffer];
      if (response.readUInt16BE(0) === query.readUInt16BE(0)) return (response[3] as number) % 16 === 0;
    }
  } catch (error) {
    if ((error as Error).name === 'AbortError') return false;
    throw error;
  }
}

test('a worker killed under load costs what it was answering, every retry is answered, and the pool is whole in 10 s', async () => {
  const { store, running } = await started();
  const [server] = running.resolver.addresses;
  await until('the answer everywhere', () => onlyOne(askMany(running, 'web.example.org')));
  let isOver = false;
  const clients = Array.from({ length: CLIENTS }, () => askSteadily(server as HostPort, () => isOver));
  await wait(300);
  const [victim] = running.resolver.workerPids;
  process.kill(victim as number, 'SIGKILL');
  const killedMs = performance.now();
  await until('its death to be seen', () => !running.resolver.workerPids.includes(victim as number) || undefined);
  await until('two workers again', () => running.resolver.workerPids.length === 2 || undefined, { timeoutMs: 10_000 });
  const wholeMs = performance.now() - killedMs;
  await wait(300);
  isOver = true;
  const counts = await Promise.all(clients);
  const sum = (what: 'asked' | 'lost' | 'failed') => counts.reduce((all, each) => all + each[what], 0);
  const report = `${sum('asked')} asked, ${sum('lost')} lost, ${sum('failed')} failed, whole after ${Math.round(wholeMs)} ms`;
  console.log(`    workers: ${report}`);
  assert.is(sum('failed'), 0, report);
  assert.ok(sum('lost') <= CLIENTS, report);
  await running.stop();
  await store.close();
});

async function onlyOne(answers: Promise<string[]>): Promise<string[] | undefined> {
  const distinct = await answers;
  return distinct.length === 1 && distinct[0]?.startsWith('NOERROR') ? distinct : undefined;
}

test.run();
