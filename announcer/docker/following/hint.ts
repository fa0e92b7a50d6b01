import type { Observation } from '../../observation.ts';
import { type EngineEvent, isOfRun, trustedExitCode, trustedSignal } from '../events.ts';
import type { Known } from './memory.ts';

/** After these the container may not be what an earlier answer said. */
export function isEnding({ action }: EngineEvent): boolean {
  return ['kill', 'die', 'oom', 'pause', 'unhealthy', 'stop', 'disconnect'].includes(action);
}

/** Keeps of a run what the engine tells of its end before any look can: that may find the next run, or nothing. */
export function noteEnd(event: EngineEvent, known: Known): void {
  if (!isOfRun(event, known.startedAt)) return;
  const endedWith = trustedExitCode(event, known.labels);
  if (endedWith !== undefined) known.endedWith = endedWith;
  if (event.action === 'oom') known.outOfMemory = true;
}

/**
 * What an event says by itself of a container that is known, before any look at it. An event of an earlier run, replayed at
 * a seam, says nothing about this one.
 */
export function hintOf(
  event: EngineEvent,
  { startedAt, labels, outOfMemory }: Pick<Known, 'startedAt' | 'labels' | 'outOfMemory'>,
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
      // It may have outlived the loss of a worker, and end well long after.
      return outOfMemory && trustedExitCode(event, labels) !== 0
        ? { ...hint, action: 'die', outOfMemory }
        : { ...hint, action: 'die' };
    case 'oom':
    case 'pause':
    case 'unhealthy':
      return { ...hint, action: event.action };
    default:
      return undefined;
  }
}
