import type { OwnerName } from '../shared/name.ts';
import { HEADER_OCTETS } from './accept.ts';
import { Dependents } from './dependents.ts';
import { writeTurned } from './message.ts';
import type { Dependent } from './outcome.ts';
import type { QueryReader } from './query.ts';
import type { Composed, Response } from './respond.ts';

/** Rotations of an answer are kept ready as long as all of them together are no larger; wider ones are turned per query. */
const TURNS_OCTETS_MAX = 4096;
/** Sizes for which one answer is kept: without EDNS, with it, with a cookie, TCP. Further ones take the last's place. */
const VARIANTS_MAX = 4;
/** What an entry costs beside its messages, by measurement: objects, dependencies, question. */
const ENTRY_OCTETS = 1024;
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

/** One answer in the form for one size, with its rotations. */
export class Variant {
  readonly composed: Composed;
  /** Octets it was cut to. */
  readonly room: number;
  readonly #turns: (Uint8Array | undefined)[] | undefined;
  readonly #turnCount: number;
  #turn = 0;

  constructor(composed: Composed, room: number) {
    this.composed = composed;
    this.room = room;
    this.#turnCount = composed.ring === undefined ? 1 : composed.ring.starts.length - 1;
    this.#turns = this.#turnCount * composed.octets.length <= TURNS_OCTETS_MAX ? [composed.octets] : undefined;
  }

  /** Whether it is what would be composed for `room`. */
  suits(room: number): boolean {
    return this.room === room || (this.composed.whole && this.composed.octets.length <= room);
  }

  /** Memory it may come to hold. */
  get octets(): number {
    return this.composed.octets.length * (this.#turns === undefined ? 1 : this.#turnCount);
  }

  /** Writes the message into `out`, one rotation further than the last time. @returns its length */
  write(out: Uint8Array): number {
    const { octets, ring } = this.composed;
    const turn = this.#turn;
    if (ring === undefined || turn === 0) {
      out.set(octets);
    } else if (this.#turns === undefined) {
      writeTurned(octets, ring, turn, out);
    } else {
      let turned = this.#turns[turn];
      if (turned === undefined) {
        turned = new Uint8Array(octets.length);
        writeTurned(octets, ring, turn, turned);
        this.#turns[turn] = turned;
      }
      out.set(turned);
    }
    this.#turn = turn + 1 === this.#turnCount ? 0 : turn + 1;
    return octets.length;
  }
}

/** The answers to one question (class IN). */
export class Compiled {
  readonly name: OwnerName;
  /** Name in wire form, folded, and type and class. */
  readonly question: Uint8Array;
  readonly response: Response;
  readonly dependencies: Dependent;
  readonly hash: number;
  readonly shelf: Shelf;
  readonly variants: Variant[] = [];
  octets = ENTRY_OCTETS;
  wasUsed = false;
  isKept = false;
  /** Neighbours on the shelf, and the next entry of the same hash. */
  older: Compiled | undefined;
  newer: Compiled | undefined;
  next: Compiled | undefined;

  constructor(
    name: OwnerName,
    question: Uint8Array,
    response: Response,
    dependencies: Dependent,
    hash: number,
    shelf: Shelf,
  ) {
    this.name = name;
    this.question = question;
    this.response = response;
    this.dependencies = dependencies;
    this.hash = hash;
    this.shelf = shelf;
  }

  variantFor(room: number): Variant | undefined {
    for (const variant of this.variants) if (variant.suits(room)) return variant;
    return undefined;
  }

  asks(query: Uint8Array, questionEnd: number): boolean {
    const { question } = this;
    const length = questionEnd - HEADER_OCTETS;
    if (question.length !== length) return false;
    const nameEnd = length - 4;
    for (let at = 0; at < nameEnd; at += 1) {
      let octet = query[HEADER_OCTETS + at] as number;
      if ((octet - 0x41) >>> 0 < 26) octet |= 0x20;
      if (octet !== question[at]) return false;
    }
    return (
      query[questionEnd - 4] === question[nameEnd] &&
      query[questionEnd - 3] === question[nameEnd + 1] &&
      query[questionEnd - 2] === question[nameEnd + 2] &&
      query[questionEnd - 1] === question[nameEnd + 3]
    );
  }
}

/** Entries by age, within a number and a sum of octets. */
class Shelf {
  readonly #entriesMax: number;
  readonly #octetsMax: number;
  size = 0;
  octets = 0;
  oldest: Compiled | undefined;
  #newest: Compiled | undefined;

  constructor(entriesMax: number, octetsMax: number) {
    this.#entriesMax = entriesMax;
    this.#octetsMax = octetsMax;
  }

  get isOver(): boolean {
    return this.size > this.#entriesMax || this.octets > this.#octetsMax;
  }

  push(entry: Compiled): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.size += 1;
    this.octets += entry.octets;
  }

  remove(entry: Compiled): void {
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
  readonly #byHash = new Map<number, Compiled>();
  readonly #positive: Shelf;
  readonly #negative: Shelf;
  readonly #bySubtree = new Dependents<Compiled>();
  readonly #byAddress = new Map<string, Set<Compiled>>();

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
  find(query: Uint8Array, reader: QueryReader, nowMs: number): Compiled | undefined {
    for (let entry = this.#byHash.get(reader.hash); entry !== undefined; entry = entry.next) {
      if (!entry.asks(query, reader.questionEnd)) continue;
      if (nowMs >= entry.dependencies.validUntilMs) {
        this.#remove(entry);
        break;
      }
      entry.wasUsed = true;
      return entry;
    }
    return undefined;
  }

  /** Keeps the answers to a question that was not found. Its first variant is added behind it. */
  add(name: OwnerName, question: Uint8Array, hash: number, response: Response, dependencies: Dependent): Compiled {
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
  addVariant(entry: Compiled, variant: Variant): void {
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
    const affected = new Set<Compiled>();
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

  #remove(entry: Compiled): void {
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
