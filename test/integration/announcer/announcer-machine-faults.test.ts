/** What the machine does to an announcer: its clock is set, its disk fills. The program as a process, a real etcd, TTL 15 s. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { silentLog } from '../../../shared/log.ts';
import { openEtcdStore } from '../../../shared/store/etcd/etcd.ts';
import type { Change, Store } from '../../../shared/store.ts';
import { changesSince } from '../../support/changes-since.ts';
import { type Etcd, skipWithoutEtcd, startEtcd } from '../../support/servers/etcd.ts';
import { freePort } from '../../support/servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from '../../support/servers/rollcall.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const SUITE = 'integration/announcer-machine-faults';
const test = suite(SUITE);

const NAMES = '/skydns/';
const TTL_SECONDS = 15;
/** From a change of the services file to its key, whatever the machine does: before the next comparison, after 60 s. */
const ANNOUNCED_WITHIN_MS = 50_000;

interface Stage {
  readonly announcer: RollcallProcess;
  readonly http: number;
  /** Writes the services file: one service for each port. */
  write(...ports: number[]): void;
  /** Resolves when exactly these services stand. @returns milliseconds */
  stands(...ports: number[]): Promise<number>;
  /** What a watcher below the prefix has seen since the start was over. */
  changes(): Promise<readonly Change[]>;
}

let etcd: Etcd;
let store: Store;

test.before(async () => {
  etcd = await startEtcd();
  store = openEtcdStore({ endpoints: [etcd.url], log: silentLog });
});
test.after(async () => {
  await store.close();
  await etcd.stop();
});

async function onStage(
  host: string,
  environment: Record<string, string>,
  dataDir: string,
  scenario: (stage: Stage) => Promise<void>,
): Promise<void> {
  const services = join(temporaryDirectory(), 'services.json');
  const write = (...ports: number[]): void =>
    writeFileSync(
      services,
      JSON.stringify({ services: ports.map((port) => ({ name: host, host: '192.0.2.1', port })) }),
    );
  write(80);
  const http = await freePort();
  const announcer = startRollcall(
    [
      'announcer',
      ...['--etcd', etcd.url, '--docker', 'unix:///nonexistent/docker.sock', '--services', services],
      ...['--host-name', host, '--private-ip', '127.0.0.1', '--lease-ttl', String(TTL_SECONDS)],
      ...['--data-dir', dataDir, '--http', `127.0.0.1:${http}`],
    ],
    environment,
  );
  const below = `${NAMES}com/example/prod/s/${host}/`;
  const portsStanding = async (): Promise<string> => {
    const { entries } = await store.snapshot(below);
    return entries.map(({ value }) => (JSON.parse(value) as { port: number }).port).join();
  };
  try {
    await ready(http);
    const { revision } = await store.snapshot(below);
    await scenario({
      announcer,
      http,
      write,
      changes: () => changesSince(store, below, revision),
      stands: async (...ports) => {
        const began = performance.now();
        await until(`ports ${ports.join()}`, async () => (await portsStanding()) === ports.join(), {
          timeoutMs: ANNOUNCED_WITHIN_MS,
        });
        return performance.now() - began;
      },
    });
  } finally {
    await announcer.end('SIGTERM');
  }
}

const LIBFAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

if (LIBFAKETIME === undefined) {
  console.log(`SKIP ${SUITE}, the clock: libfaketime is missing; install the package faketime`);
} else {
  test('wall clock set an hour forward, then two back: no lease is lost, no key touched, and changes are announced', async () => {
    const setting = join(temporaryDirectory(), 'clock');
    // In one piece: the library reads it at every look at the clock.
    const set = (offset: string): void => {
      writeFileSync(`${setting}.new`, offset);
      renameSync(`${setting}.new`, setting);
    };
    set('+0');
    const clock = {
      LD_PRELOAD: LIBFAKETIME,
      FAKETIME_TIMESTAMP_FILE: setting,
      FAKETIME_NO_CACHE: '1',
      // As the kernel does: only the wall clock is ever set.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
    await onStage('clock', clock, temporaryDirectory(), async ({ announcer, write, stands, changes }) => {
      set('+3600');
      await wait(TTL_SECONDS * 500);
      set('-3600');
      await wait(TTL_SECONDS * 500);
      assert.equal(await changes(), []);
      write(80, 81);
      console.log(`clock set: a change stands ${(await stands(80, 81)).toFixed(0)} ms after`);
      set('+3600');
      write(81);
      console.log(`clock set: a removal is done ${(await stands(81)).toFixed(0)} ms after`);
      assert.ok(hoursSeen(announcer) >= 2, 'the clock was not set');
      assert.not.ok(
        announcer.log().some(({ event }) => event === 'lease-lost'),
        announcer.stderr(),
      );
    });
  });
}

/** How many hours of the day its log lines are of. */
function hoursSeen(announcer: RollcallProcess): number {
  return new Set(announcer.log().map(({ at, time }) => String(at ?? time).slice(0, 13))).size;
}

function tmpfs(megabytes: number): { path: string; unmount(): void } | undefined {
  const path = join(temporaryDirectory(), 'small');
  mkdirSync(path);
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'rollcall-test', path]);
  if (mounted.status !== 0) return undefined;
  const unmount = (): void => void spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  // Before the directory is removed, however the test went.
  process.prependOnceListener('exit', unmount);
  return { path, unmount };
}

const disk = skipWithoutEtcd(SUITE) ? undefined : tmpfs(1);
if (disk === undefined) {
  console.log(`SKIP ${SUITE}, the disk: no tmpfs can be mounted; run as root`);
} else {
  test('the journal’s disk full: announcements go on, health and metrics say it, and it is whole again after', async () => {
    const dataDir = join(disk.path, 'data');
    await onStage('disk', {}, dataDir, async ({ announcer, http, write, stands }) => {
      const metric = async (): Promise<string> =>
        /^rollcall_announcer_journal_writing (\d)/m.exec(
          await (await fetch(`http://127.0.0.1:${http}/metrics`)).text(),
        )?.[1] ?? '';
      assert.is(await metric(), '1');
      const filler = join(disk.path, 'filler');
      spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096']);
      for (let port = 81; port < 120; port += 1) {
        write(port);
        await stands(port);
        if ((await metric()) === '0') break;
      }
      assert.is(await metric(), '0');
      const health = await (await fetch(`http://127.0.0.1:${http}/health`)).text();
      assert.match(health, /"status":"degraded"/);
      assert.match(health, /announcer: the journal cannot be written \(.*ENOSPC/);
      write(200);
      console.log(`disk full: a change stands ${(await stands(200)).toFixed(0)} ms after`);
      rmSync(filler);
      await until('the journal to be written again', async () => (await metric()) === '1');
      assert.match(await (await fetch(`http://127.0.0.1:${http}/health`)).text(), /"status":"ok"/);
      assert.not.ok(announcer.log().some(({ event }) => event === 'lease-lost'));
    });
    assert.ok(readdirSync(join(dataDir, 'announcer', 'journal')).length > 0);
    disk.unmount();
  });
}

if (!skipWithoutEtcd(SUITE)) test.run();
