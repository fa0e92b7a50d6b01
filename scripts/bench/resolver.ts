/** The resolver beside its peers, on one machine in one run: medians of interleaved rounds, as ratios to the floor. */

import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { type Load, type LoadSettings, loadOf, median } from './dnsperf.ts';
import { churn, type EtcdServer, putRecords, startEtcd, startResolver } from './ours.ts';
import { query, RrTypeCode } from './query.ts';
import {
  type BenchRecord,
  BOTH_CORES,
  benchRecords,
  CLIENT_CORE,
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
  /** See {@link Load}. */
  readonly coreWait: number;
  /** CPU per query as a multiple of the floor's in the same round. */
  readonly toFloor: number;
  readonly residentMiB: number;
  /** As {@link Budget}; undefined for a row without one. */
  readonly budget?: { readonly text: string; readonly met: boolean };
}

/** What a row's CPU per query may be: a multiple of another row's, in the median of the rounds. */
interface Budget {
  readonly times: number;
  readonly of: string;
}

export interface BenchSettings {
  readonly directory: string;
  readonly rounds: number;
  readonly seconds: number;
  readonly rows: ReadonlySet<RowGroup>;
}

/** What can be chosen; the floor and rollcall's quiet row are always there, to compare with. */
export const ROW_GROUPS = ['peers', 'changes', 'edns', 'tcp', 'flood', 'forward', 'workers', 'udp'] as const;
export type RowGroup = (typeof ROW_GROUPS)[number];

interface Case {
  readonly group?: RowGroup;
  readonly budgets?: readonly Budget[];
  readonly name: string;
  readonly server: Server;
  readonly load: LoadSettings;
  /** Runs during the load; what it gives back ends it. */
  readonly during?: () => { stop(): Promise<unknown> };
}

/** Where workers are: with the client on one of them. */
const QUIET = 'rollcall';
const SERVICES = 100;
const EACH = 3;

export async function benchResolver(settings: BenchSettings): Promise<Row[]> {
  const { directory } = settings;
  const records = benchRecords(SERVICES, EACH);
  const etcd = await startEtcd(directory, 15_379);
  await putRecords(etcd.store, records);
  const servers = await startServers(directory, records, etcd);
  try {
    const cases = casesOf(servers, records, etcd, settings.seconds);
    return await measure(
      cases.filter(({ group }) => group === undefined || settings.rows.has(group)),
      settings,
    );
  } finally {
    for (const server of Object.values(servers)) await server.stop();
    await etcd.stop();
  }
}

const NAMES = [
  'floor',
  'upstream',
  'knot',
  'unbound',
  'dnsmasq',
  'rollcall',
  'forwarding',
  'oneWorker',
  'twoWorkers',
  'oneByOne',
] as const;
type Servers = Readonly<Record<(typeof NAMES)[number], Server>>;

async function startServers(directory: string, records: readonly BenchRecord[], etcd: EtcdServer): Promise<Servers> {
  const echo = compileEcho(directory);
  const dns = (port: number) => () => answersDns(port, `svc0000.${ZONE}`);
  return {
    floor: await startPinned('C echo (the floor)', 15_301, [echo, '15301'], dns(15_301)),
    knot: await startPinned('knot', 15_302, knotCommand(`${directory}/knot`, 15_302, records), dns(15_302)),
    unbound: await startPinned('unbound', 15_303, unboundCommand(`${directory}/unbound`, 15_303, records), dns(15_303)),
    dnsmasq: await startPinned('dnsmasq', 15_304, dnsmasqCommand(`${directory}/dnsmasq`, 15_304, records), dns(15_304)),
    rollcall: await startResolver('rollcall', directory, 15_305, 15_385, etcd.url),
    upstream: await startPinned('upstream', 15_306, [echo, '15306'], dns(15_306), CLIENT_CORE),
    forwarding: await startResolver('forwarding', directory, 15_307, 15_387, etcd.url, [
      '--forward',
      '127.0.0.1:15306',
    ]),
    oneWorker: await startResolver('one worker', directory, 15_308, 15_388, etcd.url, [], BOTH_CORES),
    twoWorkers: await startResolver('two workers', directory, 15_309, 15_389, etcd.url, ['--workers', '2'], BOTH_CORES),
    oneByOne: await startResolver('one by one', directory, 15_310, 15_390, etcd.url, ['--udp-batch', 'off']),
  };
}

function casesOf(servers: Servers, records: readonly BenchRecord[], etcd: EtcdServer, seconds: number): Case[] {
  const names = [...new Set(records.map(({ service }) => service))];
  const usual = names.flatMap((name) => [`${name}.${ZONE} A`, `${name}.${ZONE} SRV`]);
  const missing = Array.from({ length: 20_000 }, (_unused, at) => `no${(at * 7919) % 1_000_003}.${ZONE} A`);
  const random = Array.from({ length: 200_000 }, (_unused, at) => `r${(at * 7919) % 1_000_003}.example.net A`);
  const { floor, knot, unbound, dnsmasq, rollcall, forwarding, oneWorker, twoWorkers, oneByOne } = servers;
  const quiet = { queries: usual, seconds };
  const flood = { queries: missing, seconds };
  const during = (): { stop(): Promise<unknown> } => churn(etcd.store, records, 200);
  return [
    { name: floor.name, server: floor, load: quiet },
    { group: 'peers', name: 'knot', server: knot, load: quiet },
    { group: 'peers', name: 'unbound', server: unbound, load: quiet },
    { group: 'peers', name: 'dnsmasq', server: dnsmasq, load: quiet },
    {
      name: QUIET,
      server: rollcall,
      load: quiet,
      budgets: [
        { times: 2, of: floor.name },
        { times: 1, of: 'dnsmasq' },
      ],
    },
    {
      group: 'changes',
      name: 'rollcall, 200 changes a second',
      server: rollcall,
      load: quiet,
      during,
      budgets: [{ times: 1.3, of: QUIET }],
    },
    { group: 'udp', name: 'rollcall, --udp-batch off', server: oneByOne, load: quiet },
    { group: 'edns', name: 'rollcall, EDNS and cookie', server: rollcall, load: { ...quiet, cookie: true } },
    { group: 'tcp', name: 'rollcall, TCP', server: rollcall, load: { ...quiet, tcp: true } },
    {
      group: 'flood',
      name: 'rollcall, NXDOMAIN flood',
      server: rollcall,
      load: flood,
      budgets: [{ times: 2, of: floor.name }],
    },
    { group: 'flood', name: 'knot, NXDOMAIN flood', server: knot, load: flood },
    {
      group: 'forward',
      name: 'rollcall, random names forwarded',
      server: forwarding,
      load: { queries: random, seconds },
    },
    { group: 'workers', name: 'rollcall, 1 worker on both cores', server: oneWorker, load: quiet },
    { group: 'workers', name: 'rollcall, 2 workers on both cores', server: twoWorkers, load: quiet },
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
  const cpuOf = (name: string): number | undefined => {
    const figures = loads[cases.findIndex((each) => each.name === name)];
    return figures === undefined ? undefined : median(figures.map((load) => load.cpuMicroseconds));
  };
  return cases.map(({ name, server, budgets = [] }, at) => {
    const of = (figure: (load: Load) => number): number => median((loads[at] ?? []).map(figure));
    return {
      name,
      queriesPerSecond: of((load) => load.queriesPerSecond),
      cpuMicroseconds: of((load) => load.cpuMicroseconds),
      latencyMicroseconds: of((load) => load.latencyMicroseconds),
      lost: of((load) => load.lost),
      coreWait: of((load) => load.coreWait),
      toFloor: median(ratios[at] ?? []),
      residentMiB: residentMiB(server.pid),
      ...judged(
        of((load) => load.cpuMicroseconds),
        budgets,
        cpuOf,
      ),
    };
  });
}

/** Whether the budgets are kept; those whose other row was not measured are left out. */
function judged(
  cpu: number,
  budgets: readonly Budget[],
  cpuOf: (name: string) => number | undefined,
): Pick<Row, 'budget'> {
  const judgements = budgets.flatMap(({ times, of }) => {
    const other = cpuOf(of);
    return other === undefined ? [] : [{ text: `${times} × ${of}`, met: cpu <= times * other }];
  });
  if (judgements.length === 0) return {};
  const text = judgements.map((each) => `${each.met ? 'met' : 'NOT MET'}: ≤ ${each.text}`).join('; ');
  return { budget: { text, met: judgements.every(({ met }) => met) } };
}

/** Whether anything comes back for a query; the echo too says yes. */
function answersDns(port: number, name: string): Promise<boolean> {
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
    socket.connect(port, '127.0.0.1', () => socket.send(query(name, RrTypeCode.A)));
  });
}

/** Whether what the benchmark needs beyond the tests is installed; installs it on Debian as root. */
export function installPeers(): void {
  execFileSync('sh', ['scripts/bench/setup.sh'], { stdio: 'inherit' });
}
