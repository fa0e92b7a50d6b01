import type { OwnerName } from '../../shared/name.ts';
import type { Dependent } from '../lookup/outcome.ts';
import { HEADER_OCTETS } from './accept.ts';
import { writeTurned } from './message.ts';
import type { Composed, Response } from './respond.ts';

/** Rotations of an answer are kept ready as long as all of them together are no larger; wider ones are turned per query. */
const TURNS_OCTETS_MAX = 4096;
/** What an entry costs beside its messages, measured over 60,000: objects, dependencies, question. */
const ENTRY_OCTETS = 2048;

/**
 * One answer in the form for one size, with its rotations. What a query reads of it stands in its own fields: each object
 * on the way is a line of memory that the system calls between two queries have pushed out of the cache.
 */
export class Variant {
  /** Octets it was cut to. */
  readonly room: number;
  readonly rcode: Composed['rcode'];
  readonly truncated: boolean;
  readonly serialAts: readonly number[];
  readonly #octets: Uint8Array;
  readonly #ring: Composed['ring'];
  readonly #whole: boolean;
  readonly #turns: (Uint8Array | undefined)[] | undefined;
  readonly #turnCount: number;
  #turn = 0;

  constructor(composed: Composed, room: number) {
    this.room = room;
    this.rcode = composed.rcode;
    this.truncated = composed.truncated;
    this.serialAts = composed.serialAts;
    this.#octets = composed.octets;
    this.#ring = composed.ring;
    this.#whole = composed.whole;
    this.#turnCount = composed.ring === undefined ? 1 : composed.ring.starts.length - 1;
    this.#turns = this.#turnCount * composed.octets.length <= TURNS_OCTETS_MAX ? [composed.octets] : undefined;
  }

  /** Whether it is what would be composed for `room`. */
  suits(room: number): boolean {
    return this.room === room || (this.#whole && this.#octets.length <= room);
  }

  /** Memory it may come to hold. */
  get octets(): number {
    return this.#octets.length * (this.#turns === undefined ? 1 : this.#turnCount);
  }

  /** Writes the message into `out`, one rotation further than the last time. @returns its length */
  write(out: Uint8Array): number {
    const octets = this.#octets;
    const ring = this.#ring;
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
export class Compiled<S = unknown> {
  readonly name: OwnerName;
  /** Name in wire form, folded, and type and class. */
  readonly question: Uint8Array;
  readonly response: Response;
  readonly dependencies: Dependent;
  readonly hash: number;
  /** As in `dependencies`, whose shape is that of any outcome: a look into it is slow. */
  readonly validUntilMs: number;
  /** On which it is kept. */
  readonly shelf: S;
  readonly variants: Variant[] = [];
  octets = ENTRY_OCTETS;
  wasUsed = false;
  isKept = false;
  /** Neighbours on the shelf, and the next entry of the same hash. */
  older: Compiled<S> | undefined;
  newer: Compiled<S> | undefined;
  next: Compiled<S> | undefined;

  constructor(
    name: OwnerName,
    question: Uint8Array,
    response: Response,
    dependencies: Dependent,
    hash: number,
    shelf: S,
  ) {
    this.name = name;
    this.question = question;
    this.response = response;
    this.dependencies = dependencies;
    this.hash = hash;
    this.validUntilMs = dependencies.validUntilMs;
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
