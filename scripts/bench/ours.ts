/** Our own side of the benchmarks: a real etcd with the records in it, and the resolver on it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { silentLog } from '../../shared/log.ts';
import { keyOf, type OwnerName, parseName } from '../../shared/name.ts';
import { encodeRecord } from '../../shared/record.ts';
import { openEtcdStore } from '../../shared/store/etcd/etcd.ts';
import { type Store, StoreError, TRANSACTION_OPS_MAX } from '../../shared/store.ts';
import { type BenchRecord, CLIENT_CORE, type Server, startPinned, ZONE } from './servers.ts';

const PREFIX = '/skydns';
const PUT_TRIES = 10;
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface EtcdServer {
  readonly url: string;
  readonly store: Store;
  stop(): Promise<void>;
}

/** A real etcd, beside the servers' core unless said otherwise: it is not what is measured. */
export async function startEtcd(directory: string, port: number, cores: string = CLIENT_CORE): Promise<EtcdServer> {
  const url = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${port + 1}`;
  const args = [
    '--data-dir',
    join(directory, 'etcd'),
    '--name',
    'bench',
    '--log-level',
    'error',
    '--quota-backend-bytes',
    '8589934592',
  ];
  args.push('--listen-client-urls', url, '--advertise-client-urls', url);
  args.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `bench=${peer}`);
  // A benchmark's store may lose its data with the machine: its disk is not what is measured.
  const child = spawn('taskset', ['-c', cores, 'etcd', ...args, '--unsafe-no-fsync'], { stdio: 'ignore' });
  running.add(child);
  const ended = once(child, 'close').then(() => running.delete(child));
  for (let tries = 0; !(await healthy(url)); tries += 1) {
    if (child.exitCode !== null || tries > 200) throw new Error('etcd does not start');
    await wait(50);
  }
  const store = openEtcdStore({ endpoints: [url], log: silentLog });
  return {
    url,
    store,
    stop: async () => {
      await store.close();
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function healthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok;
  } catch {
    return false;
  }
}

export function ownerOfRecord({ service, instance }: BenchRecord): OwnerName {
  return parseName(`${instance}.${service}.${ZONE}`);
}

/** Writes the records in the largest transactions that etcd takes. */
export async function putRecords(store: Store, records: readonly BenchRecord[]): Promise<void> {
  const batches: BenchRecord[][] = [];
  for (let at = 0; at < records.length; at += TRANSACTION_OPS_MAX)
    batches.push(records.slice(at, at + TRANSACTION_OPS_MAX));
  const next = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      await putBatch(store, batch);
    }
  };
  await Promise.all(Array.from({ length: 8 }, next));
}

/** A put may be repeated; on a busy machine a connection is lost now and then. */
async function putBatch(store: Store, batch: readonly BenchRecord[]): Promise<void> {
  for (let left = PUT_TRIES; ; left -= 1) {
    try {
      await store.commit({ expect: [], writes: batch.map(putOf) });
      return;
    } catch (error) {
      if (!(error instanceof StoreError) || left <= 1) throw error;
      await wait(500);
    }
  }
}

export function putOf(record: BenchRecord) {
  const key = keyOf(ownerOfRecord(record), PREFIX);
  if (key === undefined) throw new Error(`${record.instance} makes no key`);
  return { type: 'put', key, value: encodeRecord({ host: record.address, port: record.port, ttl: 5 }) } as const;
}

/** The resolver as users run it, pinned to the servers' core; resolves once it is ready. */
export async function startResolver(
  name: string,
  directory: string,
  port: number,
  http: number,
  etcdUrl: string,
  args: readonly string[] = [],
  cores?: string,
): Promise<Server> {
  const ready = async (): Promise<boolean> => {
    try {
      return (await fetch(`http://127.0.0.1:${http}/ready`)).ok;
    } catch {
      return false;
    }
  };
  return startPinned(
    name,
    port,
    [
      ...['node', 'dist/cli/main.js', 'resolver', '--etcd', etcdUrl, '--zone', ZONE, '--log-level', 'error'],
      ...[
        '--listen',
        `127.0.0.1:${port}`,
        '--http',
        `127.0.0.1:${http}`,
        '--data-dir',
        join(directory, name.replaceAll(' ', '-')),
      ],
      ...(args.includes('--forward') ? [] : ['--forward', 'none']),
      ...args,
    ],
    ready,
    cores,
  );
}

/** Changes `perSecond` records a second until it is stopped: each gets another port. @returns how many it changed */
export function churn(store: Store, records: readonly BenchRecord[], perSecond: number): { stop(): Promise<number> } {
  let going = true;
  let changed = 0;
  const loop = (async () => {
    const started = performance.now();
    while (going) {
      const due = Math.floor(((performance.now() - started) / 1000) * perSecond);
      while (changed < due && going) {
        const record = records[changed % records.length] as BenchRecord;
        await store.commit({ expect: [], writes: [putOf({ ...record, port: 9000 + (changed % 1000) })] });
        changed += 1;
      }
      await wait(5);
    }
  })();
  return {
    stop: async () => {
      going = false;
      await loop;
      return changed;
    },
  };
}

/** What the rows depend on, for the heading of the table. */
export function machine(): string {
  const cpu = execFileSync('sh', ['-c', "sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1"], {
    encoding: 'utf8',
  });
  return `${cpu.trim()}, Node ${process.versions.node}`;
}
