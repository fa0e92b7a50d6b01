import { labelsOf, nameOf, type OwnerName, ROOT } from '../../shared/name.ts';
import { type ResourceRecord, RrClass, RrType } from '../../shared/rrset.ts';
import { octetsOf } from '../forwarding/allow.ts';
import { HEADER_OCTETS } from './accept.ts';

/** The largest message there is: TCP's length is 16 bits (RFC 1035 §4.2.2). */
export const MESSAGE_OCTETS_MAX = 65_535;
/** Compression pointers have 14 bits (RFC 1035 §4.1.4). */
const POINTER_LIMIT = 0x4000;
const STRING_OCTETS_MAX = 255;

/** Where a pointer stands that points into the ring, and where it points while the ring stands unturned. */
export interface RingPointer {
  readonly at: number;
  readonly target: number;
}

/**
 * Records that may be sent in any rotation: each begins at its `starts`, the last entry is where the ring ends. No name
 * inside points into the ring; pointers from behind it are listed, because turning moves what they point at.
 */
export interface Ring {
  readonly starts: Uint32Array;
  readonly pointers: readonly RingPointer[];
}

/**
 * Writes messages, one after the other, in its own space. What goes past the end of the space is lost, and `position`
 * says so by being over the limit that the caller holds: nothing throws, and the caller rolls back.
 *
 * Names are compressed (RFC 1035 §4.1.4) against all that stands before, except SRV targets, which RFC 2782 forbids to
 * compress; others may still point at them.
 */
export class MessageWriter {
  position = 0;
  /** Positions of the serials of SOA records. */
  serialAts: number[] = [];
  readonly #octets = new Uint8Array(MESSAGE_OCTETS_MAX);
  /** Position of each name and of each of its parents, by presentation form. */
  #offsets = new Map<string, number>();
  #ringStarts: number[] | undefined;
  #ringFrom = Number.POSITIVE_INFINITY;
  #ringEnd = 0;
  #ringPointers: RingPointer[] = [];

  /** Begins a message whose question is `question` (name in wire form, folded, and type and class) and is named `name`. */
  begin(name: OwnerName, question: Uint8Array): void {
    this.#octets.fill(0, 0, HEADER_OCTETS);
    this.#octets.set(question, HEADER_OCTETS);
    this.#octets[5] = 1;
    this.serialAts = [];
    this.#offsets = new Map();
    this.#ringStarts = undefined;
    this.#ringFrom = Number.POSITIVE_INFINITY;
    this.#ringEnd = 0;
    this.#ringPointers = [];
    this.position = HEADER_OCTETS;
    this.#name(name, true);
    this.position = HEADER_OCTETS + question.length;
  }

  /** From here on records turn, until {@link endRing}. Once a message. */
  beginRing(): void {
    this.#ringStarts = [];
    this.#ringFrom = this.position;
    this.#ringEnd = Number.POSITIVE_INFINITY;
  }

  endRing(): void {
    this.#ringStarts?.push(this.position);
    this.#ringEnd = this.position;
  }

  /** Sets the header's flags and one of its counts. */
  setFlags(flags: number): void {
    this.#octets[2] = flags >>> 8;
    this.#octets[3] = flags;
  }

  /** @param at 6 for ANCOUNT, 8 for NSCOUNT, 10 for ARCOUNT */
  setCount(at: 6 | 8 | 10, count: number): void {
    this.#octets[at] = count >>> 8;
    this.#octets[at + 1] = count;
  }

  record(record: ResourceRecord, rrClass: number = RrClass.IN): void {
    if (this.#ringEnd === Number.POSITIVE_INFINITY) this.#ringStarts?.push(this.position);
    this.#name(record.owner, true);
    this.#uint16(RrType[record.type]);
    this.#uint16(rrClass);
    this.#uint32(record.ttlSeconds);
    const lengthAt = this.position;
    this.position += 2;
    this.#rdata(record);
    const length = this.position - lengthAt - 2;
    this.#octets[lengthAt] = length >>> 8;
    this.#octets[lengthAt + 1] = length;
  }

  /** Takes back all that was written from `position` on. */
  rollBack(position: number): void {
    this.position = position;
    for (const [name, at] of this.#offsets) if (at >= position) this.#offsets.delete(name);
    this.serialAts = this.serialAts.filter((at) => at < position);
    this.#ringPointers = this.#ringPointers.filter(({ at }) => at < position);
    if (this.#ringFrom >= position) {
      this.#ringStarts = undefined;
      this.#ringFrom = Number.POSITIVE_INFINITY;
      this.#ringEnd = 0;
    } else if (this.#ringEnd === Number.POSITIVE_INFINITY) {
      this.#ringStarts = this.#ringStarts?.filter((at) => at < position);
    }
  }

  /** A copy of the message. */
  finish(): { octets: Uint8Array; serialAts: readonly number[]; ring: Ring | undefined } {
    const starts = this.#ringStarts;
    return {
      octets: this.#octets.slice(0, this.position),
      serialAts: this.serialAts,
      ring:
        starts === undefined || starts.length <= 2
          ? undefined
          : { starts: Uint32Array.from(starts), pointers: this.#ringPointers },
    };
  }

  #rdata(record: ResourceRecord): void {
    switch (record.type) {
      case 'A':
      case 'AAAA':
        this.#address(record.address, record.type === 'A' ? 4 : 16);
        break;
      case 'CNAME':
      case 'NS':
      case 'PTR':
        this.#name(record.target, true);
        break;
      case 'MX':
        this.#uint16(record.preference);
        this.#name(record.exchange, true);
        break;
      case 'SRV':
        this.#uint16(record.priority);
        this.#uint16(record.weight);
        this.#uint16(record.port);
        this.#name(record.target, false);
        break;
      case 'TXT':
        this.#strings(record.strings);
        break;
      case 'HINFO':
        this.#string(record.cpu.slice(0, STRING_OCTETS_MAX));
        this.#string(record.os.slice(0, STRING_OCTETS_MAX));
        break;
      case 'SOA':
        this.#name(record.mname, true);
        this.#name(record.rname, true);
        this.serialAts.push(this.position);
        this.#uint32(record.serial);
        this.#uint32(record.refresh);
        this.#uint32(record.retry);
        this.#uint32(record.expire);
        this.#uint32(record.minimum);
        break;
    }
  }

  #address(address: string, octetCount: 4 | 16): void {
    const octets = octetsOf(address);
    // An IPv4-mapped address is held as IPv4; an AAAA needs all of it.
    if (octetCount === 16 && octets?.length === 4) {
      this.position += 10;
      this.#octets.fill(0, this.position - 10, this.position);
      this.#uint16(0xffff);
    } else if (octets?.length !== octetCount) {
      throw new RangeError(`${JSON.stringify(address)} is no address of ${octetCount} octets`);
    }
    for (const octet of octets) this.#uint8(octet);
  }

  #strings(strings: readonly string[]): void {
    // RFC 1035 §3.3.14: one string at least.
    if (strings.length === 0) this.#uint8(0);
    for (const text of strings) {
      let at = 0;
      do {
        this.#string(text.slice(at, at + STRING_OCTETS_MAX));
        at += STRING_OCTETS_MAX;
      } while (at < text.length && this.position <= MESSAGE_OCTETS_MAX);
    }
  }

  #string(text: string): void {
    this.#uint8(text.length);
    for (let at = 0; at < text.length; at += 1) this.#uint8(text.charCodeAt(at));
  }

  #name(name: OwnerName, compress: boolean): void {
    if (name.includes('\\')) this.#escapedName(name, compress);
    else if (name === ROOT) this.#uint8(0);
    else {
      let isNew = true;
      for (let at = 0; at < name.length; ) {
        const known = isNew || compress ? this.#offsets.get(at === 0 ? name : name.slice(at)) : undefined;
        if (known !== undefined) {
          if (compress && this.#mayPointTo(known)) {
            this.#pointer(known);
            return;
          }
          isNew = false;
        } else if (isNew && this.position < POINTER_LIMIT) {
          this.#offsets.set(at === 0 ? name : name.slice(at), this.position);
        }
        const end = name.indexOf('.', at);
        this.#uint8(end - at);
        for (; at < end; at += 1) this.#uint8(name.charCodeAt(at));
        at += 1;
      }
      this.#uint8(0);
    }
  }

  /** As `#name`, for the few names whose octets are not those of their presentation form. */
  #escapedName(name: OwnerName, compress: boolean): void {
    const labels = labelsOf(name);
    for (const [index, label] of labels.entries()) {
      const suffix = nameOf(labels.slice(index));
      const known = this.#offsets.get(suffix);
      if (known === undefined) {
        if (this.position < POINTER_LIMIT) this.#offsets.set(suffix, this.position);
      } else if (compress && this.#mayPointTo(known)) {
        this.#pointer(known);
        return;
      }
      this.#string(label);
    }
    this.#uint8(0);
  }

  /** Inside the ring nothing points into it; from behind only as far as a pointer reaches however the ring stands. */
  #mayPointTo(target: number): boolean {
    if (target < this.#ringFrom || target >= this.#ringEnd) return true;
    return this.#ringEnd <= POINTER_LIMIT;
  }

  #pointer(target: number): void {
    if (target >= this.#ringFrom && target < this.#ringEnd) this.#ringPointers.push({ at: this.position, target });
    this.#uint16(0xc000 | target);
  }

  #uint8(value: number): void {
    this.#octets[this.position] = value;
    this.position += 1;
  }

  #uint16(value: number): void {
    this.#octets[this.position] = value >>> 8;
    this.#octets[this.position + 1] = value;
    this.position += 2;
  }

  #uint32(value: number): void {
    this.#uint16(value >>> 16);
    this.#uint16(value & 0xffff);
  }
}

/**
 * Writes `octets` into `out` with the ring's record number `first` in front, the others behind it in their order.
 *
 * @returns the message's length
 */
export function writeTurned(octets: Uint8Array, ring: Ring, first: number, out: Uint8Array): number {
  const { starts, pointers } = ring;
  const from = starts[0] as number;
  const end = starts[starts.length - 1] as number;
  const cut = starts[first] as number;
  out.set(octets);
  let at = from;
  for (let source = cut; source < end; source += 1, at += 1) out[at] = octets[source] as number;
  for (let source = from; source < cut; source += 1, at += 1) out[at] = octets[source] as number;
  for (const pointer of pointers) {
    const moved = 0xc000 | (pointer.target >= cut ? pointer.target - cut + from : pointer.target + end - cut);
    out[pointer.at] = moved >>> 8;
    out[pointer.at + 1] = moved;
  }
  return octets.length;
}
