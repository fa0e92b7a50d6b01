/** Every fault of the specification, on real parts: what it cost in etcd, and how long until keys = what runs. */
import { engineFaults } from './faults/engine-faults.ts';
import { clockSet, diskFull } from './faults/machine-faults.ts';
import type { FaultFigure } from './faults/stage.ts';
import { endpointSilent, etcdAway, etcdRestarted, leaderKilled } from './faults/store-faults.ts';

export interface FaultBenchSettings {
  /** The longest outage of etcd. */
  readonly outageSeconds: number;
  /** Containers of the simulated engine; default 200. */
  readonly simulated?: number;
  /** Containers of the real engine; default 20. */
  readonly real?: number;
}

/** The outages of etcd all at once, for they are mostly waiting; then one fault after the other. */
export async function benchFaults(settings: FaultBenchSettings): Promise<FaultFigure[]> {
  const { outageSeconds, simulated = 200, real = 20 } = settings;
  return [
    ...(await etcdAway(simulated, outageSeconds * 1000)),
    await etcdRestarted(simulated),
    await leaderKilled(simulated),
    await endpointSilent(simulated),
    ...(await diskFull(simulated)),
    ...(await clockSet(simulated)),
    ...(await engineFaults(real)),
  ];
}
