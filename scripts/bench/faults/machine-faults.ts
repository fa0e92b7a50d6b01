/** What the machine does to an announcer: its disk fills, its clock is set. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEtcd } from '../../../test/support/servers/etcd.ts';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { until } from '../../../test/support/until.ts';
import { type FaultFigure, FaultStage, type StageSettings } from './stage.ts';
import { simulatedWorld, type World } from './world.ts';

/** Neither has any part in an announcement; a busy machine has. */
const CHANGE_BUDGET_MS = 3000;

/** @returns nothing, and says why, where no tmpfs can be mounted */
export async function diskFull(containers: number): Promise<FaultFigure[]> {
  const path = join(temporaryDirectory(), 'small');
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'rollcall-bench', path]).status !== 0) {
    console.log('  no full disk here: no tmpfs can be mounted; run as root');
    return [];
  }
  const unmount = (): void => void spawnSync('umount', ['-l', path], { stdio: 'ignore' });
  // Before the directory is removed, however the fault went.
  process.prependOnceListener('exit', unmount);
  const filler = join(path, 'filler');
  try {
    const figure = await onMachine(containers, { dataDir: join(path, 'data') }, (etcd, stage, world) =>
      stage.endure({
        name: 'the journal’s disk full',
        budgetMs: CHANGE_BUDGET_MS,
        lookThrough: [etcd],
        begin: async () => {
          spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096']);
          // The rest of its last page has room for some events; what is measured comes after those.
          await until('the journal to stop', async () => {
            await world.change();
            return (await journalWriting(stage.http)) === '0';
          });
        },
        end: async () => {
          rmSync(filler);
          await until('the journal to be written again', async () => (await journalWriting(stage.http)) === '1', {
            timeoutMs: 15_000,
          });
        },
      }),
    );
    return [figure];
  } finally {
    unmount();
  }
}

async function journalWriting(http: number): Promise<string> {
  const text = await (await fetch(`http://127.0.0.1:${http}/metrics`)).text();
  return /^rollcall_announcer_journal_writing (\d)/m.exec(text)?.[1] ?? '';
}

const LIBFAKETIME = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((path) => existsSync(path));

/** The wall clock of the announcer alone, an hour forward, then two back. */
export async function clockSet(containers: number): Promise<FaultFigure[]> {
  if (LIBFAKETIME === undefined) {
    console.log('  no clock is set here: libfaketime is missing; install the package faketime');
    return [];
  }
  const setting = join(temporaryDirectory(), 'clock');
  const set = (offset: string): void => writeFileSync(setting, offset);
  set('+0');
  const environment = {
    LD_PRELOAD: LIBFAKETIME,
    FAKETIME_TIMESTAMP_FILE: setting,
    FAKETIME_NO_CACHE: '1',
    // As the kernel does: only the wall clock is ever set.
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    DONT_FAKE_MONOTONIC: '1',
  };
  return onMachine(containers, { environment }, async (etcd, stage) => {
    const figures: FaultFigure[] = [];
    for (const [name, offset] of [
      ['wall clock an hour forward', '+3600'],
      ['wall clock two hours back', '-3600'],
    ] as const) {
      const begin = (): void => set(offset);
      const common = { budgetMs: CHANGE_BUDGET_MS, lookThrough: [etcd], end: () => undefined };
      figures.push(await stage.endure({ name, begin, ...common }));
    }
    return figures;
  });
}

async function onMachine<T>(
  containers: number,
  settings: Pick<StageSettings, 'dataDir' | 'environment'>,
  play: (etcdUrl: string, stage: FaultStage, world: World) => Promise<T>,
): Promise<T> {
  const etcd = await startEtcd();
  const world = await simulatedWorld(containers);
  try {
    const stage = await FaultStage.open({ world, endpoints: [etcd.url], ...settings });
    try {
      return await play(etcd.url, stage, world);
    } finally {
      await stage.close();
    }
  } finally {
    await world.close();
    await etcd.stop();
  }
}
