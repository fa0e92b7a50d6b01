import { AF_INET, addressTextOf } from './socket-address.ts';

/**
 * The addresses of clients as text, each made once and found again by its octets. An address has one place, which the
 * next that falls there takes: the memory is fixed, and a flood of forged addresses costs a text each, as without this.
 */
const PLACES = 4096;
/** Family, and the address: an IPv4 address leaves three of them 0. */
const KEY_WORDS = 5;

export class AddressTexts {
  readonly #keys = new Int32Array(PLACES * KEY_WORDS);
  readonly #texts = new Array<string>(PLACES).fill('');

  /** The address of the socket address at `names[at]`, without zone id. The same string each time, while it is kept. */
  of(names: Int32Array, at: number): string {
    const keys = this.#keys;
    const family = (names[at] as number) & 0xffff;
    const isIpv4 = family === AF_INET;
    const w0 = names[isIpv4 ? at + 1 : at + 2] as number;
    const w1 = isIpv4 ? 0 : (names[at + 3] as number);
    const w2 = isIpv4 ? 0 : (names[at + 4] as number);
    const w3 = isIpv4 ? 0 : (names[at + 5] as number);
    const place = hashOf(w0, w1, w2, w3);
    const key = place * KEY_WORDS;
    if (
      keys[key] === family &&
      keys[key + 1] === w0 &&
      keys[key + 2] === w1 &&
      keys[key + 3] === w2 &&
      keys[key + 4] === w3
    ) {
      return this.#texts[place] as string;
    }
    const text = addressTextOf(names, at);
    keys[key] = family;
    keys[key + 1] = w0;
    keys[key + 2] = w1;
    keys[key + 3] = w2;
    keys[key + 4] = w3;
    this.#texts[place] = text;
    return text;
  }
}

function hashOf(w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(w0 ^ Math.imul(w1, 0x01000193), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ w2, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13) ^ w3, 0x85ebca6b);
  return ((hash ^ (hash >>> 16)) >>> 0) % PLACES;
}
