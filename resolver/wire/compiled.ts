import type { OwnerName } from '../../shared/name.ts';
import type { Dependent } from '../lookup/outcome.ts';
import { Compiled, type Variant } from './compiled-entry.ts';
import { Dependents } from './dependents.ts';
import type { QueryReader } from './query.ts';
import type { Response } from './respond.ts';

/** Sizes for which one answer is kept: without EDNS, with it, with a cookie, TCP. Further ones take the last's place. */
const VARIANTS_MAX = 4;
/** Entries with one hash; more can only be chance or someone who has guessed the seed. */
const CHAIN_MAX = 4;
/** How many used entries are passed over before one is evicted all the same: bounds the work of one `add`. */
const SECOND_CHANCES = 8;

/** The bounds of {@link CompiledAnswers}. Negative answers have their own, so that random names evict no good answer. */
export interface CompiledLimits {
  readonly positiveEntries: number;
  readonly positiveOctets: number;
  readonly negativeEntries: number;
  readonly negativeOctets: number;
}

export const COMPILED_LIMITS: CompiledLimits = {
  positiveEntries: 65_536,
  positiveOctets: 128 * 1024 * 1024,
  negativeEntries: 16_384,
  negativeOctets: 32 * 1024 * 1024,
};

type Entry = Compiled<Shelf>;

/** Slots of {@link FirstAsked}, and how many questions it notes before it forgets them all. */
const FIRST_ASKED_SLOTS = 65_536;
const FIRST_ASKED_MAX = 32_768;

/**
 * Which questions were asked once of late: a negative answer is kept from the second time on. A name from a flood of random
 * ones is asked once, and so costs neither the memory nor the place of one that is asked again.
 */
class FirstAsked {
  readonly #slots = new Int32Array(FIRST_ASKED_SLOTS);
  #noted = 0;

  /** Notes a question. @returns whether it was noted before; chance may say so of one that was not */
  wasAsked(hash: number): boolean {
    const slot = hash & (FIRST_ASKED_SLOTS - 1);
    if (this.#slots[slot] === hash) return true;
    this.#noted += 1;
    if (this.#noted > FIRST_ASKED_MAX) {
      this.#noted = 1;
      this.#slots.fill(0);
    }
    this.#slots[slot] = hash;
    return false;
  }
}

/** Entries by age, within a number and a sum of octets. */
class Shelf {
  readonly #entriesMax: number;
  readonly #octetsMax: number;
  size = 0;
  octets = 0;
  oldest: Entry | undefined;
  #newest: Entry | undefined;

  constructor(entriesMax: number, octetsMax: number) {
    this.#entriesMax = entriesMax;
    this.#octetsMax = octetsMax;
  }

  get isOver(): boolean {
    return this.size > this.#entriesMax || this.octets > this.#octetsMax;
  }

  push(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.size += 1;
    this.octets += entry.octets;
  }

  remove(entry: Entry): void {
    if (entry.older === undefined) this.oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    entry.older = undefined;
    entry.newer = undefined;
    this.size -= 1;
    this.octets -= entry.octets;
  }
}

/**
 * Answers in wire form, kept until a change drops them, their time is over, or room is needed (then the least recently
 * used, by second chance). Keyed by the question with its letters folded.
 */
export class CompiledAnswers {
  /** Dropped because a change affected them; because room was needed. */
  dropped = 0;
  evicted = 0;
  readonly #byHash = new Map<number, Entry>();
  readonly #positive: Shelf;
  readonly #negative: Shelf;
  readonly #bySubtree = new Dependents<Entry>();
  readonly #byAddress = new Map<string, Set<Entry>>();
  readonly #firstAsked = new FirstAsked();

  constructor(limits: CompiledLimits = COMPILED_LIMITS) {
    this.#positive = new Shelf(limits.positiveEntries, limits.positiveOctets);
    this.#negative = new Shelf(limits.negativeEntries, limits.negativeOctets);
  }

  get positiveEntries(): number {
    return this.#positive.size;
  }

  get negativeEntries(): number {
    return this.#negative.size;
  }

  get octets(): number {
    return this.#positive.octets + this.#negative.octets;
  }

  /** The answers to the question that `reader` has just read from `query`. */
  find(query: Uint8Array, reader: QueryReader, nowMs: number): Entry | undefined {
    for (let entry = this.#byHash.get(reader.hash); entry !== undefined; entry = entry.next) {
      if (!entry.asks(query, reader.questionEnd)) continue;
      if (nowMs >= entry.validUntilMs) {
        this.#remove(entry);
        break;
      }
      entry.wasUsed = true;
      return entry;
    }
    return undefined;
  }

  /** Whether the answer to a question is worth keeping: a positive one always, a negative one when it is asked again. */
  isWorthKeeping(hash: number, response: Response): boolean {
    return response.answers.length > 0 || this.#firstAsked.wasAsked(hash);
  }

  /** Keeps the answers to a question that was not found. Its first variant is added behind it. */
  add(name: OwnerName, question: Uint8Array, hash: number, response: Response, dependencies: Dependent): Entry {
    const isNegative = response.answers.length === 0;
    const shelf = isNegative ? this.#negative : this.#positive;
    const entry = new Compiled(name, question, response, dependencies, hash, shelf);
    this.#makeRoomInChain(hash);
    entry.next = this.#byHash.get(hash);
    this.#byHash.set(hash, entry);
    shelf.push(entry);
    for (const subtree of dependencies.subtrees) this.#bySubtree.add(subtree, entry);
    for (const address of dependencies.addresses) {
      const holders = this.#byAddress.get(address);
      if (holders === undefined) this.#byAddress.set(address, new Set([entry]));
      else holders.add(entry);
    }
    entry.isKept = true;
    return entry;
  }

  /** Keeps one more form of an answer, at the cost of the last when there are {@link VARIANTS_MAX}. */
  addVariant(entry: Entry, variant: Variant): void {
    const gone = entry.variants.length < VARIANTS_MAX ? undefined : entry.variants.pop();
    entry.variants.push(variant);
    const growth = variant.octets - (gone?.octets ?? 0);
    entry.octets += growth;
    if (!entry.isKept) return;
    entry.shelf.octets += growth;
    this.#makeRoom(entry.shelf);
  }

  /** Drops the answers that looked at a subtree with one of `names` in it, or at the names of one of `addresses`. */
  changed(names: readonly OwnerName[], addresses: readonly string[]): void {
    if (this.#byHash.size === 0) return;
    const affected = new Set<Entry>();
    for (const name of names) this.#bySubtree.collect(name, affected);
    for (const address of addresses) for (const entry of this.#byAddress.get(address) ?? []) affected.add(entry);
    for (const entry of affected) this.#remove(entry);
    this.dropped += affected.size;
  }

  clear(): void {
    for (const shelf of [this.#positive, this.#negative]) {
      while (shelf.oldest !== undefined) this.#remove(shelf.oldest);
    }
  }

  #makeRoom(shelf: Shelf): void {
    let chances = SECOND_CHANCES;
    while (shelf.isOver && shelf.oldest !== undefined) {
      const entry = shelf.oldest;
      if (entry.wasUsed && chances > 0) {
        chances -= 1;
        entry.wasUsed = false;
        shelf.remove(entry);
        shelf.push(entry);
      } else {
        this.#remove(entry);
        this.evicted += 1;
      }
    }
  }

  #makeRoomInChain(hash: number): void {
    let length = 0;
    for (let entry = this.#byHash.get(hash); entry !== undefined; entry = entry.next) {
      length += 1;
      if (length === CHAIN_MAX) {
        this.#remove(entry);
        this.evicted += 1;
        return;
      }
    }
  }

  #remove(entry: Entry): void {
    const first = this.#byHash.get(entry.hash);
    if (first === entry) {
      if (entry.next === undefined) this.#byHash.delete(entry.hash);
      else this.#byHash.set(entry.hash, entry.next);
    } else {
      let before = first;
      while (before !== undefined && before.next !== entry) before = before.next;
      if (before !== undefined) before.next = entry.next;
    }
    entry.next = undefined;
    entry.shelf.remove(entry);
    for (const subtree of entry.dependencies.subtrees) this.#bySubtree.remove(subtree, entry);
    for (const address of entry.dependencies.addresses) {
      const holders = this.#byAddress.get(address);
      holders?.delete(entry);
      if (holders?.size === 0) this.#byAddress.delete(address);
    }
    entry.isKept = false;
  }
}
