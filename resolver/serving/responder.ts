import { Rcode } from '../../shared/rrset.ts';
import { HEADER_OCTETS, triage } from '../wire/accept.ts';
import type { Variant } from '../wire/compiled-entry.ts';
import { CLIENT_COOKIE_OCTETS, Cookies, SERVER_COOKIE_OCTETS } from '../wire/cookies.ts';
import { HeaderFlag } from '../wire/header-flags.ts';
import { MESSAGE_OCTETS_MAX } from '../wire/message.ts';
import { type OptContents, OptWriter } from '../wire/opt.ts';
import { PLAIN_UDP_OCTETS, QueryReader } from '../wire/query.ts';
import type { Composed } from '../wire/respond.ts';
import { badKeyOctets, writeBadKey } from '../wire/tsig.ts';
import { type ClientFacts, Clients } from './clients.ts';
import { type AnsweredFrom, QueryCounts } from './query-counts.ts';
import { RateLimiter, type RateLimitSettings } from './rate-limit.ts';

/** Who asks. `address` is in the form that the socket gives. */
export interface ClientInfo {
  readonly address: string;
  readonly port: number;
  readonly transport: 'udp' | 'tcp';
}

export interface ResponderSettings {
  /** `id.server`, `hostname.bind`, and NSID (RFC 5001), which has its first 64 octets. */
  readonly serverId: string;
  /** Most octets of a response over UDP, and what we say we can take: 1232 passes without fragments (DNS flag day 2020). */
  readonly ednsUdpOctets: number;
  readonly rateLimit: RateLimitSettings;
  /** 16 octets (RFC 9018). */
  readonly cookieSecret: Uint8Array;
  /** What edns-tcp-keepalive tells clients (RFC 7828); the server's idle timeout. */
  readonly tcpIdleMs: number;
}

export interface ResponderDeps {
  /** Whether names outside the zones are resolved for this client. */
  mayForward(clientAddress: string): boolean;
  /** Of the zones; SOA serials are its low 32 bits. */
  revision(): bigint;
  nowMs(): number;
  /** 0 to 1, of cryptographic quality: hash seeds are drawn from it. */
  random(): number;
  readonly settings: ResponderSettings;
}

/** {@link Responder.accept} has a well-formed question of some class: answer it. */
export const QUESTION = -1;
/** So that the longest question and every option together stay below 512 octets. */
const NSID_OCTETS_MAX = 64;
/** RFC 7828 §3.1: units of 100 ms. */
const KEEPALIVE_UNIT_MS = 100;

/**
 * The query being answered, one at a time, and all of a response that is not the answer itself: refusals, header, letter
 * case, serial, OPT, size. Its fields are set anew for each query, so that none costs an object.
 */
export class Responder {
  readonly counts = new QueryCounts();
  readonly reader: QueryReader;
  nowMs = 0;
  isTcp = false;
  /** RA is set, and names outside the zones are asked for. */
  mayForward = false;
  readonly #deps: ResponderDeps;
  readonly #clients: Clients;
  readonly #limiter: RateLimiter;
  readonly #cookies: Cookies;
  readonly #optWriter: OptWriter;
  readonly #opt: OptContents = { cookie: undefined, keepalive: undefined, extendedError: undefined };
  readonly #cookie = new Uint8Array(CLIENT_COOKIE_OCTETS + SERVER_COOKIE_OCTETS);
  #query: Uint8Array = new Uint8Array(HEADER_OCTETS);
  #revision = -1n;
  #serial = 0;

  constructor(deps: ResponderDeps) {
    const { settings } = deps;
    const seed = (): number => Math.floor(deps.random() * 0x1_0000_0000);
    this.#deps = deps;
    this.reader = new QueryReader(seed());
    this.#clients = new Clients((address) => deps.mayForward(address), settings.rateLimit.exempt, seed());
    this.#limiter = new RateLimiter(settings.rateLimit);
    this.#cookies = new Cookies(settings.cookieSecret);
    this.#optWriter = new OptWriter(
      settings.ednsUdpOctets,
      Buffer.from(settings.serverId, 'utf8').subarray(0, NSID_OCTETS_MAX),
    );
  }

  /** What is allowed to whom has changed. */
  forgetClients(): void {
    this.#clients.forget();
  }

  /**
   * Takes in a message: {@link QUESTION}, or it is dealt with.
   *
   * @returns octets of the refusal in `out`, 0 when nothing must be sent
   */
  accept(query: Uint8Array, queryLength: number, client: ClientInfo, out: Uint8Array): number {
    const triaged = triage(query, queryLength);
    if (triaged === 'ignore') {
      this.counts.ignored[queryLength < HEADER_OCTETS ? 'short' : 'response'] += 1;
      return 0;
    }
    const facts = this.#begin(query, client);
    (this.isTcp ? this.counts.requestOctets.tcp : this.counts.requestOctets.udp).observe(queryLength);
    const isLimited = this.#limiter.isOn && !this.isTcp && !facts.isExempt;
    const read =
      triaged === 'parse' ? this.reader.read(query, queryLength) : triaged === 'notimp' ? Rcode.NOTIMP : Rcode.FORMERR;
    if (read === Rcode.FORMERR || read === Rcode.NOTIMP) {
      this.counts.request(this.isTcp, facts.octets.length !== 4, 0);
      if (!isLimited || this.#limiter.admit(facts.networkHash, this.nowMs) === 'send') {
        return triaged === 'parse' && this.reader.hasEdns ? this.#refuseMalformed(out) : this.refuseBare(read, out);
      }
      this.counts.ignored['rate-limited'] += 1;
      return 0;
    }
    const isKnown = this.#prepareOpt(facts);
    if (this.reader.dnssecOk) this.counts.dnssecOk += 1;
    this.counts.request(this.isTcp, facts.octets.length !== 4, this.reader.type);
    if (isLimited && !isKnown) {
      const verdict = this.#limiter.admit(facts.networkHash, this.nowMs);
      if (verdict !== 'send') return this.#overLimit(verdict, out);
    }
    if (read === Rcode.NOTAUTH) return this.#refuseSigned(out);
    if (read === Rcode.BADVERS) return this.refuse(Rcode.BADVERS, undefined, out);
    // RFC 7873 §5.4: no question, only a cookie.
    if (this.reader.questionEnd === HEADER_OCTETS) return this.refuse(Rcode.NOERROR, undefined, out);
    return QUESTION;
  }

  /** Brings the fields that other queries have used meanwhile back to one that was accepted before. */
  resume(query: Uint8Array, client: ClientInfo): void {
    const facts = this.#begin(query, client);
    this.reader.read(query, query.length);
    this.#prepareOpt(facts);
  }

  /** For the OPT of the response: RFC 8914 info code. */
  set extendedError(code: number | undefined) {
    this.#opt.extendedError = code;
  }

  /** Octets for the response without its OPT: what the client can take, and what we send at most. */
  get room(): number {
    const { reader } = this;
    const whole = this.isTcp
      ? MESSAGE_OCTETS_MAX
      : reader.hasEdns
        ? Math.max(PLAIN_UDP_OCTETS, Math.min(reader.udpOctets, this.#deps.settings.ednsUdpOctets))
        : PLAIN_UDP_OCTETS;
    return whole - this.#optWriter.octetsFor(reader, this.#opt);
  }

  send(variant: Variant, from: AnsweredFrom, out: Uint8Array): number {
    return this.finish(variant.write(out), variant, from, out);
  }

  /**
   * Makes the message that stands in `out` the response to this query.
   *
   * @returns its length with the OPT
   */
  finish(
    length: number,
    composed: Pick<Composed, 'rcode' | 'truncated' | 'serialAts'>,
    from: AnsweredFrom,
    out: Uint8Array,
  ): number {
    const query = this.#query;
    const { reader } = this;
    out[0] = query[0] as number;
    out[1] = query[1] as number;
    out[2] = (out[2] as number) | ((query[2] as number) & (HeaderFlag.RD >>> 8));
    if (this.mayForward) out[3] = (out[3] as number) | HeaderFlag.RA;
    if (reader.hasUpperCase) {
      for (let at = HEADER_OCTETS; at < reader.questionEnd; at += 1) out[at] = query[at] as number;
    }
    if (composed.serialAts.length > 0) this.#writeSerials(composed.serialAts, out);
    const total = this.#optWriter.write(reader, this.#opt, composed.rcode, out, length);
    this.counts.answered[from] += 1;
    if (composed.truncated) this.counts.truncated += 1;
    this.counts.response(this.isTcp, composed.rcode, total);
    return total;
  }

  /** A response of the question, if there was one, and the OPT. */
  refuse(rcode: Rcode, extendedError: number | undefined, out: Uint8Array): number {
    const query = this.#query;
    const { questionEnd } = this.reader;
    this.#writeHeader(rcode, out);
    if (this.mayForward) out[3] = (out[3] as number) | HeaderFlag.RA;
    for (let at = HEADER_OCTETS; at < questionEnd; at += 1) out[at] = query[at] as number;
    out[5] = questionEnd > HEADER_OCTETS ? 1 : 0;
    this.#opt.extendedError = extendedError;
    const length = this.#optWriter.write(this.reader, this.#opt, rcode, out, questionEnd);
    this.counts.answered.refused += 1;
    this.counts.response(this.isTcp, rcode, length);
    return length;
  }

  /** An empty response with TC: who asked, and is not made up, comes again by TCP. */
  sendToTcp(out: Uint8Array): number {
    const length = this.refuse(Rcode.NOERROR, undefined, out);
    out[2] = (out[2] as number) | (HeaderFlag.TC >>> 8);
    return length;
  }

  /**
   * For a query of which question and OPT could be read, but not all. It has an OPT (RFC 6891 §6.1.1): FORMERR without one
   * says that EDNS is unknown here (§7).
   */
  #refuseMalformed(out: Uint8Array): number {
    this.#clearOpt();
    return this.refuse(Rcode.FORMERR, undefined, out);
  }

  /** RFC 8945 §5.2.1: we share no key with anyone. Where the TSIG that says so does not fit, the RCODE must do. */
  #refuseSigned(out: Uint8Array): number {
    const query = this.#query;
    const { questionEnd, tsigAt } = this.reader;
    const fits = questionEnd + badKeyOctets(query, tsigAt, questionEnd) <= this.room;
    const length = this.refuse(Rcode.NOTAUTH, undefined, out);
    return fits ? writeBadKey(query, tsigAt, questionEnd, out, length) : length;
  }

  /** A response of 12 octets, for what could not be read. */
  refuseBare(rcode: Rcode, out: Uint8Array): number {
    this.#writeHeader(rcode, out);
    this.counts.answered.refused += 1;
    this.counts.response(this.isTcp, rcode, HEADER_OCTETS);
    return HEADER_OCTETS;
  }

  /** As {@link refuseBare}, for a query that could not be answered because of a fault of ours. */
  fail(query: Uint8Array, queryLength: number, out: Uint8Array): number {
    this.counts.failures += 1;
    if (queryLength < HEADER_OCTETS) return 0;
    this.#query = query;
    return this.refuseBare(Rcode.SERVFAIL, out);
  }

  #begin(query: Uint8Array, client: ClientInfo): ClientFacts {
    const facts = this.#clients.of(client.address);
    this.#query = query;
    this.nowMs = this.#deps.nowMs();
    this.isTcp = client.transport === 'tcp';
    this.mayForward = facts.mayForward;
    return facts;
  }

  /** Settles the options of the response. @returns whether the client has shown a good cookie of ours */
  #prepareOpt(facts: ClientFacts): boolean {
    const { reader } = this;
    const opt = this.#opt;
    this.#clearOpt();
    if (this.isTcp && reader.wantsKeepalive) {
      opt.keepalive = Math.floor(this.#deps.settings.tcpIdleMs / KEEPALIVE_UNIT_MS);
    }
    if (reader.cookieOctets === 0) return false;
    const query = this.#query;
    const nowSeconds = Math.floor(this.nowMs / 1000);
    const { cookieAt, cookieOctets } = reader;
    const state = this.#cookies.check(query, cookieAt, cookieOctets, facts.octets, nowSeconds);
    const cookie = this.#cookie;
    const kept = state === 'good' ? cookie.length : CLIENT_COOKIE_OCTETS;
    for (let at = 0; at < kept; at += 1) cookie[at] = query[cookieAt + at] as number;
    if (state !== 'good') this.#cookies.write(cookie, 0, facts.octets, nowSeconds, cookie, CLIENT_COOKIE_OCTETS);
    opt.cookie = cookie;
    return state !== 'bad';
  }

  #clearOpt(): void {
    this.#opt.cookie = undefined;
    this.#opt.keepalive = undefined;
    this.#opt.extendedError = undefined;
  }

  #writeSerials(serialAts: readonly number[], out: Uint8Array): void {
    const revision = this.#deps.revision();
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.#serial = Number(BigInt.asUintN(32, revision));
    }
    for (const at of serialAts) {
      out[at] = this.#serial >>> 24;
      out[at + 1] = this.#serial >>> 16;
      out[at + 2] = this.#serial >>> 8;
      out[at + 3] = this.#serial;
    }
  }

  #overLimit(verdict: 'slip' | 'drop', out: Uint8Array): number {
    if (verdict === 'drop') {
      this.counts.ignored['rate-limited'] += 1;
      return 0;
    }
    this.counts.slipped += 1;
    return this.sendToTcp(out);
  }

  /** Id, opcode and RD as in the query, QR, the RCODE's low bits; no sections. */
  #writeHeader(rcode: Rcode, out: Uint8Array): void {
    const query = this.#query;
    out[0] = query[0] as number;
    out[1] = query[1] as number;
    out[2] = 0x80 | ((query[2] as number) & 0x79);
    out[3] = rcode & 0xf;
    for (let at = 4; at < HEADER_OCTETS; at += 1) out[at] = 0;
  }
}
