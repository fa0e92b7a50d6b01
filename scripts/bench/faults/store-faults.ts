/** etcd away, for as long as it takes; its leader killed; one of three endpoints silent. */
import { type Cluster, startCluster } from '../../../test/support/servers/cluster.ts';
import { type Etcd, startEtcd } from '../../../test/support/servers/etcd.ts';
import { startTcpProxy, type TcpProxy } from '../../../test/support/servers/tcp-proxy.ts';
import { type FaultFigure, FaultStage, TTL_MS } from './stage.ts';
import { simulatedWorld } from './world.ts';

/** docs/decisions/0008-outages-and-leases.md. */
const BACK_BUDGET_MS = 5000;
/** An election, and the calls that were under way. */
const LEADER_BUDGET_MS = 8000;
/** A call's deadline, twice, and another endpoint. */
const SILENT_BUDGET_MS = 10_000;

/** Frozen: its clock goes on, and with it the leases'. Each outage on servers of its own, all at once. */
export function etcdAway(containers: number, longMs: number): Promise<FaultFigure[]> {
  const outages: readonly (readonly [name: string, ms: number])[] = [
    ['2 s', 2000],
    ['TTL / 2', TTL_MS / 2],
    ['TTL - 2 s', TTL_MS - 2000],
    ['TTL + 10 s', TTL_MS + 10_000],
    [longMs >= 60_000 ? `${longMs / 60_000} min` : `${longMs / 1000} s`, longMs],
  ];
  return Promise.all(
    outages.map(([name, ms]) =>
      onEtcd(containers, (etcd, stage) =>
        stage.endure({
          name: `etcd frozen for ${name}`,
          ms,
          budgetMs: BACK_BUDGET_MS,
          lookThrough: [etcd.url],
          begin: () => etcd.pause(),
          end: () => etcd.resume(),
        }),
      ),
    ),
  );
}

export async function etcdRestarted(containers: number): Promise<FaultFigure> {
  return onEtcd(containers, (etcd, stage) =>
    stage.endure({
      name: 'etcd killed, started again after 5 s',
      ms: 5000,
      budgetMs: BACK_BUDGET_MS,
      lookThrough: [etcd.url],
      begin: () => etcd.kill(),
      end: () => etcd.restart(),
    }),
  );
}

async function onEtcd(
  containers: number,
  play: (etcd: Etcd, stage: FaultStage) => Promise<FaultFigure>,
): Promise<FaultFigure> {
  const etcd = await startEtcd();
  const world = await simulatedWorld(containers);
  try {
    const stage = await FaultStage.open({ world, endpoints: [etcd.url] });
    try {
      return await play(etcd, stage);
    } finally {
      await stage.close();
    }
  } finally {
    await world.close();
    await etcd.stop();
  }
}

export function leaderKilled(containers: number): Promise<FaultFigure> {
  return onCluster(containers, async (cluster, _proxies, stage) => {
    const leader = await cluster.leader();
    return stage.endure({
      name: 'leader of three killed',
      budgetMs: LEADER_BUDGET_MS,
      lookThrough: urlsBut(cluster, leader),
      begin: () => leader.kill(),
      end: () => leader.restart(),
    });
  });
}

/** The member that the announcer talks to, leader or not, is stopped by a signal: its connections stay, and say nothing. */
export function endpointSilent(containers: number): Promise<FaultFigure> {
  return onCluster(containers, async (cluster, proxies, stage) => {
    const connections = proxies.map(({ open }) => open);
    const used = cluster.members[connections.indexOf(Math.max(...connections))] as Etcd;
    const isLeader = used === (await cluster.leader());
    return stage.endure({
      name: `one of three endpoints silent, the one in use (${isLeader ? 'the leader' : 'a follower'})`,
      budgetMs: SILENT_BUDGET_MS,
      lookThrough: urlsBut(cluster, used),
      begin: () => used.pause(),
      end: () => used.resume(),
    });
  });
}

function urlsBut({ members }: Cluster, one: Etcd): string[] {
  return members.filter((member) => member !== one).map(({ url }) => url);
}

/** Each member behind a proxy of its own, which counts the announcer's connections. */
async function onCluster(
  containers: number,
  play: (cluster: Cluster, proxies: readonly TcpProxy[], stage: FaultStage) => Promise<FaultFigure>,
): Promise<FaultFigure> {
  const cluster = await startCluster(3);
  const proxies = await Promise.all(cluster.urls.map((url) => startTcpProxy(url)));
  const world = await simulatedWorld(containers);
  try {
    const endpoints = proxies.map(({ port }) => `http://127.0.0.1:${port}`);
    const stage = await FaultStage.open({ world, endpoints });
    try {
      return await play(cluster, proxies, stage);
    } finally {
      await stage.close();
    }
  } finally {
    await world.close();
    for (const proxy of proxies) await proxy.close();
    await cluster.stop();
  }
}
