import type { EtcdKey } from '../../shared/name.ts';
import type { Observation } from '../observation.ts';
import { isStatic } from '../services/static-services.ts';
import type { AnnouncerState } from './state.ts';

/**
 * The announced keys that `seen` speaks for, once it has been concluded from: an inspect, or the services file, for those
 * that are announced without an active check, and a check that passes for its own.
 */
export function spokenFor(state: AnnouncerState, seen: Observation): EtcdKey[] {
  switch (seen.type) {
    case 'inspected':
      return keysOf(state, seen.facts.id, null);
    case 'services-read':
      return [...state.containers.keys()].filter(isStatic).flatMap((id) => keysOf(state, id, null));
    case 'probed':
      return seen.results.flatMap(({ port, passing }) => (passing ? keysOf(state, seen.facts.id, port) : []));
    case 'service-probed':
      return seen.passing ? keysOf(state, seen.container, seen.probe) : [];
    default:
      return [];
  }
}

/** @param probe of its active check; null: it has none */
function keysOf({ containers, instances }: AnnouncerState, id: string, probe: string | null): EtcdKey[] {
  return (containers.get(id)?.keys ?? []).filter((key) => instances.get(key)?.probe === probe);
}
