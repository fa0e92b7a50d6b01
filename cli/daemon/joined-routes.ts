import { type HttpAnswer, HttpError, type HttpRequest, type Route } from '../../shared/http.ts';
import type { TracePart } from '../../shared/trace/event.ts';
import { type AskPart, gatherTraces } from '../../shared/trace/gather.ts';
import { formatNeed } from '../../shared/trace/read.ts';
import { readTraceRequest } from '../../shared/trace/request.ts';

type Json = Readonly<Record<string, unknown>>;
type Ask = () => Promise<Json | HttpError>;

/**
 * The routes of `up`: a path that only one of them has is its own; where both have one, both are asked and what they say
 * is put together. What one does not know, the other may.
 */
export function joinRoutes(announcer: readonly Route[], resolver: readonly Route[]): Route[] {
  const alone = [...announcer, ...resolver].filter(
    (route) => !JOINS.has(route.path) || !(has(announcer, route) && has(resolver, route)),
  );
  const joined = announcer.flatMap((route) => {
    const join = JOINS.get(route.path);
    const other = resolver.find((each) => each.path === route.path && each.method === route.method);
    if (join === undefined || other === undefined) return [];
    return [join === 'traces' ? joinTraceRoute(route, other) : joinRoute(route, other, join)];
  });
  return [...joined, ...alone];
}

function has(routes: readonly Route[], { path, method }: Route): boolean {
  return routes.some((route) => route.path === path && route.method === method);
}

function joinRoute(announcer: Route, resolver: Route, join: Join): Route {
  return {
    method: announcer.method,
    path: announcer.path,
    handle: async (request) => {
      const [first, second] = await Promise.all([ask(announcer, request)(), ask(resolver, request)()]);
      if (first instanceof HttpError && second instanceof HttpError) throw isUnknown(first) ? second : first;
      for (const answer of [first, second]) if (answer instanceof HttpError && isWrong(answer)) throw answer;
      const joined = join(jsonOf(first), jsonOf(second));
      // That one does not know the name is no gap; that it could not say is one.
      const silent = [first, second].filter((each) => each instanceof HttpError && !isUnknown(each)) as HttpError[];
      return { json: silent.length === 0 ? joined : { ...joined, incomplete: silent.map(({ message }) => message) } };
    },
  };
}

/** What one of them alone cannot take: a container's name need not be one of DNS, and what is below it may be too much. */
const OF_ONE_ALONE: ReadonlySet<string> = new Set(['bad-name', 'too-wide']);

/** The request is wrong as such, as with a type that is none: the other one did not look at it. */
function isWrong({ status, code }: HttpError): boolean {
  return status === 400 && !OF_ONE_ALONE.has(code);
}

/** It knows of no such name; another 404, as of a journal that does not reach back so far, says no such thing. */
function isUnknown({ status, code }: HttpError): boolean {
  return status === 404 && (code === 'unknown' || code.startsWith('no-such-'));
}

/** Not one after the other but in rounds: each finds keys that the other must be asked for. */
function joinTraceRoute(announcer: Route, resolver: Route): Route {
  return {
    method: announcer.method,
    path: announcer.path,
    handle: async (request) => {
      const asked = readTraceRequest(request.query, Date.now());
      if ('problem' in asked) throw new HttpError(400, 'bad-request', asked.problem);
      const { traces, announcerSilent, resolverSilent, ...parts } = await gatherTraces(
        tracePartOf('announcer', announcer, request),
        tracePartOf('resolver', resolver, request),
        asked.window,
      );
      const incomplete = [announcerSilent, resolverSilent].filter((each) => each !== undefined);
      return { json: { of: asked.of, traces, ...parts, ...(incomplete.length > 0 && { incomplete }) } };
    },
  };
}

function tracePartOf(program: 'announcer' | 'resolver', route: Route, request: HttpRequest): AskPart {
  return async (needs) => {
    const query = new URLSearchParams(request.query);
    for (const need of needs) query.append('key', formatNeed(need));
    const answer = await ask(route, { ...request, query })();
    return answer instanceof HttpError ? { silent: answer.message } : (answer[program] as TracePart);
  };
}

function jsonOf(answer: Json | HttpError): Json | undefined {
  return answer instanceof HttpError ? undefined : answer;
}

function ask(route: Route, request: HttpRequest): Ask {
  return async () => {
    try {
      const answer: HttpAnswer = await route.handle(request);
      if (!('json' in answer)) throw new TypeError(`${route.path} answers no JSON, so it cannot be joined`);
      return answer.json as Json;
    } catch (error) {
      if (error instanceof HttpError) return error;
      throw error;
    }
  };
}

/** At least one of the two is there. */
type Join = (announcer: Json | undefined, resolver: Json | undefined) => Json;

const JOINS: ReadonlyMap<string, Join | 'traces'> = new Map<string, Join | 'traces'>([
  ['/v1/services', joinServices],
  ['/v1/services/:name', joinServices],
  ['/v1/explain', joinExplanations],
  ['/v1/history', joinHistories],
  ['/v1/trace', 'traces'],
]);

interface Service {
  readonly service: string;
  readonly name: string;
  readonly instances: readonly { readonly state: string }[];
}

/** What is answered, and what the announcer holds back. */
function joinServices(announcer: Json | undefined, resolver: Json | undefined): Json {
  const services = new Map(servicesOf(resolver).map((service) => [service.name, service]));
  for (const { service, name, instances } of servicesOf(announcer)) {
    const held = instances.filter(({ state }) => state !== 'announced');
    if (held.length === 0) continue;
    services.set(name, { service, name, instances: [...(services.get(name)?.instances ?? []), ...held] });
  }
  const sorted = [...services.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  return { ...(resolver !== undefined && 'services' in resolver ? resolver : {}), services: sorted };
}

/** A listing has many; `/v1/services/:name` of an announcer is one by itself. */
function servicesOf(json: Json | undefined): readonly Service[] {
  if (json === undefined) return [];
  return (json.services as readonly Service[] | undefined) ?? [json as unknown as Service];
}

function joinExplanations(announcer: Json | undefined, resolver: Json | undefined): Json {
  // A container that the resolver knows nothing of: its "no such name" would only confuse.
  const hasContainers = Array.isArray(announcer?.containers) && announcer.containers.length > 0;
  const isAboutContainer = hasContainers || announcer?.lastKnown !== undefined;
  const keys = resolver?.keys as readonly unknown[] | undefined;
  const hasName = keys !== undefined && keys.length > 0;
  return { ...announcer, ...(resolver !== undefined && (hasName || !isAboutContainer) && { resolver }) };
}

interface Timed {
  readonly atMs: number;
}

function joinHistories(announcer: Json | undefined, resolver: Json | undefined): Json {
  const both = <T extends Timed>(field: string): T[] =>
    [announcer, resolver]
      .flatMap((json) => (json?.[field] as readonly T[] | undefined) ?? [])
      .sort((one, other) => one.atMs - other.atMs);
  return {
    ...announcer,
    ...resolver,
    history: both('history'),
    gaps: both('gaps'),
    isCut: announcer?.isCut === true || resolver?.isCut === true,
  };
}
