import {
  concat,
  debounceTime,
  defer,
  EMPTY,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  repeat,
  startWith,
  switchMap,
  takeWhile,
  tap,
  timer,
} from 'rxjs';
import type { Log } from '../shared/log.ts';
import { dueForRecheck, recheckAtMs, unconfirmedLosses } from './decisions/decider.ts';
import type { Engine } from './docker/engine/engine.ts';
import type { EventLoop } from './event-loop.ts';
import type { Observation } from './observation.ts';
import type { AnnounceRules } from './rules.ts';
import { isStatic } from './services/static-services.ts';

export interface ContainersSettings {
  readonly engine: Engine;
  readonly loop: EventLoop;
  readonly rules: AnnounceRules;
  readonly log: Log;
  readonly nowMs: () => number;
  /** Has the loop conclude anew from what the services file said last. */
  readonly lookAtServices: () => void;
}

/** `cause` of what a look at one that is due changes. */
export const RECHECK = 'recheck';
/** A container that is due and could not be looked at, or is as it was, is looked at again no sooner. */
const RECHECK_MIN_MS = 250;
/** Timers are in monotonic time, what is due in wall-clock time: a clock that was set is noticed within this. */
const RECHECK_MAX_MS = 30_000;

/**
 * Tells the loop what the engine says, looks at what only a look can settle (a list that would take most of a host away;
 * containers that time alone releases, or a key that another one gave up), and passes every observation on once the loop
 * has drawn its conclusions.
 */
export function followContainers(settings: ContainersSettings): Observable<Observation> {
  const { engine, loop, rules, log, nowMs, lookAtServices } = settings;
  const take = (seen: Observation): void => {
    const doubtful = unconfirmedLosses(loop.state, seen);
    if (doubtful.length > 0) {
      log.warn(
        'losses-doubted',
        `the engine's list would take ${doubtful.length} containers away at once, most of this host; looking at each first`,
        { containers: doubtful.length },
      );
    }
    loop.observe(seen);
    for (const container of doubtful) engine.look(container, 'list');
  };
  const lookAgain = (due: readonly string[]): void => {
    for (const id of due) if (!isStatic(id)) engine.look(id, RECHECK);
    if (due.some(isStatic)) lookAtServices();
  };
  const rechecks$ = loop.recorded$.pipe(
    startWith(undefined),
    debounceTime(0),
    map(() => recheckAtMs(loop.state, rules)),
    switchMap((dueMs) => (dueMs === undefined ? EMPTY : looksAt(dueMs, nowMs))),
    tap(() => lookAgain(dueForRecheck(loop.state, nowMs(), rules))),
    ignoreElements(),
  );
  return merge(rechecks$, engine.observations$).pipe(tap(take));
}

/** When to look: once it is due, then every `RECHECK_MAX_MS`. A timer of a busy process may fire before it is due. */
function looksAt(dueMs: number, nowMs: () => number): Observable<unknown> {
  const untilDue = defer(() => timer(delayUntil(dueMs, nowMs()))).pipe(
    repeat(),
    takeWhile(() => nowMs() < dueMs, true),
  );
  return concat(untilDue, interval(RECHECK_MAX_MS));
}

function delayUntil(dueMs: number, nowMs: number): number {
  return Math.min(RECHECK_MAX_MS, Math.max(RECHECK_MIN_MS, dueMs - nowMs));
}
