import type { ContainerFacts } from '../../facts.ts';
import { millisecondsOf, nanosOf } from '../events.ts';
import type { Look } from './inspector.ts';

type Why = Pick<Look, 'cause' | 'causedAtMs'>;

/**
 * Why a run is there that was not known before. The engine tells of a container's networks just before it tells of its
 * start, and an inspect that was made for the former finds it running already: that came of the start, at its time.
 */
export function causeOfRun(why: Why, { state, startedAt }: Pick<ContainerFacts, 'state' | 'startedAt'>): Why {
  if (!why.cause.startsWith('docker network ') || why.causedAtMs === undefined || state !== 'running') return why;
  const startedMs = millisecondsOf(String(nanosOf(startedAt) ?? 0n));
  if (startedMs === undefined || startedMs < why.causedAtMs) return why;
  return { cause: 'docker start', causedAtMs: startedMs };
}
