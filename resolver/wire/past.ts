import { Buffer } from 'node:buffer';
import { type OwnerName, parseName } from '../../shared/name.ts';
import { Rcode, type ResourceRecord } from '../../shared/rrset.ts';
import { ExtendedError } from './opt.ts';
import type { Response } from './respond.ts';

/** Below it stand, in class CH, the answers of the past. No zone of class IN can be in the way, and none is hit by accident. */
export const PAST_SUFFIX = parseName('at.rollcall');

/** What there is to say about a moment, one TXT record a line. */
export interface PastTold {
  readonly rcode: Rcode;
  /** RFC 8914 info code. */
  readonly extendedError?: number;
  readonly lines: readonly string[];
}

/** The past is read for as many as may wait. */
export const PAST_BUSY: PastTold = {
  rcode: Rcode.SERVFAIL,
  extendedError: ExtendedError.NOT_READY,
  lines: ['; the past is being read for others, and no more may wait; ask again in some seconds'],
};

/** Of the answer section: the largest message, less its header, the longest question and OPT. */
const LINES_OCTETS_MAX = 64_000;
/** Owner (a pointer), type, class, TTL and length of a record. */
const RECORD_OCTETS = 12;
const STRING_OCTETS_MAX = 255;

/** The lines that fit into the largest message there is; what is left out is said. */
export function pastResponse(name: OwnerName, { rcode, lines }: PastTold): Response {
  const texts = lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'utf8').toString('latin1'));
  const answers = fitting(texts).map((text): ResourceRecord => {
    return { owner: name, ttlSeconds: 0, type: 'TXT', strings: [text] };
  });
  // They are the lines of one text: none may turn.
  return { rcode, authoritative: true, answers, authority: [], additional: [], rotateFrom: answers.length };
}

function fitting(texts: readonly string[]): readonly string[] {
  let octets = 0;
  for (const [at, text] of texts.entries()) {
    octets += RECORD_OCTETS + text.length + Math.ceil(text.length / STRING_OCTETS_MAX);
    if (octets <= LINES_OCTETS_MAX) continue;
    const left = texts.length - at;
    return [
      ...texts.slice(0, at),
      `;; CUT: ${left === 1 ? '1 more line has' : `${left} more lines have`} no room in a DNS message; "rollcall at" and /v1/at have them`,
    ];
  }
  return texts;
}
