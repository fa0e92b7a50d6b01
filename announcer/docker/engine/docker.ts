/** The Docker engine over its API. The only importer of dockerode, so that its quirks have one home. */
import { type AgentOptions, Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import Docker from 'dockerode';
import { StartError } from '../../../shared/component.ts';
import { EVENT_FILTERS } from '../events.ts';
import { type FollowSettings, followEngine } from '../following/follow.ts';
import { NETWORK_OWNER, networkOwnerIdOf } from '../inspect.ts';
import { chooseApiVersion } from './api.ts';
import { type Engine, type EngineClient, EngineError, type EngineHello, type ExecResult } from './engine.ts';
import { engineErrorOf, statusOf, unlessRefused } from './error.ts';
import { type DockerAddress, describeDockerAddress, parseDockerHost } from './host.ts';
import { containerReference } from './reference.ts';
import type { DockerTls } from './tls.ts';

/** Longer than a loaded engine needs for a list of thousands; a stopped engine is noticed by its pings long before. */
const CALL_TIMEOUT_MS = 30_000;
/** Of a stop whose grace is the container's: after that the engine is believed to be stuck. */
const STOP_TIMEOUT_MS = 3_600_000;
/** A connection for inspects is closed when it was not used for so long. */
const KEPT_MS = 4_000;
/** How long a first answer may take before the engine counts as unreachable. */
const HELLO_TIMEOUT_MS = 5_000;

export interface DockerSettings extends FollowSettings {
  /** In any form that {@link parseDockerHost} reads. */
  readonly host: string;
  /** Client certificates, for an engine behind TCP. */
  readonly tls?: DockerTls | undefined;
}

/**
 * Follows the engine from the first subscription of `observations$` to the last.
 *
 * @throws {StartError} when `host` is no address; `parseDockerHost` tells so earlier
 */
export function dockerEngine(settings: DockerSettings): Engine {
  return followEngine(dockerClient(settings.host, settings.tls), settings);
}

/** The API calls alone, for `doctor` and for the engine above. @throws {StartError} as {@link dockerEngine} */
export function dockerClient(host: string, tls?: DockerTls): EngineClient {
  const read = parseDockerHost(host, tls !== undefined);
  if (!read.ok) throw new StartError(`--docker=${JSON.stringify(host)}: ${read.reason}`);
  return new DockerodeClient(read.address, tls);
}

class DockerodeClient implements EngineClient {
  readonly description: string;
  readonly #docker: Docker;
  /** For inspects alone, of which there are thousands at a start: on connections that are kept for a moment. */
  readonly #inspecting: Docker;
  readonly #kept: HttpAgent;
  /** Give up a call under way. */
  readonly #calls = new Set<(error: EngineError) => void>();
  /** By container: the command of ours that outlived its time. */
  readonly #lingering = new Map<string, string>();

  constructor(address: DockerAddress, tls: DockerTls | undefined) {
    this.description = describeDockerAddress(address);
    this.#docker = new Docker(optionsOf(address, tls, agentOf(address, { keepAlive: false })));
    this.#kept = agentOf(address, { keepAlive: true, timeout: KEPT_MS });
    this.#inspecting = new Docker(optionsOf(address, tls, this.#kept));
  }

  async hello(): Promise<EngineHello> {
    this.#speak(undefined);
    const ping = await this.#call('GET /_ping', HELLO_TIMEOUT_MS, (signal) => this.#pingHeaders(signal));
    const version = await this.#call('GET /version', HELLO_TIMEOUT_MS, () => this.#docker.version()).catch(
      unlessRefused,
    );
    const apiVersion =
      chooseApiVersion({ newest: version?.ApiVersion, oldest: version?.MinAPIVersion }) ??
      chooseApiVersion({ newest: ping['api-version'] });
    this.#speak(apiVersion);
    const clockMs = Date.parse(String(ping.date));
    return {
      engineVersion: typeof version?.Version === 'string' ? version.Version : 'of unknown version',
      apiVersion: apiVersion ?? '',
      clockMs: Number.isNaN(clockMs) ? undefined : clockMs,
    };
  }

  async ping(timeoutMs: number): Promise<void> {
    await this.#call('GET /_ping', timeoutMs, (signal) => this.#pingHeaders(signal));
  }

  async events(sinceSeconds: number): Promise<Readable> {
    const filters = JSON.stringify(EVENT_FILTERS);
    const stream = await this.#call('GET /events', CALL_TIMEOUT_MS, (abortSignal) =>
      this.#docker.getEvents({ since: sinceSeconds, filters, abortSignal }),
    );
    return stream as Readable;
  }

  async list(): Promise<unknown> {
    const before = [...this.#lingering.keys()];
    const listed: unknown = await this.#call('GET /containers/json', CALL_TIMEOUT_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    );
    // What is no list says of no container that it is gone; that it is none is the caller's to say.
    const ids = new Set(Array.isArray(listed) ? listed.map((each: { Id?: unknown } | null) => each?.Id) : before);
    for (const container of before) if (!ids.has(container)) this.#lingering.delete(container);
    return listed;
  }

  async inspect(container: string): Promise<unknown> {
    const raw = await this.#inspectOne(container);
    const owner = networkOwnerIdOf(raw);
    if (owner === undefined) return raw;
    return { ...(raw as object), [NETWORK_OWNER]: (await this.#inspectOne(owner)) ?? null };
  }

  async #inspectOne(container: string): Promise<unknown> {
    const reference = containerReference(container);
    if (reference === undefined) return undefined;
    const inspectWith = (docker: Docker): Promise<unknown> =>
      this.#call('GET /containers/{id}/json', CALL_TIMEOUT_MS, (abortSignal) =>
        docker.getContainer(reference).inspect({ abortSignal }),
      );
    try {
      // The engine may have closed a kept connection just now, which says nothing about the engine: a new one does.
      return await inspectWith(this.#inspecting).catch((error: unknown) => {
        if (!wasCut(error)) throw error;
        return inspectWith(this.#docker);
      });
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  async exec(container: string, command: readonly string[], timeoutMs: number): Promise<ExecResult> {
    const reference = containerReference(container);
    if (reference === undefined) return { type: 'not-running' };
    try {
      if (await this.#isLingering(container)) return { type: 'busy' };
      const exec = await this.#call('POST /containers/{id}/exec', CALL_TIMEOUT_MS, (abortSignal) =>
        this.#docker
          .getContainer(reference)
          .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, abortSignal }),
      );
      const stream = await this.#call('POST /exec/{id}/start', CALL_TIMEOUT_MS, (abortSignal) =>
        exec.start({ Detach: false, Tty: false, abortSignal }),
      );
      if (!(await hasEnded(stream, timeoutMs))) {
        this.#lingering.set(container, exec.id);
        return { type: 'timed-out' };
      }
      const { ExitCode } = await this.#call('GET /exec/{id}/json', CALL_TIMEOUT_MS, (abortSignal) =>
        exec.inspect({ abortSignal }),
      );
      return { type: 'exited', exitCode: ExitCode ?? -1 };
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 409) return { type: 'not-running' };
      throw error;
    }
  }

  async stop(container: string, graceSeconds: number | undefined): Promise<void> {
    const reference = containerReference(container);
    if (reference === undefined) return;
    // Without a time of ours the container's own holds, which the engine waits out however long it is.
    const timeoutMs = graceSeconds === undefined ? STOP_TIMEOUT_MS : graceSeconds * 1000 + CALL_TIMEOUT_MS;
    const grace = graceSeconds === undefined ? {} : { t: graceSeconds };
    try {
      await this.#call('POST /containers/{id}/stop', timeoutMs, (abortSignal) =>
        this.#docker.getContainer(reference).stop({ ...grace, abortSignal }),
      );
    } catch (error) {
      const status = statusOf(error);
      if (status === 304 || status === 404) return; // had stopped already; was removed with it (--rm)
      throw error;
    }
  }

  reset(): void {
    const error = new EngineError('unreachable', 'the connection was given up');
    for (const fail of [...this.#calls]) fail(error);
    this.#kept.destroy();
  }

  async #isLingering(container: string): Promise<boolean> {
    const id = this.#lingering.get(container);
    if (id === undefined) return false;
    const found = await this.#call('GET /exec/{id}/json', CALL_TIMEOUT_MS, (abortSignal) =>
      this.#docker.getExec(id).inspect({ abortSignal }),
    ).catch(unlessRefused);
    if (found?.Running !== true) this.#lingering.delete(container);
    return found?.Running === true;
  }

  /** As a stream, because only then dockerode hands out the headers: the engine's clock and version. */
  async #pingHeaders(abortSignal: AbortSignal): Promise<IncomingMessage['headers']> {
    const dial = { path: '/_ping', method: 'GET', isStream: true, abortSignal, statusCodes: { 200: true } };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      modemOf(this.#docker).dial(dial, (error, result) =>
        error === null ? resolve(result as IncomingMessage) : reject(error),
      );
    });
    response.on('error', () => undefined); // of a body that nobody waits for
    response.resume();
    return response.headers;
  }

  /**
   * Settles within `timeoutMs`, or at once on {@link reset}, whatever dockerode does: its promises stay open for ever
   * when the connection breaks amid an answer.
   *
   * @param what for messages, as a proxy's rules name it
   */
  #call<T>(what: string, timeoutMs: number, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const own = new AbortController();
    quiet(own.signal, 'AbortSignal');
    return new Promise<T>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#calls.delete(fail);
      };
      const fail = (error: EngineError): void => {
        settle();
        own.abort();
        reject(error);
      };
      const timer = setTimeout(() => {
        fail(
          new EngineError(
            'unreachable',
            `no answer to ${what} within ${timeoutMs / 1000} s (is the engine stopped or stuck?)`,
          ),
        );
      }, timeoutMs);
      this.#calls.add(fail);
      start(own.signal).then(
        (value) => {
          settle();
          resolve(value);
        },
        (error: unknown) => {
          settle();
          reject(engineErrorOf(error, what));
        },
      );
    });
  }

  #speak(apiVersion: string | undefined): void {
    const version = apiVersion === undefined ? undefined : `v${apiVersion}`;
    for (const docker of [this.#docker, this.#inspecting]) modemOf(docker).version = version;
  }
}

/** What of docker-modem is used directly. */
interface Modem {
  version: string | undefined;
  dial(options: object, callback: (error: Error | null, result: unknown) => void): void;
}

function modemOf(docker: Docker): Modem {
  return docker.modem as unknown as Modem;
}

/** Whether the connection was ended by the other side, which a kept one may be at any time. */
function wasCut(error: unknown): boolean {
  const code = ((error as EngineError).cause as NodeJS.ErrnoException | undefined)?.code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** Every option is given, undefined ones too: docker-modem fills the others from `DOCKER_HOST` and its like. */
function optionsOf(address: DockerAddress, tls: DockerTls | undefined, agent: HttpAgent): Docker.DockerOptions {
  const none = { host: undefined, port: undefined, ca: undefined, cert: undefined, key: undefined };
  const common = { ...none, timeout: undefined, version: undefined, pathPrefix: '/', agent };
  if (address.kind === 'unix') {
    return { ...common, socketPath: address.path, protocol: 'http' } as Docker.DockerOptions;
  }
  const certificates = address.tls && tls !== undefined ? tls : {};
  return {
    ...common,
    ...certificates,
    socketPath: undefined,
    host: address.host,
    port: address.port,
    protocol: address.tls ? 'https' : 'http',
  } as Docker.DockerOptions;
}

/**
 * Only inspects go over connections that are kept: they may be made again, and a kept one that the engine closed would
 * look like its loss. None is kept for long, so that a socket whose path was replaced is not spoken to for ever.
 */
function agentOf(address: DockerAddress, options: AgentOptions): HttpAgent {
  const isSecure = address.kind !== 'unix' && address.tls;
  return quiet(isSecure ? new HttpsAgent(options) : new HttpAgent(options), 'Agent');
}

/**
 * docker-modem formats its options for a debug line on every call, even when nobody debugs: an agent with all its sockets
 * would cost milliseconds each time, and a signal with its listeners a tenth of the call.
 */
function quiet<T extends object>(option: T, name: string): T {
  return Object.assign(option, { [inspect.custom]: () => name });
}

/** Whether the command's output ended in time. What it prints may be a secret, and goes nowhere. */
async function hasEnded(stream: Readable, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(false);
      stream.destroy();
    }, timeoutMs);
    stream.on('close', () => {
      clearTimeout(timer);
      resolve(true);
    });
    stream.on('error', () => undefined); // `close` follows
    stream.resume();
  });
}
