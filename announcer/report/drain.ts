import { namesContainer } from '../../shared/container-id.ts';
import type { EtcdKey, OwnerName } from '../../shared/name.ts';
import type { AnnouncerState, ContainerState } from '../decisions/state.ts';
import { ttlOf } from '../decisions/ttl.ts';
import { isStatic } from '../services/static-services.ts';
import { isKeyOf, subjectOf } from './history.ts';

/** What a drain is about: the whole host, or these containers (full ids; `static:<name>` of the services file). */
export type DrainSubject =
  | { readonly ok: true; readonly of: 'host' | readonly string[] }
  | { readonly ok: false; readonly code: 'unknown' | 'ambiguous' | 'not-running'; readonly reason: string };

/** One container that a drain is about. */
export interface DrainedContainer {
  readonly container: string;
  readonly name: string;
  /** Every service of it, since a drain takes all of its names. */
  readonly services: readonly string[];
  readonly drainingSinceMs: number | null;
  /** The longest that a client may keep an answer about it; 0 when it was never announced. */
  readonly largestTtlSeconds: number;
}

/**
 * Beyond the TTL, until no client uses an answer any more: one second because caches count whole seconds (nginx keeps an
 * answer until the second after it ran out), one for the way from the store through a resolver to the client.
 */
export const DRAIN_MARGIN_SECONDS = 2;

/**
 * Whom `text` names: a container by its name or at least 6 digits of its id, or every instance on this host of a service.
 * What could be either, with different outcomes, is refused: a drain must not take more than was meant.
 */
export function drainSubject(state: AnnouncerState, text: string, prefix: string, domain: OwnerName): DrainSubject {
  const named = [...state.containers.entries()]
    .filter(([id, { name }]) => name === text || namesContainer(text, id))
    .map(([id]) => id);
  const subject = subjectOf(text, domain);
  const serving = [...state.containers.entries()]
    .filter(([, container]) => keysOf(container).some((key) => isKeyOf(key, subject, prefix)))
    .map(([id]) => id);
  const reason = ambiguityOf(state, text, named, serving);
  if (reason !== undefined) return { ok: false, code: 'ambiguous', reason };
  const found = named.length > 0 ? named : serving;
  if (found.length === 0) {
    const reason = `neither a container nor a service that this host announces is called ${JSON.stringify(text)}`;
    return { ok: false, code: 'unknown', reason };
  }
  const running = found.filter((id) => isStatic(id) || state.containers.get(id)?.isRunning);
  if (running.length > 0) return { ok: true, of: running.sort() };
  return { ok: false, code: 'not-running', reason: `${text} does not run: it has no name to take away` };
}

/** Why it is not clear who is meant, and what to write instead; undefined when it is. */
function ambiguityOf(
  { containers }: AnnouncerState,
  text: string,
  named: readonly string[],
  serving: readonly string[],
): string | undefined {
  const isSame = named.length === serving.length && named.every((id) => serving.includes(id));
  if (isSame || named.length === 0) return undefined;
  if (serving.length > 0) {
    return `${JSON.stringify(text)} is a container (${named.map(short).join(', ')}) and a service of ${serving.length} containers; give the container's id, or the service's whole name`;
  }
  if (named.length === 1) return undefined;
  const each = named.map((id) => `${containers.get(id)?.name} (${id})`).sort();
  return `${JSON.stringify(text)} names ${named.length} containers: ${each.join(', ')}; give more of the id of the one that is meant`;
}

/** Who is concerned: of a host, everything that is or was announced on it. */
export function drainedContainers(state: AnnouncerState, of: 'host' | readonly string[]): DrainedContainer[] {
  const ids = of === 'host' ? [...state.containers.keys()].sort() : of;
  return ids.flatMap((id) => {
    const container = state.containers.get(id);
    if (container === undefined) return [];
    const keys = keysOf(container);
    if (of === 'host' && keys.length === 0 && container.largestTtlSeconds === 0) return [];
    const values = keys.map((key) => state.instances.get(key)?.value ?? container.held[key]?.value ?? '');
    const services = keys.map((key) => state.instances.get(key)?.service ?? container.held[key]?.service ?? '');
    return {
      container: id,
      name: container.name,
      services: [...new Set(services)].sort(),
      drainingSinceMs: container.drainingSinceMs ?? state.hostDrainingSinceMs,
      largestTtlSeconds: Math.max(container.largestTtlSeconds, ...values.map(ttlOf)),
    };
  });
}

/** How long to wait once the keys are gone from the store; 0 when nothing was ever announced. */
export function drainWaitSeconds(containers: readonly DrainedContainer[]): number {
  const ttl = Math.max(0, ...containers.map(({ largestTtlSeconds }) => largestTtlSeconds));
  return containers.some(({ largestTtlSeconds }) => largestTtlSeconds > 0) ? ttl + DRAIN_MARGIN_SECONDS : 0;
}

function keysOf({ keys, held }: ContainerState): readonly EtcdKey[] {
  return [...keys, ...(Object.keys(held) as EtcdKey[])];
}

function short(id: string): string {
  return isStatic(id) ? id : id.slice(0, 12);
}
