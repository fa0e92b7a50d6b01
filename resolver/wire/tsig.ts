/** TSIG (RFC 8945), as far as a server without keys needs it: to see that a query has one, and to say that no key is known here. */

import { NAME_OCTETS_MAX } from '../../shared/name.ts';
import { HEADER_OCTETS } from './accept.ts';

export const TSIG_TYPE = 250;

/** RFC 8945 §4.2: class ANY, TTL 0. */
const CLASS_AND_TTL = [0, 255, 0, 0, 0, 0] as const;
/** Type, class, TTL, length. */
const FIXED_OCTETS = 10;
const TIME_AND_FUDGE_OCTETS = 8;
/** MAC size, original id, error, length of other data. */
const TAIL_OCTETS = 8;
const TYPE_AND_CLASS_OCTETS = 4;
/** RFC 8945 §3. */
const BADKEY = 17;

/** Whether the record from `at` to `end`, whose type is TSIG, is a well-formed one (RFC 8945 §4.2). */
export function isTsig(octets: Uint8Array, at: number, end: number, questionEnd: number): boolean {
  const typeAt = nameEnd(octets, at, end, questionEnd);
  if (typeAt === 0 || CLASS_AND_TTL.some((octet, index) => octets[typeAt + 2 + index] !== octet)) return false;
  const timeAt = nameEnd(octets, typeAt + FIXED_OCTETS, end, 0);
  const macAt = timeAt + TIME_AND_FUDGE_OCTETS + 2;
  if (timeAt === 0 || macAt > end) return false;
  const otherAt = macAt + uint16(octets, macAt - 2) + 6;
  return otherAt <= end && otherAt + uint16(octets, otherAt - 2) === end;
}

/** Octets that {@link writeBadKey} will write for the TSIG at `at`. */
export function badKeyOctets(query: Uint8Array, at: number, questionEnd: number): number {
  return timeAtOf(query, at, questionEnd) + TIME_AND_FUDGE_OCTETS - at + TAIL_OCTETS;
}

/**
 * Appends to a message of `length` octets in `out`, whose question is the query's, the TSIG of a server that does not know the
 * key (RFC 8945 §5.2.1): the query's, without MAC (§5.3.2).
 *
 * @returns the message's new length
 */
export function writeBadKey(
  query: Uint8Array,
  at: number,
  questionEnd: number,
  out: Uint8Array,
  length: number,
): number {
  const typeAt = nameEnd(query, at, query.length, questionEnd);
  const timeAt = timeAtOf(query, at, questionEnd);
  const macSizeAt = timeAt + TIME_AND_FUDGE_OCTETS;
  const originalIdAt = macSizeAt + 2 + uint16(query, macSizeAt);
  for (let from = at; from < macSizeAt; from += 1) out[length + from - at] = query[from] as number;
  const lengthAt = length + typeAt - at + FIXED_OCTETS - 2;
  const tailAt = length + macSizeAt - at;
  const end = tailAt + TAIL_OCTETS;
  out[lengthAt] = (end - lengthAt - 2) >>> 8;
  out[lengthAt + 1] = end - lengthAt - 2;
  const tail = [0, 0, query[originalIdAt] as number, query[originalIdAt + 1] as number, 0, BADKEY, 0, 0];
  for (const [index, octet] of tail.entries()) out[tailAt + index] = octet;
  const additional = uint16(out, 10) + 1;
  out[10] = additional >>> 8;
  out[11] = additional;
  return end;
}

/** Behind the algorithm's name. */
function timeAtOf(octets: Uint8Array, at: number, questionEnd: number): number {
  const rdataAt = nameEnd(octets, at, octets.length, questionEnd) + FIXED_OCTETS;
  return nameEnd(octets, rdataAt, octets.length, 0);
}

/**
 * The position behind the name at `start`; 0 when it is none. It may end in a pointer to a label of the question's name,
 * which stands in the response where it stands in the query; nothing else does.
 *
 * @param questionEnd 0: it may have no pointer
 */
function nameEnd(octets: Uint8Array, start: number, end: number, questionEnd: number): number {
  for (let at = start; at < end && at - start < NAME_OCTETS_MAX; ) {
    const labelOctets = octets[at] as number;
    if (labelOctets === 0) return at + 1;
    if (labelOctets > 63 && labelOctets < 0xc0) return 0;
    if (labelOctets >= 0xc0) {
      const rest = at + 2 <= end ? restOfQuestion(octets, uint16(octets, at) & 0x3fff, questionEnd) : 0;
      return rest > 0 && at - start + rest <= NAME_OCTETS_MAX ? at + 2 : 0;
    }
    at += 1 + labelOctets;
  }
  return 0;
}

/** Octets of the question's name from its label at `target` on; 0 when no label begins there. */
function restOfQuestion(octets: Uint8Array, target: number, questionEnd: number): number {
  const nameEnd = questionEnd - TYPE_AND_CLASS_OCTETS;
  for (let at = HEADER_OCTETS; at < nameEnd; at += 1 + (octets[at] as number)) {
    if (at === target) return nameEnd - at;
  }
  return 0;
}

function uint16(octets: Uint8Array, at: number): number {
  return ((octets[at] as number) << 8) | (octets[at + 1] as number);
}
