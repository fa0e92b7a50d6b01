import { type HttpAnswer, HttpError, type HttpRequest, Limit, momentParameter, type Route } from '../../shared/http.ts';
import type { Journal } from '../../shared/journal/journal.ts';
import { labelsOf, NameError, type OwnerName } from '../../shared/name.ts';
import type { RrTypeName } from '../../shared/rrset.ts';
import { selectTraces } from '../../shared/trace/gather.ts';
import { joinTraces } from '../../shared/trace/join.ts';
import { RESOLVER_KINDS, readTracePart } from '../../shared/trace/read.ts';
import { readTraceRequest } from '../../shared/trace/request.ts';
import type { LiveZone } from '../following/live-zone.ts';
import type { LookupContext, LookupSettings } from '../lookup/lookup.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { exists, TooManyRecords } from '../zone/select.ts';
import { keysOfContainer } from './container-keys.ts';
import { EXPLAINED_TYPES, explainName, type NameExplanation } from './explain.ts';
import { readExplanations } from './explained.ts';
import { Interest } from './history.ts';
import { type NameThen, readHistory, readThen } from './history-reader.ts';
import { paced } from './paced.ts';
import type { PastSettings } from './past-answer.ts';
import { askedType, pastAnswerFor, pastDifferenceFor, tooOld } from './past-routes.ts';
import { type Listing, listNames, listServices } from './services.ts';
import { namesMeant } from './subject.ts';
import { traceSubject } from './trace.ts';
import { type WantedJournal, whileWanted } from './wanted.ts';

export interface RouteDeps {
  readonly live: LiveZone;
  readonly lookupSettings: LookupSettings;
  context(): LookupContext;
  readonly maxStaleMs: number;
  isForwarding(): boolean;
  /** Undefined before the start. */
  journal(): Journal<ZoneEvent> | undefined;
  nowMs(): number;
  /** What was answered a moment ago goes into the journal now. */
  keepAnswers(): void;
}

/** Histories read at once: each goes through the journal's files. */
const READS_MAX = 2;

export function resolverRoutes(deps: RouteDeps): readonly Route[] {
  const reading = new Limit(READS_MAX, 'histories');
  const explained = reading.on(async (request) => ({
    json: await withCauses(deps, explanationOf(deps, request), request.signal),
  }));
  return [
    { method: 'GET', path: '/v1/services', handle: () => ({ json: servicesOf(deps) }) },
    {
      method: 'GET',
      path: '/v1/services/:name',
      handle: ({ params }) => ({ json: serviceOf(deps, params.name ?? '') }),
    },
    {
      method: 'GET',
      path: '/v1/explain',
      // What is in memory is told however many read the journal.
      handle: (request) => (reading.isReached ? { json: explanationOf(deps, request) } : explained(request)),
    },
    { method: 'GET', path: '/v1/history', handle: reading.on((request) => historyOf(deps, request)) },
    { method: 'GET', path: '/v1/at', handle: reading.on((request) => answerAt(deps, request)) },
    { method: 'GET', path: '/v1/trace', handle: reading.on((request) => traceOf(deps, request)) },
    { method: 'GET', path: '/v1/diff', handle: reading.on((request) => differenceOf(deps, request)) },
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
  if (listing.services.length === 0 && deps.context().availability === 'never-synced') {
    const known = `the store has never been read; whether ${text} is announced is not known, and /ready says why`;
    throw new HttpError(503, 'never-synced', known);
  }
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

function explanationOf(deps: RouteDeps, { query }: HttpRequest): NameExplanation & { readonly of: string | null } {
  const { live, lookupSettings } = deps;
  const names = parseNames(required(query, 'of'), lookupSettings.zones);
  try {
    const found = names.find((each) => exists(live.zone, each));
    const name = found ?? (names[0] as OwnerName);
    const explanation = explainName(
      live.zone,
      name,
      lookupSettings,
      deps.context(),
      deps.isForwarding(),
      typeOf(query),
    );
    const guessed = found === undefined ? guessStep(names) : [];
    return { of: query.get('of'), ...explanation, steps: [...guessed, ...explanation.steps] };
  } catch (error) {
    if (error instanceof TooManyRecords) throw new HttpError(400, 'too-wide', error.message);
    throw error;
  }
}

/** A name with dots that nothing stands at may as well be one outside: which was taken is said. */
function guessStep(names: readonly OwnerName[]): NameExplanation['steps'] {
  const asItStands = names.at(-1) as OwnerName;
  if (names.length === 1 || labelsOf(asItStands).length === 1) return [];
  return [
    { rule: 'name', input: '', verdict: `taken as one in a zone; ${asItStands} itself is asked for with its last dot` },
  ];
}

/** Of an explanation that lacks something: what, and why. */
interface Noted {
  readonly note?: string;
}

/** Why each key was written, as far as the journal has it; a journal that cannot be read takes nothing from the rest. */
async function withCauses<E extends NameExplanation>(
  deps: RouteDeps,
  explanation: E,
  signal: AbortSignal,
): Promise<E & Noted> {
  const opened = deps.journal();
  if (opened === undefined || explanation.keys.length === 0) return explanation;
  const journal = whileWanted(opened, signal);
  // The latest events may not be in a file yet.
  await journal.written();
  const { texts = ['"key":'] } = new Interest(explanation.name, deps.live.zone.prefix);
  try {
    // A key that was written long ago is sought to the journal's beginning: queries come between.
    const explanations = await readExplanations(paced(journal), explanation.keys, texts);
    const keys = explanation.keys.map((each) => {
      const explained = explanations.get(each.key);
      return explained === undefined ? each : { ...each, explained };
    });
    return { ...explanation, keys };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const note = `why the keys were written is not told: the journal cannot be read (${error.message})`;
    return { ...explanation, note };
  }
}

/** Of the file system; what else is thrown is a fault of ours. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}

async function historyOf(deps: RouteDeps, { query, signal }: HttpRequest): Promise<HttpAnswer> {
  const { live, lookupSettings } = deps;
  const journal = openJournal(deps, signal);
  const nowMs = deps.nowMs();
  const text = query.get('name') ?? '';
  const names = text === '' ? undefined : parseNames(text, lookupSettings.zones);
  const atMs = momentParameter(query, 'at', nowMs);
  const untilMs = atMs ?? nowMs;
  const sinceMs = momentParameter(query, 'since', nowMs) ?? 0;
  const { prefix } = live.zone;
  const range = { sinceMs, untilMs };
  let found = await readHistory(journal, names, prefix, range);
  if (names !== undefined && !found.events.some((event) => 'key' in event)) {
    await journal.written();
    const keys = await keysOfContainer(paced(journal), text, lookupSettings.zones, prefix);
    if (keys.size > 0) found = await readHistory(journal, names, prefix, range, keys);
  }
  const { events, ...rest } = found;
  const json = { history: events, ...rest, ...(names && { names }) };
  if (atMs === undefined || names === undefined) return { json };
  let resolved: (NameThen & { readonly name: OwnerName }) | undefined;
  // The first name that had something, or has an event; "nothing" is said of the one that is meant first, as `at` says it.
  for (const name of names) {
    const then = await readThen(journal, name, lookupSettings, prefix, atMs);
    if (then === undefined) throw await tooOld(journal, atMs);
    const isOfIt = then.records.length > 0 || then.madeBy !== undefined;
    if (isOfIt || resolved === undefined) resolved = { name, ...then };
    if (isOfIt) break;
  }
  return { json: { ...json, resolved } };
}

async function answerAt(deps: RouteDeps, request: HttpRequest): Promise<HttpAnswer> {
  const { query, signal } = request;
  const atMs = requiredMoment(query, 'time', deps.nowMs());
  const names = parseNames(required(query, 'name'), deps.lookupSettings.zones);
  return { json: await pastAnswerFor(openJournal(deps, signal), names, askedType(request), atMs, pastSettings(deps)) };
}

async function differenceOf(deps: RouteDeps, { query, signal }: HttpRequest): Promise<HttpAnswer> {
  const nowMs = deps.nowMs();
  const moments = { fromMs: requiredMoment(query, 'from', nowMs), toMs: momentParameter(query, 'to', nowMs) ?? nowMs };
  const text = query.get('name') ?? '';
  const names = text === '' ? [] : parseNames(text, deps.lookupSettings.zones);
  return { json: await pastDifferenceFor(openJournal(deps, signal), names, moments, pastSettings(deps)) };
}

async function traceOf(deps: RouteDeps, { query, signal }: HttpRequest): Promise<HttpAnswer> {
  const { live, lookupSettings } = deps;
  const asked = readTraceRequest(query, deps.nowMs());
  if ('problem' in asked) throw new HttpError(400, 'bad-request', asked.problem);
  const { of, window, needs } = asked;
  deps.keepAnswers();
  const subject = traceSubject(of, lookupSettings.zones, live.zone.prefix);
  const journal = openJournal(deps, signal);
  // A word that is in many lines takes many looks: queries come between them.
  const resolver = await readTracePart({ ...journal, ...paced(journal) }, RESOLVER_KINDS, {
    ...subject,
    ...window,
    needs,
  });
  const traces = selectTraces(joinTraces({ announcer: undefined, resolver }), window);
  return { json: { of, traces, resolver } };
}

function pastSettings({ live, lookupSettings, maxStaleMs }: RouteDeps): PastSettings {
  return { lookup: lookupSettings, prefix: live.zone.prefix, maxStaleMs };
}

/** @param signal of the request: an answer that nobody waits for is not read for */
function openJournal({ journal }: RouteDeps, signal: AbortSignal): WantedJournal {
  const opened = journal();
  if (opened !== undefined) return whileWanted(opened, signal);
  throw new HttpError(503, 'not-started', 'the journal is not open yet; ask again in a moment');
}

function requiredMoment(query: URLSearchParams, parameter: string, nowMs: number): number {
  const moment = momentParameter(query, parameter, nowMs);
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
