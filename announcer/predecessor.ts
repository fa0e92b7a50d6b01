/** Edge: what the process before left, as its journal says, and what has ended it since. */
import type { Log } from '../shared/log.ts';
import { isAnotherBoot } from './decisions/decider.ts';
import { desiredKeys, leasesOf } from './decisions/desired.ts';
import type { EventLoop } from './event-loop.ts';
import type { Identity } from './keys/identity.ts';
import type { Left } from './keys/writer.ts';

/** What the journal says of the process before, which may have ended in any way. */
export function leftBehind(loop: EventLoop, { scopeChanged }: Identity): Left {
  const shards = leasesOf(loop.state);
  const leases = new Map(shards.map(({ shard, lease }) => [shard, lease]));
  if (!scopeChanged) {
    const keys = [...desiredKeys(loop.state).keys(), ...shards.flatMap((shard) => shard.keys)];
    return { leases, isOfOtherScope: false, keys };
  }
  // What it announced has other names now: everything is announced anew, from the first look at it.
  const atMs = Date.now();
  loop.observe({ type: 'stopping', atMs });
  for (const [shard, lease] of leases) loop.record({ type: 'LeaseLost', atMs, lease, shard, silentMs: 0 });
  return { leases, isOfOtherScope: true, keys: [] };
}

/** Who starts, and in which boot of the machine, where that is known. */
export interface Start {
  readonly host: string;
  readonly owner: string;
  readonly version: string;
  readonly bootId: string | undefined;
}

/** Before the first wish: what another boot ended must not be in it. */
export function takeStart({ bootId, ...start }: Start, loop: EventLoop, log: Log): void {
  const atMs = Date.now();
  if (bootId !== undefined) {
    if (isAnotherBoot(loop.state, bootId)) {
      log.info(
        'host-booted',
        'the host was booted anew since an announcer last ran here: no container of before runs until the engine says so',
      );
    }
    loop.observe({ type: 'boot-read', atMs, bootId });
  }
  loop.record({ type: 'AnnouncerStarted', atMs, ...start, ...(bootId !== undefined && { bootId }) });
}
