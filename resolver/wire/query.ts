import { nameOf, type OwnerName } from '../../shared/name.ts';
import { Rcode, RrType } from '../../shared/rrset.ts';
import { HEADER_OCTETS } from './accept.ts';
import { isTsig, TSIG_TYPE } from './tsig.ts';

/** RFC 1035 §2.3.4. */
const LABEL_OCTETS_MAX = 63;
const NAME_OCTETS_MAX = 255;
/** RFC 1035 §2.3.4, and the least that EDNS may say (RFC 6891 §6.2.3). */
export const PLAIN_UDP_OCTETS = 512;

/** RFC 2931: a signature that may stand last in a query; we verify none and pass over it. */
const SIG_TYPE = 24;

/** EDNS option codes (IANA, DNS EDNS0 Option Codes). */
export const EdnsOption = { NSID: 3, COOKIE: 10, KEEPALIVE: 11, EDE: 15 } as const;

/** RFC 7873 §4: a client cookie alone, or followed by a server cookie of 8 to 32 octets. */
const CLIENT_COOKIE_OCTETS = 8;
const COOKIE_OCTETS_MIN = 16;
const COOKIE_OCTETS_MAX = 40;

/** What {@link QueryReader.read} found. */
export type ReadResult = typeof Rcode.NOERROR | typeof Rcode.FORMERR | typeof Rcode.NOTAUTH | typeof Rcode.BADVERS;

/**
 * Reads one query at a time into its own fields, so that the query path makes no object per query. The fields hold
 * until the next `read`.
 *
 * The message must have passed `triage`. Octets behind the last record are passed over, as BIND and NSD do. A name in
 * the question may not be compressed: nothing stands before it. Records other than OPT and a signature at the end are
 * FORMERR, as in NSD.
 */
export class QueryReader {
  /** Where the question ends: behind its class. {@link HEADER_OCTETS} when there is none (a question for a cookie). */
  questionEnd = HEADER_OCTETS;
  type = 0;
  class = 0;
  /** Of the name with ASCII letters folded, and the type: equal for equal questions. */
  hash = 0;
  /** The name has upper-case letters, which the response must repeat (draft-vixie-dnsext-dns0x20). */
  hasUpperCase = false;
  hasEdns = false;
  /** What the client can take over UDP, at least 512. */
  udpOctets = PLAIN_UDP_OCTETS;
  dnssecOk = false;
  /** Where the cookie option's data begins, and its length; 0 and 0 without one. */
  cookieAt = 0;
  cookieOctets = 0;
  wantsNsid = false;
  wantsKeepalive = false;
  /** Where the TSIG begins; 0 without one. */
  tsigAt = 0;

  readonly #seed: number;

  /** @param seed for `hash`: unknown to clients, so that they cannot choose names that collide */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /**
   * @returns NOERROR, or the RCODE to refuse with; NOTAUTH is for a TSIG, of which we know no key. With BADVERS and NOTAUTH the
   * question and OPT fields are filled in; with FORMERR, when `hasEdns` is set, the question and, as far as they were read,
   * those of the OPT.
   */
  read(octets: Uint8Array, length: number): ReadResult {
    this.hasEdns = false;
    this.udpOctets = PLAIN_UDP_OCTETS;
    this.dnssecOk = false;
    this.cookieAt = 0;
    this.cookieOctets = 0;
    this.wantsNsid = false;
    this.wantsKeepalive = false;
    this.tsigAt = 0;
    this.hasUpperCase = false;
    this.type = 0;
    this.class = 0;
    this.questionEnd = HEADER_OCTETS;
    const isForCookie = octets[5] === 0;
    if (!isForCookie && !this.#readQuestion(octets, length)) return Rcode.FORMERR;
    let at = this.questionEnd;
    if (octets[9] === 1) {
      if (this.type !== RrType.IXFR) return Rcode.FORMERR;
      at = skipRecord(octets, at, length);
      if (at === 0) return Rcode.FORMERR;
    }
    const additional = octets[11] as number;
    if (additional === 0) return Rcode.NOERROR;
    const result = this.#readAdditional(octets, at, length, additional);
    if (result === Rcode.NOERROR && isForCookie && this.cookieOctets === 0) return Rcode.FORMERR;
    return result;
  }

  #readQuestion(octets: Uint8Array, length: number): boolean {
    let hash = this.#seed;
    let upper = 0;
    let at = HEADER_OCTETS;
    for (;;) {
      if (at >= length) return false;
      const labelOctets = octets[at] as number;
      // Also refuses compression pointers and the reserved label types.
      if (labelOctets > LABEL_OCTETS_MAX) return false;
      hash = Math.imul(hash ^ labelOctets, 0x01000193);
      at += 1;
      if (labelOctets === 0) break;
      const end = at + labelOctets;
      if (end >= length) return false;
      for (; at < end; at += 1) {
        const octet = octets[at] as number;
        // Letters differ from their lower case by bit 5 alone.
        const isUpper = (octet - 0x41) >>> 0 < 26 ? 0x20 : 0;
        upper |= isUpper;
        hash = Math.imul(hash ^ (octet | isUpper), 0x01000193);
      }
    }
    if (at - HEADER_OCTETS > NAME_OCTETS_MAX || at + 4 > length) return false;
    this.type = ((octets[at] as number) << 8) | (octets[at + 1] as number);
    this.class = ((octets[at + 2] as number) << 8) | (octets[at + 3] as number);
    this.questionEnd = at + 4;
    this.hasUpperCase = upper !== 0;
    hash = Math.imul(hash ^ this.type, 0x01000193);
    this.hash = hash ^ (hash >>> 15);
    return true;
  }

  #readAdditional(octets: Uint8Array, start: number, length: number, count: number): ReadResult {
    let at = start;
    let result: ReadResult = Rcode.NOERROR;
    for (let index = 0; index < count; index += 1) {
      const end = skipRecord(octets, at, length);
      if (end === 0) return Rcode.FORMERR;
      const isRoot = octets[at] === 0;
      const typeAt = isRoot ? at + 1 : skipName(octets, at, length);
      const type = ((octets[typeAt] as number) << 8) | (octets[typeAt + 1] as number);
      if (type === RrType.OPT) {
        // RFC 6891 §6.1.1 and §6.1.2: one OPT, owned by the root.
        if (this.hasEdns || !isRoot) return Rcode.FORMERR;
        result = this.#readOpt(octets, at, end);
        if (result === Rcode.FORMERR) return result;
      } else if ((type !== TSIG_TYPE && type !== SIG_TYPE) || index !== count - 1) {
        return Rcode.FORMERR;
      } else if (type === TSIG_TYPE) {
        if (!isTsig(octets, at, end, this.questionEnd)) return Rcode.FORMERR;
        this.tsigAt = at;
        if (result === Rcode.NOERROR) result = Rcode.NOTAUTH;
      }
      at = end;
    }
    return result;
  }

  #readOpt(octets: Uint8Array, at: number, end: number): ReadResult {
    this.hasEdns = true;
    this.udpOctets = Math.max(PLAIN_UDP_OCTETS, ((octets[at + 3] as number) << 8) | (octets[at + 4] as number));
    this.dnssecOk = ((octets[at + 7] as number) & 0x80) !== 0;
    // What another version puts behind the version is its own matter (RFC 8906 §8.2.6).
    if (octets[at + 6] !== 0) return Rcode.BADVERS;
    let option = at + 11;
    while (option < end) {
      if (option + 4 > end) return Rcode.FORMERR;
      const code = ((octets[option] as number) << 8) | (octets[option + 1] as number);
      const optionOctets = ((octets[option + 2] as number) << 8) | (octets[option + 3] as number);
      option += 4;
      if (option + optionOctets > end) return Rcode.FORMERR;
      if (code === EdnsOption.COOKIE) {
        if (!isCookieLength(optionOctets)) return Rcode.FORMERR;
        // RFC 7873 §5.2: of several, the first counts.
        if (this.cookieOctets === 0) {
          this.cookieAt = option;
          this.cookieOctets = optionOctets;
        }
      } else if (code === EdnsOption.NSID) this.wantsNsid = true;
      else if (code === EdnsOption.KEEPALIVE) this.wantsKeepalive = true;
      option += optionOctets;
    }
    return Rcode.NOERROR;
  }
}

function isCookieLength(octets: number): boolean {
  return octets === CLIENT_COOKIE_OCTETS || (octets >= COOKIE_OCTETS_MIN && octets <= COOKIE_OCTETS_MAX);
}

/** The position behind the name at `start`, 0 when it is none. A pointer ends a name; where it points is not followed. */
function skipName(octets: Uint8Array, start: number, length: number): number {
  let at = start;
  while (at < length) {
    const labelOctets = octets[at] as number;
    if (labelOctets === 0) return at + 1;
    if (labelOctets >= 0xc0) return at + 2 <= length ? at + 2 : 0;
    if (labelOctets > LABEL_OCTETS_MAX) return 0;
    at += 1 + labelOctets;
    if (at - start > NAME_OCTETS_MAX) return 0;
  }
  return 0;
}

/** The position behind the record at `start`; 0 when it does not fit into the message. */
function skipRecord(octets: Uint8Array, start: number, length: number): number {
  const at = skipName(octets, start, length);
  if (at === 0 || at + 10 > length) return 0;
  const end = at + 10 + (((octets[at + 8] as number) << 8) | (octets[at + 9] as number));
  return end > length ? 0 : end;
}

/** The name of the question, folded to lower case. The question must have been read without error. */
export function readQuestionName(octets: Uint8Array): OwnerName {
  const labels: string[] = [];
  let at = HEADER_OCTETS;
  for (let labelOctets = octets[at] as number; labelOctets !== 0; labelOctets = octets[at] as number) {
    let label = '';
    const end = at + 1 + labelOctets;
    for (at += 1; at < end; at += 1) label += String.fromCharCode(octets[at] as number);
    labels.push(label);
  }
  return nameOf(labels);
}

/** The question's octets, folded to lower case: name in wire form, type, class. */
export function foldedQuestion(octets: Uint8Array, questionEnd: number): Uint8Array {
  // Not `slice`, which gives a view when the octets are a Buffer.
  const question = new Uint8Array(octets.subarray(HEADER_OCTETS, questionEnd));
  // Length octets are below 64 and are no letters; type and class are left alone.
  for (let at = 0; at < question.length - 4; at += 1) {
    const octet = question[at] as number;
    if ((octet - 0x41) >>> 0 < 26) question[at] = octet | 0x20;
  }
  return question;
}
