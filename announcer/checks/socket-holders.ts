/** Edge: which processes of a container hold its sockets open. */
import type { ProcFiles } from './machine.ts';
import { isShortage } from './shortage.ts';

/** Where a serving socket is held open: `<pid>/fd/<n>` below `/proc`. One readlink then says that it still is. */
export interface Holder {
  readonly link: string;
  readonly inode: string;
}

export interface Holders {
  readonly found: readonly Holder[];
  /** Every process that was asked for was looked at: what is not found, they do not hold. */
  readonly isComplete: boolean;
}

/** Beyond these, what holds a socket is not searched for. */
const PROCESSES_MAX = 64;
const DESCRIPTORS_MAX = 4096;

/** Searches processes and their descendants for the sockets; finds none when not permitted to look. */
export function findHolders(proc: ProcFiles, roots: readonly string[], inodes: Iterable<string>): Holders {
  const missing = new Set(inodes);
  const found: Holder[] = [];
  const pids = new Set(roots);
  let isComplete = true;
  let looked = 0;
  for (const pid of pids) {
    if (missing.size === 0) break;
    looked += 1;
    if (looked > PROCESSES_MAX) {
      isComplete = false;
      break;
    }
    const descriptors = proc.list(`${pid}/fd`);
    if (descriptors.length > DESCRIPTORS_MAX || (descriptors.length === 0 && !hasEnded(proc, pid))) isComplete = false;
    for (const fd of descriptors.slice(0, DESCRIPTORS_MAX)) {
      const link = `${pid}/fd/${fd}`;
      const inode = /^socket:\[(\d+)\]$/.exec(proc.link(link))?.[1];
      if (inode !== undefined && missing.delete(inode)) found.push({ link, inode });
    }
    for (const child of childrenOf(proc, pid)) pids.add(child);
  }
  return { found, isComplete };
}

/**
 * Gone, or a zombie: its descriptors are closed. One that lives and shows none may hold any; so may one of which only the
 * first thread has ended, which looks like a zombie.
 */
function hasEnded(proc: ProcFiles, pid: string): boolean {
  const stat = readOrNothing(proc, `${pid}/stat`);
  // The command's name may hold spaces and brackets; its state is behind the last bracket.
  const isZombie = stat[stat.lastIndexOf(')') + 2] === 'Z';
  return stat === '' || (isZombie && proc.list(`${pid}/task`).length <= 1);
}

function childrenOf(proc: ProcFiles, pid: string): string[] {
  return proc.list(`${pid}/task`).flatMap((task) => {
    const text = readOrNothing(proc, `${pid}/task/${task}/children`);
    return text.split(' ').filter((child) => child !== '');
  });
}

function readOrNothing(proc: ProcFiles, path: string): string {
  try {
    return proc.read(path);
  } catch (error) {
    if (isShortage(error)) throw error;
    return ''; // ended meanwhile
  }
}
