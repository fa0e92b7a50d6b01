/** The resolver beside its peers, on one machine in one run: medians of interleaved rounds, as ratios to the floor. */

import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
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
  readonly server: ServerName;
  readonly load: LoadSettings;
  /** How long it runs before the first round, uncounted, when that is longer than a round's time. */
  readonly warmSeconds?: number;
  /** Runs during the load; what it gives back ends it. */
  readonly during?: () => { stop(): Promise<unknown> };
}

/** Where workers are: with the client on one of them. */
const QUIET = 'rollcall';
const FLOOR = 'C echo (the floor)';
const SERVICES = 100;
const EACH = 3;
/** A daemon that has just started compiles its way through a change for the first thousands of them. */
const WARM_CHANGES_SECONDS = 20;

export async function benchResolver(settings: BenchSettings): Promise<Row[]> {
  const { directory } = settings;
  const records = benchRecords(SERVICES, EACH);
  // The changes are for the one that is measured: others that follow them would take its core, and the writer's.
  const changing = await startEtcd(join(directory, 'changing'), 15_379);
  const still = await startEtcd(join(directory, 'still'), 15_399);
  for (const etcd of [changing, still]) await putRecords(etcd.store, records);
  const cases = casesOf(records, changing, settings.seconds).filter(
    ({ group }) => group === undefined || settings.rows.has(group),
  );
  const servers = new Map<ServerName, Server>();
  try {
    const starters = startersOf(directory, records, { changing: changing.url, still: still.url });
    if (cases.some(({ server }) => server === 'forwarding')) await start(servers, 'upstream', starters);
    for (const { server } of cases) await start(servers, server, starters);
    return await measure(cases, servers, settings);
  } finally {
    for (const server of servers.values()) await server.stop();
    for (const etcd of [changing, still]) await etcd.stop();
  }
}

type ServerName =
  | 'floor'
  | 'upstream'
  | 'knot'
  | 'unbound'
  | 'dnsmasq'
  | 'rollcall'
  | 'forwarding'
  | 'oneWorker'
  | 'twoWorkers'
  | 'oneSlowWorker'
  | 'twoSlowWorkers'
  | 'oneByOne';
type Starters = Readonly<Record<ServerName, () => Promise<Server>>>;

function startersOf(
  directory: string,
  records: readonly BenchRecord[],
  { changing, still }: { readonly changing: string; readonly still: string },
): Starters {
  const echo = compileEcho(directory);
  const peer = (name: string, port: number, command: readonly string[], cores?: string): Promise<Server> =>
    startPinned(name, port, command, () => answersDns(port, `svc0000.${ZONE}`), cores);
  const ours = (name: string, port: number, etcd: string, args: readonly string[] = [], cores?: string) =>
    startResolver(name, directory, port, port + 80, etcd, args, cores);
  return {
    floor: () => peer(FLOOR, 15_301, [echo, '15301']),
    knot: () => peer('knot', 15_302, knotCommand(`${directory}/knot`, 15_302, records)),
    unbound: () => peer('unbound', 15_303, unboundCommand(`${directory}/unbound`, 15_303, records)),
    dnsmasq: () => peer('dnsmasq', 15_304, dnsmasqCommand(`${directory}/dnsmasq`, 15_304, records)),
    rollcall: () => ours('rollcall', 15_305, changing),
    upstream: () => peer('upstream', 15_306, [echo, '15306'], CLIENT_CORE),
    forwarding: () => ours('forwarding', 15_307, still, ['--forward', '127.0.0.1:15306']),
    oneWorker: () => ours('one worker', 15_308, still, [], BOTH_CORES),
    twoWorkers: () => ours('two workers', 15_309, still, ['--workers', '2'], BOTH_CORES),
    oneByOne: () => ours('one by one', 15_310, still, ['--udp-batch', 'off']),
    oneSlowWorker: () => ours('one slow worker', 15_311, still, ['--udp-batch', 'off'], BOTH_CORES),
    twoSlowWorkers: () => ours('two slow workers', 15_312, still, ['--udp-batch', 'off', '--workers', '2'], BOTH_CORES),
  };
}

async function start(servers: Map<ServerName, Server>, name: ServerName, starters: Starters): Promise<void> {
  if (!servers.has(name)) servers.set(name, await starters[name]());
}

function casesOf(records: readonly BenchRecord[], changing: EtcdServer, seconds: number): Case[] {
  const names = [...new Set(records.map(({ service }) => service))];
  const usual = names.flatMap((name) => [`${name}.${ZONE} A`, `${name}.${ZONE} SRV`]);
  const missing = Array.from({ length: 20_000 }, (_unused, at) => `no${(at * 7919) % 1_000_003}.${ZONE} A`);
  const random = Array.from({ length: 200_000 }, (_unused, at) => `r${(at * 7919) % 1_000_003}.example.net A`);
  const quiet = { queries: usual, seconds };
  const flood = { queries: missing, seconds };
  const during = (): { stop(): Promise<unknown> } => churn(changing.store, records, 200);
  return [
    { name: FLOOR, server: 'floor', load: quiet },
    { group: 'peers', name: 'knot', server: 'knot', load: quiet },
    { group: 'peers', name: 'unbound', server: 'unbound', load: quiet },
    { group: 'peers', name: 'dnsmasq', server: 'dnsmasq', load: quiet },
    {
      name: QUIET,
      server: 'rollcall',
      load: quiet,
      budgets: [
        { times: 2, of: FLOOR },
        { times: 1, of: 'dnsmasq' },
      ],
    },
    {
      group: 'changes',
      name: 'rollcall, 200 changes a second',
      server: 'rollcall',
      load: quiet,
      during,
      warmSeconds: WARM_CHANGES_SECONDS,
      budgets: [{ times: 1.3, of: QUIET }],
    },
    { group: 'udp', name: 'rollcall, --udp-batch off', server: 'oneByOne', load: quiet },
    { group: 'edns', name: 'rollcall, EDNS and cookie', server: 'rollcall', load: { ...quiet, cookie: true } },
    { group: 'tcp', name: 'rollcall, TCP', server: 'rollcall', load: { ...quiet, tcp: true } },
    {
      group: 'flood',
      name: 'rollcall, NXDOMAIN flood',
      server: 'rollcall',
      load: flood,
      budgets: [{ times: 2, of: FLOOR }],
    },
    { group: 'flood', name: 'knot, NXDOMAIN flood', server: 'knot', load: flood },
    {
      group: 'forward',
      name: 'rollcall, random names forwarded',
      server: 'forwarding',
      load: { queries: random, seconds },
    },
    { group: 'workers', name: 'rollcall, 1 worker on both cores', server: 'oneWorker', load: quiet },
    { group: 'workers', name: 'rollcall, 2 workers on both cores', server: 'twoWorkers', load: quiet },
    // In batches a query costs the client more than the server, and no worker is short of a core. One by one it is the other way.
    { group: 'workers', name: 'rollcall, 1 worker, --udp-batch off', server: 'oneSlowWorker', load: quiet },
    { group: 'workers', name: 'rollcall, 2 workers, --udp-batch off', server: 'twoSlowWorkers', load: quiet },
  ];
}

async function measure(
  cases: readonly Case[],
  servers: ReadonlyMap<ServerName, Server>,
  { directory, rounds }: BenchSettings,
): Promise<Row[]> {
  const loads = cases.map((): Load[] => []);
  const ratios = cases.map((): number[] => []);
  const run = async ({ server, load, during }: Case, seconds: number): Promise<Load> => {
    const beside = during?.();
    const result = await loadOf(servers.get(server) as Server, directory, { ...load, seconds });
    await beside?.stop();
    return result;
  };
  console.log('  warming up: each once, uncounted');
  for (const each of cases) await run(each, Math.max(each.load.seconds, each.warmSeconds ?? 0));
  for (let round = 0; round < rounds; round += 1) {
    let floor = Number.NaN;
    for (const [at, each] of cases.entries()) {
      const result = await run(each, each.load.seconds);
      if (at === 0) floor = result.cpuMicroseconds;
      loads[at]?.push(result);
      ratios[at]?.push(result.cpuMicroseconds / floor);
      console.log(
        `  round ${round + 1}  ${each.name}: ${Math.round(result.queriesPerSecond)} queries/s, ${result.cpuMicroseconds.toFixed(1)} µs`,
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
      residentMiB: residentMiB((servers.get(server) as Server).pid),
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
