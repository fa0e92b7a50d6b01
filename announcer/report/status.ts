import { namesContainer } from '../../shared/container-id.ts';
import { HttpError, type HttpRequest, limited, momentParameter, type Route } from '../../shared/http.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import type { OwnerName } from '../../shared/name.ts';
import { tooOldText } from '../../shared/text/too-old-text.ts';
import { selectTraces } from '../../shared/trace/gather.ts';
import { joinTraces } from '../../shared/trace/join.ts';
import { ANNOUNCER_KINDS, readTracePart, type TracedJournal } from '../../shared/trace/read.ts';
import { readTraceRequest } from '../../shared/trace/request.ts';
import type { AnnouncerState } from '../decisions/state.ts';
import { type Engine, EngineError } from '../docker/engine/engine.ts';
import type { AnnouncerEvent } from '../event.ts';
import type { AnnounceRules } from '../rules.ts';
import type { RunKey } from '../run/run-owner.ts';
import { type Explanation, explainContainer } from './explain.ts';
import { isKeyOf, subjectOf } from './history.ts';
import { type HistoryRead, readHistory } from './history-reader.ts';
import { knownContainers, type LastKnown } from './last-known.ts';
import { findService, isContainer, type ListedInstance, type ListedService, listServices } from './services.ts';
import { isOfHost, traceSubject } from './trace.ts';

/** What the routes look at; undefined as long as the announcer has not started. */
export interface AnnouncerView {
  readonly prefix: string;
  readonly domain: OwnerName;
  readonly running: () =>
    | {
        readonly state: AnnouncerState;
        readonly rules: AnnounceRules;
        readonly journal: Journal<AnnouncerEvent>;
        readonly engine: Engine;
        readonly world: { readonly engineLostMs: number | undefined };
        readonly announce: { readonly writer: { readonly holdings: { runs(): Iterable<RunKey> } } };
      }
    | undefined;
}

/** An answer of `/v1/history`. */
export interface History extends HistoryRead {
  readonly name: string;
}

/** An answer of `/v1/explain`. */
export interface Explained {
  readonly of: string;
  readonly containers: readonly Explanation[];
  /** Of a service, or of what does not run in Docker: what this announcer knows of it. */
  readonly instances: readonly ListedInstance[];
  /** While the engine is away: what was known of the containers before. */
  readonly lastKnown?: LastKnown;
}

/** Histories read at once: each goes through the journal's files. */
const READS_MAX = 2;
/** A service of more instances than this is explained by the first of them. */
const EXPLAINED_MAX = 50;

/** What the announcer says of itself over HTTP. All of it can be read by anyone who may connect: no secrets come here. */
export function announcerRoutes(view: AnnouncerView): readonly Route[] {
  const running = (): NonNullable<ReturnType<AnnouncerView['running']>> => {
    const found = view.running();
    if (found === undefined)
      throw new HttpError(503, 'starting', 'the announcer is starting; /ready says how far it is');
    return found;
  };
  const services = () => listed(view, running());
  return [
    { method: 'GET', path: '/v1/services', handle: () => ({ json: { services: services() } }) },
    {
      method: 'GET',
      path: '/v1/services/:name',
      handle: ({ params }) => {
        const found = findService(services(), params.name ?? '');
        if (found === undefined) {
          throw new HttpError(
            404,
            'no-such-service',
            `this host announces no service ${params.name}; /v1/services lists all`,
          );
        }
        return { json: found };
      },
    },
    {
      method: 'GET',
      path: '/v1/explain',
      handle: async (request) => ({ json: await explain(view, running(), request) }),
    },
    {
      method: 'GET',
      path: '/v1/trace',
      handle: limited(READS_MAX, 'traces', async (request) => ({ json: await readTrace(view, running(), request) })),
    },
    {
      method: 'GET',
      path: '/v1/history',
      handle: limited(READS_MAX, 'histories', async (request) => ({
        json: await historyOf(view, running().journal, request),
      })),
    },
  ];
}

type Running = NonNullable<ReturnType<AnnouncerView['running']>>;

function listed({ prefix, domain }: AnnouncerView, { state, announce }: Running): ListedService[] {
  return listServices(state, prefix, domain, announce.writer.holdings.runs());
}

async function explain(view: AnnouncerView, running: Running, { query }: HttpRequest): Promise<Explained> {
  const of = query.get('of') ?? '';
  if (of === '') throw new HttpError(400, 'no-subject', 'say what to explain: ?of=<container id or name, or service>');
  const { state, rules } = running;
  const subject = subjectOf(of, view.domain);
  const instances = listed(view, running)
    .flatMap((service) => service.instances)
    .filter(({ key, container, containerName }) => {
      const isNamed = containerName === of || namesContainer(of, container);
      return isNamed || isKeyOf(key, subject, view.prefix);
    });
  const ids = new Set(instances.map(({ container }) => container).filter(isContainer));
  const refs = ids.size > 0 ? [...ids].slice(0, EXPLAINED_MAX) : instances.length > 0 ? [] : [of];
  const containers: Explanation[] = [];
  for (const ref of refs) {
    const sight = await look(running.engine, ref);
    if (sight instanceof EngineError)
      return { of, containers, instances, lastKnown: lastKnown(running, of, ids, sight) };
    if (sight.type === 'inspected') containers.push(explainContainer(sight.facts, state, rules, Date.now()));
  }
  if (containers.length === 0 && instances.length === 0) {
    throw new HttpError(
      404,
      'unknown',
      `neither a container nor a service of this host is called ${JSON.stringify(of)}`,
    );
  }
  return { of, containers, instances };
}

/** @throws {HttpError} 503 when nothing was known of it either: the engine alone could say whether there is such a container */
function lastKnown(
  { state, engine, world }: Running,
  of: string,
  ids: ReadonlySet<string>,
  error: EngineError,
): LastKnown {
  const reason = `the Docker engine at ${engine.description} does not say: ${error.message}`;
  const containers = knownContainers(state, of, ids);
  if (containers.length === 0) throw new HttpError(503, 'engine-unavailable', reason);
  const { engineLostMs } = world;
  return { reason, ...(engineLostMs !== undefined && { sinceMs: engineLostMs }), containers };
}

async function look(engine: Engine, ref: string): Promise<Awaited<ReturnType<Engine['inspect']>> | EngineError> {
  try {
    return await engine.inspect(ref, 'explain');
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
}

async function historyOf(
  { prefix, domain }: AnnouncerView,
  journal: Journal<AnnouncerEvent>,
  { query, signal }: HttpRequest,
): Promise<History> {
  const name = query.get('name') ?? '';
  const nowMs = Date.now();
  const sinceMs = momentParameter(query, 'since', nowMs);
  const atMs = momentParameter(query, 'at', nowMs);
  const subject = name === '' ? undefined : subjectOf(name, domain);
  const read = await readHistory(journal, subject, prefix, { sinceMs, atMs, signal });
  if (read !== undefined) return { name, ...read };
  throw new HttpError(404, 'too-old', tooOldText(atMs ?? nowMs, undefined));
}

async function readTrace(view: AnnouncerView, running: Running, { query, signal }: HttpRequest): Promise<object> {
  const { prefix, domain } = view;
  const asked = readTraceRequest(query, Date.now());
  if ('problem' in asked) throw new HttpError(400, 'bad-request', asked.problem);
  const { of, window } = asked;
  const host = running.rules.host.name;
  const needs = asked.needs.filter((need) => isOfHost(need, host));
  const search = { ...traceSubject(of, domain, prefix), ...window, needs };
  const { journal } = running;
  const read: TracedJournal = {
    status: journal.status,
    written: () => journal.written(),
    searchBackward: (each) => journal.searchBackward({ ...each, signal }),
  };
  const announcer = { ...(await readTracePart(read, ANNOUNCER_KINDS, search)), host };
  const traces = selectTraces(joinTraces({ announcer, resolver: undefined }), window);
  return { of, traces, announcer };
}
