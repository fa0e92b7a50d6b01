import { isAllowed, type Network, octetsOf } from '../forwarding/allow.ts';
import { networkHash } from './rate-limit.ts';

/** What the query path needs to know of a client, found once for its address. */
export interface ClientFacts {
  /** 4 or 16 octets. */
  readonly octets: Uint8Array;
  readonly mayForward: boolean;
  /** Not subject to response rate limiting. */
  readonly isExempt: boolean;
  readonly networkHash: number;
}

/** Addresses kept; a flood of forged ones begins the table anew, which costs each client one reading of its address. */
const CLIENTS_MAX = 4096;

export class Clients {
  readonly #mayForward: (address: string) => boolean;
  readonly #exempt: readonly Network[];
  readonly #seed: number;
  #facts = new Map<string, ClientFacts>();
  #lastAddress = '';
  #last: ClientFacts | undefined;

  constructor(mayForward: (address: string) => boolean, exempt: readonly Network[], seed: number) {
    this.#mayForward = mayForward;
    this.#exempt = exempt;
    this.#seed = seed;
  }

  of(address: string): ClientFacts {
    if (address === this.#lastAddress && this.#last !== undefined) return this.#last;
    const facts = this.#facts.get(address) ?? this.#read(address);
    this.#lastAddress = address;
    this.#last = facts;
    return facts;
  }

  /** What is allowed to whom has changed. */
  forget(): void {
    this.#facts = new Map();
    this.#last = undefined;
  }

  #read(address: string): ClientFacts {
    const octets = octetsOf(address);
    if (octets === undefined) throw new RangeError(`client address ${JSON.stringify(address)} is no IP address`);
    const facts = {
      octets,
      mayForward: this.#mayForward(address),
      isExempt: isAllowed(address, this.#exempt),
      networkHash: networkHash(octets, this.#seed),
    };
    if (this.#facts.size >= CLIENTS_MAX) this.#facts = new Map();
    this.#facts.set(address, facts);
    return facts;
  }
}
