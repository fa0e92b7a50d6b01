import { type HttpAnswer, HttpError, type HttpRequest, type Route } from '../../shared/http.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { readMoment } from '../../shared/moment.ts';
import { NameError, type OwnerName } from '../../shared/name.ts';
import type { RrTypeName } from '../../shared/rrset.ts';
import type { LiveZone } from '../following/live-zone.ts';
import type { LookupContext, LookupSettings } from '../lookup/lookup.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { exists, TooManyRecords } from '../zone/select.ts';
import { EXPLAINED_TYPES, explainName } from './explain.ts';
import { readHistory, readThen } from './history-reader.ts';
import type { PastSettings } from './past-answer.ts';
import { askedType, pastAnswerFor, pastDifferenceFor, tooOld } from './past-routes.ts';
import { type Listing, listNames, listServices } from './services.ts';
import { namesMeant } from './subject.ts';

export interface RouteDeps {
  readonly live: LiveZone;
  readonly lookupSettings: LookupSettings;
  context(): LookupContext;
  readonly maxStaleMs: number;
  isForwarding(): boolean;
  /** Undefined before the start. */
  journal(): Journal<ZoneEvent> | undefined;
  nowMs(): number;
}

/** Histories read at once: each goes through the journal's files. */
const READS_MAX = 2;

export function resolverRoutes(deps: RouteDeps): readonly Route[] {
  let reads = 0;
  const reading = async (read: () => Promise<HttpAnswer>): Promise<HttpAnswer> => {
    if (reads >= READS_MAX) {
      throw new HttpError(429, 'busy', `${READS_MAX} histories are being read; ask again when they are done`);
    }
    reads += 1;
    try {
      return await read();
    } finally {
      reads -= 1;
    }
  };
  return [
    { method: 'GET', path: '/v1/services', handle: () => ({ json: servicesOf(deps) }) },
    {
      method: 'GET',
      path: '/v1/services/:name',
      handle: ({ params }) => ({ json: serviceOf(deps, params.name ?? '') }),
    },
    { method: 'GET', path: '/v1/explain', handle: (request) => ({ json: explanationOf(deps, request) }) },
    { method: 'GET', path: '/v1/history', handle: (request) => reading(() => historyOf(deps, request)) },
    { method: 'GET', path: '/v1/at', handle: (request) => reading(() => answerAt(deps, request)) },
    { method: 'GET', path: '/v1/diff', handle: (request) => reading(() => differenceOf(deps, request)) },
  ];
}

function servicesOf(deps: RouteDeps): object {
  const { zone } = deps.live;
  const listing = listServices(zone, deps.lookupSettings.zones, deps.context());
  const problems = [...zone.problems].map(([key, reason]) => ({ key, reason }));
  return { ...listing, ...standingOf(deps), problems, problemCount: zone.problemCount };
}

function serviceOf(deps: RouteDeps, text: string): object {
  const { zones } = deps.lookupSettings;
  const listing: Listing = listNames(deps.live.zone, zones, deps.context(), parseNames(text, zones));
  if (listing.services.length === 0) {
    throw new HttpError(404, 'no-such-service', `no record stands at ${text} or below it in zone ${zones.join(', ')}`);
  }
  return { ...listing, ...standingOf(deps) };
}

function standingOf({ context, live }: RouteDeps): object {
  const { availability } = context();
  const standing = typeof availability === 'string' ? availability : availability.type;
  return { standing, revision: String(live.zone.revision), records: live.zone.size };
}

function explanationOf(deps: RouteDeps, { query }: HttpRequest): object {
  const { live, lookupSettings } = deps;
  const names = parseNames(required(query, 'of'), lookupSettings.zones);
  try {
    const name = names.find((each) => exists(live.zone, each)) ?? (names[0] as OwnerName);
    return {
      of: query.get('of'),
      ...explainName(live.zone, name, lookupSettings, deps.context(), deps.isForwarding(), typeOf(query)),
    };
  } catch (error) {
    if (error instanceof TooManyRecords) throw new HttpError(400, 'too-wide', error.message);
    throw error;
  }
}

async function historyOf(deps: RouteDeps, { query }: HttpRequest): Promise<HttpAnswer> {
  const { live, lookupSettings } = deps;
  const journal = openJournal(deps);
  const nowMs = deps.nowMs();
  const text = query.get('name') ?? '';
  const names = text === '' ? undefined : parseNames(text, lookupSettings.zones);
  const atMs = momentOf(query, 'at', nowMs);
  const untilMs = atMs ?? nowMs;
  const sinceMs = momentOf(query, 'since', nowMs) ?? 0;
  const { prefix } = live.zone;
  const { events, ...rest } = await readHistory(journal, names, prefix, { sinceMs, untilMs });
  const json = { history: events, ...rest, ...(names && { names }) };
  if (atMs === undefined || names === undefined) return { json };
  for (const name of names) {
    const then = await readThen(journal, name, lookupSettings, prefix, atMs);
    if (then === undefined) throw tooOld(atMs);
    // The first name that had something; the last one's "nothing" stands for all.
    if (then.records.length > 0 || name === names.at(-1)) return { json: { ...json, resolved: { name, ...then } } };
  }
  return { json };
}

async function answerAt(deps: RouteDeps, request: HttpRequest): Promise<HttpAnswer> {
  const { query } = request;
  const atMs = requiredMoment(query, 'time', deps.nowMs());
  const names = parseNames(required(query, 'name'), deps.lookupSettings.zones);
  return { json: await pastAnswerFor(openJournal(deps), names, askedType(request), atMs, pastSettings(deps)) };
}

async function differenceOf(deps: RouteDeps, { query }: HttpRequest): Promise<HttpAnswer> {
  const nowMs = deps.nowMs();
  const moments = { fromMs: requiredMoment(query, 'from', nowMs), toMs: momentOf(query, 'to', nowMs) ?? nowMs };
  const text = query.get('name') ?? '';
  const names = text === '' ? [] : parseNames(text, deps.lookupSettings.zones);
  return { json: await pastDifferenceFor(openJournal(deps), names, moments, pastSettings(deps)) };
}

function pastSettings({ live, lookupSettings, maxStaleMs }: RouteDeps): PastSettings {
  return { lookup: lookupSettings, prefix: live.zone.prefix, maxStaleMs };
}

function openJournal({ journal }: RouteDeps): Journal<ZoneEvent> {
  const opened = journal();
  if (opened !== undefined) return opened;
  throw new HttpError(503, 'not-started', 'the journal is not open yet; ask again in a moment');
}

function requiredMoment(query: URLSearchParams, parameter: string, nowMs: number): number {
  const moment = momentOf(query, parameter, nowMs);
  if (moment !== undefined) return moment;
  throw new HttpError(400, 'bad-request', `say when, as ?${parameter}=14:32, 15m or 2026-11-20T14:32:00Z`);
}

function parseNames(text: string, zones: readonly OwnerName[]): readonly OwnerName[] {
  try {
    return namesMeant(text, zones);
  } catch (error) {
    if (error instanceof NameError) throw new HttpError(400, 'bad-name', error.message);
    throw error;
  }
}

function required(query: URLSearchParams, parameter: string): string {
  const value = query.get(parameter);
  if (value === null || value === '') {
    throw new HttpError(400, 'bad-request', `name a service or a DNS name, as ?${parameter}=web.s.prod.example.com`);
  }
  return value;
}

function typeOf(query: URLSearchParams): RrTypeName | undefined {
  const text = query.get('type')?.toUpperCase() ?? '';
  if (text === '') return undefined;
  if (EXPLAINED_TYPES.some((type) => type === text)) return text as RrTypeName;
  throw new HttpError(400, 'bad-type', `type=${JSON.stringify(text)} must be one of ${EXPLAINED_TYPES.join(', ')}`);
}

function momentOf(query: URLSearchParams, parameter: string, nowMs: number): number | undefined {
  const text = query.get(parameter);
  if (text === null || text === '') return undefined;
  const moment = readMoment(text, nowMs);
  if (moment !== undefined) return moment;
  throw new HttpError(
    400,
    'bad-time',
    `${parameter}=${JSON.stringify(text)} is no moment; write 14:32, 2026-11-20T14:32:00Z, or 15m for a quarter of an hour ago`,
  );
}
