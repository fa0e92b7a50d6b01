import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

/** Whether this machine has `::1`: a kernel or a container may be without IPv6. */
export function haveIpv6(): boolean {
  return Object.values(networkInterfaces())
    .flat()
    .some((each) => each?.address === '::1');
}

/** Whether namespaces can be made here: root alone does not mean so, a container takes the right away. */
export function canUnshare(...flags: readonly string[]): boolean {
  return spawnSync('unshare', [...flags, 'true'], { stdio: 'ignore' }).status === 0;
}
