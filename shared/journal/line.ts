import { crc32 } from 'node:zlib';
import stringify from 'fast-json-stable-stringify';
import type { JournalEntry, JournalEvent, JournalGap } from './event.ts';

/**
 * The lines of a journal, each one JSON object in canonical form (the same content gives the same octets):
 *
 *     {"crc":"91c50e6f","createdAtMs":…,"firstSequence":1,"format":"rollcall-journal","kind":"resolver","version":1}
 *     {"crc":"5f3a0c11","event":{"atMs":…,"type":"RecordPut",…},"sequence":1}
 *     {"crc":"0b77d2e4","gap":{"atMs":…,"fromSequence":2,"lost":3,"reason":"unwritable","toSequence":4},"sequence":4}
 *
 * `crc` is the CRC-32 of the octets behind it: a flipped bit inside a string is still JSON, and would be believed.
 */
export const FORMAT_VERSION = 1;

/** Octets of the longest line that is written or believed; a store transaction of the largest size fits. */
export const LINE_OCTETS_MAX = 16 * 1024 * 1024;

export interface SegmentHeader {
  readonly format: 'rollcall-journal';
  readonly version: number;
  readonly kind: string;
  /** No record in the segment has a lower number. */
  readonly firstSequence: number;
  readonly createdAtMs: number;
}

export interface SnapshotHeader {
  readonly format: 'rollcall-snapshot';
  readonly version: number;
  readonly kind: string;
  /** The snapshot is the state after this event. */
  readonly sequence: number;
  readonly createdAtMs: number;
}

/** The last line of a snapshot: without it, or when it does not agree with the lines before it, the snapshot is damaged. */
export interface SnapshotEnd {
  readonly lines: number;
  /** CRC-32 of every octet before this line. */
  readonly crc: string;
}

export type ParsedLine<E extends JournalEvent> =
  | (JournalEntry<E> & { readonly sequence: number })
  | { readonly kind: 'corrupt'; readonly reason: string };

const CRC_PREFIX = '{"crc":"';
/** `{"crc":"xxxxxxxx",`; what follows is what the sum covers. */
const BODY_AT = CRC_PREFIX.length + 8 + 2;
/** The canonical form puts `atMs` first unless a field sorts before it; then a line is merely slower to pass over. */
const AT_MS = Buffer.from('"event":{"atMs":');
const EVENT = Buffer.from('"event":');
const SEQUENCE = Buffer.from('"sequence":');
const SUM = Buffer.from(CRC_PREFIX);
const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;
const LOWER_A = 0x61;
const LOWER_F = 0x66;
const COMMA = 0x2c;
const CLOSE_BRACE = 0x7d;

/**
 * @throws {TypeError} when the event has no JSON form (a cycle, a bigint)
 * @throws {RangeError} when the line would be longer than {@link LINE_OCTETS_MAX}
 */
export function encodeEventLine(event: JournalEvent, sequence: number): string {
  const line = withSum(`"event":${encodeValue(event)},"sequence":${sequence}}`);
  // UTF-8 takes at most three octets for a UTF-16 unit: only a long line needs the exact count.
  if (line.length > LINE_OCTETS_MAX / 3 && Buffer.byteLength(line) > LINE_OCTETS_MAX) {
    throw new RangeError(`${Buffer.byteLength(line)} octets, more than ${LINE_OCTETS_MAX}`);
  }
  return line;
}

/** A gap stands at the last of its numbers, so that the numbers in a file never fall. */
export function encodeGapLine(gap: JournalGap): string {
  return withSum(`"gap":${stringify(gap)},"sequence":${gap.toSequence}}`);
}

export function encodeHeader(header: SegmentHeader | SnapshotHeader): string {
  return withSum(stringify(header).slice(1));
}

export function encodeSnapshotEnd(end: SnapshotEnd): string {
  return stringify({ end });
}

/** Any value as canonical JSON. @throws {TypeError} when it has none */
export function encodeValue(value: unknown): string {
  const json: string | undefined = stringify(value);
  if (json === undefined) throw new TypeError(`${String(value)} has no JSON form`);
  return json;
}

export function hex32(sum: number): string {
  return sum.toString(16).padStart(8, '0');
}

/** The number of an event line whose check sum holds, without parsing it; undefined of any other. */
export function sequenceOfEvent(octets: Buffer): number | undefined {
  const end = BODY_AT + EVENT.length;
  if (octets.length < end || octets.length > LINE_OCTETS_MAX) return undefined;
  if (octets.compare(EVENT, 0, EVENT.length, BODY_AT, end) !== 0) return undefined;
  return crc32(octets.subarray(BODY_AT)) === sumAtStart(octets) ? sequenceAtEnd(octets) : undefined;
}

/** Reads one line, without its newline. What cannot be believed is an outcome: it costs that line alone. */
export function parseLine<E extends JournalEvent>(octets: Buffer): ParsedLine<E> {
  if (octets.length > LINE_OCTETS_MAX) return corrupt(`${octets.length} octets, more than ${LINE_OCTETS_MAX}`);
  const stated = sumAtStart(octets);
  if (stated === undefined) return corrupt('does not begin with its check sum');
  const sum = crc32(octets.subarray(BODY_AT));
  if (sum !== stated) return corrupt(`check sum is ${hex32(sum)}, the line says ${hex32(stated)}`);
  let line: { event?: E; gap?: JournalGap; sequence?: unknown };
  try {
    line = JSON.parse(octets.toString('utf8'));
  } catch (error) {
    return corrupt((error as Error).message);
  }
  const { sequence, event, gap } = line;
  if (typeof sequence !== 'number') return corrupt('has no sequence');
  if (event !== undefined) return { kind: 'event', sequence, event };
  if (gap !== undefined) return { kind: 'gap', sequence, gap };
  return corrupt('is neither an event nor a gap');
}

function sumAtStart(octets: Buffer): number | undefined {
  if (octets.length < BODY_AT || octets.compare(SUM, 0, SUM.length, 0, SUM.length) !== 0) return undefined;
  if (octets[BODY_AT - 2] !== QUOTE || octets[BODY_AT - 1] !== COMMA) return undefined;
  let sum = 0;
  for (let at = SUM.length; at < BODY_AT - 2; at += 1) {
    const digit = octets[at] as number;
    if (digit >= ZERO && digit <= NINE) sum = sum * 16 + digit - ZERO;
    else if (digit >= LOWER_A && digit <= LOWER_F) sum = sum * 16 + digit - LOWER_A + 10;
    else return undefined;
  }
  return sum;
}

/** The number at the end of a line, unchecked: for finding a place in a file. */
export function sequenceAtEnd(octets: Buffer): number | undefined {
  let at = octets.length - 1;
  if (octets[at] !== CLOSE_BRACE) return undefined;
  let sequence = 0;
  for (let power = 1; ; power *= 10) {
    at -= 1;
    const digit = octets[at] ?? 0;
    if (digit < ZERO || digit > NINE) break;
    sequence += (digit - ZERO) * power;
  }
  const begin = at + 1 - SEQUENCE.length;
  return begin >= 0 &&
    octets.compare(SEQUENCE, 0, SEQUENCE.length, begin, at + 1) === 0 &&
    Number.isSafeInteger(sequence)
    ? sequence
    : undefined;
}

/** The time of an event line, unchecked, without parsing it: for passing over what is outside a range. */
export function atMsAtStart(octets: Buffer): number | undefined {
  const end = BODY_AT + AT_MS.length;
  if (octets.length <= end || octets.compare(AT_MS, 0, AT_MS.length, BODY_AT, end) !== 0) return undefined;
  let atMs = 0;
  for (let at = end; at < octets.length; at += 1) {
    const digit = octets[at] as number;
    if (digit < ZERO || digit > NINE) return digit === COMMA || digit === CLOSE_BRACE ? atMs : undefined;
    atMs = atMs * 10 + digit - ZERO;
  }
  return undefined;
}

/**
 * Reads the first line of a file; undefined when it is no header of ours. A later version's header is returned too: its
 * `format` and `version` are where they are now. When it is not `intact`, the rest of it must not be believed; `isNewer` is
 * told all the same, for a later version may sum otherwise. Of a header whose sum is right with the version that is ours,
 * the version was damaged.
 */
export function parseHeader(
  line: string,
):
  | { readonly header: SegmentHeader | SnapshotHeader; readonly intact: boolean; readonly isNewer: boolean }
  | undefined {
  const header = parseObject(line) as Partial<SegmentHeader | SnapshotHeader> | undefined;
  if (header?.format !== 'rollcall-journal' && header?.format !== 'rollcall-snapshot') return undefined;
  if (!Number.isSafeInteger(header.version)) return undefined;
  const isIntact = (text: string): boolean => text === withSum(text.slice(BODY_AT));
  const ours = line.replace(`"version":${header.version}`, `"version":${FORMAT_VERSION}`);
  const isNewer = (header.version as number) > FORMAT_VERSION && !isIntact(ours);
  return { header: header as SegmentHeader | SnapshotHeader, intact: isIntact(line), isNewer };
}

/** Reads the last line of a snapshot; undefined when it is none. */
export function parseSnapshotEnd(line: string): SnapshotEnd | undefined {
  const end = (parseObject(line) as { end?: Partial<SnapshotEnd> } | undefined)?.end;
  return typeof end?.lines === 'number' && typeof end.crc === 'string' ? (end as SnapshotEnd) : undefined;
}

function parseObject(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // "no such line" is the answer, and the callers say what that costs
  }
}

function withSum(body: string): string {
  return `${CRC_PREFIX}${hex32(crc32(body))}",${body}`;
}

function corrupt(reason: string): { readonly kind: 'corrupt'; readonly reason: string } {
  return { kind: 'corrupt', reason };
}
