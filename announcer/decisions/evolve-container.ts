import type { EventOf } from '../event.ts';
import { SIGTERM } from './lifecycle/stop-signal.ts';
import type { ContainerState } from './state.ts';

/** What is about one container, and not about the keys of it. */
export type ContainerEvent = EventOf<
  | 'ContainerStarted'
  | 'ContainerStopped'
  | 'ContainerStopping'
  | 'ContainerKeptRunning'
  | 'ContainerDraining'
  | 'ContainerUndrained'
  | 'ContainerReleased'
  | 'ContainerHealthChanged'
  | 'ContainerProbed'
  | 'ContainerRenamed'
  | 'ContainerRefused'
  | 'ContainerRefusalEnded'
>;

/** Of one run: far more than are ever told at once, and few enough to be copied with each. */
const REFUSALS_KEPT = 64;

/** Folds one event of a container into what is known of it. */
export function evolveContainer(known: ContainerState, event: ContainerEvent): ContainerState {
  switch (event.type) {
    case 'ContainerStarted':
      return started(known, event);
    case 'ContainerStopped':
      return stopped(known, event);
    case 'ContainerStopping': {
      const { atMs, untilMs, engineTimeNano } = event;
      return { ...known, stopping: { atMs, untilMs }, lastStopNano: engineTimeNano };
    }
    case 'ContainerKeptRunning':
      return { ...known, stopping: null };
    case 'ContainerDraining':
      return { ...known, drainingSinceMs: event.atMs };
    case 'ContainerUndrained':
      return { ...known, drainingSinceMs: null };
    case 'ContainerReleased':
      return { ...known, flaps: { penalty: event.penalty, atMs: event.atMs, suppressed: false } };
    case 'ContainerHealthChanged':
      return { ...known, health: event.health };
    case 'ContainerProbed': {
      if (event.startedAt !== known.startedAt) return known;
      const verdict = { isPassing: event.passing, detail: event.detail };
      return { ...known, verdicts: { ...known.verdicts, [event.port]: verdict } };
    }
    case 'ContainerRenamed':
      return { ...known, name: event.containerName };
    case 'ContainerRefused':
      if (known.refusals.includes(event.reason)) return known;
      return { ...known, refusals: [...known.refusals.slice(1 - REFUSALS_KEPT), event.reason] };
    case 'ContainerRefusalEnded':
      return { ...known, refusals: known.refusals.filter((reason) => reason !== event.reason) };
  }
}

/** A new run: what was said of the one before it is void, but what is announced stands until it is withdrawn. */
function started(known: ContainerState, event: EventOf<'ContainerStarted'>): ContainerState {
  return {
    ...known,
    image: event.image,
    startedAt: event.startedAt,
    isRunning: true,
    health: 'none',
    restartCount: event.restartCount ?? 0,
    stopSignal: event.stopSignal ?? SIGTERM,
    stopTimeoutSeconds: event.stopTimeoutSeconds ?? null,
    stopping: null,
    drainingSinceMs: null,
    lastStopNano: '0',
    held: {},
    verdicts: {},
    refusals: [],
  };
}

function stopped(known: ContainerState, event: EventOf<'ContainerStopped'>): ContainerState {
  const { penalty, atMs, suppressed = false } = event;
  return {
    ...known,
    isRunning: false,
    health: 'none',
    restartCount: event.restartCount ?? known.restartCount,
    stopping: null,
    flaps: penalty > 0 ? { penalty, atMs, suppressed } : null,
    held: {},
    verdicts: {},
    refusals: [],
  };
}
