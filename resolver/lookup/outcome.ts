import type { OwnerName } from '../../shared/name.ts';
import type { ResourceRecord } from '../../shared/rrset.ts';
import type { Question } from './question.ts';

/** What the zone says to a question, before it is put into a message. */
export type Outcome =
  | Answer
  /** The name exists (or something below it does), the type does not. Authority: the SOA of `zone` (RFC 2308 §2.2). */
  | (Dependent & { readonly type: 'nodata'; readonly zone: OwnerName })
  /** Nothing at or below the name, for any type (RFC 8020). */
  | (Dependent & { readonly type: 'nxdomain'; readonly zone: OwnerName })
  /** In none of our zones: for the forwarder, when the client may use it; else REFUSED. */
  | { readonly type: 'outside' }
  | { readonly type: 'refused' }
  | { readonly type: 'notimp' }
  /**
   * RFC 8914 info code: 22 No Reachable Authority (never synced), 3 Stale Answer (past the bound), 23 Network Error (all that
   * the name has is outside our zones, and the upstreams failed).
   */
  | { readonly type: 'servfail'; readonly extendedError: number };

export interface Answer extends Dependent {
  readonly type: 'answer';
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  /** False: what we know of a name in a zone of others. */
  readonly authoritative: boolean;
  /** Index into `answers` from which RRs may rotate; CNAMEs before it stay first and in chain order. */
  readonly rotateFrom: number;
}

/** What an outcome was derived from, so that a change can drop exactly the compiled answers it affects. */
export interface Dependent {
  /**
   * The names whose subtrees (the name and all below it) were looked at, present or not. A label `*` or `any` in a
   * pattern of the question stands as `*` and matches one label.
   */
  readonly subtrees: readonly OwnerName[];
  /** Addresses whose announced names were looked at (derived PTR), in canonical text form. */
  readonly addresses: readonly string[];
  /** When the outcome stops being true though nothing changed (a lease's time or an outside answer's TTL runs down); ms since epoch. */
  readonly validUntilMs: number;
  /**
   * Names outside our zones whose A or AAAA the answer needs and that are not known yet. When there are any, the outcome
   * is what can be said without them; the caller asks the forwarder and looks up again.
   */
  readonly unresolved: readonly Question[];
}
