import { isWithin, type OwnerName } from '../../shared/name.ts';
import { Rcode, RrClass, RrType } from '../../shared/rrset.ts';
import type { Forwarder } from '../forwarding/forwarder.ts';
import type { Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { Availability } from '../lookup/settings.ts';
import { ttlCapOf } from '../lookup/ttl.ts';
import { chaosResponse } from '../wire/chaos.ts';
import { CompiledAnswers } from '../wire/compiled.ts';
import { Variant } from '../wire/compiled-entry.ts';
import { MESSAGE_OCTETS_MAX, MessageWriter } from '../wire/message.ts';
import { ExtendedError } from '../wire/opt.ts';
import { PAST_SUFFIX, pastResponse } from '../wire/past.ts';
import { foldedQuestion, readQuestionName } from '../wire/query.ts';
import { cutResponse } from '../wire/relay.ts';
import { compose, type Response, responseOf } from '../wire/respond.ts';
import type { AnswererDeps, AnswerListener } from './answerer-deps.ts';
import { isFound, lookUpAsking } from './outside.ts';
import type { QueryCounts } from './query-counts.ts';
import { type ClientInfo, QUESTION, Responder } from './responder.ts';

export type { ClientInfo } from './responder.ts';

/** How the zone stands, as the cache of compiled answers sees it; `stale` is one whatever its details. */
type Standing = Extract<Availability, string> | 'stale';

const NOBODY: AnswerListener = { count: 0, goneCount: 0, answered: () => undefined };

/** {@link Answerer.answer} could not say at once. */
export const ASK_SLOWLY = -1;

/**
 * The query path: octets in, octets out, no sockets. Most queries are answered from compiled answers without an object
 * being made; a miss is looked up and compiled on the spot; only what needs an upstream goes the slow way.
 */
export class Answerer {
  readonly counts: QueryCounts;
  readonly compiled: CompiledAnswers;
  readonly #deps: AnswererDeps;
  readonly #responder: Responder;
  readonly #watch: AnswerListener;
  readonly #writer = new MessageWriter();
  /** Where slow answers are put together; copied out before anything else runs. */
  readonly #slowOut = new Uint8Array(MESSAGE_OCTETS_MAX);
  #standing: Standing;
  #ttlCapSeconds: number;
  #slowQueries = 0;

  constructor(deps: AnswererDeps) {
    const mayForward = (address: string): boolean => deps.forwarder !== undefined && deps.mayForward(address);
    this.#deps = deps;
    this.#watch = deps.watch ?? NOBODY;
    this.#responder = new Responder({
      mayForward,
      revision: () => deps.revision(),
      nowMs: () => deps.nowMs(),
      random: () => deps.random(),
      settings: deps.settings,
    });
    this.counts = this.#responder.counts;
    this.compiled = new CompiledAnswers(deps.settings.compiled);
    const availability = deps.availability(deps.nowMs());
    this.#standing = standingOf(availability);
    this.#ttlCapSeconds = ttlCapOf(availability);
  }

  /** Others are asked, or any at all: what was answered by what the former ones said, or without any, holds no more. */
  upstreamsChanged(): void {
    this.#responder.forgetClients();
    this.compiled.clear();
  }

  /** Queries that wait for an upstream, or for the past to be read. */
  get slowQueries(): number {
    return this.#slowQueries;
  }

  /**
   * Answers at once when it can. Never throws: a fault of ours becomes SERVFAIL and a count.
   *
   * @param query the message in its first `queryLength` octets
   * @param out room for the response: `ednsUdpOctets` for UDP (at least 512), 65,535 for TCP
   * @returns octets written; 0 when nothing must be sent; {@link ASK_SLOWLY} when `answerSlowly` must be asked
   */
  answer(query: Uint8Array, queryLength: number, client: ClientInfo, out: Uint8Array): number {
    try {
      const accepted = this.#responder.accept(query, queryLength, client, out);
      if (accepted !== QUESTION) return accepted;
      return this.#responder.reader.class === RrClass.IN
        ? this.#answerIn(query, out)
        : this.#answerOtherClass(query, client, out);
    } catch (error) {
      return this.#fail(error, query, queryLength, out);
    }
  }

  /**
   * Answers what {@link answer} left: asks the forwarder, or the past, then as `answer`. Never rejects.
   *
   * @param query a whole message that nobody changes meanwhile
   * @returns undefined when nothing must be sent
   */
  async answerSlowly(query: Uint8Array, client: ClientInfo): Promise<Uint8Array | undefined> {
    this.#slowQueries += 1;
    try {
      return await this.#answerSlowly(query, client);
    } catch (error) {
      return this.#inOwnOctets((out) => this.#fail(error, query, query.length, out));
    } finally {
      this.#slowQueries -= 1;
    }
  }

  /** The last fault of ours that cost a client its answer, for the log. `counts.failures` says how many there were. */
  lastFailure: unknown;

  /** Drops the compiled answers that a change affects. */
  changed(change: { readonly names: readonly OwnerName[]; readonly addresses: readonly string[] }): void {
    this.compiled.changed(change.names, change.addresses);
  }

  #answerIn(query: Uint8Array, out: Uint8Array): number {
    const responder = this.#responder;
    const { reader } = responder;
    this.#followAvailability();
    const entry = this.#mayKeep ? this.compiled.find(query, reader, responder.nowMs) : undefined;
    if (entry === undefined) return this.#deny(query, out) || this.#lookUp(query, out);
    this.#markStale(entry.response);
    const { room } = responder;
    let variant = entry.variantFor(room);
    if (variant === undefined) {
      variant = this.#compose(entry.name, entry.question, entry.response, room);
      this.compiled.addVariant(entry, variant);
    }
    return responder.send(variant, 'compiled', out);
  }

  /** @returns 0 when the question must be looked up */
  #deny(query: Uint8Array, out: Uint8Array): number {
    const { denials } = this.#deps;
    if (denials === undefined || !this.#mayKeep) return 0;
    const responder = this.#responder;
    if (this.#standing === 'stale') responder.extendedError = ExtendedError.STALE_NXDOMAIN_ANSWER;
    const length = denials.write(query, responder.reader, responder.room, this.#ttlCapSeconds, out);
    if (length > 0) {
      // A flood of random names must not pay for what no denial shows: what came, and what changed.
      if (this.#watch.goneCount > 0) this.#noteDenied(query);
      return responder.finish(length, denials.composed, 'looked-up', out);
    }
    responder.extendedError = undefined;
    return 0;
  }

  #wallMs(): number {
    return this.#deps.wallMs?.() ?? this.#deps.nowMs();
  }

  #noteDenied(query: Uint8Array): void {
    const name = readQuestionName(query);
    const question = { name, type: this.#responder.reader.type };
    this.#watch.answered(question, { type: 'nxdomain', subtrees: [name], addresses: [] }, this.#wallMs());
  }

  #lookUp(query: Uint8Array, out: Uint8Array): number {
    const responder = this.#responder;
    const name = readQuestionName(query);
    const outcome = this.#deps.lookup({ name, type: responder.reader.type });
    if (outcome.type === 'outside') {
      if (this.#deps.forwarder === undefined) {
        return responder.refuse(Rcode.REFUSED, ExtendedError.NOT_AUTHORITATIVE, out);
      }
      if (!responder.mayForward) return responder.refuse(Rcode.REFUSED, ExtendedError.PROHIBITED, out);
      return this.#askSlowly(out);
    }
    if (isFound(outcome) && outcome.unresolved.length > 0 && this.#deps.forwarder !== undefined) {
      return this.#askSlowly(out);
    }
    return this.#say(query, name, outcome, out);
  }

  #askSlowly(out: Uint8Array): number {
    if (this.#slowQueries < this.#deps.settings.slowQueriesMax) return ASK_SLOWLY;
    return this.#responder.refuse(Rcode.SERVFAIL, ExtendedError.NOT_READY, out);
  }

  /** Says an outcome, and keeps it compiled when it holds for others too. */
  #say(query: Uint8Array, name: OwnerName, outcome: Exclude<Outcome, { type: 'outside' }>, out: Uint8Array): number {
    const responder = this.#responder;
    const { reader } = responder;
    const response = responseOf(outcome, this.#deps.soa, this.#deps.settings.rotate);
    if (!isFound(outcome)) {
      return responder.refuse(response.rcode, outcome.type === 'servfail' ? outcome.extendedError : undefined, out);
    }
    // A change drops what was compiled before it: the first answer with it is looked up, or denied without a lookup.
    if (this.#watch.count > 0) this.#watch.answered({ name, type: reader.type }, outcome, this.#wallMs());
    const question = foldedQuestion(query, reader.questionEnd);
    this.#markStale(response);
    const variant = this.#compose(name, question, response, responder.room);
    // What waits for an outside name is true only until that is known.
    const isFinal = outcome.unresolved.length === 0 || this.#deps.forwarder === undefined;
    const isTrueForOthers = isFinal && responder.nowMs < outcome.validUntilMs && this.#mayKeep;
    if (isTrueForOthers && this.compiled.isWorthKeeping(reader.hash, response)) {
      this.compiled.addVariant(this.compiled.add(name, question, reader.hash, response, outcome), variant);
    }
    return responder.send(variant, 'looked-up', out);
  }

  #compose(name: OwnerName, question: Uint8Array, response: Response, octets: number): Variant {
    const turning = Math.max(1, response.answers.length - response.rotateFrom);
    // Which part of an answer that no message can hold goes out changes with each time it is composed.
    const partialFrom = this.#responder.isTcp ? Math.floor(this.#deps.random() * turning) : undefined;
    return new Variant(compose(this.#writer, name, question, response, { octets, partialFrom }), octets);
  }

  #answerOtherClass(query: Uint8Array, client: ClientInfo, out: Uint8Array): number {
    const responder = this.#responder;
    const { reader } = responder;
    const isChaos = reader.class === RrClass.CH;
    const name = readQuestionName(query);
    if (isChaos && isWithin(name, PAST_SUFFIX)) return this.#askPast(client, out);
    const response =
      isChaos && this.#deps.settings.chaos ? chaosResponse(name, reader.type, this.#deps.settings) : undefined;
    if (response === undefined) {
      return responder.refuse(Rcode.REFUSED, isChaos ? undefined : ExtendedError.NOT_SUPPORTED, out);
    }
    return this.#sayChaos(query, name, response, out);
  }

  #sayChaos(query: Uint8Array, name: OwnerName, response: Response, out: Uint8Array): number {
    const responder = this.#responder;
    const { reader } = responder;
    const question = foldedQuestion(query, reader.questionEnd);
    const room = { octets: responder.room, partialFrom: undefined };
    const composed = compose(this.#writer, name, question, response, room, RrClass.CH);
    out.set(composed.octets);
    return responder.finish(composed.octets.length, composed, 'looked-up', out);
  }

  #askPast(client: ClientInfo, out: Uint8Array): number {
    const responder = this.#responder;
    const { type } = responder.reader;
    if (!this.#deps.mayAskPast(client.address)) return responder.refuse(Rcode.REFUSED, ExtendedError.PROHIBITED, out);
    if (type !== RrType.TXT && type !== RrType.ANY)
      return responder.refuse(Rcode.REFUSED, ExtendedError.NOT_SUPPORTED, out);
    // Nobody's forged address makes us read files, or sends what is in them to someone else.
    if (responder.isTcp) return this.#askSlowly(out);
    responder.counts.truncated += 1;
    return responder.sendToTcp(out);
  }

  async #tellPast(query: Uint8Array, client: ClientInfo): Promise<Uint8Array | undefined> {
    const name = readQuestionName(query);
    const told = await this.#deps.tellPast(name);
    return this.#inOwnOctets((out) => {
      this.#responder.resume(query, client);
      this.#responder.extendedError = told.extendedError;
      return this.#sayChaos(query, name, pastResponse(name, told), out);
    });
  }

  async #answerSlowly(query: Uint8Array, client: ClientInfo): Promise<Uint8Array | undefined> {
    const { forwarder } = this.#deps;
    const responder = this.#responder;
    if (responder.reader.read(query, query.length) !== Rcode.NOERROR) return undefined;
    if (responder.reader.class === RrClass.CH) return this.#tellPast(query, client);
    if (forwarder === undefined) return undefined;
    const question: Question = { name: readQuestionName(query), type: responder.reader.type };
    const outcome = await lookUpAsking(this.#deps, forwarder, question);
    if (outcome.type === 'outside') return this.#forward(forwarder, query, client);
    return this.#inOwnOctets((out) => {
      responder.resume(query, client);
      this.#followAvailability();
      return this.#say(query, question.name, outcome, out);
    });
  }

  async #forward(forwarder: Forwarder, query: Uint8Array, client: ClientInfo): Promise<Uint8Array | undefined> {
    const response = await forwarder.forward(query);
    const responder = this.#responder;
    return this.#inOwnOctets((out) => {
      responder.resume(query, client);
      const cut = response === undefined ? undefined : cutResponse(response, responder.room);
      if (cut === undefined) return responder.refuse(Rcode.SERVFAIL, ExtendedError.NETWORK_ERROR, out);
      out.set(cut.octets);
      const rcode = ((cut.octets[3] as number) & 0xf) as Rcode;
      return responder.finish(cut.octets.length, { ...cut, rcode, serialAts: [] }, 'forwarded', out);
    });
  }

  #followAvailability(): void {
    const availability = this.#deps.availability(this.#responder.nowMs);
    const standing = standingOf(availability);
    if (standing === this.#standing) return;
    // Stale answers have other TTLs, and past the bound there are none.
    this.#standing = standing;
    this.#ttlCapSeconds = ttlCapOf(availability);
    this.compiled.clear();
  }

  get #mayKeep(): boolean {
    return this.#standing === 'live' || this.#standing === 'stale';
  }

  #markStale(response: Response): void {
    if (this.#standing !== 'stale') return;
    this.#responder.extendedError =
      response.rcode === Rcode.NXDOMAIN ? ExtendedError.STALE_NXDOMAIN_ANSWER : ExtendedError.STALE_ANSWER;
  }

  #fail(error: unknown, query: Uint8Array, queryLength: number, out: Uint8Array): number {
    this.lastFailure = error;
    return this.#responder.fail(query, queryLength, out);
  }

  #inOwnOctets(write: (out: Uint8Array) => number): Uint8Array | undefined {
    const length = write(this.#slowOut);
    return length === 0 ? undefined : this.#slowOut.slice(0, length);
  }
}

function standingOf(availability: Availability): Standing {
  return typeof availability === 'string' ? availability : availability.type;
}
