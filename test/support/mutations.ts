/** Mutations of DNS messages, the same for the same seed. */

/** xorshift32: the same numbers for the same seed, on every machine. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 0 || 1;
  }
  below(bound: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % bound;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

/** Octets at which parsers differ: ends of ranges, pointers, label types. */
const ODD_OCTETS = [0, 1, 0x3f, 0x40, 0x41, 0x5a, 0x7f, 0x80, 0xbf, 0xc0, 0xff, 0x2a, 0x2e, 0x5c, 41];

/** One of `corpus`, changed one to four times. */
export function mutate(corpus: readonly Buffer[], random: Random): Buffer {
  let octets: Buffer = Buffer.from(random.pick(corpus));
  for (let left = random.below(4); left >= 0; left -= 1) octets = mutateOnce(octets, corpus, random);
  return octets;
}

function mutateOnce(octets: Buffer, corpus: readonly Buffer[], random: Random): Buffer {
  const at = random.below(octets.length + 1);
  switch (random.below(8)) {
    case 0:
      if (at < octets.length) octets[at] = (octets[at] as number) ^ (1 << random.below(8));
      return octets;
    case 1:
      if (at < octets.length) octets[at] = random.pick(ODD_OCTETS);
      return octets;
    case 2:
      return octets.subarray(0, at);
    case 3: {
      const other = random.pick(corpus);
      return Buffer.concat([octets.subarray(0, at), other.subarray(random.below(other.length))]);
    }
    case 4:
      return Buffer.concat([octets.subarray(0, at), Buffer.from([random.pick(ODD_OCTETS)]), octets.subarray(at)]);
    case 5:
      // A count, where the mutation tells most.
      if (octets.length >= 12) octets[4 + random.below(8)] = random.pick([0, 1, 2, 3, 255]);
      return octets;
    case 6:
      return Buffer.concat([octets, Buffer.alloc(random.below(600), random.below(256))]);
    default: {
      const end = at + random.below(octets.length - at + 1);
      return Buffer.concat([octets.subarray(0, end), octets.subarray(at)]);
    }
  }
}
