import type { OwnerName } from '../../shared/name.ts';
import type { Question } from '../lookup/question.ts';

/** The forwarder as the query path sees it; `forward.ts` stands behind it. */
export interface Forwarder {
  /**
   * Asks the upstreams (or a stub zone's servers, or the cache) the question of a client's query.
   *
   * @param query the client's whole message; its question, RD, CD and DO bits count
   * @returns a response message with id 0 and the question as asked, not yet cut to size; undefined when every upstream failed (the caller says SERVFAIL)
   */
  forward(query: Uint8Array): Promise<Uint8Array | undefined>;

  /** Addresses of a name outside our zones, from the cache only: for `lookup`, which is synchronous. */
  cached(question: Question): OutsideAnswer | undefined;

  /**
   * As {@link cached}, asking the upstreams first when need be. Never rejects: a failure is an answer that says so.
   *
   * @param withinMs undefined after so long; what the upstreams say then is for the next question
   */
  resolve(question: Question, withinMs?: number): Promise<OutsideAnswer | undefined>;
}

export interface OutsideAnswer {
  /** IPv4 for A, IPv6 for AAAA; empty when there are none, or `failed`. */
  readonly addresses: readonly string[];
  /** The upstreams did not say whether there are any: silent, out of reach, or an RCODE that is no denial. */
  readonly failed?: true;
  /** The names that CNAMEs led to from the name asked for, in chain order; the addresses are those of the last. */
  readonly aliases?: readonly OwnerName[];
  readonly validUntilMs: number;
  /** The TTL was 0: sent so (RFC 1035 §3.2.1), though the answer serves for a moment the questions that wait for it. */
  readonly ttlIsZero?: true;
}
