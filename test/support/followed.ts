import { type DockerSettings, dockerEngine } from '../../announcer/docker/engine/docker.ts';
import type { Engine, EngineStatus } from '../../announcer/docker/engine/engine.ts';
import type { Observation } from '../../announcer/observation.ts';

type Kept = Observation & { readonly afterMs: number };

export interface Followed {
  readonly engine: Engine;
  readonly observations: Kept[];
  readonly statuses: EngineStatus[];
  /** `event-name: message` of what was logged at info and above. */
  readonly lines: string[];
  /** The last that was said of a container: its state, `gone`, or nothing. */
  stateOf(container: string): string | undefined;
  /** `hinted kill 15`, `inspected running`, `vanished`: what was said of a container since `from`. */
  said(container: string, from?: number): string[];
  close(): void;
}

/** Follows an engine and keeps everything that it says. */
export function follow(settings: Omit<DockerSettings, 'log' | 'nowMs'>): Followed {
  const lines: string[] = [];
  const note = (event: string, message: string): void => void lines.push(`${event}: ${message}`);
  const log = { debug() {}, info: note, warn: note, error: note };
  const engine = dockerEngine({ ...settings, log, nowMs: Date.now });
  const observations: Kept[] = [];
  const statuses: EngineStatus[] = [];
  const began = performance.now();
  const subscription = engine.observations$.subscribe((observation) =>
    observations.push({ ...observation, afterMs: performance.now() - began }),
  );
  subscription.add(engine.status$.subscribe((status) => statuses.push(status)));
  return {
    engine,
    observations,
    statuses,
    lines,
    stateOf: (container) => lastState(observations, container),
    said: (container, from = 0) =>
      observations.slice(from).flatMap((each) => {
        switch (each.type) {
          case 'inspected':
            return each.facts.id === container ? [`inspected ${each.facts.state}`] : [];
          case 'vanished':
            return each.container === container ? ['vanished'] : [];
          case 'hinted':
            return each.container === container ? [`hinted ${each.action} ${each.signal ?? ''}`.trim()] : [];
          default:
            return [];
        }
      }),
    close: () => subscription.unsubscribe(),
  };
}

function lastState(observations: readonly Observation[], container: string): string | undefined {
  let state: string | undefined;
  for (const each of observations) {
    if (each.type === 'inspected' && each.facts.id === container) state = each.facts.state;
    if (each.type === 'vanished' && each.container === container) state = 'gone';
    if (each.type === 'listed' && state !== undefined && !each.containers.includes(container)) state = 'gone';
  }
  return state;
}
