import { until } from '../until.ts';
import { type Etcd, type EtcdOptions, startMember } from './etcd.ts';
import { freePort } from './ports.ts';

/** A real etcd cluster on loopback. */
export interface Cluster {
  readonly members: readonly Etcd[];
  readonly urls: readonly string[];
  /** The member that leads now. */
  leader(): Promise<Etcd>;
  stop(): Promise<void>;
}

/** Starts `size` members and waits until each serves. */
export async function startCluster(size = 3, options: Pick<EtcdOptions, 'extraArgs'> = {}): Promise<Cluster> {
  const peers: { name: string; peerUrl: string }[] = [];
  for (let index = 1; index <= size; index += 1) {
    peers.push({ name: `member-${index}`, peerUrl: `http://127.0.0.1:${await freePort()}` });
  }
  const initialCluster = peers.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const starting = await Promise.all(peers.map((peer) => startMember(options, { ...peer, initialCluster })));
  const members = await Promise.all(starting.map((member) => member.healthy()));
  return {
    members,
    urls: members.map((member) => member.url),
    leader: () => until('a member to lead', () => leaderOf(members)),
    stop: async () => {
      await Promise.all(members.map((member) => member.kill()));
    },
  };
}

async function leaderOf(members: readonly Etcd[]): Promise<Etcd> {
  for (const member of members) {
    const [status] = JSON.parse(await member.ctl('endpoint', 'status', '--write-out', 'json')) as {
      Status: { header: { member_id: number }; leader: number };
    }[];
    // Rounded by JSON.parse alike on both sides: equal means the same member.
    if (status !== undefined && status.Status.header.member_id === status.Status.leader) return member;
  }
  throw new Error('no member of the cluster leads');
}
