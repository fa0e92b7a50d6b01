/** The whole announcer in this process, on an engine and an embedded store. */
import { join } from 'node:path';
import type { AnnouncerConfig } from '../../announcer/config.ts';
import { DAMPING_DEFAULTS } from '../../announcer/decisions/lifecycle/damping.ts';
import { createAnnouncer } from '../../announcer/main.ts';
import type { Component } from '../../shared/component.ts';
import { Metrics } from '../../shared/metrics.ts';
import { parseName } from '../../shared/name.ts';
import { openEmbeddedStore } from '../../shared/store/embedded/embedded.ts';
import type { Change, Store } from '../../shared/store.ts';
import { type RecordingLog, recordingLog } from './doubles/recording-log.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** Below it stand the keys. */
export const NAMES = '/skydns/com/example/prod/s/';

/** Of host `node-1` at 10.0.0.5, with a lease TTL of 15 s, and no damping. @param docker as `--docker` takes it */
export function configOn(docker: string, compareMs: number): AnnouncerConfig {
  return {
    prefix: '/skydns',
    domain: parseName('s.prod.example.com'),
    hostName: 'node-1',
    as: 'private',
    privateAddress: { from: 'address', address: '10.0.0.5' },
    publicAddress: { from: 'host' },
    explicit: false,
    servicesFile: undefined,
    docker,
    leaseTtlSeconds: 15,
    recordTtlSeconds: 5,
    compareMs,
    damping: { ...DAMPING_DEFAULTS, suppressAbove: 1_000_000 },
    sinks: { targets: [], labels: [] },
  };
}

export interface AnnouncerOnEngine {
  readonly announcer: Component;
  readonly log: RecordingLog;
  readonly store: Store;
  /** Every change of a key since the start was over. */
  readonly changes: readonly Change[];
  /** `web/3f2a9c01d4e7 8080`: service, instance and port of each key, in order. */
  standing(): Promise<string[]>;
  /** Resolves when exactly these stand. @returns milliseconds */
  stands(expected: readonly string[], timeoutMs?: number): Promise<number>;
  /** The value of a metric, as `drift_total{cause="missed-stop"}`; 0 when it was never counted. */
  metric(name: string): Promise<number>;
  stop(): Promise<void>;
}

export async function announceOn(docker: string, compareMs = 60_000): Promise<AnnouncerOnEngine> {
  const log = recordingLog();
  const metrics = new Metrics();
  const store = await openEmbeddedStore({ directory: join(temporaryDirectory(), 'store'), log });
  const deps = { store, log, metrics, version: '0', dataDir: temporaryDirectory() };
  const announcer = createAnnouncer(configOn(docker, compareMs), deps);
  await announcer.start();
  await until(`ready, but ${announcer.notReady().join('; ')}`, () => announcer.notReady().length === 0);
  const changes: Change[] = [];
  const { revision } = await store.snapshot(NAMES);
  const watching = store.changes(NAMES, revision + 1n).subscribe((batch) => changes.push(...batch.changes));
  const standing = async (): Promise<string[]> => {
    const { entries } = await store.snapshot(NAMES);
    return entries.map(({ key, value }) => {
      const [service, , instance] = key.slice(NAMES.length).split('/');
      return `${service}/${instance} ${(JSON.parse(value) as { port: number }).port}`;
    });
  };
  return {
    announcer,
    log,
    store,
    changes,
    standing,
    stands: async (expected, timeoutMs = 50_000) => {
      const began = performance.now();
      let found: string[] = [];
      const areThese = async (): Promise<boolean> => {
        found = await standing();
        return found.join() === [...expected].sort().join();
      };
      await until('the keys', areThese, { timeoutMs }).catch((error: Error) => {
        throw new Error(`${error.message}: expected ${[...expected].sort().join()}, found ${found.join()}`);
      });
      return performance.now() - began;
    },
    metric: async (name) => {
      const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`rollcall_announcer_${name} `));
      return Number(line?.split(' ').at(-1) ?? 0);
    },
    stop: async () => {
      watching.unsubscribe();
      await announcer.stop('withdraw');
      await store.close();
    },
  };
}
