import type { HostPort } from '../../shared/address.ts';
import type { Log } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { isWithin, labelsOf, nameOf, type OwnerName, ROOT } from '../../shared/name.ts';
import { Rcode } from '../../shared/rrset.ts';
import type { Question } from '../lookup/question.ts';
import { type DecodedResponse, decodeResponse } from '../wire/codec.ts';
import { HeaderFlag } from '../wire/header-flags.ts';
import { ForwardCache } from './cache.ts';
import { Cancellation } from './cancellation.ts';
import type { Forwarder, OutsideAnswer } from './forwarder.ts';
import { addressesIn } from './found-addresses.ts';
import {
  asAsked,
  cleanResponse,
  copyOf,
  fullRcode,
  keyOfQuery,
  queryOf,
  type ScannedMessage,
  scanMessage,
} from './message.ts';
import { type ForwardMetrics, forwardMetrics } from './metrics.ts';
import { UpstreamGroup } from './upstream-group.ts';
import { within } from './within.ts';

export interface StubZone {
  readonly zone: OwnerName;
  readonly servers: readonly HostPort[];
}

export interface ForwardSettings {
  /** For every name that no stub zone covers; none turns forwarding off but for stub zones. */
  readonly upstreams: readonly HostPort[];
  readonly stubs: readonly StubZone[];
}

/** Different questions waiting for upstreams at once; each holds up to three sockets for up to 4.4 s. Above it: SERVFAIL. */
export const IN_FLIGHT_MAX = 1000;
const CACHE_LIMITS = { entriesMax: 50_000, octetsMax: 32 * 1024 * 1024 };
/** Names outside our zones that records point at. */
const OUTSIDE_MAX = 10_000;
/** An answer that may not be cached still serves the lookup it was fetched for. */
const OUTSIDE_MIN_MS = 1000;

/**
 * Asks upstreams: cached by TTL, one query for the same question at a time, the next server when one fails. A query
 * that comes back to us through another forwarder meets itself in flight and waits for its own time-out: a loop costs
 * one datagram a round, not a flood.
 */
export class UpstreamForwarder implements Forwarder {
  readonly #cache = new ForwardCache(CACHE_LIMITS);
  readonly #inFlight = new Map<string, Promise<Uint8Array | undefined>>();
  readonly #outside = new Map<string, OutsideAnswer>();
  /** Longest zone first. */
  readonly #stubs: readonly UpstreamGroup[];
  /** Who is asked for all other names. */
  #others: UpstreamGroup | undefined;
  /** Of what the upstreams say: one more with each change of who is asked. */
  #generation = 0;
  readonly #metrics: ForwardMetrics;
  readonly #log: Log;
  readonly #closing = new Cancellation();
  readonly #now: () => number;
  #atLimit = false;

  constructor(
    settings: ForwardSettings,
    deps: { readonly log: Log; readonly metrics: Metrics; readonly now?: () => number },
  ) {
    this.#metrics = forwardMetrics(deps.metrics, this.#cache);
    this.#log = deps.log;
    this.#now = deps.now ?? Date.now;
    this.#stubs = settings.stubs
      .flatMap(({ zone, servers }) => this.#groupOf(zone, servers) ?? [])
      .sort((a, b) => b.zone.length - a.zone.length);
    this.#others = this.#groupOf(ROOT, settings.upstreams);
    deps.metrics.gaugeOf('rollcall_forward_upstreams_healthy', 'Upstreams that answer, stub servers included.', () =>
      [...this.#stubs, ...(this.#others ? [this.#others] : [])].reduce((sum, group) => sum + group.healthy, 0),
    );
  }

  async forward(query: Uint8Array): Promise<Uint8Array | undefined> {
    const scanned = scanMessage(query);
    if (scanned === undefined) return undefined;
    const response = await this.#answer(query, scanned);
    if (response === undefined) return undefined;
    asAsked(response, query, scanned);
    return response;
  }

  cached(question: Question): OutsideAnswer | undefined {
    const key = outsideKey(question);
    const answer = this.#outside.get(key);
    if (answer === undefined || answer.validUntilMs > this.#now()) return answer;
    this.#outside.delete(key);
    return undefined;
  }

  resolve(question: Question): Promise<OutsideAnswer>;
  resolve(question: Question, withinMs?: number): Promise<OutsideAnswer | undefined>;
  async resolve(question: Question, withinMs?: number): Promise<OutsideAnswer | undefined> {
    const known = this.cached(question);
    if (known !== undefined) return known;
    const asked = this.#resolve(question);
    return withinMs === undefined ? asked : within(withinMs, asked);
  }

  /** Asks these from now on, for names that no stub zone covers. What others said is forgotten: they may know other names. */
  useUpstreams(upstreams: readonly HostPort[]): void {
    this.#others?.retire();
    this.#others = this.#groupOf(ROOT, upstreams);
    this.#generation += 1;
    this.#cache.clear();
    this.#outside.clear();
  }

  /** Ends every query on its way; those that wait get nothing. */
  close(): void {
    this.#closing.cancel();
  }

  async #resolve(question: Question): Promise<OutsideAnswer> {
    const generation = this.#generation;
    const query = queryOf(question);
    const scanned = scanMessage(query) as ScannedMessage;
    const response = await this.#answer(query, scanned);
    const isAsked = this.#groupFor(scanned) !== undefined;
    const answer = outsideAnswerOf(response && decodeResponse(response), question, isAsked, this.#now());
    if (generation !== this.#generation) return answer;
    const [oldest] = this.#outside.keys();
    if (this.#outside.size >= OUTSIDE_MAX && oldest !== undefined) this.#outside.delete(oldest);
    this.#outside.set(outsideKey(question), answer);
    return answer;
  }

  async #answer(query: Uint8Array, scanned: ScannedMessage): Promise<Uint8Array | undefined> {
    const key = keyOfQuery(scanned);
    const hit = this.#cache.get(key, this.#now());
    if (hit !== undefined) {
      this.#metrics.cacheHit();
      return hit.response;
    }
    const running = this.#inFlight.get(key);
    if (running !== undefined) {
      this.#metrics.merged();
      return (await running)?.slice();
    }
    this.#metrics.cacheMiss();
    if (!this.#hasRoom()) return undefined;
    const fetching = this.#fetch(key, query, scanned).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, fetching);
    return (await fetching)?.slice();
  }

  #hasRoom(): boolean {
    const isFull = this.#inFlight.size >= IN_FLIGHT_MAX;
    if (isFull) this.#metrics.rejected();
    if (isFull && !this.#atLimit) {
      this.#log.warn(
        'forward-full',
        `${IN_FLIGHT_MAX} questions wait for upstreams; more are answered SERVFAIL until some return`,
      );
    }
    this.#atLimit = isFull;
    return !isFull;
  }

  async #fetch(key: string, query: Uint8Array, scanned: ScannedMessage): Promise<Uint8Array | undefined> {
    const group = this.#groupFor(scanned);
    if (group === undefined) return refusal(query, scanned);
    const generation = this.#generation;
    const reply = await group.ask(query, scanned);
    const isCurrent = generation === this.#generation;
    if (reply === undefined || fullRcode(reply.scanned) > 0xf) {
      if (isCurrent) this.#cache.putFailure(key, this.#now());
      return undefined;
    }
    const response = cleanResponse(reply.octets, reply.scanned);
    const isWhole = (reply.scanned.flags & HeaderFlag.TC) === 0;
    if (isWhole && isCurrent) this.#cache.put(key, response, reply.scanned, this.#now());
    return response;
  }

  #groupOf(zone: OwnerName, servers: readonly HostPort[]): UpstreamGroup | undefined {
    const deps = { log: this.#log, metrics: this.#metrics, closing: this.#closing };
    return servers.length === 0 ? undefined : new UpstreamGroup(zone, servers, deps);
  }

  #groupFor(scanned: ScannedMessage): UpstreamGroup | undefined {
    if (this.#stubs.length === 0) return this.#others;
    const name = nameOfQuestion(scanned);
    return this.#stubs.find((group) => isWithin(name, group.zone)) ?? this.#others;
  }
}

/** @param isAsked an upstream is configured for the name */
function outsideAnswerOf(
  decoded: DecodedResponse | undefined,
  question: Question,
  isAsked: boolean,
  nowMs: number,
): OutsideAnswer {
  const { addresses, aliases, ttlSeconds } = addressesIn(decoded ?? { answers: [] }, question);
  if (addresses.length === 0) {
    const failed = isAsked && !isBare(question.name) && !isDenial(decoded) && { failed: true as const };
    return { addresses, aliases, validUntilMs: nowMs + OUTSIDE_MIN_MS, ...failed };
  }
  const validUntilMs = nowMs + Math.max(OUTSIDE_MIN_MS, ttlSeconds * 1000);
  return { addresses, aliases, validUntilMs, ...(ttlSeconds === 0 && { ttlIsZero: true as const }) };
}

/** A name of one label is no host that others could tell of, whatever became of the question (SkyDNS's users have such hosts). */
function isBare(name: OwnerName): boolean {
  return labelsOf(name).length === 1;
}

/** Whether a response without addresses says that there are none. */
function isDenial(decoded: DecodedResponse | undefined): boolean {
  if (decoded === undefined || decoded.truncated) return false;
  return decoded.rcode === Rcode.NOERROR || decoded.rcode === Rcode.NXDOMAIN;
}

/** No upstream is configured for the name: as if we did not forward at all. */
function refusal(query: Uint8Array, scanned: ScannedMessage): Uint8Array {
  const octets = copyOf(query, scanned.questionEnd);
  const view = new DataView(octets.buffer);
  view.setUint16(0, 0);
  view.setUint16(2, HeaderFlag.QR | (scanned.flags & (HeaderFlag.RD | HeaderFlag.CD)) | Rcode.REFUSED);
  view.setUint16(4, 1);
  view.setUint32(6, 0);
  view.setUint16(10, 0);
  return octets;
}

function nameOfQuestion({ questionName }: ScannedMessage): OwnerName {
  const labels: string[] = [];
  for (let at = 0; questionName.charCodeAt(at) > 0; ) {
    const length = questionName.charCodeAt(at);
    labels.push(questionName.slice(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return nameOf(labels);
}

function outsideKey(question: Question): string {
  return `${question.name} ${question.type}`;
}
