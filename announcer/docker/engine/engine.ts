import type { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import type { ContainerFacts } from '../../facts.ts';
import type { Observation } from '../../observation.ts';

/** The Docker engine as the announcer knows it; `docker.ts` stands behind it. */
export interface Engine {
  /** For messages: `unix:///var/run/docker.sock`. */
  readonly description: string;
  /**
   * What the engine says, for as long as someone listens: `hinted`, `inspected`, `vanished`, `listed`. Never completes;
   * errors on a broken invariant alone: while the engine is away it is silent, and nothing is withdrawn for that.
   */
  readonly observations$: Observable<Observation>;
  /** Replays its latest; silent before the first attempt has ended. */
  readonly status$: Observable<EngineStatus>;
  /** Looks at one container now. @throws {EngineError} when the engine does not say */
  inspect(container: string, cause: string): Promise<EngineSight>;
  /**
   * Runs a command in a container for a check of kind `exec`. The engine cannot end a command that it started: one that
   * outlives its time is reported as such, and no further one is started in that container before it has ended.
   *
   * @throws {EngineError}
   */
  exec(container: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /**
   * Stops a container, with the engine's own grace; resolves when it has ended, or did not run. The one call beside
   * `exec` that changes something: a read-only socket or proxy refuses it.
   *
   * @param graceSeconds between the stop signal and SIGKILL; undefined: the container's own, else the engine's 10 s
   * @throws {EngineError} `denied` when the engine or its proxy refuses
   */
  stop(container: string, graceSeconds: number | undefined): Promise<void>;
  /**
   * Asks for an observation of one container, for doubts of the caller's. Forgotten while the engine is away.
   *
   * @param causedAtMs when `cause` happened, where that is known
   */
  look(container: string, cause: string, causedAtMs?: number): void;
  /** Reads the list and inspects every container anew. Forgotten while the engine is away: a reconnect does the same. */
  resync(cause: string): void;
}

export type EngineStatus =
  /** `synced`: every container that was listed has been inspected since the engine came (back). */
  { readonly up: true; readonly synced: boolean } | { readonly up: false; readonly reason: string };

/** What one look at a container said. */
export type EngineSight =
  | { readonly type: 'inspected'; readonly atMs: number; readonly facts: ContainerFacts; readonly cause: string }
  | { readonly type: 'vanished'; readonly atMs: number; readonly container: string; readonly cause: string };

export type ExecResult =
  | { readonly type: 'exited'; readonly exitCode: number }
  | { readonly type: 'timed-out' }
  /** An earlier command of ours still runs. */
  | { readonly type: 'busy' }
  /** The container is gone or does not run. */
  | { readonly type: 'not-running' };

/**
 * The calls that the announcer makes of the engine: all of them read, but for `exec` and `stop`. A container is named by its id
 * or name; what can be neither is no container, and the engine is not asked.
 */
export interface EngineClient {
  readonly description: string;
  /** Finds the API version to speak, and the engine's clock. */
  hello(): Promise<EngineHello>;
  ping(timeoutMs: number): Promise<void>;
  /** `GET /events`: resolves when the engine has answered, which is before it has subscribed. */
  events(sinceSeconds: number): Promise<Readable>;
  /** `GET /containers/json?all=1`, as it came. */
  list(): Promise<unknown>;
  /**
   * `GET /containers/{id}/json`, as it came, with that of the container whose network it shares beside it; undefined when
   * there is no such container.
   */
  inspect(container: string): Promise<unknown>;
  exec(container: string, command: readonly string[], timeoutMs: number): Promise<ExecResult>;
  /** `POST /containers/{id}/stop`. */
  stop(container: string, graceSeconds: number | undefined): Promise<void>;
  /** Ends what is under way and drops its connections: the next call opens the socket's path anew. */
  reset(): void;
}

export interface EngineHello {
  readonly engineVersion: string;
  /** As spoken; empty when the engine names none. */
  readonly apiVersion: string;
  /** The engine's clock, to the second below; undefined when it does not tell. */
  readonly clockMs: number | undefined;
}

/**
 * `unreachable`: no socket, no answer, or the connection broke; try again. `interrupted`: the event stream ended; the
 * engine may be there all the same. `denied`: permissions or certificates.
 * `failed`: the engine answered that it cannot. `unintelligible`: it answered something else than Docker would.
 */
export type EngineErrorCode = 'unreachable' | 'interrupted' | 'denied' | 'failed' | 'unintelligible';

export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
