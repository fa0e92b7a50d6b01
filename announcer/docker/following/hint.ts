import type { Observation } from '../../observation.ts';
import { type EngineEvent, isOfRun, trustedSignal } from '../events.ts';
import type { Known } from './memory.ts';

/** After these the container may not be what an earlier answer said. */
export function isEnding({ action }: EngineEvent): boolean {
  return ['kill', 'die', 'oom', 'pause', 'unhealthy', 'stop', 'disconnect'].includes(action);
}

/**
 * What an event says by itself of a container that is known, before any look at it. An event of an earlier run, replayed at
 * a seam, says nothing about this one.
 */
export function hintOf(
  event: EngineEvent,
  { startedAt, labels }: Pick<Known, 'startedAt' | 'labels'>,
  atMs: number,
): Observation | undefined {
  if (!isOfRun(event, startedAt)) return undefined;
  const hint = { atMs, type: 'hinted', container: event.container, engineTimeNano: event.timeNano } as const;
  switch (event.action) {
    case 'kill': {
      const signal = trustedSignal(event, labels);
      return signal === undefined ? undefined : { ...hint, action: 'kill', signal };
    }
    case 'die':
    case 'oom':
    case 'pause':
    case 'unhealthy':
      return { ...hint, action: event.action };
    default:
      return undefined;
  }
}
