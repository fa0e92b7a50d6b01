/** The resolver beside its peers, on one machine in one run: medians of interleaved rounds, as ratios to the floor. */

import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { type Load, type LoadSettings, loadOf, median } from './dnsperf.ts';
import { churn, type EtcdServer, putRecords, startEtcd, startResolver } from './ours.ts';
import {
  type BenchRecord,
  benchRecords,
  compileEcho,
  dnsmasqCommand,
  knotCommand,
  residentMiB,
  type Server,
  startPinned,
  unboundCommand,
  ZONE,
} from './servers.ts';

export interface Row {
  readonly name: string;
  readonly queriesPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly latencyMicroseconds: number;
  readonly lost: number;
  /** CPU per query as a multiple of the floor's in the same round. */
  readonly toFloor: number;
  readonly residentMiB: number;
}

export interface BenchSettings {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
}

interface Case {
  readonly name: string;
  readonly server: Server;
  readonly load: LoadSettings;
  /** Runs during the load; what it gives back ends it. */
  readonly during?: () => { stop(): Promise<unknown> };
}

const SERVICES = 100;
const EACH = 3;

export async function benchResolver(settings: BenchSettings): Promise<Row[]> {
  const { directory } = settings;
  const records = benchRecords(SERVICES, EACH);
  const etcd = await startEtcd(directory, 15_379);
  await putRecords(etcd.store, records);
  const servers = await startServers(directory, records, etcd);
  try {
    return await measure(casesOf(servers, records, etcd, settings.seconds), settings);
  } finally {
    for (const server of Object.values(servers)) await server.stop();
    await etcd.stop();
  }
}

type Servers = Readonly<Record<'floor' | 'knot' | 'unbound' | 'dnsmasq' | 'rollcall', Server>>;

async function startServers(directory: string, records: readonly BenchRecord[], etcd: EtcdServer): Promise<Servers> {
  const echo = compileEcho(directory);
  const dns = (port: number) => () => answersDns(port, `svc0000.${ZONE}`);
  return {
    floor: await startPinned('C echo (the floor)', 15_301, [echo, '15301'], dns(15_301)),
    knot: await startPinned('knot', 15_302, knotCommand(`${directory}/knot`, 15_302, records), dns(15_302)),
    unbound: await startPinned('unbound', 15_303, unboundCommand(`${directory}/unbound`, 15_303, records), dns(15_303)),
    dnsmasq: await startPinned('dnsmasq', 15_304, dnsmasqCommand(`${directory}/dnsmasq`, 15_304, records), dns(15_304)),
    rollcall: await startResolver('rollcall', directory, 15_305, 15_385, etcd.url),
  };
}

function casesOf(servers: Servers, records: readonly BenchRecord[], etcd: EtcdServer, seconds: number): Case[] {
  const names = [...new Set(records.map(({ service }) => service))];
  const usual = names.flatMap((name) => [`${name}.${ZONE} A`, `${name}.${ZONE} SRV`]);
  const missing = Array.from({ length: 20_000 }, (_unused, at) => `no${(at * 7919) % 1_000_003}.${ZONE} A`);
  const { floor, knot, unbound, dnsmasq, rollcall } = servers;
  const quiet = { queries: usual, seconds };
  return [
    { name: floor.name, server: floor, load: quiet },
    { name: 'knot', server: knot, load: quiet },
    { name: 'unbound', server: unbound, load: quiet },
    { name: 'dnsmasq', server: dnsmasq, load: quiet },
    { name: 'rollcall', server: rollcall, load: quiet },
    {
      name: 'rollcall, 200 changes a second',
      server: rollcall,
      load: quiet,
      during: () => churn(etcd.store, records, 200),
    },
    { name: 'rollcall, EDNS and cookie', server: rollcall, load: { ...quiet, cookie: true } },
    { name: 'rollcall, TCP', server: rollcall, load: { ...quiet, tcp: true } },
    { name: 'rollcall, NXDOMAIN flood', server: rollcall, load: { queries: missing, seconds } },
    { name: 'knot, NXDOMAIN flood', server: knot, load: { queries: missing, seconds } },
  ];
}

async function measure(cases: readonly Case[], { directory, rounds }: BenchSettings): Promise<Row[]> {
  const loads = cases.map((): Load[] => []);
  const ratios = cases.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    let floor = Number.NaN;
    for (const [at, { name, server, load, during }] of cases.entries()) {
      const beside = during?.();
      const result = await loadOf(server, directory, load);
      await beside?.stop();
      if (at === 0) floor = result.cpuMicroseconds;
      loads[at]?.push(result);
      ratios[at]?.push(result.cpuMicroseconds / floor);
      console.log(
        `  round ${round + 1}  ${name}: ${Math.round(result.queriesPerSecond)} queries/s, ${result.cpuMicroseconds.toFixed(1)} µs`,
      );
    }
  }
  return cases.map(({ name, server }, at) => {
    const of = (figure: (load: Load) => number): number => median((loads[at] ?? []).map(figure));
    return {
      name,
      queriesPerSecond: of((load) => load.queriesPerSecond),
      cpuMicroseconds: of((load) => load.cpuMicroseconds),
      latencyMicroseconds: of((load) => load.latencyMicroseconds),
      lost: of((load) => load.lost),
      toFloor: median(ratios[at] ?? []),
      residentMiB: residentMiB(server.pid),
    };
  });
}

/** Whether anything comes back for a query; the echo too says yes. */
function answersDns(port: number, name: string): Promise<boolean> {
  const labels = name.split('.').flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]);
  const query = Buffer.concat([
    Buffer.from('1234010000010000 00000000'.replace(' ', ''), 'hex'),
    ...labels,
    Buffer.from([0, 0, 1, 0, 1]),
  ]);
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), 200);
    socket.once('message', () => end(true));
    socket.once('error', () => end(false));
    socket.connect(port, '127.0.0.1', () => socket.send(query));
  });
}

/** Whether what the benchmark needs beyond the tests is installed; installs it on Debian as root. */
export function installPeers(): void {
  execFileSync('sh', ['scripts/bench/setup.sh'], { stdio: 'inherit' });
}
