import {
  auditTime,
  concat,
  defer,
  distinctUntilChanged,
  EMPTY,
  ignoreElements,
  interval,
  map,
  merge,
  type Observable,
  repeat,
  Subject,
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
/** How long what is due may wait for others that are, so that of many changes not each has everything gone through. */
const RECHECK_MIN_MS = 250;
/**
 * A container that is due and could not be looked at, or is as it was, is looked at again after this. Timers are in
 * monotonic time, what is due in wall-clock time: a clock that was set is noticed within this, too.
 */
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
  const rechecks = new Rechecks(loop, rules);
  const looked$ = new Subject<void>();
  // A change moves the next look only where that is due at another time, so that no number of changes puts one off. After
  // a look the time counts anew, also when it is the same: of what is overdue it always is.
  const rechecks$ = merge(loop.recorded$, looked$).pipe(
    startWith(undefined),
    auditTime(RECHECK_MIN_MS),
    map(() => ({ dueMs: rechecks.nextMs(nowMs()), looks: rechecks.looks })),
    distinctUntilChanged((one, other) => one.dueMs === other.dueMs && one.looks === other.looks),
    switchMap(({ dueMs }) => (dueMs === undefined ? EMPTY : looksAt(dueMs, nowMs))),
    tap(() => {
      lookAgain(rechecks.take(nowMs()));
      looked$.next();
    }),
    ignoreElements(),
  );
  return merge(rechecks$, engine.observations$).pipe(tap(take));
}

/** What is due to be looked at, and what of it was: that is passed over for a while, in which it cannot hide the next. */
class Rechecks {
  readonly #loop: EventLoop;
  readonly #rules: AnnounceRules;
  /** When those that are still due were looked at. */
  readonly #lookedMs = new Map<string, number>();
  #looks = 0;

  constructor(loop: EventLoop, rules: AnnounceRules) {
    this.#loop = loop;
    this.#rules = rules;
  }

  /** How often there was something to look at. */
  get looks(): number {
    return this.#looks;
  }

  /** When to look next; undefined when nothing waits. */
  nextMs(nowMs: number): number | undefined {
    const { state } = this.#loop;
    const due = new Set(dueForRecheck(state, nowMs, this.#rules));
    for (const id of this.#lookedMs.keys()) if (!due.has(id)) this.#lookedMs.delete(id);
    let nextMs = recheckAtMs(state, this.#rules, (id) => this.#lookedMs.has(id)) ?? Number.POSITIVE_INFINITY;
    for (const lookedMs of this.#lookedMs.values()) nextMs = Math.min(nextMs, lookedMs + RECHECK_MAX_MS);
    return nextMs === Number.POSITIVE_INFINITY ? undefined : nextMs;
  }

  /** What to look at now. */
  take(nowMs: number): readonly string[] {
    const due = dueForRecheck(this.#loop.state, nowMs, this.#rules).filter((id) => {
      const agoMs = nowMs - (this.#lookedMs.get(id) ?? Number.NEGATIVE_INFINITY);
      return agoMs >= RECHECK_MAX_MS || agoMs < 0;
    });
    for (const id of due) this.#lookedMs.set(id, nowMs);
    if (due.length > 0) this.#looks += 1;
    return due;
  }
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
  return dueMs <= nowMs ? 0 : Math.min(RECHECK_MAX_MS, Math.max(RECHECK_MIN_MS, dueMs - nowMs));
}
