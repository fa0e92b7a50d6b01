import type { Observation } from '../observation.ts';
import { about, type Conclusions } from './conclusions.ts';
import { withdraw } from './instances.ts';
import type { AnnouncerState } from './state.ts';
import { isStatic } from './static-instances.ts';

type Listed = Extract<Observation, { readonly type: 'listed' }>;
type Vanished = Extract<Observation, { readonly type: 'vanished' }>;

/** Losing so few at once is believed from a list alone, however few there are. */
const LOSSES_BELIEVED = 3;

/**
 * The containers that a list would take more than half of this host's announced containers away with. An engine that has
 * just come up, or has another data directory, lists nothing and is not believed: the edge inspects each of these, tells
 * what it finds as `inspected` or `vanished`, and may then repeat the list as `confirmed`.
 *
 * @returns empty when the list is believed as it is
 */
export function unconfirmedLosses(state: AnnouncerState, seen: Observation): readonly string[] {
  if (seen.type !== 'listed' || seen.confirmed) return [];
  const missing = missingOf(state, seen);
  let announced = 0;
  for (const [id, { keys }] of state.containers) if (keys.length > 0 && !isStatic(id)) announced += 1;
  const lost = missing.filter((id) => (state.containers.get(id)?.keys.length ?? 0) > 0).length;
  return lost > LOSSES_BELIEVED && lost > announced / 2 ? missing : [];
}

/** A container that the engine's list does not have is gone; its end was missed. */
export function concludeListed(conclusions: Conclusions, seen: Listed): void {
  if (unconfirmedLosses(conclusions.state, seen).length > 0) return;
  const moment = { cause: 'list', atMs: seen.atMs };
  for (const id of missingOf(conclusions.state, seen)) {
    const container = conclusions.container(id);
    if (container === undefined) continue;
    if (container.isRunning || container.keys.length > 0) {
      const detail = `container ${container.name} (${id.slice(0, 12)}) is not in the engine's list, and its end was never told`;
      conclusions.add({ type: 'DriftFound', atMs: seen.atMs, cause: 'missed-stop', detail });
    }
    for (const key of container.keys) withdraw(conclusions, id, key, 'gone', "not in the engine's list", moment);
    conclusions.add({ type: 'ContainerRemoved', atMs: seen.atMs, ...about(id, container, moment.cause) });
  }
}

/** An inspect that found nothing, or the container's `destroy`: direct evidence about one container, which needs no other. */
export function concludeVanished(conclusions: Conclusions, { container: id, cause, atMs }: Vanished): void {
  const container = conclusions.container(id);
  if (container === undefined || isStatic(id)) return;
  for (const key of container.keys)
    withdraw(conclusions, id, key, 'removed', 'the container was removed', { cause, atMs });
  conclusions.add({ type: 'ContainerRemoved', atMs, ...about(id, container, cause) });
}

function missingOf(state: AnnouncerState, { containers }: Listed): string[] {
  const listed = new Set(containers);
  return [...state.containers.keys()].filter((id) => !isStatic(id) && !listed.has(id)).sort();
}
