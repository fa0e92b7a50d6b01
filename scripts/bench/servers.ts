/** The servers that are measured: each started pinned to one core, on loopback, with the same names. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/** The core that servers are pinned to; the client has the other one. */
export const SERVER_CORE = '0';
export const CLIENT_CORE = '1';
export const BOTH_CORES = `${SERVER_CORE},${CLIENT_CORE}`;

export const ZONE = 's.prod.example.com';

export interface Server {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** One record of the data that every server serves. */
export interface BenchRecord {
  readonly service: string;
  readonly instance: string;
  readonly address: string;
  readonly port: number;
}

/** `services` names with `each` records: `svc0000`, … as the published figures use 100 × 3. */
export function benchRecords(services: number, each: number): BenchRecord[] {
  return Array.from({ length: services * each }, (_unused, at) => {
    const service = Math.floor(at / each);
    return {
      service: `svc${String(service).padStart(4, '0')}`,
      instance: `i${String(at % each).padStart(3, '0')}`,
      address: `10.${(at >> 16) & 255}.${(at >> 8) & 255}.${at & 255}`,
      port: 8000 + (at % each),
    };
  });
}

/**
 * Where this process runs, and what it starts from then on: what writes and asks would be measured with the servers on their
 * core.
 */
export function standOn(cores: string): void {
  execFileSync('taskset', ['-a', '-c', '-p', cores, String(process.pid)], { stdio: 'ignore' });
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Of 50 ms each: a million records take their time. */
const READY_TRIES_MAX = 2400;

/** Starts a program pinned to the servers' core and waits until its port answers DNS. */
export async function startPinned(
  name: string,
  port: number,
  command: readonly string[],
  answers: () => Promise<boolean>,
  cores: string = SERVER_CORE,
): Promise<Server> {
  const child = spawn('taskset', ['-c', cores, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  running.add(child);
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000);
  });
  const ended = once(child, 'close').then(() => running.delete(child));
  for (let tries = 0; !(await answers()); tries += 1) {
    if (child.exitCode !== null || tries > READY_TRIES_MAX) throw new Error(`${name} does not answer: ${complaint}`);
    await wait(50);
  }
  return {
    name,
    port,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The floor. Compiled on the spot. */
export function compileEcho(directory: string): string {
  const binary = join(directory, 'echo');
  execFileSync('cc', ['-O2', '-o', binary, resolve('scripts/bench/echo.c')]);
  return binary;
}

function zoneFile(records: readonly BenchRecord[]): string {
  const lines = [
    `$ORIGIN ${ZONE}.`,
    '$TTL 5',
    '@ SOA ns.dns hostmaster 1 28800 7200 604800 5',
    '@ NS ns.dns',
    'ns.dns A 127.0.0.1',
  ];
  for (const { service, instance, address, port } of records) {
    lines.push(`${service} A ${address}`, `${instance}.${service} A ${address}`);
    lines.push(`${service} SRV 10 33 ${port} ${instance}.${service}`);
  }
  return `${lines.join('\n')}\n`;
}

export function knotCommand(directory: string, port: number, records: readonly BenchRecord[]): string[] {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'zone'), zoneFile(records));
  const configuration = join(directory, 'knot.conf');
  writeFileSync(
    configuration,
    `server:
    rundir: "${directory}"
    listen: 127.0.0.1@${port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "${directory}"
zone:
  - domain: ${ZONE}
    file: "${join(directory, 'zone')}"
    zonefile-sync: -1
    journal-content: none
`,
  );
  return ['knotd', '-c', configuration];
}

export function unboundCommand(directory: string, port: number, records: readonly BenchRecord[]): string[] {
  mkdirSync(directory, { recursive: true });
  const data = records.flatMap(({ service, instance, address, port: srvPort }) => [
    `  local-data: "${service}.${ZONE}. 5 A ${address}"`,
    `  local-data: "${instance}.${service}.${ZONE}. 5 A ${address}"`,
    `  local-data: "${service}.${ZONE}. 5 SRV 10 33 ${srvPort} ${instance}.${service}.${ZONE}."`,
  ]);
  const configuration = join(directory, 'unbound.conf');
  writeFileSync(
    configuration,
    `server:
  directory: "${directory}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1
  port: ${port}
  num-threads: 1
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  local-zone: "${ZONE}." static
${data.join('\n')}
remote-control:
  control-enable: no
`,
  );
  return ['unbound', '-d', '-c', configuration];
}

export function dnsmasqCommand(directory: string, port: number, records: readonly BenchRecord[]): string[] {
  mkdirSync(directory, { recursive: true });
  const configuration = join(directory, 'dnsmasq.conf');
  const lines = records.flatMap(({ service, instance, address, port: srvPort }) => [
    `host-record=${instance}.${service}.${ZONE},${address}`,
    `srv-host=${service}.${ZONE},${instance}.${service}.${ZONE},${srvPort},10,33`,
  ]);
  const hosts = join(directory, 'hosts');
  writeFileSync(hosts, records.map(({ service, address }) => `${address} ${service}.${ZONE}\n`).join(''));
  writeFileSync(
    configuration,
    `port=${port}
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
addn-hosts=${hosts}
local=/${ZONE}/
local-ttl=5
user=root
${lines.join('\n')}
`,
  );
  return ['dnsmasq', '-k', '-C', configuration];
}

/** User and system time of a process, its threads and the processes below it so far, in milliseconds. */
export function cpuMs(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + cpuMsOf(each), 0);
}

/**
 * How long the main thread of a process was ready to run and did not get its core, in ms: what other programs on the machine
 * took. The second figure of schedstat (sched-stats.rst of the kernel), in ns.
 */
export function coreWaitMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children === '' ? [] : children.split(' ').map(Number);
}

function cpuMsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  // utime and stime are fields 14 and 15 of proc(5), in ticks of 10 ms on every Linux that Node runs on.
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident memory of a process and those below it, in MiB. */
export function residentMiB(pid: number): number {
  return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + residentMiBOf(each), 0);
}

function residentMiBOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}
