import type { Observation } from '../../observation.ts';
import { isStatic } from '../../services/static-services.ts';
import { about, type Conclusions, causedAt } from '../conclusions.ts';
import { type Moment, withdraw } from '../readiness/instances.ts';
import type { AnnouncerState, ContainerState } from '../state.ts';
import { type End, isOutOfMemory, toldEnd } from './lifecycle.ts';

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
  const lost = missing.filter((id) => (state.containers.get(id)?.keys.length ?? 0) > 0).length;
  if (lost <= LOSSES_BELIEVED) return [];
  const announced = state.containers.count(({ keys }, id) => keys.length > 0 && !isStatic(id));
  return lost > announced / 2 ? missing : [];
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
    if (container.isRunning) concludeUnseenEnd(conclusions, id, container, moment);
    for (const key of container.keys) withdraw(conclusions, id, key, 'gone', "not in the engine's list", moment);
    conclusions.add({ type: 'ContainerRemoved', atMs: seen.atMs, ...about(id, container, moment.cause) });
  }
}

/** An inspect that found nothing, or the container's `destroy`: direct evidence about one container, which needs no other. */
export function concludeVanished(conclusions: Conclusions, seen: Vanished): void {
  const { container: id, cause, atMs } = seen;
  const container = conclusions.container(id);
  if (container === undefined || isStatic(id)) return;
  const moment = { cause, atMs, ...causedAt(seen) };
  if (container.isRunning) concludeUnseenEnd(conclusions, id, container, moment, toldEnd(seen));
  for (const key of container.keys) withdraw(conclusions, id, key, 'removed', 'the container was removed', moment);
  conclusions.add({ type: 'ContainerRemoved', atMs, ...about(id, container, cause) });
}

/**
 * A container that is gone has ended, though no inspect came in time to say how; its penalty goes with it. The engine
 * tells of the signal before it tells of a removal: without one, it ended by itself (`--rm`). Where neither was told,
 * whoever removed it asked for it.
 */
function concludeUnseenEnd(
  conclusions: Conclusions,
  id: string,
  container: ContainerState,
  moment: Moment,
  end: End = toldEnd({}),
): void {
  const { stopping, restartCount } = container;
  const requested = stopping !== null || moment.causedAtMs === undefined;
  conclusions.add({
    type: 'ContainerStopped',
    atMs: moment.atMs,
    ...about(id, container, moment.cause),
    exitCode: end.exitCode,
    oomKilled: !requested && isOutOfMemory(end),
    requested,
    penalty: 0,
    suppressed: false,
    restartCount,
  });
}

function missingOf(state: AnnouncerState, { containers }: Listed): string[] {
  const listed = new Set(containers);
  const missing: string[] = [];
  state.containers.forEach((_container, id) => {
    if (!listed.has(id) && !isStatic(id)) missing.push(id);
  });
  return missing.sort();
}
