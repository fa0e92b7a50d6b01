import type { OwnerName } from '../../shared/name.ts';
import { Rcode, type ResourceRecord, RrClass } from '../../shared/rrset.ts';
import type { Forwarder } from '../forwarding/forwarder.ts';
import type { Dependent, Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { Availability } from '../lookup/settings.ts';
import { chaosResponse } from '../wire/chaos.ts';
import { CompiledAnswers, type CompiledLimits } from '../wire/compiled.ts';
import { Variant } from '../wire/compiled-entry.ts';
import { MESSAGE_OCTETS_MAX, MessageWriter } from '../wire/message.ts';
import { ExtendedError } from '../wire/opt.ts';
import { foldedQuestion, readQuestionName } from '../wire/query.ts';
import { cutResponse } from '../wire/relay.ts';
import { compose, type Response, responseOf } from '../wire/respond.ts';
import type { QueryCounts } from './query-counts.ts';
import { type ClientInfo, QUESTION, Responder, type ResponderSettings } from './responder.ts';

export type { ClientInfo } from './responder.ts';

export interface AnswererSettings extends ResponderSettings {
  /** `version.bind` and `version.server`. */
  readonly version: string;
  /** Answer the names of class CH; else they are refused. */
  readonly chaos: boolean;
  /** Turn addresses and SRV records from answer to answer. */
  readonly rotate: boolean;
  /** Questions that may wait for an upstream at once; past that, SERVFAIL. */
  readonly slowQueriesMax: number;
  readonly compiled: CompiledLimits;
}

/** How the zone stands, as the cache of compiled answers sees it; `stale` is one whatever its details. */
type Standing = Extract<Availability, string> | 'stale';

export interface AnswererDeps {
  lookup(question: Question): Outcome;
  /** With the serial as it is now. */
  soa(zone: OwnerName): ResourceRecord;
  /** Of the zones; SOA serials are its low 32 bits. */
  revision(): bigint;
  /** Undefined when forwarding is off. */
  readonly forwarder: Forwarder | undefined;
  /** Whether names outside the zones are resolved for this client. Asked once for an address, then remembered. */
  mayForward(clientAddress: string): boolean;
  /** Whether answers may be given from the zone; while stale they go out with EDE 3 or 19 (RFC 8914). */
  availability(nowMs: number): Availability;
  nowMs(): number;
  /** 0 to 1, of cryptographic quality: hash seeds are drawn from it. */
  random(): number;
  readonly settings: AnswererSettings;
}

/** {@link Answerer.answer} could not say at once. */
export const ASK_SLOWLY = -1;
/** Rounds of asking outside for names that an answer needs; a lookup may find new ones behind a chain. */
const OUTSIDE_ROUNDS_MAX = 8;

type Found = Extract<Outcome, Dependent>;

/**
 * The query path: octets in, octets out, no sockets. Most queries are answered from compiled answers without an object
 * being made; a miss is looked up and compiled on the spot; only what needs an upstream goes the slow way.
 */
export class Answerer {
  readonly counts: QueryCounts;
  readonly compiled: CompiledAnswers;
  readonly #deps: AnswererDeps;
  readonly #responder: Responder;
  readonly #writer = new MessageWriter();
  /** Where slow answers are put together; copied out before anything else runs. */
  readonly #slowOut = new Uint8Array(MESSAGE_OCTETS_MAX);
  #standing: Standing;
  #slowQueries = 0;

  constructor(deps: AnswererDeps) {
    const mayForward = (address: string): boolean => deps.forwarder !== undefined && deps.mayForward(address);
    this.#deps = deps;
    this.#responder = new Responder({
      mayForward,
      revision: () => deps.revision(),
      nowMs: () => deps.nowMs(),
      random: () => deps.random(),
      settings: deps.settings,
    });
    this.counts = this.#responder.counts;
    this.compiled = new CompiledAnswers(deps.settings.compiled);
    this.#standing = standingOf(deps.availability(deps.nowMs()));
  }

  /** Queries that wait for an upstream. */
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
        : this.#answerOtherClass(query, out);
    } catch (error) {
      return this.#fail(error, query, queryLength, out);
    }
  }

  /**
   * Answers what {@link answer} left: asks the forwarder, then as `answer`. Never rejects.
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
    if (entry === undefined) return this.#lookUp(query, out);
    this.#markStale(entry.response);
    const { room } = responder;
    let variant = entry.variantFor(room);
    if (variant === undefined) {
      variant = this.#compose(entry.name, entry.question, entry.response, room);
      this.compiled.addVariant(entry, variant);
    }
    return responder.send(variant, 'compiled', out);
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

  #answerOtherClass(query: Uint8Array, out: Uint8Array): number {
    const responder = this.#responder;
    const { reader } = responder;
    const isChaos = reader.class === RrClass.CH;
    const name = readQuestionName(query);
    const response =
      isChaos && this.#deps.settings.chaos ? chaosResponse(name, reader.type, this.#deps.settings) : undefined;
    if (response === undefined) {
      return responder.refuse(Rcode.REFUSED, isChaos ? undefined : ExtendedError.NOT_SUPPORTED, out);
    }
    const question = foldedQuestion(query, reader.questionEnd);
    const room = { octets: responder.room, partialFrom: undefined };
    const composed = compose(this.#writer, name, question, response, room, RrClass.CH);
    out.set(composed.octets);
    return responder.finish(composed.octets.length, composed, 'looked-up', out);
  }

  async #answerSlowly(query: Uint8Array, client: ClientInfo): Promise<Uint8Array | undefined> {
    const { forwarder } = this.#deps;
    const responder = this.#responder;
    if (forwarder === undefined || responder.reader.read(query, query.length) !== Rcode.NOERROR) return undefined;
    const question: Question = { name: readQuestionName(query), type: responder.reader.type };
    let outcome = this.#deps.lookup(question);
    for (let round = 0; round < OUTSIDE_ROUNDS_MAX; round += 1) {
      if (!isFound(outcome) || outcome.unresolved.length === 0) break;
      await Promise.all(outcome.unresolved.map((each) => forwarder.resolve(each)));
      outcome = this.#deps.lookup(question);
    }
    if (outcome.type === 'outside') return this.#forward(forwarder, query, client);
    const final = outcome;
    return this.#inOwnOctets((out) => {
      responder.resume(query, client);
      this.#followAvailability();
      return this.#say(query, question.name, final, out);
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
    const standing = standingOf(this.#deps.availability(this.#responder.nowMs));
    if (standing === this.#standing) return;
    // Stale answers have other TTLs, and past the bound there are none.
    this.#standing = standing;
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

function isFound(outcome: Outcome): outcome is Found {
  return 'unresolved' in outcome;
}

function standingOf(availability: Availability): Standing {
  return typeof availability === 'string' ? availability : availability.type;
}
