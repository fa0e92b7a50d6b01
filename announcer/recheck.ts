import type { EtcdKey } from '../shared/name.ts';
import { isSuppressed, reuseAtMs } from './damping.ts';
import { isStopping } from './readiness.ts';
import type { AnnounceRules } from './rules.ts';
import type { AnnouncerState, ContainerState } from './state.ts';

/** Containers held down whose penalty has fallen below the reuse limit: the edge inspects them again. */
export function dueForReuse(state: AnnouncerState, nowMs: number, { damping }: AnnounceRules): readonly string[] {
  return waitingContainers(state)
    .filter(([, { flaps }]) => flaps?.suppressed && !isSuppressed(flaps, nowMs, damping))
    .map(([id]) => id);
}

/** When the next one of {@link dueForReuse} will be; undefined when none is held down. */
export function nextReuseAtMs(state: AnnouncerState, { damping }: AnnounceRules): number | undefined {
  return earliest(
    waitingContainers(state).flatMap(([, { flaps }]) => (flaps?.suppressed ? [reuseAtMs(flaps, damping)] : [])),
  );
}

/**
 * Containers to inspect again though nothing happened to them: those of {@link dueForReuse}, those that a stop signal did
 * not end within its bound, and those whose key another container has given up.
 */
export function dueForRecheck(state: AnnouncerState, nowMs: number, rules: AnnounceRules): readonly string[] {
  const reusable = new Set(dueForReuse(state, nowMs, rules));
  return waitingContainers(state)
    .filter(([id, container]) => {
      const outlived = container.stopping !== null && !isStopping(container.stopping, nowMs);
      return reusable.has(id) || outlived || hasFreeKey(state, id, container);
    })
    .map(([id]) => id);
}

/** When the next one of {@link dueForRecheck} will be; a time in the past when one is due already. */
export function recheckAtMs(state: AnnouncerState, rules: AnnounceRules): number | undefined {
  const reuse = nextReuseAtMs(state, rules);
  const others = waitingContainers(state).flatMap(([id, container]) => [
    ...(container.stopping === null ? [] : [container.stopping.untilMs]),
    ...(hasFreeKey(state, id, container) ? [0] : []),
  ]);
  return earliest(reuse === undefined ? others : [reuse, ...others]);
}

function waitingContainers(state: AnnouncerState): [string, ContainerState][] {
  return [...state.waiting].sort().flatMap((id) => {
    const container = state.containers.get(id);
    return container === undefined ? [] : [[id, container] satisfies [string, ContainerState]];
  });
}

function hasFreeKey(state: AnnouncerState, id: string, { held }: ContainerState): boolean {
  return Object.entries(held).some(([key, { reason }]) => {
    if (reason !== 'key-taken') return false;
    const owner = state.instances.get(key as EtcdKey)?.container;
    return owner === undefined || owner === id;
  });
}

function earliest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.min(...times);
}
