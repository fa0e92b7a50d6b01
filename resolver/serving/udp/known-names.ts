import { encodeSocketAddress, NAME_WORDS } from './socket-address.ts';

/** Addresses kept; as with `Clients`, a flood of forged ones begins the table anew. */
const NAMES_MAX = 4096;

/** The socket addresses of clients that Node has named in text. */
export class KnownNames {
  readonly #interfaceIndex: (name: string) => number;
  #names = new Map<string, Int32Array>();

  /** @param interfaceIndex for the zone id of a link-local address; 0 when there is no such interface */
  constructor(interfaceIndex: (name: string) => number) {
    this.#interfaceIndex = interfaceIndex;
  }

  /** @returns the socket address in words, good until the next call */
  of(address: string, port: number): Int32Array {
    let name = this.#names.get(address);
    if (name === undefined) {
      const [, zone] = address.split('%');
      name = wordsOf(encodeSocketAddress(address, port, zone === undefined ? 0 : this.#interfaceIndex(zone)));
      // An interface that is made anew has another index under its old name.
      if (zone === undefined) this.#keep(address, name);
    }
    name[0] = ((name[0] as number) & 0xffff) | ((port >>> 8) << 16) | (port << 24);
    return name;
  }

  #keep(address: string, name: Int32Array): void {
    if (this.#names.size >= NAMES_MAX) this.#names = new Map();
    this.#names.set(address, name);
  }
}

function wordsOf(octets: Uint8Array): Int32Array {
  const words = new Int32Array(NAME_WORDS);
  new Uint8Array(words.buffer).set(octets);
  return words;
}
