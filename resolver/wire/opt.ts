import { RrType } from '../../shared/rrset.ts';
import type { QueryReader } from './query.ts';
import { EdnsOption } from './query.ts';

/** An OPT record without options (RFC 6891 §6.1.2). */
export const OPT_OCTETS = 11;
const OPTION_HEADER_OCTETS = 4;
/** Client and server cookie. */
const COOKIE_OCTETS = 24;
const KEEPALIVE_OCTETS = 2;
const EDE_OCTETS = 2;

/** RFC 8914 §4. */
export const ExtendedError = {
  STALE_ANSWER: 3,
  NOT_READY: 14,
  PROHIBITED: 18,
  STALE_NXDOMAIN_ANSWER: 19,
  NOT_AUTHORITATIVE: 20,
  NOT_SUPPORTED: 21,
  NETWORK_ERROR: 23,
} as const;

/** What goes into the OPT of one response; its fields are set anew for each. */
export interface OptContents {
  /** Both cookies as they go out; undefined for none. */
  cookie: Uint8Array | undefined;
  /** RFC 7828, in units of 100 ms; undefined for none. */
  keepalive: number | undefined;
  /** RFC 8914 info code; undefined for none. */
  extendedError: number | undefined;
}

/** Writes the OPT of responses. Version 0, whatever was asked; Z bits clear but for DO, which is mirrored. */
export class OptWriter {
  readonly #udpOctets: number;
  readonly #serverId: Uint8Array;

  /**
   * @param udpOctets what we can take over UDP
   * @param serverId for NSID (RFC 5001)
   */
  constructor(udpOctets: number, serverId: Uint8Array) {
    this.#udpOctets = udpOctets;
    this.#serverId = serverId;
  }

  /** Octets that {@link write} will write. */
  octetsFor(query: QueryReader, contents: OptContents): number {
    if (!query.hasEdns) return 0;
    let octets = OPT_OCTETS;
    if (query.wantsNsid) octets += OPTION_HEADER_OCTETS + this.#serverId.length;
    if (contents.cookie !== undefined) octets += OPTION_HEADER_OCTETS + COOKIE_OCTETS;
    if (contents.keepalive !== undefined) octets += OPTION_HEADER_OCTETS + KEEPALIVE_OCTETS;
    if (contents.extendedError !== undefined) octets += OPTION_HEADER_OCTETS + EDE_OCTETS;
    return octets;
  }

  /**
   * Appends the OPT to a message of `length` octets in `out` and counts it; nothing when the query had none.
   *
   * @returns the message's new length
   */
  write(query: QueryReader, contents: OptContents, rcode: number, out: Uint8Array, length: number): number {
    if (!query.hasEdns) return length;
    let at = length + OPT_OCTETS;
    if (query.wantsNsid) {
      const id = this.#serverId;
      at = writeHeader(out, at, EdnsOption.NSID, id.length);
      for (let index = 0; index < id.length; index += 1, at += 1) out[at] = id[index] as number;
    }
    const { cookie, keepalive, extendedError } = contents;
    if (cookie !== undefined) {
      at = writeHeader(out, at, EdnsOption.COOKIE, COOKIE_OCTETS);
      for (let index = 0; index < COOKIE_OCTETS; index += 1, at += 1) out[at] = cookie[index] as number;
    }
    if (keepalive !== undefined) {
      at = writeHeader(out, at, EdnsOption.KEEPALIVE, KEEPALIVE_OCTETS);
      at = writeUint16(out, at, keepalive);
    }
    if (extendedError !== undefined) {
      at = writeHeader(out, at, EdnsOption.EDE, EDE_OCTETS);
      at = writeUint16(out, at, extendedError);
    }
    out[length] = 0;
    writeUint16(out, length + 1, RrType.OPT);
    writeUint16(out, length + 3, this.#udpOctets);
    out[length + 5] = rcode >>> 4;
    out[length + 6] = 0;
    out[length + 7] = query.dnssecOk ? 0x80 : 0;
    out[length + 8] = 0;
    writeUint16(out, length + 9, at - length - OPT_OCTETS);
    writeUint16(out, 10, (((out[10] as number) << 8) | (out[11] as number)) + 1);
    return at;
  }
}

function writeHeader(out: Uint8Array, at: number, code: number, octets: number): number {
  return writeUint16(out, writeUint16(out, at, code), octets);
}

function writeUint16(out: Uint8Array, at: number, value: number): number {
  out[at] = value >>> 8;
  out[at + 1] = value;
  return at + 2;
}
