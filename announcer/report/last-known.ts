import { namesContainer } from '../../shared/container-id.ts';
import type { AnnouncerState, ContainerState } from '../decisions/state.ts';

/** What is told of containers while the engine does not say: what it last said. */
export interface LastKnown {
  /** Why the engine does not say. */
  readonly reason: string;
  /** Since when it is away, in milliseconds since the epoch; absent when it has not been missed yet. */
  readonly sinceMs?: number;
  readonly containers: readonly KnownContainer[];
}

export interface KnownContainer {
  readonly container: string;
  readonly name: string;
  readonly image: string;
  /** `running`, `running, healthy`, `not running`. */
  readonly state: string;
}

/** The containers called `text`, and those of `ids`, as they were last seen. */
export function knownContainers(
  { containers }: AnnouncerState,
  text: string,
  ids: ReadonlySet<string>,
): KnownContainer[] {
  return [...containers.entries()]
    .filter(([id, { name }]) => ids.has(id) || name === text || namesContainer(text, id))
    .map(([id, container]) => ({
      container: id,
      name: container.name,
      image: container.image,
      state: stateOf(container),
    }))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function stateOf({ isRunning, health }: ContainerState): string {
  if (!isRunning) return 'not running';
  return health === 'none' ? 'running' : `running, ${health}`;
}
