import type { EtcdKey } from '../../../shared/name.ts';
import type { AnnounceRules } from '../../rules.ts';
import { isStopping } from '../readiness/readiness.ts';
import type { AnnouncerState, ContainerState } from '../state.ts';
import { isSuppressed, reuseAtMs } from './damping.ts';

/** Containers held down whose penalty has fallen below the reuse limit: the edge inspects them again. */
export function dueForReuse(state: AnnouncerState, nowMs: number, { damping }: AnnounceRules): readonly string[] {
  return waitingWhere(state, ({ flaps }) => flaps?.suppressed === true && !isSuppressed(flaps, nowMs, damping));
}

/** When the next one of {@link dueForReuse} will be; undefined when none is held down. */
export function nextReuseAtMs(state: AnnouncerState, { damping }: AnnounceRules): number | undefined {
  return earliest(state, ({ flaps }) => (flaps?.suppressed ? reuseAtMs(flaps, damping) : undefined));
}

/**
 * Containers to look at again though nothing happened to them: those of {@link dueForReuse}, those that a stop signal did
 * not end within its bound, and those whose key another one has given up; of these also entries of the services file.
 */
export function dueForRecheck(state: AnnouncerState, nowMs: number, rules: AnnounceRules): readonly string[] {
  const reusable = new Set(dueForReuse(state, nowMs, rules));
  return waitingWhere(state, (container, id) => {
    const { stopping } = container;
    if (stopping !== null && !isStopping(stopping, nowMs)) return true;
    return reusable.has(id) || hasFreeKey(state, id, container);
  });
}

/**
 * When the next one of {@link dueForRecheck} will be; a time in the past when one is due already.
 *
 * @param isPassedOver those that do not count
 */
export function recheckAtMs(
  state: AnnouncerState,
  { damping }: AnnounceRules,
  isPassedOver: (container: string) => boolean = () => false,
): number | undefined {
  return earliest(state, (container, id) => {
    if (isPassedOver(id)) return undefined;
    if (hasFreeKey(state, id, container)) return 0;
    const { stopping, flaps } = container;
    const reuse = flaps?.suppressed ? reuseAtMs(flaps, damping) : undefined;
    if (stopping === null) return reuse;
    return reuse === undefined ? stopping.untilMs : Math.min(stopping.untilMs, reuse);
  });
}

function waitingWhere(state: AnnouncerState, isDue: (container: ContainerState, id: string) => boolean): string[] {
  const due: string[] = [];
  for (const id of state.waiting) {
    const container = state.containers.get(id);
    if (container !== undefined && isDue(container, id)) due.push(id);
  }
  return due.sort();
}

function earliest(
  state: AnnouncerState,
  timeOf: (container: ContainerState, id: string) => number | undefined,
): number | undefined {
  let first: number | undefined;
  for (const id of state.waiting) {
    const container = state.containers.get(id);
    const atMs = container === undefined ? undefined : timeOf(container, id);
    if (atMs !== undefined && (first === undefined || atMs < first)) first = atMs;
  }
  return first;
}

function hasFreeKey(state: AnnouncerState, id: string, { held }: ContainerState): boolean {
  for (const key in held) {
    if (held[key]?.reason !== 'key-taken') continue;
    const owner = state.instances.get(key as EtcdKey)?.container;
    if (owner === undefined || owner === id) return true;
  }
  return false;
}
