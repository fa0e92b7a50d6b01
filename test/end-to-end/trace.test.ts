/** One change from end to end on real parts: engine, announcer, etcd, resolver, and the dig that was first. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Trace } from '../../shared/trace/trace.ts';
import { dig } from '../support/servers/dig.ts';
import { haveDocker } from '../support/servers/docker.ts';
import { skipWithoutEtcd } from '../support/servers/etcd.ts';
import { closeHostStage, type HostStage, openHostStage } from '../support/servers/host-stage.ts';
import { freePort } from '../support/servers/ports.ts';
import { ready, rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { DOMAIN, startResolver } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const SUITE = 'end-to-end: trace';
const test = suite<HostStage>(SUITE);
const WEB = `web.${DOMAIN}`;
const QUESTION = `${WEB}. A`;

test.before((stage) => openHostStage(stage));
test.after(closeHostStage);

interface Asked {
  readonly http: string;
  readonly announcer: string;
}

const at = (port: number): string => `127.0.0.1:${port}`;

async function tracesOf(of: string, { http, announcer }: Asked, ...args: string[]): Promise<Trace[]> {
  const { exit, stdout, stderr } = await rollcall([
    'trace',
    of,
    '--json',
    ...['--http', http, '--announcer', announcer],
    ...args,
  ]);
  assert.is(exit, 0, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as { traces: Trace[] }).traces;
}

/** The newest, once its first answer is in the journal: that comes a little behind the answer. */
function answeredTrace(of: string, asked: Asked): Promise<Trace> {
  return until(`the first answer of ${of} in the journal`, async () => {
    const [trace] = await tracesOf(of, asked);
    return trace !== undefined && 'atMs' in trace.answered ? trace : undefined;
  });
}

/** On a port of the test's own: other engines of this machine choose theirs from the same range. */
async function run({ docker, image }: HostStage, name: string): Promise<string> {
  return docker.run(['--name', name, '-p', `127.0.0.1:${await freePort()}:80`, '-l', 'rollcall.name=web', image]);
}

/** Asks until it gets the status: what it got before is no answer to the change. */
const digUntil = (dns: HostStage['resolver']['dns'], name: string, status: string): Promise<true> =>
  until(`${name} ${status}`, async () => (await dig(dns, name)).status === status || undefined);

const STEPS = ['happened', 'decided', 'stored', 'applied', 'answered'] as const;

/** What is known, in the words of the trace; the rest as the reason. */
function told(trace: Trace | undefined): string[] {
  return STEPS.map((name) => {
    const step = trace?.[name];
    return step === undefined ? 'no trace' : 'atMs' in step ? step.text : `not known: ${step.unknown}`;
  });
}

function assertInOrder(trace: Trace | undefined): void {
  const { decided = -1, stored = -1, applied = -1, answered = -1 } = trace?.legs ?? {};
  for (const leg of [decided, stored, applied, answered]) assert.ok(leg >= 0 && leg < 50_000, JSON.stringify(trace));
}

test('docker start and stop, asked for by dig: every leg is known, by service, container name, id and DNS name', async (stage) => {
  const { docker, resolver, announcer } = stage;
  const asked = { http: at(resolver.http), announcer: at(announcer.http) };
  const id = await run(stage, 'one');
  await digUntil(resolver.dns, WEB, 'NOERROR');
  const started = await answeredTrace('web', asked);
  assert.is(started.change, 'announced');
  const revision = started.revision as string;
  assert.equal(told(started).slice(1), [
    'to be announced',
    `revision ${revision}`,
    `revision ${revision}`,
    `${QUESTION} got answer`,
  ]);
  assertInOrder(started);
  const stop = docker.cli('stop', '-t', '2', id);
  await digUntil(resolver.dns, WEB, 'NXDOMAIN');
  await stop;
  const stopped = await answeredTrace('one', asked);
  assert.is(stopped.change, 'withdrawn');
  assert.is(stopped.containerName, 'one');
  assert.match(told(stopped).join('\n'), /^docker kill 15\nto be withdrawn: stopping/);
  assert.is(told(stopped).at(-1), `${QUESTION} got nxdomain`);
  assertInOrder(stopped);
  for (const of of [id, id.slice(0, 12), `${WEB}.`, `${id.slice(0, 12)}.node-1.web`]) {
    assert.equal(await tracesOf(of, asked), [stopped], of);
  }
  assert.equal(
    (await tracesOf('web', asked, '--last', '2')).map(({ change }) => change),
    ['announced', 'withdrawn'],
  );
  const table = (await rollcall(['trace', 'one', '--http', asked.http, '--announcer', asked.announcer])).stdout;
  assert.match(
    table,
    /^withdrawn \/skydns\/com\/example\/prod\/s\/web\/node-1\/\S+, revision \d+, container \S+ \(one\)/,
  );
  assert.match(
    table,
    /first answer\s+20\S+\s+\d+ ms after it was applied\s+web\.s\.prod\.example\.com\. A got nxdomain/,
  );
  const metrics = await (await fetch(`http://${asked.http}/metrics`)).text();
  assert.match(metrics, /rollcall_leg_seconds_count\{leg="answered",service="web"\} [2-9]/);
  await docker.cli('rm', '-f', id);
});

test('the announcer away: cause and decision are what it left in etcd, and the rest says why', async (stage) => {
  const { docker, resolver } = stage;
  const asked = { http: at(resolver.http), announcer: at(await freePort()) };
  const id = await run(stage, 'two');
  await digUntil(resolver.dns, WEB, 'NOERROR');
  await docker.cli('rm', '-f', id);
  await digUntil(resolver.dns, WEB, 'NXDOMAIN');
  const trace = await answeredTrace('two', asked);
  const [happened, decided, stored, , answered] = told(trace);
  assert.match(happened ?? '', /^docker (kill|die)/);
  assert.is(decided, 'withdrawn, as the announcer of node-1 left word');
  assert.match(stored ?? '', 'no daemon answers');
  assert.is(answered, `${QUESTION} got nxdomain`);
});

test('two workers: the first of them to answer is told', async (stage) => {
  const { docker, announcer, etcd } = stage;
  const resolver = await startResolver(etcd.url, { args: ['--workers', '2'] });
  const asked = { http: at(resolver.http), announcer: at(announcer.http) };
  const id = await run(stage, 'three');
  await digUntil(resolver.dns, WEB, 'NOERROR');
  const trace = await answeredTrace('three', asked);
  assert.is(told(trace).at(-1), `${QUESTION} got answer`);
  assertInOrder(trace);
  await docker.cli('rm', '-f', id);
  await resolver.end('SIGTERM');
});

test('the resolver away while it happened: the change is late, and says so', async (stage) => {
  const { docker, announcer, etcd } = stage;
  const dataDir = temporaryDirectory();
  const first = await startResolver(etcd.url, { dataDir });
  await first.end('SIGTERM');
  const id = await run(stage, 'four');
  await until('its key', async () => (await etcd.ctl('get', '--prefix', '/skydns/')).includes(id.slice(0, 12)));
  const resolver = await startResolver(etcd.url, { dataDir });
  const [trace] = await tracesOf('four', { http: at(resolver.http), announcer: at(announcer.http) });
  assert.match(told(trace)[3] ?? '', 'late');
  assert.ok(trace?.notes.includes('the resolver was away when it happened'));
  await docker.cli('rm', '-f', id);
  await resolver.end('SIGTERM');
});

test('up: one daemon has both journals; a drain by command is a cause with a time', async () => {
  const dataDir = temporaryDirectory();
  const services = join(dataDir, 'services.json');
  writeFileSync(services, JSON.stringify({ services: [{ name: 'web', host: '192.0.2.1', port: 80 }] }));
  const [http, port] = [await freePort(), await freePort()];
  const up = startRollcall([
    'up',
    ...['--data-dir', dataDir, '--services', services, '--http', at(http), '--listen', at(port)],
    ...['--forward', 'none', '--docker', `unix://${dataDir}/no-docker.sock`],
  ]);
  await ready(http);
  const dns = { host: '127.0.0.1', port };
  await digUntil(dns, WEB, 'NOERROR');
  assert.ok((await fetch(`http://${at(http)}/v1/drain?of=web`, { method: 'POST' })).ok);
  await digUntil(dns, WEB, 'NXDOMAIN');
  const asked = { http: at(http), announcer: at(await freePort()) };
  const trace = await answeredTrace('web', asked);
  assert.equal(told(trace)[0], 'drain by command');
  assert.match(told(trace)[1] ?? '', /^to be withdrawn: draining/);
  assert.is(told(trace).at(-1), `${QUESTION} got nxdomain`);
  assertInOrder(trace);
  const answer = (await (await fetch(`http://${at(http)}/v1/trace?of=web&last=2`)).json()) as { traces: Trace[] };
  assert.equal(
    answer.traces.map(({ change }) => change),
    ['announced', 'withdrawn'],
  );
  await up.end('SIGTERM');
});

test('what never was has no trace, and a daemon that is not there is named', async (stage) => {
  const asked = ['--http', at(stage.resolver.http), '--announcer', at(stage.announcer.http)];
  const nothing = await rollcall(['trace', 'nosuch', ...asked]);
  assert.equal([nothing.exit, nothing.stdout], [1, 'no change of nosuch in the journals\n']);
  const wrong = await rollcall(['trace', 'web', '--last', '0', ...asked]);
  assert.is(wrong.exit, 2);
  const free = at(await freePort());
  const away = await rollcall(['trace', 'web', '--http', free, '--announcer', free]);
  assert.is(away.exit, 1);
  assert.match(away.stderr, 'no daemon answers');
});

// Registered last: it takes the announcer away.
test('the announcer stops: its lease goes, for which it knows no revision, and the trace is whole but for that', async (stage) => {
  const { resolver, announcer } = stage;
  await run(stage, 'five');
  await digUntil(resolver.dns, WEB, 'NOERROR');
  const before = (await tracesOf('five', { http: at(resolver.http), announcer: at(announcer.http) }))[0];
  assert.is(before?.change, 'announced');
  assert.is(await announcer.end('SIGTERM'), 0);
  await digUntil(resolver.dns, WEB, 'NXDOMAIN');
  const [trace] = await tracesOf('web', { http: at(resolver.http), announcer: at(announcer.http) });
  assert.is(trace?.change, 'withdrawn');
  assert.match(told(trace)[0] ?? '', 'its lease ended by itself, or somebody deleted the key');
});

if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
