import type { OwnerName } from '../../shared/name.ts';
import { Rcode, type ResourceRecord, RrClass } from '../../shared/rrset.ts';
import type { Outcome } from '../lookup/outcome.ts';
import { HEADER_OCTETS } from './accept.ts';
import { HeaderFlag } from './header-flags.ts';
import type { MessageWriter, Ring } from './message.ts';

/** What goes into a response, before it meets the size it must fit into. */
export interface Response {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** Index into `answers` from which they may turn; `answers.length` when they may not. */
  readonly rotateFrom: number;
}

/** A response in wire form: id 0, RD and RA 0, no OPT; the question folded to lower case. */
export interface Composed {
  readonly octets: Uint8Array;
  readonly rcode: Rcode;
  readonly truncated: boolean;
  /** Nothing was left out, neither answers nor additional. */
  readonly whole: boolean;
  /** Positions of SOA serials, to be set to the zone's revision when sent. */
  readonly serialAts: readonly number[];
  readonly ring: Ring | undefined;
}

/** How much a response may hold. */
export interface Room {
  /** Without the OPT. */
  readonly octets: number;
  /** Over TCP there is nothing larger to fall back to: as many answers go out as fit, TC set, beginning at this one. */
  readonly partialFrom: number | undefined;
}

/**
 * What a zone's outcome says on the wire. AA is set for our zones, positive and negative alike. What only others can say of
 * names outside is the caller's.
 *
 * @param soaOf for the authority of negative answers (RFC 2308 §3)
 */
export function responseOf(
  outcome: Exclude<Outcome, { type: 'outside' }>,
  soaOf: (zone: OwnerName) => ResourceRecord,
  rotate: boolean,
): Response {
  switch (outcome.type) {
    case 'answer':
      return {
        rcode: Rcode.NOERROR,
        authoritative: outcome.authoritative,
        answers: outcome.answers,
        authority: outcome.authority,
        additional: outcome.additional,
        rotateFrom: rotate ? outcome.rotateFrom : outcome.answers.length,
      };
    case 'nodata':
      return { ...EMPTY, authoritative: true, authority: [soaOf(outcome.zone)] };
    case 'nxdomain':
      return { ...EMPTY, rcode: Rcode.NXDOMAIN, authoritative: true, authority: [soaOf(outcome.zone)] };
    case 'refused':
      return { ...EMPTY, rcode: Rcode.REFUSED };
    case 'notimp':
      return { ...EMPTY, rcode: Rcode.NOTIMP };
    case 'servfail':
      return { ...EMPTY, rcode: Rcode.SERVFAIL };
  }
}

const EMPTY: Response = {
  rcode: Rcode.NOERROR,
  authoritative: false,
  answers: [],
  authority: [],
  additional: [],
  rotateFrom: 0,
};

/**
 * Puts a response into its message. Whole RRsets go in or stay out (RFC 2181 §9): an answer or authority section that
 * does not fit leaves the message with TC and without records; additional RRsets stay out from the first that does not
 * fit, without TC. Over TCP an answer of which not one record fits is SERVFAIL.
 *
 * @param question name in wire form, folded, and type and class
 */
export function compose(
  writer: MessageWriter,
  name: OwnerName,
  question: Uint8Array,
  response: Response,
  room: Room,
  rrClass: number = RrClass.IN,
): Composed {
  writer.begin(name, question);
  const answered = writeAnswers(writer, response, room, rrClass);
  if (room.partialFrom !== undefined && answered === 0 && response.answers.length > 0) return tooLarge(writer);
  let truncated = answered < response.answers.length;
  let whole = !truncated;
  writer.setCount(6, answered);
  if (!truncated) {
    const start = writer.position;
    for (const record of response.authority) writer.record(record, rrClass);
    if (writer.position > room.octets) {
      writer.rollBack(room.partialFrom === undefined ? HEADER_OCTETS + question.length : start);
      if (room.partialFrom === undefined) writer.setCount(6, 0);
      truncated = true;
      whole = false;
    } else {
      writer.setCount(8, response.authority.length);
      const added = writeAdditional(writer, response.additional, room.octets);
      writer.setCount(10, added);
      whole = added === response.additional.length;
    }
  }
  const rcode = response.rcode & 0xf;
  writer.setFlags(
    HeaderFlag.QR | (response.authoritative ? HeaderFlag.AA : 0) | (truncated ? HeaderFlag.TC : 0) | rcode,
  );
  return { ...writer.finish(), rcode: response.rcode, truncated, whole };
}

/** Not even one record fits into the largest message there is: TC would have the client come again for nothing. */
function tooLarge(writer: MessageWriter): Composed {
  writer.setFlags(HeaderFlag.QR | Rcode.SERVFAIL);
  return { ...writer.finish(), rcode: Rcode.SERVFAIL, truncated: false, whole: false };
}

/** @returns how many records of the answer section were written: all, none, or what fits of a partial one */
function writeAnswers(writer: MessageWriter, response: Response, room: Room, rrClass: number): number {
  const { answers, rotateFrom } = response;
  const start = writer.position;
  const turning = answers.length - rotateFrom;
  for (let index = 0; index < answers.length; index += 1) {
    if (index === rotateFrom) writer.beginRing();
    const before = writer.position;
    const turned = index < rotateFrom ? index : rotateFrom + ((index - rotateFrom + (room.partialFrom ?? 0)) % turning);
    writer.record(answers[turned] as ResourceRecord, rrClass);
    if (writer.position > room.octets) {
      writer.rollBack(room.partialFrom === undefined ? start : before);
      if (room.partialFrom !== undefined && index > rotateFrom) writer.endRing();
      return room.partialFrom === undefined ? 0 : index;
    }
  }
  if (turning > 0) writer.endRing();
  return answers.length;
}

/** @returns how many records were written; records of one owner and type stay together */
function writeAdditional(writer: MessageWriter, additional: readonly ResourceRecord[], octets: number): number {
  if (additional.length === 0) return 0;
  const rrsets = new Map<string, ResourceRecord[]>();
  for (const record of additional) {
    const key = `${record.type} ${record.owner}`;
    const rrset = rrsets.get(key);
    if (rrset === undefined) rrsets.set(key, [record]);
    else rrset.push(record);
  }
  let written = 0;
  for (const rrset of rrsets.values()) {
    const start = writer.position;
    for (const record of rrset) {
      writer.record(record);
      if (writer.position > octets) {
        writer.rollBack(start);
        return written;
      }
    }
    written += rrset.length;
  }
  return written;
}
