/**
 * The first look at a message: its 12 header octets alone (RFC 1035 §4.1.1). What cannot be a question for us is
 * refused here, before anything in it is parsed.
 */

export const HEADER_OCTETS = 12;

/**
 * `parse`: may be a question. `ignore`: no answer at all. `formerr`, `notimp`: a bare header with that RCODE goes back,
 * never longer than what came.
 */
export type Triage = 'parse' | 'ignore' | 'formerr' | 'notimp';

/** OPT (RFC 6891) and one of TSIG (RFC 8945) or SIG(0) (RFC 2931): a query carries nothing else beside its question. */
const ADDITIONAL_MAX = 2;

/**
 * Sorts a message by its header.
 *
 * A response is never answered: two servers would talk for ever. Too short for a header means nothing to answer with.
 * The opcode comes before the counts, because another opcode gives them another meaning (RFC 8906 §8.1.4). QDCOUNT of
 * QUERY is 1 (RFC 9619 §4), or 0 beside an OPT that asks for a cookie (RFC 7873 §5.4). The rest is NSD's strictness:
 * a query has no RCODE, no answers, and authority only as IXFR has it, which the parser sees.
 *
 * @param length octets of the message in `octets`
 */
export function triage(octets: Uint8Array, length: number): Triage {
  if (length < HEADER_OCTETS) return 'ignore';
  const high = octets[2] as number;
  if ((high & 0x80) !== 0) return 'ignore';
  if ((high & 0x78) !== 0) return 'notimp';
  if (((octets[3] as number) & 0x0f) !== 0) return 'formerr';
  if (octets[4] !== 0 || (octets[5] as number) > 1 || octets[6] !== 0 || octets[7] !== 0) return 'formerr';
  if (octets[8] !== 0 || (octets[9] as number) > 1) return 'formerr';
  if (octets[10] !== 0 || (octets[11] as number) > ADDITIONAL_MAX) return 'formerr';
  if (octets[5] === 0 && (octets[9] !== 0 || octets[11] !== 1)) return 'formerr';
  return 'parse';
}
