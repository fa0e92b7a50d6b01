/** The announcer at scale: 5,000 simulated containers, 200 real ones, and from a container's death to the answer. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { HostPort } from '../../shared/address.ts';
import type { Store } from '../../shared/store.ts';
import { type FakeContainer, FakeEngine } from '../../test/support/doubles/fake-engine.ts';
import { queryOctets } from '../../test/support/servers/dns-client.ts';
import { buildBusybox, type DockerHost, missingForDocker, startDocker } from '../../test/support/servers/docker.ts';
import { until } from '../../test/support/until.ts';
import { startEtcd, startResolver } from './ours.ts';
import { BOTH_CORES, cpuMs, residentMiB, SERVER_CORE, type Server, startPinned, ZONE } from './servers.ts';

/** One measured figure beside what it may be at most; without a budget it is told only. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: number;
}

export interface AnnouncerBenchSettings {
  readonly directory: string;
  /** Containers of the simulated engine; default 5,000. */
  readonly simulated?: number;
  /** Containers of the real engine; default 200. */
  readonly real?: number;
  readonly steadySeconds?: number;
  readonly churnSeconds?: number;
}

const NAMES = '/skydns/com/example/prod/s/';
const CHANGES_PER_SECOND = 50;
const DEATHS = 50;
const LATE_MS = 10_000;
/** Where a DNS message counts its answers (RFC 1035 §4.1.1). */
const ANCOUNT_AT = 6;
const HTTP_PORT = 15_484;

export async function benchAnnouncer(settings: AnnouncerBenchSettings): Promise<Figure[]> {
  const figures = await benchSimulated(settings);
  const missing = missingForDocker();
  if (missing !== undefined) {
    console.log(`  no real engine here: ${missing}`);
    return figures;
  }
  return [...figures, ...(await benchReal(settings))];
}

export async function benchSimulated({
  directory,
  simulated = 5000,
  // Has one comparison of 5,000 with the engine and two with the store.
  steadySeconds = 125,
  churnSeconds = 60,
}: AnnouncerBenchSettings): Promise<Figure[]> {
  const engine = new FakeEngine();
  const labels = { 'rollcall.check': 'none' };
  for (let at = 0; at < simulated; at += 1) {
    const published = { '80/tcp': 10_000 + at };
    engine.run({ labels: { ...labels, 'rollcall.name': `svc${at % 500}` }, published }, { dropped: true });
  }
  await engine.start();
  const etcd = await startEtcd(join(directory, 'simulated'), 15_479);
  const began = performance.now();
  const announcer = await startAnnouncer(join(directory, 'simulated'), etcd.url, engine.host);
  try {
    await keys(etcd.store, simulated);
    const startSeconds = (performance.now() - began) / 1000;
    await ready();
    // What follows the start of so many, the first snapshot of the journal and the like, is not the steady state.
    await wait(5000);
    const { revision } = await etcd.store.snapshot('/');
    const [beforeMs, beforeAt] = [cpuMs(announcer.pid), performance.now()];
    await wait(steadySeconds * 1000);
    const steadyShare = (100 * (cpuMs(announcer.pid) - beforeMs)) / (performance.now() - beforeAt);
    const writes = Number((await etcd.store.snapshot('/')).revision - revision);
    const steadyMiB = residentMiB(announcer.pid);
    const latencies = await churn(engine, etcd.store, churnSeconds);
    return [
      figure(`start to ${simulated} containers announced`, startSeconds, 's', 10),
      figure(`steady state over ${steadySeconds} s`, steadyShare, '% of a core', 1),
      figure('etcd writes in the steady state', writes, 'writes', 0),
      figure('memory', steadyMiB, 'MiB'),
      figure(`${CHANGES_PER_SECOND} changes a second, event to etcd, p50`, percentile(latencies, 0.5), 'ms'),
      figure(`${CHANGES_PER_SECOND} changes a second, event to etcd, p99`, percentile(latencies, 0.99), 'ms', 100),
      figure('memory after the changes', residentMiB(announcer.pid), 'MiB'),
    ];
  } finally {
    await announcer.stop();
    await etcd.stop();
    await engine.die();
  }
}

/** Stops and starts containers; each change waits for nothing. @returns milliseconds from its event to its key's change */
async function churn(engine: FakeEngine, store: Store, seconds: number): Promise<number[]> {
  const latencies: number[] = [];
  const changedAt = new Map<string, number>();
  const { revision } = await store.snapshot(NAMES);
  const watching = store.changes(NAMES, revision + 1n).subscribe(({ changes }) => {
    for (const change of changes) {
      const key = change.type === 'put' ? change.entry.key : change.key;
      const instance = key.slice(key.lastIndexOf('/') + 1);
      const at = changedAt.get(instance);
      changedAt.delete(instance);
      if (at !== undefined) latencies.push(performance.now() - at);
    }
  });
  const containers = [...engine.containers.values()];
  const began = performance.now();
  const total = seconds * CHANGES_PER_SECOND;
  for (let made = 0; made < total; made += 1) {
    await wait(Math.max(0, began + (made * 1000) / CHANGES_PER_SECOND - performance.now()));
    // Each is stopped, and a second later started again.
    const at = Math.floor(made / (2 * CHANGES_PER_SECOND)) * CHANGES_PER_SECOND + (made % CHANGES_PER_SECOND);
    const container = containers[at % containers.length] as FakeContainer;
    changedAt.set(container.id.slice(0, 12), performance.now());
    if (container.state === 'running') engine.exit(container);
    else engine.startAgain(container);
  }
  await until('the last change', () => changedAt.size === 0);
  watching.unsubscribe();
  return latencies;
}

async function benchReal({ directory, real = 200 }: AnnouncerBenchSettings): Promise<Figure[]> {
  const docker = await startDocker();
  const started: Server[] = [];
  // All of it on all cores, as users run it: on one of two, each would stand in line behind the engine, which clears away the
  // dead in stretches of up to 10 ms that nothing interrupts.
  const etcd = await startEtcd(join(directory, 'real'), 15_489, BOTH_CORES);
  try {
    const image = await buildBusybox(docker);
    await runContainers(docker, image, real);
    const began = performance.now();
    const announcer = await startAnnouncer(join(directory, 'real'), etcd.url, docker.host, BOTH_CORES);
    started.push(announcer);
    await keys(etcd.store, real);
    const startSeconds = (performance.now() - began) / 1000;
    const dns = { host: '127.0.0.1', port: 15_491 };
    const under = join(directory, 'real');
    started.push(await startResolver('rollcall', under, dns.port, 15_492, etcd.url, [], BOTH_CORES));
    await wait(3000);
    const [beforeMs, beforeAt] = [cpuMs(announcer.pid), performance.now()];
    await wait(10_000);
    const share = (100 * (cpuMs(announcer.pid) - beforeMs)) / (performance.now() - beforeAt);
    const latencies = await deaths(docker, dns, Math.min(DEATHS, real));
    return [
      figure(`start to ${real} real containers announced, each seen listening`, startSeconds, 's'),
      figure(`${real} real containers, checks and all, over 10 s`, share, '% of a core'),
      figure(`die to answer changed, ${latencies.length} deaths, p50`, percentile(latencies, 0.5), 'ms', 10),
      figure(`die to answer changed, ${latencies.length} deaths, p99`, percentile(latencies, 0.99), 'ms', 50),
    ];
  } finally {
    for (const server of started) await server.stop();
    await etcd.stop();
    await docker.stop();
  }
}

async function runContainers(docker: DockerHost, image: string, count: number): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      await docker.run(['--name', `c${at}`, '-p', '80', '-l', `rollcall.name=real${at}`, '--stop-timeout', '0', image]);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}

/** @returns milliseconds from the engine's own time of each `die` to the first answer without it, asked all the while */
async function deaths(docker: DockerHost, dns: HostPort, count: number): Promise<number[]> {
  const events = spawn('docker', [
    '-H',
    docker.host,
    'events',
    '--filter',
    'event=die',
    '--format',
    '{{.TimeNano}} {{.Actor.Attributes.name}}',
  ]);
  const diedAtMs = new Map<string, number>();
  let rest = '';
  events.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [nano = '0', name = ''] = line.split(' ');
      diedAtMs.set(name, Number(BigInt(nano) / 1000n) / 1000);
    }
  });
  const latencies: number[] = [];
  for (let at = 0; at < count; at += 1) {
    const pid = Number(await docker.cli('inspect', '-f', '{{.State.Pid}}', `c${at}`));
    // The process itself: no `kill` of the engine's, which would withdraw before the death.
    process.kill(pid, 'SIGKILL');
    const changedAtMs = await firstWithout(dns, `real${at}.${ZONE}`);
    const diedMs = await until('the event', () => diedAtMs.get(`c${at}`));
    latencies.push(changedAtMs - diedMs);
  }
  events.kill();
  await once(events, 'close');
  return latencies;
}

/** Asks every millisecond: more often, the asking itself would take the cores from those that are asked. @returns when, by the wall clock */
async function firstWithout({ host, port }: HostPort, name: string): Promise<number> {
  const socket = createSocket('udp4');
  const query = queryOctets({ name });
  const asking = setInterval(() => socket.send(query, port, host), 1);
  try {
    return await new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${name} is answered still after ${LATE_MS} ms`)), LATE_MS);
      socket.on('message', (answer: Buffer) => {
        if (answer.readUInt16BE(ANCOUNT_AT) > 0) return;
        clearTimeout(late);
        resolve(performance.timeOrigin + performance.now());
      });
    });
  } finally {
    clearInterval(asking);
    socket.close();
  }
}

async function startAnnouncer(
  directory: string,
  etcdUrl: string,
  docker: string,
  cores = SERVER_CORE,
): Promise<Server> {
  return startPinned(
    'announcer',
    HTTP_PORT,
    [
      ...['node', 'dist/cli/main.js', 'announcer', '--etcd', etcdUrl, '--docker', docker, '--log-level', 'error'],
      ...['--host-name', 'node-1', '--private-ip', '10.0.0.5', '--domain', ZONE],
      ...['--http', `127.0.0.1:${HTTP_PORT}`, '--data-dir', join(directory, 'announcer')],
    ],
    () => answers('/health'),
    cores,
  );
}

const ready = (): Promise<boolean> =>
  until('the announcer to be ready', () => answers('/ready'), { timeoutMs: 30_000 });

async function answers(path: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${HTTP_PORT}${path}`).catch(() => undefined);
  return response?.ok === true;
}

async function keys(store: Store, count: number): Promise<void> {
  await until(`${count} keys`, async () => (await store.snapshot(NAMES)).entries.length === count, {
    timeoutMs: 120_000,
    everyMs: 250,
  });
}

function figure(name: string, value: number, unit: string, budget?: number): Figure {
  const made = { name, value: Math.round(value * 100) / 100, unit, ...(budget === undefined ? {} : { budget }) };
  console.log(`  ${name}: ${made.value} ${unit}`);
  return made;
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

/** What was measured beside its budget. */
export function figureTable(figures: readonly Figure[], title = 'announcer'): string {
  const head = [title, 'measured', 'budget', ''];
  const cells = figures.map(({ name, value, unit, budget }) => [
    name,
    `${value} ${unit}`,
    budget === undefined ? '' : `at most ${budget}`,
    budget === undefined ? '' : value <= budget ? 'kept' : 'NOT KEPT',
  ]);
  const widths = head.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  return [head, ...cells].map((row) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')).join('\n');
}
