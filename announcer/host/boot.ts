/** Edge: which boot of the machine this is. */
import { readFileSync } from 'node:fs';
import { parseDockerHost } from '../docker/engine/host.ts';

const PATH = '/proc/sys/kernel/random/boot_id';

/**
 * The kernel's id of this boot, where the engine's containers run under this kernel: its socket is one of this machine.
 * Undefined where they do not, and where there is no such id.
 *
 * @param docker in any form that {@link parseDockerHost} reads
 */
export function bootIdOf(docker: string): string | undefined {
  const read = parseDockerHost(docker, false);
  if (!read.ok || read.address.kind !== 'unix') return undefined;
  try {
    return readFileSync(PATH, 'utf8').trim() || undefined;
  } catch {
    return undefined; // no Linux, or no /proc
  }
}
