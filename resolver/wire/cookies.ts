/**
 * DNS cookies (RFC 7873) in the interoperable form of RFC 9018: a client that shows our cookie has shown that it
 * receives what is sent to its address. No state is kept for a client.
 */

export const CLIENT_COOKIE_OCTETS = 8;
export const SERVER_COOKIE_OCTETS = 16;
/** SipHash-2-4 has a key of 128 bits. */
export const COOKIE_SECRET_OCTETS = 16;

/** RFC 9018 §4.3. */
const FUTURE_SECONDS_MAX = 300;
const AGE_SECONDS_MAX = 3600;
const RENEW_AFTER_SECONDS = 1800;
const VERSION = 1;
/** Client cookie, version, reserved, timestamp, and an IPv6 address. */
const INPUT_OCTETS_MAX = 32;

/** `renew`: ours and still good, but old enough that the client is to get a new one. */
export type CookieState = 'good' | 'renew' | 'bad';

export class Cookies {
  readonly #key: Int32Array;
  readonly #input = new Uint8Array(INPUT_OCTETS_MAX);
  readonly #hash = new Uint8Array(8);

  /** @param secret 16 octets; servers that share an address share it */
  constructor(secret: Uint8Array) {
    if (secret.length !== COOKIE_SECRET_OCTETS) {
      throw new RangeError(`cookie secret has ${secret.length} octets; it must have ${COOKIE_SECRET_OCTETS}`);
    }
    this.#key = new Int32Array(4);
    for (let word = 0; word < 4; word += 1) this.#key[word] = wordAt(secret, word * 4);
  }

  /**
   * @param octets holds the client cookie and behind it the server cookie that the client shows
   * @param length of both; only 24 can be ours
   * @param address the client's, 4 or 16 octets
   */
  check(octets: Uint8Array, at: number, length: number, address: Uint8Array, nowSeconds: number): CookieState {
    const serverAt = at + CLIENT_COOKIE_OCTETS;
    if (length !== CLIENT_COOKIE_OCTETS + SERVER_COOKIE_OCTETS || octets[serverAt] !== VERSION) return 'bad';
    // RFC 1982 arithmetic: the timestamp is the low 32 bits of the time.
    const age = (nowSeconds - bigEndian32(octets, serverAt + 4)) | 0;
    if (age > AGE_SECONDS_MAX || age < -FUTURE_SECONDS_MAX) return 'bad';
    this.#digest(octets, at, octets, serverAt, address);
    let difference = 0;
    for (let index = 0; index < 8; index += 1) {
      difference |= (octets[serverAt + 8 + index] as number) ^ (this.#hash[index] as number);
    }
    if (difference !== 0) return 'bad';
    return age > RENEW_AFTER_SECONDS ? 'renew' : 'good';
  }

  /** Writes a new server cookie of 16 octets to `out` for the client cookie at `octets[at]`. */
  write(octets: Uint8Array, at: number, address: Uint8Array, nowSeconds: number, out: Uint8Array, outAt: number): void {
    out[outAt] = VERSION;
    out[outAt + 1] = 0;
    out[outAt + 2] = 0;
    out[outAt + 3] = 0;
    out[outAt + 4] = nowSeconds >>> 24;
    out[outAt + 5] = nowSeconds >>> 16;
    out[outAt + 6] = nowSeconds >>> 8;
    out[outAt + 7] = nowSeconds;
    this.#digest(octets, at, out, outAt, address);
    for (let index = 0; index < 8; index += 1) out[outAt + 8 + index] = this.#hash[index] as number;
  }

  /** RFC 9018 §4.4: over the client cookie, the first 8 octets of the server cookie, and the address. */
  #digest(client: Uint8Array, clientAt: number, server: Uint8Array, serverAt: number, address: Uint8Array): void {
    const input = this.#input;
    for (let index = 0; index < 8; index += 1) {
      input[index] = client[clientAt + index] as number;
      input[8 + index] = server[serverAt + index] as number;
    }
    for (let index = 0; index < address.length; index += 1) input[16 + index] = address[index] as number;
    sipHash24(this.#key, input, 16 + address.length, this.#hash);
  }
}

function wordAt(octets: Uint8Array, at: number): number {
  return (
    (octets[at] as number) |
    ((octets[at + 1] as number) << 8) |
    ((octets[at + 2] as number) << 16) |
    ((octets[at + 3] as number) << 24)
  );
}

function bigEndian32(octets: Uint8Array, at: number): number {
  return (
    ((octets[at] as number) << 24) |
    ((octets[at + 1] as number) << 16) |
    ((octets[at + 2] as number) << 8) |
    (octets[at + 3] as number)
  );
}

/** The four 64-bit words of SipHash, low half first. */
const state = new Int32Array(8);

/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012), 64 bits, written as 8 octets, least significant first.
 *
 * @param key four little-endian words
 * @param length a multiple of 4
 */
function sipHash24(key: Int32Array, input: Uint8Array, length: number, out: Uint8Array): void {
  const k0 = key[0] as number;
  const k1 = key[1] as number;
  const k2 = key[2] as number;
  const k3 = key[3] as number;
  state[0] = k0 ^ 0x70736575;
  state[1] = k1 ^ 0x736f6d65;
  state[2] = k2 ^ 0x6e646f6d;
  state[3] = k3 ^ 0x646f7261;
  state[4] = k0 ^ 0x6e657261;
  state[5] = k1 ^ 0x6c796765;
  state[6] = k2 ^ 0x79746573;
  state[7] = k3 ^ 0x74656462;
  const blocks = length & ~7;
  for (let at = 0; at < blocks; at += 8) absorb(wordAt(input, at), wordAt(input, at + 4));
  absorb(length > blocks ? wordAt(input, blocks) : 0, (length & 0xff) << 24);
  state[4] = (state[4] as number) ^ 0xff;
  rounds(4);
  const low = (state[0] as number) ^ (state[2] as number) ^ (state[4] as number) ^ (state[6] as number);
  const high = (state[1] as number) ^ (state[3] as number) ^ (state[5] as number) ^ (state[7] as number);
  for (let index = 0; index < 4; index += 1) {
    out[index] = low >>> (8 * index);
    out[4 + index] = high >>> (8 * index);
  }
}

function absorb(low: number, high: number): void {
  state[6] = (state[6] as number) ^ low;
  state[7] = (state[7] as number) ^ high;
  rounds(2);
  state[0] = (state[0] as number) ^ low;
  state[1] = (state[1] as number) ^ high;
}

/** 64-bit additions and rotations in halves; the carry of a sum is whether its low half came out below an addend. */
function rounds(count: number): void {
  let a = state[0] as number;
  let A = state[1] as number;
  let b = state[2] as number;
  let B = state[3] as number;
  let c = state[4] as number;
  let C = state[5] as number;
  let d = state[6] as number;
  let D = state[7] as number;
  let t = 0;
  for (let round = 0; round < count; round += 1) {
    t = (a + b) | 0;
    A = (A + B + (t >>> 0 < a >>> 0 ? 1 : 0)) | 0;
    a = t;
    t = (b << 13) | (B >>> 19);
    B = ((B << 13) | (b >>> 19)) ^ A;
    b = t ^ a;
    t = a;
    a = A;
    A = t;
    t = (c + d) | 0;
    C = (C + D + (t >>> 0 < c >>> 0 ? 1 : 0)) | 0;
    c = t;
    t = (d << 16) | (D >>> 16);
    D = ((D << 16) | (d >>> 16)) ^ C;
    d = t ^ c;
    t = (a + d) | 0;
    A = (A + D + (t >>> 0 < a >>> 0 ? 1 : 0)) | 0;
    a = t;
    t = (d << 21) | (D >>> 11);
    D = ((D << 21) | (d >>> 11)) ^ A;
    d = t ^ a;
    t = (c + b) | 0;
    C = (C + B + (t >>> 0 < c >>> 0 ? 1 : 0)) | 0;
    c = t;
    t = (b << 17) | (B >>> 15);
    B = ((B << 17) | (b >>> 15)) ^ C;
    b = t ^ c;
    t = c;
    c = C;
    C = t;
  }
  state[0] = a;
  state[1] = A;
  state[2] = b;
  state[3] = B;
  state[4] = c;
  state[5] = C;
  state[6] = d;
  state[7] = D;
}
