import type { Observation } from '../../observation.ts';
import type { AnnounceRules } from '../../rules.ts';
import { isStatic } from '../../services/static-services.ts';
import { about, type Conclusions } from '../conclusions.ts';
import { withdraw } from '../readiness/instances.ts';
import type { AnnouncerState, ContainerState } from '../state.ts';
import { afterDeaths } from './damping.ts';

type BootRead = Extract<Observation, { readonly type: 'boot-read' }>;

const BOOT = 'host boot';
const DETAIL = 'the host was booted anew, which no process outlives';

/** Whether the machine was booted since the process before; false when that one did not know which boot it ran in. */
export function isAnotherBoot({ bootId }: Pick<AnnouncerState, 'bootId'>, now: string): boolean {
  return bootId !== null && bootId !== now;
}

/**
 * Every container that ran before another boot has ended with it. What the journal wants must not be written again before
 * an engine that is late, or never comes, has been asked: it may start some of them again, and tells so itself.
 */
export function concludeBoot(conclusions: Conclusions, { bootId, atMs }: BootRead, rules: AnnounceRules): void {
  if (!isAnotherBoot(conclusions.state, bootId)) return;
  for (const [id, container] of conclusions.state.containers) {
    if (isStatic(id)) continue;
    if (container.isRunning) concludeEnd(conclusions, id, container, atMs, rules);
    for (const key of container.keys) withdraw(conclusions, id, key, 'died', DETAIL, { cause: BOOT, atMs });
  }
}

/** Nobody asked for it, and yet it is no flap: the container did not fail. */
function concludeEnd(
  conclusions: Conclusions,
  id: string,
  container: ContainerState,
  atMs: number,
  { damping }: AnnounceRules,
): void {
  const flaps = afterDeaths(container.flaps, 0, atMs, damping);
  conclusions.add({
    type: 'ContainerStopped',
    atMs,
    ...about(id, container, BOOT),
    exitCode: -1,
    oomKilled: false,
    requested: container.stopping !== null,
    penalty: flaps?.penalty ?? 0,
    suppressed: flaps?.suppressed ?? false,
    restartCount: container.restartCount,
  });
}
