import {
  auditTime,
  concat,
  delay,
  distinctUntilChanged,
  filter,
  forkJoin,
  map,
  merge,
  NEVER,
  type Observable,
  of,
  ReplaySubject,
  race,
  startWith,
  switchMap,
  take,
  tap,
  timer,
} from 'rxjs';
import type { Log } from '../shared/log.ts';
import type { Machine } from './checks/machine.ts';
import { containerProbes } from './checks/probes.ts';
import { followContainers, RECHECK } from './containers.ts';
import type { Engine, EngineStatus } from './docker/engine/engine.ts';
import type { EventLoop } from './event-loop.ts';
import type { Observation } from './observation.ts';
import type { AnnounceRules } from './rules.ts';
import { followServiceChecks } from './services/checks.ts';
import type { ServicesFile } from './services/file.ts';
import { isStatic, type StaticService } from './services/static-services.ts';

export interface WorldSettings {
  readonly engine: Engine;
  readonly loop: EventLoop;
  readonly rules: AnnounceRules;
  /** Opened already: one that cannot be used at first lets no announcer start. */
  readonly services: ServicesFile | undefined;
  readonly log: Log;
  /** As in {@link containerProbes}. */
  readonly machine?: Machine;
}

/** After the engine's first list, for the first checks: what a predecessor announced is not removed before them. */
const SETTLE_MS = 5_000;
/** Verdicts of the services file's checks that are taken together. */
const VERDICTS_MS = 10;
/** When no engine answers for so long. One that answers is waited for, however long it takes to be read. */
const SETTLE_ALONE_MS = 30_000;

/** What the announcer looks at: the engine, the checks of its containers, and the services file. Tells all of it to the loop. */
export class World {
  readonly #settings: WorldSettings;
  readonly #servicesFound$ = new ReplaySubject<readonly StaticService[]>(1);
  readonly #servicesRead$ = new ReplaySubject<void>(1);
  #engineStatus: EngineStatus | undefined;
  #engineLostMs = 0;
  #wasEngineSynced = false;
  #areServicesRead = false;
  #services: Extract<Observation, { type: 'services-read' }> | undefined;

  constructor(settings: WorldSettings) {
    this.#settings = settings;
  }

  /** Undefined before the first attempt has ended. */
  get engineStatus(): EngineStatus | undefined {
    return this.#engineStatus;
  }

  /** When the engine went away; undefined while it is there. */
  get engineLostMs(): number | undefined {
    return this.#engineStatus?.up === false ? this.#engineLostMs : undefined;
  }

  /** Whether the engine's list, and every container of it, has been read at least once. */
  get wasEngineSynced(): boolean {
    return this.#wasEngineSynced;
  }

  get areServicesRead(): boolean {
    return this.#areServicesRead;
  }

  /**
   * Looks at these containers, or at everything, anew: something but the world itself has changed what may be announced.
   *
   * @param causedAtMs when `cause` happened
   */
  lookAgain(of: 'host' | readonly string[], cause: string, causedAtMs: number): void {
    const { engine } = this.#settings;
    this.#lookAtServices({ cause, causedAtMs });
    if (of === 'host') engine.resync(cause);
    else for (const container of of) if (!isStatic(container)) engine.look(container, cause, causedAtMs);
  }

  /** Emits once when all of it has been looked at, as far as it can be; see {@link SETTLE_MS}. */
  get settled$(): Observable<unknown> {
    const { status$ } = this.#settings.engine;
    const synced$ = status$.pipe(
      filter((status) => status.up && status.synced),
      delay(SETTLE_MS),
    );
    const alone$ = status$.pipe(
      map(({ up }) => up),
      startWith(false),
      distinctUntilChanged(),
      switchMap((isUp) => (isUp ? NEVER : timer(SETTLE_ALONE_MS))),
    );
    return forkJoin([race(synced$, alone$).pipe(take(1)), this.#servicesRead$.pipe(take(1))]);
  }

  /** Looks for as long as it is subscribed to. Errors with what no retry mends. */
  follow(): Observable<unknown> {
    const { engine, loop, rules, log, machine } = this.#settings;
    const probes = containerProbes({ engine, rules, log, machine });
    return merge(
      engine.status$.pipe(tap((status) => this.#takeStatus(status))),
      this.#services$().pipe(tap((seen) => this.#takeServices(seen))),
      this.#serviceChecks$(),
      probes.observations$.pipe(tap((seen) => loop.observe(seen))),
      // Last: the checks must be listened to when the first container is seen.
      followContainers({
        ...{ engine, loop, rules, log, nowMs: Date.now },
        lookAtServices: () => this.#lookAtServices({ cause: RECHECK }),
      }).pipe(tap((seen) => probes.take(seen))),
    );
  }

  /** Without a file there is nothing in it: what one held before this start goes away. */
  #services$(): Observable<Observation> {
    const { services } = this.#settings;
    if (services === undefined) return of({ type: 'services-read', atMs: Date.now(), services: [] });
    return concat(of(services.first), services.changes$);
  }

  /** Verdicts first become known, and then, many at a time, what they change. */
  #serviceChecks$(): Observable<unknown> {
    const { loop } = this.#settings;
    return followServiceChecks(this.#servicesFound$, Date.now).pipe(
      tap((seen) => loop.observe(seen)),
      auditTime(VERDICTS_MS),
      tap(({ atMs }) => this.lookAgain([], 'check', atMs)),
    );
  }

  #lookAtServices(why: { readonly cause: string; readonly causedAtMs?: number }): void {
    if (this.#services !== undefined) this.#settings.loop.observe({ ...this.#services, atMs: Date.now(), ...why });
  }

  #takeServices(seen: Observation): void {
    this.#settings.loop.observe(seen);
    if (seen.type === 'services-read') {
      this.#services = seen;
      this.#servicesFound$.next(seen.services);
    }
    this.#areServicesRead = true;
    this.#servicesRead$.next();
  }

  #takeStatus(status: EngineStatus): void {
    const { loop } = this.#settings;
    const wasDown = this.#engineStatus?.up === false;
    this.#engineStatus = status;
    if (status.up && status.synced) this.#wasEngineSynced = true;
    const atMs = Date.now();
    if (!status.up && !wasDown) {
      this.#engineLostMs = atMs;
      loop.record({ type: 'EngineLost', atMs, reason: status.reason });
    } else if (status.up && wasDown) {
      loop.record({ type: 'EngineRegained', atMs, awayMs: Math.max(0, atMs - this.#engineLostMs) });
    }
  }
}
