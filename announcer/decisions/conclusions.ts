import type { AnnouncerEvent } from '../event.ts';
import { evolve } from './evolve.ts';
import type { AnnouncerState, ContainerState } from './state.ts';

/** The events concluded so far from one observation, and the state with them: each conclusion sees the ones before it. */
export class Conclusions {
  readonly events: AnnouncerEvent[] = [];
  #state: AnnouncerState;

  constructor(state: AnnouncerState) {
    this.#state = state;
  }

  get state(): AnnouncerState {
    return this.#state;
  }

  container(id: string): ContainerState | undefined {
    return this.#state.containers.get(id);
  }

  add(event: AnnouncerEvent): void {
    this.events.push(event);
    this.#state = evolve(this.#state, event);
  }
}

/** When what was seen happened, where that is known. */
export function causedAt({ causedAtMs }: { readonly causedAtMs?: number }): { readonly causedAtMs?: number } {
  return causedAtMs === undefined ? {} : { causedAtMs };
}

/** The fields that name a container in an event. */
export function about(container: string, { name, image }: Pick<ContainerState, 'name' | 'image'>, cause: string) {
  return { container, containerName: name, image, cause };
}
