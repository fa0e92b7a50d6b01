import type { Network } from '../forwarding/allow.ts';

/**
 * Response rate limiting, against forged questions that turn our answers on someone else: UDP only, by the network that
 * the answers go to, as all of a forged flood goes to one.
 */
export interface RateLimitSettings {
  /**
   * Responses a second to one client network (IPv4 /24, IPv6 /56), 0 for no limit. Higher lets a victim be hit harder,
   * lower sends busy networks behind one address to TCP. A network that has been quiet may take one second's worth at once.
   */
  readonly responsesPerSecond: number;
  /**
   * Every so many-th response over the limit goes out empty with TC, so that a real client comes again by TCP; the
   * others are dropped. 1: all of them; 0: none.
   */
  readonly slip: number;
  /**
   * Never limited. Loopback and private ranges by default: nobody outside can be hit there, and inside one host may well
   * ask ten thousand times a second.
   */
  readonly exempt: readonly Network[];
}

/** NSD's figures. BIND and Knot have no limit unless told to; but they do not answer the world by default either. */
export const RATE_LIMIT_DEFAULTS = { responsesPerSecond: 200, slip: 2 } as const;

export type Verdict = 'send' | 'slip' | 'drop';

/** Networks that fall on one slot share its allowance (NSD's way): the memory is fixed, whoever asks. */
const SLOTS = 65_536;

export class RateLimiter {
  readonly #perSecond: number;
  readonly #slip: number;
  /** Responses that the network may still have, at `#filledAtMs`. */
  readonly #allowance: Float64Array;
  readonly #filledAtMs: Float64Array;
  #over = 0;

  constructor(settings: Pick<RateLimitSettings, 'responsesPerSecond' | 'slip'>) {
    this.#perSecond = settings.responsesPerSecond;
    this.#slip = settings.slip;
    const slots = this.isOn ? SLOTS : 0;
    this.#allowance = new Float64Array(slots).fill(this.#perSecond);
    this.#filledAtMs = new Float64Array(slots);
  }

  get isOn(): boolean {
    return this.#perSecond > 0;
  }

  /** @param networkHash of the client's network, see `networkHash` */
  admit(networkHash: number, nowMs: number): Verdict {
    const slot = networkHash & (SLOTS - 1);
    const passedMs = Math.max(0, nowMs - (this.#filledAtMs[slot] as number));
    const allowance = Math.min(
      this.#perSecond,
      (this.#allowance[slot] as number) + (passedMs * this.#perSecond) / 1000,
    );
    this.#filledAtMs[slot] = nowMs;
    if (allowance >= 1) {
      this.#allowance[slot] = allowance - 1;
      return 'send';
    }
    this.#allowance[slot] = allowance;
    this.#over += 1;
    return this.#slip > 0 && this.#over % this.#slip === 0 ? 'slip' : 'drop';
  }
}

/**
 * A number for the network of an address: its first 24 bits for IPv4, 56 for IPv6.
 *
 * @param seed unknown to clients, so that nobody can choose a network that shares another's slot
 */
export function networkHash(address: Uint8Array, seed: number): number {
  const octets = address.length === 4 ? 3 : 7;
  let hash = seed | 0;
  for (let at = 0; at < octets; at += 1) hash = Math.imul(hash ^ (address[at] as number), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}
