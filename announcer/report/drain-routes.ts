import { HttpError, type HttpRequest, type Route } from '../../shared/http.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { AnnouncerState } from '../decisions/state.ts';
import { type Engine, EngineError } from '../docker/engine/engine.ts';
import type { StandingKey } from '../keys/standing.ts';
import type { Observation } from '../observation.ts';
import type { RunKey, RunLabels } from '../run/run-owner.ts';
import { isStatic } from '../services/static-services.ts';
import { type DrainedContainer, drainedContainers, drainSubject, drainWaitSeconds } from './drain.ts';
import { isKeyOf, subjectOf as nameSubjectOf } from './history.ts';

/** What the routes look at and act on; undefined as long as the announcer has not started. */
export interface DrainView {
  readonly prefix: string;
  readonly domain: OwnerName;
  readonly running: () =>
    | {
        readonly loop: { readonly state: AnnouncerState; observe(seen: Observation): void };
        readonly engine: Engine;
        readonly world: { lookAgain(of: 'host' | readonly string[], cause: string, causedAtMs: number): void };
        readonly health: { readonly lostReason: string | undefined };
        readonly announce: {
          readonly writer: {
            readonly isReading: boolean;
            readonly holdings: {
              ours(): Iterable<readonly [string, StandingKey]>;
              runs(): Iterable<RunKey>;
            };
          };
        };
      }
    | undefined;
}

/** An answer of `POST /v1/drain` and `/v1/undrain`. */
export interface Drained {
  readonly host: boolean;
  readonly containers: readonly DrainedContainer[];
  /** Processes of `rollcall run` that are meant as well, and keep their names: each takes away its own. */
  readonly runs: readonly RunLabels[];
  /** From the moment when no key stands any more until no client holds an answer. */
  readonly waitSeconds: number;
  /** What was drained by a command of its own before: the host, and full ids. */
  readonly before: { readonly host: boolean; readonly containers: readonly string[] };
}

/** An answer of `GET /v1/drain`. */
export interface DrainProgress {
  /** Keys that still stand in the store, as far as is known. */
  readonly keysStanding: number;
  /** Why that may not be known, or not change for now. */
  readonly waitingFor?: string;
  /** Whether all of it is drained still: an `undrain`, or a new run, ends it. */
  readonly isDraining: boolean;
}

type Running = NonNullable<ReturnType<DrainView['running']>>;

/** Takes names away and brings them back; stops what is drained. Nobody else may be stopped here. */
export function drainRoutes(view: DrainView): readonly Route[] {
  const running = (): Running => {
    const found = view.running();
    if (found !== undefined) return found;
    throw new HttpError(503, 'starting', 'the announcer is starting; /ready says how far it is');
  };
  const act = (type: 'drain-asked' | 'undrain-asked') => (request: HttpRequest) => {
    forbidBrowsers(request);
    const { loop, world, announce } = running();
    const runs = runsMeant(view, announce.writer.holdings.runs(), request);
    const of = subjectOf(view, loop.state, request, runs);
    const { state } = loop;
    const before = drainedContainers(state, of);
    const atMs = Date.now();
    loop.observe({ type, of, atMs });
    world.lookAgain(of, type === 'drain-asked' ? 'drain' : 'undrain', atMs);
    const containers = drainedContainers(loop.state, of);
    const json: Drained = {
      host: of === 'host',
      containers,
      runs,
      waitSeconds: drainWaitSeconds(before),
      before: {
        host: state.hostDrainingSinceMs !== null,
        containers: before
          .map(({ container }) => container)
          .filter((id) => (state.containers.get(id)?.drainingSinceMs ?? null) !== null),
      },
    };
    return { json };
  };
  return [
    { method: 'POST', path: '/v1/drain', handle: act('drain-asked') },
    { method: 'POST', path: '/v1/undrain', handle: act('undrain-asked') },
    { method: 'GET', path: '/v1/drain', handle: (request) => ({ json: progress(running(), request) }) },
    { method: 'POST', path: '/v1/stop', handle: async (request) => ({ json: await stop(running(), request) }) },
  ];
}

/** Those of the service that is named, or that are named themselves; of a host, all. */
function runsMeant({ prefix, domain }: DrainView, runs: Iterable<RunKey>, { query }: HttpRequest): RunLabels[] {
  const text = query.get('of') ?? '';
  const subject = nameSubjectOf(text, domain);
  const isHost = isOfHost(query);
  const meant = [...runs].filter(({ key, instance }) => isHost || instance === text || isKeyOf(key, subject, prefix));
  return meant.map(({ service, instance }) => ({ service, instance }));
}

function subjectOf(
  { prefix, domain }: DrainView,
  state: AnnouncerState,
  { query }: HttpRequest,
  runs: readonly RunLabels[],
) {
  if (isOfHost(query)) return 'host' as const;
  const text = query.get('of') ?? '';
  if (text === '') {
    throw new HttpError(400, 'no-subject', 'say what to drain: ?of=<container id or name, or service>, or ?host=true');
  }
  const subject = drainSubject(state, text, prefix, domain);
  if (subject.ok) return subject.of;
  if (subject.code === 'unknown' && runs.length > 0) {
    const names = runs.map(({ service, instance }) => `${instance} of ${service}`).join(', ');
    throw new HttpError(
      409,
      'run',
      `${names} is announced by \`rollcall run\`, which takes its name away itself: send it SIGTERM (its --drain is the wait before the command hears of it)`,
    );
  }
  throw new HttpError(subject.code === 'unknown' ? 404 : 409, subject.code, subject.reason);
}

/** Of full ids, several separated by commas, or of the host: no name is looked up again, as it may mean others by now. */
function progress({ loop, announce, health }: Running, { query }: HttpRequest): DrainProgress {
  const isHost = isOfHost(query);
  const ids = idsOf(query);
  if (!isHost && ids.length === 0) {
    throw new HttpError(400, 'no-subject', 'say whose drain: ?of=<full container ids>, or ?host=true');
  }
  const { state } = loop;
  const { writer } = announce;
  const waitingFor = writer.isReading ? health.lostReason : 'the store has not been read yet';
  const isDraining =
    state.hostDrainingSinceMs !== null ||
    (!isHost && ids.every((id) => (state.containers.get(id) ?? { drainingSinceMs: 0 }).drainingSinceMs !== null));
  return {
    keysStanding: keysStanding(writer.holdings.ours(), isHost ? undefined : ids),
    ...(waitingFor === undefined ? {} : { waitingFor }),
    isDraining,
  };
}

/** @param ids undefined: of any container */
function keysStanding(ours: Iterable<readonly [string, StandingKey]>, ids: readonly string[] | undefined): number {
  // Values are canonical JSON: no need to read each of thousands.
  const marks = ids?.map((id) => `"container":${JSON.stringify(id)}`);
  let count = 0;
  for (const [, { value }] of ours) if (marks?.some((mark) => value.includes(mark)) ?? true) count += 1;
  return count;
}

async function stop({ loop, engine, announce }: Running, request: HttpRequest): Promise<{ readonly stopped: string }> {
  forbidBrowsers(request);
  const [id = '', ...more] = idsOf(request.query);
  const container = loop.state.containers.get(id);
  if (id === '' || more.length > 0 || isStatic(id)) {
    throw new HttpError(400, 'no-subject', 'say what to stop: ?of=<full container id>');
  }
  if (container === undefined) throw new HttpError(404, 'unknown', `no container ${id} is known`);
  const isDrained = container.drainingSinceMs !== null || loop.state.hostDrainingSinceMs !== null;
  if (!isDrained || keysStanding(announce.writer.holdings.ours(), [id]) > 0) {
    throw new HttpError(409, 'not-drained', `${container.name} is not drained; only what is drained is stopped here`);
  }
  const grace = request.query.get('grace');
  if (grace !== null && !/^\d{1,6}$/.test(grace)) {
    throw new HttpError(400, 'bad-grace', `grace=${JSON.stringify(grace)}: must be whole seconds, 0 to 999999`);
  }
  try {
    await engine.stop(id, grace === null ? undefined : Number(grace));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const help =
      error.code === 'denied'
        ? `the socket that the announcer was given allows no stop (it needs POST /containers/{id}/stop); run \`docker stop ${container.name}\` instead`
        : `try again, or run \`docker stop ${container.name}\``;
    const reason = `${container.name} is drained, but ${engine.description} did not stop it: ${error.message}; ${help}`;
    throw new HttpError(502, error.code === 'denied' ? 'stop-refused' : 'stop-failed', reason);
  }
  return { stopped: id };
}

/** @throws {HttpError} when something else is named beside it: whoever meant that must not lose the whole host */
function isOfHost(query: URLSearchParams): boolean {
  const isHost = query.get('host') === 'true';
  const of = query.get('of') ?? '';
  if (!isHost || of === '') return isHost;
  throw new HttpError(
    400,
    'bad-request',
    `host=true means everything on it; leave of=${JSON.stringify(of)} out, or host=true`,
  );
}

function idsOf(query: URLSearchParams): string[] {
  return (query.get('of') ?? '').split(',').filter((id) => id !== '');
}

/** A web page that someone on this host looks at could post here, too; browsers say so, and the command does not. */
function forbidBrowsers({ headers }: HttpRequest): void {
  if (headers.origin === undefined && headers['sec-fetch-site'] === undefined) return;
  throw new HttpError(403, 'from-a-browser', 'web pages may not change anything here; use `rollcall drain`');
}
