import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { askTcp, askUdp, recordTexts } from '../support/dns-client.ts';
import { type RecordingLog, recordingLog } from '../support/recording-log.ts';
import { type RunningResolver, startResolver } from '../support/resolver.ts';
import { ScriptedStore } from '../support/scripted-store.ts';
import { until } from '../support/until.ts';

const test = suite('integration/workers');

const WEB_A = '/skydns/org/example/web/node-1/a';
const QUESTIONS = 40;

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

async function onlyOne(answers: Promise<string[]>): Promise<string[] | undefined> {
  const distinct = await answers;
  return distinct.length === 1 && distinct[0]?.startsWith('NOERROR') ? distinct : undefined;
}

test.run();
