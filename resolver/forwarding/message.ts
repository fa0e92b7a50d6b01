import { labelsOf } from '../../shared/name.ts';
import { Rcode, RrClass, RrType } from '../../shared/rrset.ts';
import type { Question } from '../lookup/question.ts';
import { HEADER_OCTETS } from '../wire/accept.ts';
import { HeaderFlag } from '../wire/header-flags.ts';

/**
 * DNS messages as the forwarder passes them on: read only as far as it must (question, where each record's TTL
 * stands, OPT), and otherwise octet for octet as the upstream sent them.
 */

/** RFC 6891 §6.2.5, and the size that passes without fragments (DNS flag day 2020). */
export const EDNS_UDP_OCTETS = 1232;
const POINTER = 0xc0;
const OPT_OCTETS = 11;

const OPCODE_MASK = 0x7800;
const DO_BIT = 0x8000;

export interface ScannedRecord {
  readonly section: 'answer' | 'authority' | 'additional';
  readonly type: number;
  readonly class: number;
  readonly ttlSeconds: number;
  /** Where the record begins, where its TTL stands, where its rdata begins and ends. */
  readonly at: number;
  readonly ttlAt: number;
  readonly rdataAt: number;
  readonly end: number;
  /** Of a SOA: its last field (RFC 2308 §4). */
  readonly soaMinimum?: number;
}

export interface ScannedMessage {
  readonly id: number;
  readonly flags: number;
  /** The header's four bits; the OPT's upper eight are in `opt`. */
  readonly rcode: number;
  /** The name in wire form, ASCII folded, as a binary string: equal for equal names. */
  readonly questionName: string;
  readonly questionType: number;
  readonly questionClass: number;
  readonly questionEnd: number;
  readonly records: readonly ScannedRecord[];
  readonly opt: { readonly at: number; readonly extendedRcode: number; readonly dnssecOk: boolean } | undefined;
}

/** Reads a message with exactly one question. Undefined when its octets are not one whole, well-formed message. */
export function scanMessage(octets: Uint8Array): ScannedMessage | undefined {
  if (octets.length < HEADER_OCTETS) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  if (view.getUint16(4) !== 1) return undefined;
  const question = readQuestionName(octets, HEADER_OCTETS);
  if (question === undefined || question.end + 4 > octets.length) return undefined;
  const records: ScannedRecord[] = [];
  let opt: ScannedMessage['opt'];
  let at = question.end + 4;
  for (const [section, countAt] of [
    ['answer', 6],
    ['authority', 8],
    ['additional', 10],
  ] as const) {
    for (let left = view.getUint16(countAt); left > 0; left -= 1) {
      const record = scanRecord(octets, view, at, section);
      if (record === undefined) return undefined;
      if (record.type === RrType.OPT) {
        // RFC 6891 §6.1.1: one at most, and in the additional section.
        if (opt !== undefined || section !== 'additional') return undefined;
        opt = {
          at: record.at,
          extendedRcode: octets[record.ttlAt] as number,
          dnssecOk: (view.getUint16(record.ttlAt + 2) & DO_BIT) !== 0,
        };
      }
      records.push(record);
      at = record.end;
    }
  }
  const flags = view.getUint16(2);
  return {
    id: view.getUint16(0),
    flags,
    rcode: flags & 0xf,
    questionName: question.name,
    questionType: view.getUint16(question.end),
    questionClass: view.getUint16(question.end + 2),
    questionEnd: question.end + 4,
    records,
    opt,
  };
}

function readQuestionName(octets: Uint8Array, start: number): { name: string; end: number } | undefined {
  let at = start;
  let name = '';
  for (;;) {
    const length = octets[at];
    // The first name of a message can point at nothing before it.
    if (length === undefined || length >= 64 || at + 1 + length > octets.length || at - start > 254) return undefined;
    name += String.fromCharCode(length);
    at += 1;
    if (length === 0) return { name, end: at };
    for (const end = at + length; at < end; at += 1) {
      const octet = octets[at] as number;
      name += String.fromCharCode(octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet);
    }
  }
}

function scanRecord(
  octets: Uint8Array,
  view: DataView,
  at: number,
  section: ScannedRecord['section'],
): ScannedRecord | undefined {
  const nameEnd = skipName(octets, at);
  if (nameEnd === undefined || nameEnd + 10 > octets.length) return undefined;
  const rdataAt = nameEnd + 10;
  const end = rdataAt + view.getUint16(nameEnd + 8);
  if (end > octets.length) return undefined;
  const ttl = view.getUint32(nameEnd + 4);
  const type = view.getUint16(nameEnd);
  return {
    section,
    type,
    class: view.getUint16(nameEnd + 2),
    // RFC 2181 §8: with the top bit set it is 0.
    ttlSeconds: ttl > 0x7fffffff ? 0 : ttl,
    at,
    ttlAt: nameEnd + 4,
    rdataAt,
    end,
    ...(type === RrType.SOA && end - rdataAt >= 22 && { soaMinimum: view.getUint32(end - 4) }),
  };
}

/** The position behind the name at `start`. A pointer ends a name; it must point back (RFC 1035 §4.1.4). */
function skipName(octets: Uint8Array, start: number): number | undefined {
  let at = start;
  for (;;) {
    const length = octets[at];
    if (length === undefined) return undefined;
    if (length === 0) return at + 1;
    if ((length & POINTER) === POINTER) {
      const low = octets[at + 1];
      if (low === undefined || (((length & ~POINTER) << 8) | low) >= start) return undefined;
      return at + 2;
    }
    if (length >= 64 || at - start > 254) return undefined;
    at += 1 + length;
  }
}

/** What of a client's query decides the answer. Equal keys may share one answer. */
export function keyOfQuery(query: ScannedMessage): string {
  const bits = (query.flags & (HeaderFlag.RD | HeaderFlag.CD)) | (query.opt?.dnssecOk ? 1 : 0);
  return `${query.questionName}${query.questionType} ${query.questionClass} ${bits}`;
}

/** The query to send upstream: the client's question, RD, CD and DO; id and OPT are ours. */
export function upstreamQuery(client: Uint8Array, scanned: ScannedMessage, id: number, edns: boolean): Uint8Array {
  const octets = new Uint8Array(scanned.questionEnd + (edns ? OPT_OCTETS : 0));
  const view = new DataView(octets.buffer);
  octets.set(client.subarray(0, scanned.questionEnd));
  view.setUint16(0, id);
  view.setUint16(2, scanned.flags & (HeaderFlag.RD | HeaderFlag.CD));
  view.setUint16(4, 1);
  view.setUint32(6, 0);
  view.setUint16(10, edns ? 1 : 0);
  if (edns) {
    view.setUint16(scanned.questionEnd + 1, RrType.OPT);
    view.setUint16(scanned.questionEnd + 3, EDNS_UDP_OCTETS);
    if (scanned.opt?.dnssecOk) view.setUint16(scanned.questionEnd + 7, DO_BIT);
  }
  return octets;
}

/** A query of our own, RD set, without OPT: what `upstreamQuery` takes as the client's. */
export function queryOf(question: Question): Uint8Array {
  const labels = labelsOf(question.name);
  const nameOctets = labels.reduce((sum, label) => sum + 1 + label.length, 1);
  const octets = new Uint8Array(HEADER_OCTETS + nameOctets + 4);
  const view = new DataView(octets.buffer);
  view.setUint16(2, HeaderFlag.RD);
  view.setUint16(4, 1);
  let at = HEADER_OCTETS;
  for (const label of labels) {
    octets[at] = label.length;
    at += 1;
    for (let i = 0; i < label.length; i += 1, at += 1) octets[at] = label.charCodeAt(i);
  }
  view.setUint16(at + 1, question.type);
  view.setUint16(at + 3, RrClass.IN);
  return octets;
}

/** Whether `response` answers the query that was sent with `id`: nothing else that arrives counts (RFC 5452 §9.1). */
export function isResponseTo(query: ScannedMessage, id: number, response: ScannedMessage): boolean {
  return (
    response.id === id &&
    (response.flags & HeaderFlag.QR) !== 0 &&
    (response.flags & OPCODE_MASK) === 0 &&
    response.questionName === query.questionName &&
    response.questionType === query.questionType &&
    response.questionClass === query.questionClass
  );
}

/** What a server may say of a query that it did not read. */
const UNREAD: ReadonlySet<number> = new Set([Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED]);

/**
 * A response that must have our question, as one that has it. Servers that could not read a query, or would not, send their
 * RCODE back without it: those without EDNS do so to each OPT (RFC 6891 §7). Whatever else has no question is left as it is.
 *
 * @param query what was sent
 */
export function withQuestion(response: Uint8Array, query: Uint8Array, questionEnd: number): Uint8Array {
  if (response.length < HEADER_OCTETS) return response;
  const [questions, answers, authority] = [4, 6, 8].map(
    (at) => ((response[at] as number) << 8) | (response[at + 1] as number),
  );
  const isUnread = UNREAD.has((response[3] as number) & 0xf);
  if (!isUnread || questions !== 0 || answers !== 0 || authority !== 0) return response;
  const question = query.subarray(HEADER_OCTETS, questionEnd);
  const whole = new Uint8Array(response.length + question.length);
  whole.set(response.subarray(0, HEADER_OCTETS));
  whole[5] = 1;
  whole.set(question, HEADER_OCTETS);
  whole.set(response.subarray(HEADER_OCTETS), questionEnd);
  return whole;
}

/** The response code with the OPT's upper bits (RFC 6891 §6.1.3). */
export function fullRcode(message: ScannedMessage): number {
  return ((message.opt?.extendedRcode ?? 0) << 4) | message.rcode;
}

/**
 * A response as it goes to clients: id 0, no OPT (EDNS is hop by hop, RFC 6891 §6.1.1), RA set, AA and AD cleared (we
 * are no authority for it and have validated nothing). What stands behind an OPT in the additional section goes with
 * it: cutting out of the middle would move what compression pointers point at.
 */
export function cleanResponse(octets: Uint8Array, scanned: ScannedMessage): Uint8Array {
  const cutAt = scanned.opt?.at;
  const cleaned = copyOf(octets, cutAt ?? scanned.records.at(-1)?.end ?? scanned.questionEnd);
  const view = new DataView(cleaned.buffer);
  view.setUint16(0, 0);
  view.setUint16(2, (scanned.flags | HeaderFlag.RA) & ~(HeaderFlag.AA | HeaderFlag.AD));
  if (cutAt !== undefined) {
    const kept = scanned.records.filter((record) => record.section === 'additional' && record.at < cutAt);
    view.setUint16(10, kept.length);
  }
  return cleaned;
}

/** The first `length` octets as an array of their own. Not `slice`: that of a Buffer shares its memory. */
export function copyOf(octets: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(octets.subarray(0, length));
}

/** The question's octets as the client wrote them (letter case and all), and its RD and CD, in a response to the same question. */
export function asAsked(response: Uint8Array, client: Uint8Array, scanned: ScannedMessage): void {
  response.set(client.subarray(HEADER_OCTETS, scanned.questionEnd), HEADER_OCTETS);
  const view = new DataView(response.buffer, response.byteOffset, response.byteLength);
  const kept = view.getUint16(2) & ~(HeaderFlag.RD | HeaderFlag.CD);
  view.setUint16(2, kept | (scanned.flags & (HeaderFlag.RD | HeaderFlag.CD)));
}
