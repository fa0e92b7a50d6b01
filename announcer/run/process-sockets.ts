/** Edge: which sockets a process and its descendants serve, from `/proc`. */
import { endianness } from 'node:os';
import { linkOfProc, listProc, readProc } from '../../shared/proc.ts';
import { thisMachine } from '../checks/machine.ts';
import type { Attempt } from '../checks/probe-verdict.ts';
import { hostPortSight, NET_TABLES, type NetTable, parseNetTable } from '../checks/proc-net.ts';
import { descendantsOf, parentOf } from './process-tree.ts';

/**
 * Whether `port` is served by `pid` or a descendant of it: another process on the same port of the host is none of ours.
 *
 * @param port      `8080/tcp`
 * @param announced where clients are led to: a socket that is bound to another address does not count
 */
export function lookAtSockets(pid: number, port: string, announced: string): Attempt {
  const protocol = port.endsWith('/udp') ? 'udp' : 'tcp';
  const tables = (Object.keys(NET_TABLES) as NetTable[]).filter((table) => NET_TABLES[table].protocol === protocol);
  const sockets = tables.flatMap((table) => parseNetTable(readProc(`/proc/${pid}/net/${table}`), table, endianness()));
  const wanted = sockets.filter((socket) => `${socket.port}/${protocol}` === port);
  const open = wanted.length === 0 ? new Set() : openSockets(treeOf(pid));
  const server = {
    holds: (inode: string) => open.has(inode),
    instead: 'another process of this host, not by the command',
    announced: [announced],
  };
  return hostPortSight(port, wanted, server, (address) => thisMachine.isOwn(address));
}

function treeOf(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of listProc('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(readProc(`/proc/${name}/stat`));
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  return descendantsOf(pid, parents);
}

/** Inodes of the sockets that these processes hold open. */
function openSockets(pids: readonly number[]): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const pid of pids) {
    for (const fd of listProc(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOfProc(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}
