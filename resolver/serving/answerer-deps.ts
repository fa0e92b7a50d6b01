import type { OwnerName } from '../../shared/name.ts';
import type { ResourceRecord } from '../../shared/rrset.ts';
import type { AnsweredWith } from '../answered/unanswered.ts';
import type { Forwarder, OutsideAnswer } from '../forwarding/forwarder.ts';
import type { Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { Availability } from '../lookup/settings.ts';
import type { CompiledLimits } from '../wire/compiled.ts';
import type { Denials } from '../wire/denials.ts';
import type { PAST_SUFFIX, PastTold } from '../wire/past.ts';
import type { ResponderSettings } from './responder.ts';

export interface AnswererSettings extends ResponderSettings {
  /** `version.bind` and `version.server`. */
  readonly version: string;
  /** Answer the names of class CH; else they are refused. */
  readonly chaos: boolean;
  /** Turn addresses and SRV records from answer to answer. */
  readonly rotate: boolean;
  /** Questions that may wait for an upstream, or the past, at once; past that, SERVFAIL. */
  readonly slowQueriesMax: number;
  readonly compiled: CompiledLimits;
}

/** What the forwarder said while a question waited; undefined: nothing. */
export type ToldOutside = (question: Question) => OutsideAnswer | undefined;

export interface AnswererDeps {
  /** @param told answers of the forwarder that count though they may be over by now */
  lookup(question: Question, told?: ToldOutside): Outcome;
  /** Says NXDOMAIN where that takes no lookup. Without it every question is looked up. */
  readonly denials?: Denials | undefined;
  /** With the serial as it is now. */
  soa(zone: OwnerName): ResourceRecord;
  /** Of the zones; SOA serials are its low 32 bits. */
  revision(): bigint;
  /** Undefined when forwarding is off; looked at anew each time. */
  readonly forwarder: Forwarder | undefined;
  /** Whether names outside the zones are resolved for this client. Asked once for an address, then remembered. */
  mayForward(clientAddress: string): boolean;
  /** Whether this client is told what was answered in the past. */
  mayAskPast(clientAddress: string): boolean;
  /** What there is to say for a name in {@link PAST_SUFFIX}. */
  tellPast(name: OwnerName): Promise<PastTold>;
  /** Whether answers may be given from the zone; while stale they go out with EDE 3 or 19 (RFC 8914). */
  availability(nowMs: number): Availability;
  /** For what lasts: never set back or forward. */
  nowMs(): number;
  /** For what is written of an answer; default `nowMs`. */
  wallMs?(): number;
  /** 0 to 1, of cryptographic quality: hash seeds are drawn from it. */
  random(): number;
  /** Who waits for the first answers to changes. */
  readonly watch?: AnswerListener;
  readonly settings: AnswererSettings;
}

/** Is told of what was looked up and answered, while it waits for anything. */
export interface AnswerListener {
  /** How many changes it waits for. */
  readonly count: number;
  /** Those of them by which a record went. */
  readonly goneCount: number;
  answered(question: Question, outcome: AnsweredWith, atMs: number): void;
}
