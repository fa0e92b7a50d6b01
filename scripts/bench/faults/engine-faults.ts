/** A real engine that is silent, and one that is killed and comes back. */
import { type DockerHost, missingForDocker, startDocker } from '../../../test/support/servers/docker.ts';
import { startEtcd } from '../../../test/support/servers/etcd.ts';
import { type Fault, type FaultFigure, FaultStage } from './stage.ts';
import { realWorld } from './world.ts';

/** It is asked again within 5 s of its return; then list and inspects. */
const BACK_BUDGET_MS = 10_000;
/** Longer than its silence takes to be noticed: a ping every 10 s, 5 s for its answer. */
const SILENT_MS = 20_000;
const DOWN_MS = 5000;

/** @returns nothing, and says why, where no engine can run */
export async function engineFaults(containers: number): Promise<FaultFigure[]> {
  const missing = missingForDocker();
  if (missing !== undefined) {
    console.log(`  no real engine here: ${missing}`);
    return [];
  }
  const docker = await startDocker(['--live-restore']);
  const world = await realWorld(docker, containers);
  const etcd = await startEtcd();
  try {
    const stage = await FaultStage.open({ world, endpoints: [etcd.url] });
    try {
      const figures: FaultFigure[] = [];
      for (const fault of faultsOf(docker)) {
        figures.push(await stage.endure({ ...fault, budgetMs: BACK_BUDGET_MS, lookThrough: [etcd.url] }));
      }
      return figures;
    } finally {
      await stage.close();
    }
  } finally {
    await etcd.stop();
    await world.close();
  }
}

function faultsOf(docker: DockerHost): Pick<Fault, 'name' | 'ms' | 'begin' | 'end'>[] {
  return [
    {
      name: 'dockerd stopped by a signal for 20 s, a death meanwhile',
      ms: SILENT_MS,
      begin: () => void process.kill(docker.pid, 'SIGSTOP'),
      end: () => void process.kill(docker.pid, 'SIGCONT'),
    },
    {
      name: 'dockerd killed, started again after 5 s (live-restore), a death meanwhile',
      ms: DOWN_MS,
      begin: () => docker.kill('SIGKILL'),
      end: () => docker.start(),
    },
  ];
}
