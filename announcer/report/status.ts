import { HttpError, type HttpRequest, limited, type Route } from '../../shared/http.ts';
import type { JournalGap, Sequenced } from '../../shared/journal/event.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { readMoment } from '../../shared/moment.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { AnnouncerState } from '../decisions/state.ts';
import { type Engine, EngineError } from '../docker/engine.ts';
import type { AnnouncerEvent } from '../event.ts';
import type { AnnounceRules } from '../rules.ts';
import { type Explanation, explainContainer } from './explain.ts';
import { isAbout, isKeyOf, type StoodThen, subjectOf, Then } from './history.ts';
import { findService, type ListedInstance, listServices } from './services.ts';

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
      }
    | undefined;
}

/** An answer of `/v1/history`. Times are milliseconds since the epoch. */
export interface History {
  readonly name: string;
  /** In order; of more than {@link EVENTS_MAX}, the newest. */
  readonly history: readonly (AnnouncerEvent & { readonly sequence: number })[];
  readonly isCut: boolean;
  /** Where events are missing: what is said about those times may be wrong. */
  readonly gaps: readonly JournalGap[];
  /** With `at`: what stood then, and the event that made it so. */
  readonly stood?: { readonly atMs: number; readonly stands: readonly StoodThen[] };
}

/** An answer of `/v1/explain`. */
export interface Explained {
  readonly of: string;
  readonly containers: readonly Explanation[];
  /** Of a service, or of what does not run in Docker: what this announcer knows of it. */
  readonly instances: readonly ListedInstance[];
}

const EVENTS_MAX = 10_000;
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
  const services = () => listServices(running().state, view.prefix, view.domain);
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
      path: '/v1/history',
      handle: limited(READS_MAX, 'histories', async (request) => ({
        json: await readHistory(view, running().journal, request),
      })),
    },
  ];
}

type Running = NonNullable<ReturnType<AnnouncerView['running']>>;

async function explain(view: AnnouncerView, running: Running, { query }: HttpRequest): Promise<Explained> {
  const of = query.get('of') ?? '';
  if (of === '') throw new HttpError(400, 'no-subject', 'say what to explain: ?of=<container id or name, or service>');
  const { state, rules } = running;
  const subject = subjectOf(of, view.domain);
  const instances = listServices(state, view.prefix, view.domain)
    .flatMap((service) => service.instances)
    .filter(({ key, container, containerName }) => {
      const isContainer = containerName === of || (of.length >= 6 && container.startsWith(of));
      return isContainer || isKeyOf(key, subject, view.prefix);
    });
  const ids = new Set(instances.map(({ container }) => container).filter((id) => !id.startsWith('static:')));
  const refs = ids.size > 0 ? [...ids].slice(0, EXPLAINED_MAX) : instances.length > 0 ? [] : [of];
  const containers: Explanation[] = [];
  for (const ref of refs) {
    const sight = await look(running.engine, ref);
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

async function look(engine: Engine, ref: string): ReturnType<Engine['inspect']> {
  try {
    return await engine.inspect(ref, 'explain');
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new HttpError(
      503,
      'engine-unavailable',
      `the Docker engine at ${engine.description} does not say: ${error.message}`,
    );
  }
}

async function readHistory(
  view: AnnouncerView,
  journal: Journal<AnnouncerEvent>,
  { query, signal }: HttpRequest,
): Promise<History> {
  const name = query.get('name') ?? '';
  const nowMs = Date.now();
  const sinceMs = momentOf(query, 'since', nowMs);
  const atMs = momentOf(query, 'at', nowMs);
  const subject = name === '' ? undefined : subjectOf(name, view.domain);
  const found: Sequenced<AnnouncerEvent>[] = [];
  const gaps: JournalGap[] = [];
  const then = new Then();
  let isCut = false;
  // What stood at a moment takes the events before `since`, too.
  const range = {
    ...(sinceMs === undefined || atMs !== undefined ? {} : { sinceMs }),
    ...(atMs === undefined ? {} : { untilMs: atMs }),
  };
  for await (const entry of journal.entries(range)) {
    if (signal.aborted) break;
    if (entry.kind === 'gap') {
      if (sinceMs === undefined || entry.gap.atMs >= sinceMs) gaps.push(entry.gap);
      continue;
    }
    const { sequence, event } = entry;
    if (subject !== undefined && !isAbout(event, subject, view.prefix)) continue;
    then.add(event, sequence);
    if (sinceMs !== undefined && event.atMs < sinceMs) continue;
    found.push({ sequence, event });
    if (found.length > EVENTS_MAX) {
      found.shift();
      isCut = true;
    }
  }
  const history = found.map(({ sequence, event }) => ({ sequence, ...event }));
  return { name, history, isCut, gaps, ...(atMs === undefined ? {} : { stood: { atMs, stands: then.stands } }) };
}

function momentOf(query: URLSearchParams, name: string, nowMs: number): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const moment = readMoment(text, nowMs);
  if (moment !== undefined) return moment;
  throw new HttpError(
    400,
    'bad-time',
    `${name}=${JSON.stringify(text)}: write 2026-11-20T14:32:00Z, or a time ago as 90s, 15m, 2h, 1d`,
  );
}
