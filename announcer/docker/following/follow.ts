import { defer, filter, finalize, map, merge, ReplaySubject, retry, Subject, share, tap, timer } from 'rxjs';
import type { Log } from '../../../shared/log.ts';
import { backoffMs } from '../../../shared/rx.ts';
import type { Observation } from '../../observation.ts';
import { type Engine, type EngineClient, EngineError, type EngineSight, type EngineStatus } from '../engine/engine.ts';
import { adviceOf } from '../engine/error.ts';
import { readFacts } from '../facts.ts';
import { LastWords } from './last-words.ts';
import { SessionMemory } from './memory.ts';
import { type EngineRequest, engineSession, type SessionItem } from './session.ts';

export interface FollowSettings {
  readonly log: Log;
  readonly nowMs: () => number;
  /** How often Docker's list is compared with what is known. Default 60 s. */
  readonly resyncMs?: number;
  /** How often the engine is pinged beside its stream. Default 10 s. */
  readonly pingMs?: number;
  /** Default 5 s: a stopped engine is noticed within `pingMs` and this. */
  readonly pingTimeoutMs?: number;
  /** How long an event stream is read before a new one takes over. Default 5 minutes. */
  readonly renewMs?: number;
  /** How long both are read then. Default 2 s. */
  readonly overlapMs?: number;
}

const RETRY = { baseMs: 250, maxMs: 5_000 };
/** A session that lived this long is worth one attempt at once: a proxy that cuts quiet streams is no outage. */
const SETTLED_MS = 5_000;

/** Follows the engine through every loss, for ever. */
export function followEngine(client: EngineClient, settings: FollowSettings): Engine {
  const { nowMs } = settings;
  const sessionSettings = {
    resyncMs: 60_000,
    pingMs: 10_000,
    pingTimeoutMs: 5_000,
    renewMs: 300_000,
    overlapMs: 2_000,
    ...settings,
  };
  const memory = new SessionMemory();
  const lastWords = new LastWords();
  const requests$ = new Subject<EngineRequest>();
  const health = new EngineHealth(client.description, settings);
  const sessions$ = defer(() => engineSession(client, memory, lastWords, requests$, sessionSettings)).pipe(
    tap((item) => item.type === 'up' && health.onUp(item)),
    retry({ delay: (error) => timer(health.onLost(error)) }),
    filter((item) => item.type === 'observation'),
    map((item): Observation => item.observation),
  );
  const observations$ = merge(sessions$, lastWords.observations$).pipe(
    finalize(() => lastWords.end()),
    share(),
  );
  return {
    description: client.description,
    observations$,
    status$: health.status$.asObservable(),
    async inspect(container, cause): Promise<EngineSight> {
      const raw = await client.inspect(container);
      if (raw === undefined) return { type: 'vanished', atMs: nowMs(), container, cause };
      return { type: 'inspected', atMs: nowMs(), facts: readFacts(raw), cause };
    },
    exec: (container, command, timeoutMs) => client.exec(container, command, timeoutMs),
    stop: (container, graceSeconds) => client.stop(container, graceSeconds),
    look: (container, cause, causedAtMs) =>
      requests$.next({ type: 'look', container, cause, ...(causedAtMs !== undefined && { causedAtMs }) }),
    resync: (cause) => requests$.next({ type: 'resync', cause }),
  };
}

/** Says once that the engine is away, and once that it is back; decides when to try again. */
class EngineHealth {
  readonly status$ = new ReplaySubject<EngineStatus>(1);
  readonly #where: string;
  readonly #log: Log;
  readonly #nowMs: () => number;
  #upSinceMs: number | undefined;
  #lostAtMs: number | undefined;
  #failures = 0;
  #isFollowed = false;
  #reason: string | undefined;

  constructor(where: string, { log, nowMs }: FollowSettings) {
    this.#where = where;
    this.#log = log;
    this.#nowMs = nowMs;
  }

  onUp({ hello, synced }: Extract<SessionItem, { type: 'up' }>): void {
    if (!synced) {
      this.#sayUp(`Docker engine ${hello.engineVersion}${hello.apiVersion === '' ? '' : ` (API ${hello.apiVersion})`}`);
      this.#upSinceMs = this.#nowMs();
      this.#lostAtMs = undefined;
      this.#reason = undefined;
    }
    this.status$.next({ up: true, synced });
  }

  /** @returns milliseconds to wait before the next attempt */
  onLost(error: unknown): number {
    if (!(error instanceof EngineError)) throw error; // a broken invariant, not the engine's doing
    const wasSettled = this.#upSinceMs !== undefined && this.#nowMs() - this.#upSinceMs >= SETTLED_MS;
    this.#upSinceMs = undefined;
    this.#lostAtMs ??= this.#nowMs();
    if (wasSettled) this.#failures = 0;
    if (wasSettled && error.code === 'interrupted') {
      // The next attempt tells an outage from a cut stream.
      this.#log.debug('engine-connection-ended', `${error.message}; connecting anew`);
      return 0;
    }
    this.#failures += 1;
    this.#sayDown(error);
    return backoffMs(RETRY, this.#failures);
  }

  #sayUp(engine: string): void {
    if (this.#reason !== undefined) {
      const away = ((this.#nowMs() - (this.#lostAtMs ?? this.#nowMs())) / 1000).toFixed(1);
      this.#log.info('engine-regained', `${engine} at ${this.#where} answers after ${away} s; reading all containers`);
    } else if (!this.#isFollowed) {
      this.#log.info('engine-followed', `following ${engine} at ${this.#where}`);
    }
    this.#isFollowed = true;
  }

  #sayDown(error: EngineError): void {
    const { code, message } = error;
    if (this.#reason === undefined) {
      const advice = adviceOf(error);
      this.#log.warn(
        'engine-unreachable',
        `no Docker engine reachable at ${this.#where}: ${message}. What is announced stays so, and no change is seen; ${advice === undefined ? '' : `${advice}; `}trying again every few seconds`,
        { code },
      );
    }
    if (this.#reason !== message) this.status$.next({ up: false, reason: message });
    this.#reason = message;
  }
}
