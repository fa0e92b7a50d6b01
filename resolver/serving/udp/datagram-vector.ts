import { NAME_WORDS } from './socket-address.ts';

/**
 * Datagrams that go through one system call: `struct mmsghdr[]` for `recvmmsg` and `sendmmsg`, with all that it points
 * to, in one piece of memory that never moves. The structures of glibc on Linux with 64-bit pointers, little-endian:
 *
 *     mmsghdr   0 name   8 name octets   16 iovec   24 iovecs   32 control   40 control octets   48 flags   56 octets
 *     iovec     0 memory   8 octets
 */
export class DatagramVector {
  readonly count: number;
  /** The senders', or the receivers': each a socket address, `NAME_WORDS` apart. */
  readonly names: Int32Array;
  /** What is received or to be sent. */
  readonly slots: readonly Buffer[];
  readonly #slotOctets: number;
  readonly #headers: Uint8Array;
  readonly #headerWords: Int32Array;
  readonly #iovecWords: Int32Array;

  /**
   * @param nameOctets of a socket address of the family
   * @param addressOf where the octets of a piece of memory lie
   */
  constructor(count: number, slotOctets: number, nameOctets: number, addressOf: (memory: ArrayBuffer) => number) {
    const iovecsAt = count * HEADER_OCTETS;
    const namesAt = iovecsAt + count * IOVEC_OCTETS;
    const slotsAt = roundUp(namesAt + count * NAME_OCTETS);
    const stride = roundUp(slotOctets) + CACHE_LINE_OCTETS;
    const memory = new ArrayBuffer(slotsAt + count * stride);
    const base = addressOf(memory);
    this.count = count;
    this.#slotOctets = slotOctets;
    this.#headers = new Uint8Array(memory, 0, iovecsAt);
    this.#headerWords = new Int32Array(memory, 0, iovecsAt / 4);
    this.#iovecWords = new Int32Array(memory, iovecsAt, (namesAt - iovecsAt) / 4);
    this.names = new Int32Array(memory, namesAt, count * NAME_WORDS);
    const structures = new DataView(memory);
    this.slots = Array.from({ length: count }, (_none, at) => {
      const header = at * HEADER_OCTETS;
      const iovec = iovecsAt + at * IOVEC_OCTETS;
      const slot = slotsAt + at * stride;
      structures.setBigUint64(header, BigInt(base + namesAt + at * NAME_OCTETS), true);
      structures.setUint32(header + 8, nameOctets, true);
      structures.setBigUint64(header + 16, BigInt(base + iovec), true);
      structures.setBigUint64(header + 24, 1n, true);
      structures.setBigUint64(iovec, BigInt(base + slot), true);
      structures.setBigUint64(iovec + 8, BigInt(slotOctets), true);
      return Buffer.from(memory, slot, slotOctets);
    });
  }

  /** The headers from the `at`-th on, for the system call. */
  headersFrom(at: number): Uint8Array {
    return at === 0 ? this.#headers : this.#headers.subarray(at * HEADER_OCTETS);
  }

  /** Octets that were received into slot `at`. */
  octetsAt(at: number): number {
    const octets = this.#headerWords[at * HEADER_WORDS + OCTETS_WORD] as number;
    return octets >>> 0 <= this.#slotOctets ? octets : this.#slotOctets;
  }

  /** Sets how many octets of slot `at` are sent. */
  setOctets(at: number, octets: number): void {
    this.#iovecWords[at * IOVEC_WORDS + IOVEC_OCTETS_WORD] = octets;
  }

  /** Sets where slot `at` is sent, from a socket address at `names[nameAt]`. */
  setName(at: number, names: Int32Array, nameAt: number): void {
    const own = this.names;
    const start = at * NAME_WORDS;
    for (let word = 0; word < NAME_WORDS; word += 1) own[start + word] = names[nameAt + word] as number;
  }
}

const HEADER_OCTETS = 64;
const IOVEC_OCTETS = 16;
const NAME_OCTETS = 4 * NAME_WORDS;
const HEADER_WORDS = HEADER_OCTETS / 4;
const OCTETS_WORD = 14;
const IOVEC_WORDS = IOVEC_OCTETS / 4;
const IOVEC_OCTETS_WORD = 2;
/** Slots a multiple of a page apart would all fall on the same few places of the processor's caches. */
const CACHE_LINE_OCTETS = 64;

function roundUp(octets: number): number {
  return Math.ceil(octets / CACHE_LINE_OCTETS) * CACHE_LINE_OCTETS;
}
