/** Edge: the end of a process that has done its work. */
import type { Log } from '../../shared/log.ts';

/** From the end of the work to the end of the process. */
const LEFTOVER_MS = 100;

/** Everything is done: whatever still keeps the process up, as a connection to a store that does not answer, must not. */
export function endDespiteLeftovers(log: Log): void {
  setTimeout(() => {
    log.warn('handles-left', `stopped, but held up by ${process.getActiveResourcesInfo().join(', ')}; ending`);
    process.exit();
  }, LEFTOVER_MS).unref();
}
