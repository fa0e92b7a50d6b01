import { familyOf } from '../../shared/ip.ts';
import type { EtcdKey, OwnerName } from '../../shared/name.ts';
import { RrType } from '../../shared/rrset.ts';
import type { Dependent, Outcome } from '../lookup/outcome.ts';
import type { Question } from '../lookup/question.ts';
import type { ZoneEvent } from '../zone/event.ts';
import type { ZoneChange } from '../zone/zone.ts';
import { PendingNames } from './pending-names.ts';

/** A change of one key that answers can show, and that none has shown yet. */
export interface UnansweredChange {
  readonly key: EtcdKey;
  readonly revision: string;
  /** The owner name at which the record came, changed or went. */
  readonly name: OwnerName;
  /** Before and after, in canonical spelling. */
  readonly addresses: readonly string[];
  /** Whether a record stands there now. */
  readonly stands: boolean;
  /** When it was applied to the zone; ms since epoch. */
  readonly appliedAtMs: number;
  /** Found by reading again: it stood in the store before. */
  readonly isLate: boolean;
}

/** The first answer in which a change could be seen. Goes from a worker to the primary as it stands. */
export interface FirstAnswer {
  readonly key: EtcdKey;
  readonly revision: string;
  readonly name: OwnerName;
  readonly appliedAtMs: number;
  readonly isLate: boolean;
  /** Name and type asked: `web.s.prod.example.com. A`. */
  readonly question: string;
  readonly outcome: AnsweredOutcome['type'];
  readonly atMs: number;
}

/** Outcomes that come from records, or from their absence. */
export type AnsweredOutcome = Extract<Outcome, Dependent>;

/** What {@link UnansweredChanges} looks at of an outcome. */
export type AnsweredWith = Pick<AnsweredOutcome, 'type' | 'subtrees' | 'addresses'>;

export interface UnansweredLimits {
  readonly changesMax: number;
  /** What nobody has asked for in this time is waited for no longer. */
  readonly ageMaxMs: number;
}

/** Most changes are of names that somebody asks for within seconds, or that nobody asks for. */
export const UNANSWERED_LIMITS: UnansweredLimits = { changesMax: 10_000, ageMaxMs: 600_000 };

/** What is too old is given up so often, not with each change and query. */
const EXPIRE_EVERY_MS = 1000;
/** What stays when there are too many. */
const KEPT_SHARE = 0.99;
/** A worker's report may be so late; by then its change may be followed by the next one of the key. */
const REPORT_LATE_MS = 1000;

/** Changes that were given up: the key changed again first; nobody asked in time; there were too many. */
export type GivenUp = 'superseded' | 'age' | 'room';

/** The change that an event made; undefined when answers cannot show it. */
export function unansweredOf(event: ZoneEvent, { names, addresses }: ZoneChange): UnansweredChange | undefined {
  if (event.type !== 'RecordPut' && event.type !== 'RecordDeleted') return undefined;
  const [name] = names;
  if (name === undefined) return undefined;
  const { key, revision, atMs: appliedAtMs } = event;
  return {
    key,
    revision,
    name,
    addresses,
    stands: event.type === 'RecordPut',
    appliedAtMs,
    isLate: event.late === true,
  };
}

/**
 * The changes that no query has been answered with yet, within bounds. A change drops every compiled answer that depends
 * on it, so the first query that can show it is looked up: whoever looks up asks here, and only when {@link count} is not 0.
 */
export class UnansweredChanges {
  /** A plain field: on the query path it is all that is looked at while it is 0. */
  count = 0;
  /** Those of them by which a record went. */
  goneCount = 0;
  readonly givenUp: Record<GivenUp, number> = { superseded: 0, age: 0, room: 0 };
  readonly #limits: UnansweredLimits;
  #expiredAtMs = 0;
  /** The oldest first. */
  readonly #byKey = new Map<EtcdKey, UnansweredChange>();
  /** No answer can show them any more; a report of one that did may be on its way. With the time at which each was followed. */
  readonly #superseded = new Map<string, number>();
  readonly #byName = new PendingNames<UnansweredChange>();
  readonly #byAddress = new Map<string, Set<UnansweredChange>>();

  constructor(limits: UnansweredLimits = UNANSWERED_LIMITS) {
    this.#limits = limits;
  }

  /** A change was applied: an older one of the same key will not be seen any more. */
  add(change: UnansweredChange): void {
    const before = this.#byKey.get(change.key);
    if (before !== undefined) {
      this.#remove(before);
      this.#superseded.set(idOf(before), change.appliedAtMs);
    }
    this.#byKey.set(change.key, change);
    this.#byName.add(change.name, change);
    for (const address of change.addresses) {
      const held = this.#byAddress.get(address);
      if (held === undefined) this.#byAddress.set(address, new Set([change]));
      else held.add(change);
    }
    this.count += 1;
    if (!change.stands) this.goneCount += 1;
    this.#expireNowAndThen(change.appliedAtMs);
    if (this.count > this.#limits.changesMax) this.#makeRoom();
  }

  /** A question was looked up and answered. @returns the changes of which this is the first answer; they wait no longer */
  answered({ name, type }: Question, outcome: AnsweredWith, atMs: number): readonly FirstAnswer[] {
    this.#expireNowAndThen(atMs);
    const touched = new Set<UnansweredChange>();
    for (const subtree of outcome.subtrees) this.#byName.collect(subtree, touched);
    for (const address of outcome.addresses) for (const each of this.#byAddress.get(address) ?? []) touched.add(each);
    const answers: FirstAnswer[] = [];
    for (const change of touched) {
      if (!couldShow(change, type, outcome.type)) continue;
      if (atMs - change.appliedAtMs > this.#limits.ageMaxMs) {
        this.#giveUp(change, 'age');
        continue;
      }
      this.#remove(change);
      const { key, revision, name: owner, appliedAtMs, isLate } = change;
      const question = `${name} ${typeText(type)}`;
      answers.push({ key, revision, name: owner, appliedAtMs, isLate, question, outcome: outcome.type, atMs });
    }
    return answers;
  }

  /** A worker answered it. @returns whether it was still waiting: then it waits no longer */
  settle(answer: Pick<FirstAnswer, 'key' | 'revision'>): boolean {
    const change = this.#byKey.get(answer.key);
    if (change?.revision !== answer.revision) return this.#superseded.delete(idOf(answer));
    this.#remove(change);
    return true;
  }

  #expireNowAndThen(nowMs: number): void {
    if (Math.abs(nowMs - this.#expiredAtMs) < EXPIRE_EVERY_MS) return;
    this.#expiredAtMs = nowMs;
    this.expire(nowMs);
  }

  /** Several at once: to find the oldest of a map takes a look at the places of those that left before it. */
  #makeRoom(): void {
    const keep = Math.floor(this.#limits.changesMax * KEPT_SHARE);
    for (const oldest of this.#byKey.values()) {
      if (this.count <= keep) return;
      this.#giveUp(oldest, 'room');
    }
  }

  /** Gives up what is too old. */
  expire(nowMs: number): void {
    for (const [id, sinceMs] of this.#superseded) {
      if (nowMs - sinceMs <= REPORT_LATE_MS && this.#superseded.size <= this.#limits.changesMax) break;
      this.#superseded.delete(id);
      this.givenUp.superseded += 1;
    }
    for (const oldest of this.#byKey.values()) {
      if (nowMs - oldest.appliedAtMs <= this.#limits.ageMaxMs) return;
      this.#giveUp(oldest, 'age');
    }
  }

  #giveUp(change: UnansweredChange, why: Exclude<GivenUp, 'superseded'>): void {
    this.#remove(change);
    this.givenUp[why] += 1;
  }

  #remove(change: UnansweredChange): void {
    this.#byKey.delete(change.key);
    this.#byName.remove(change.name, change);
    for (const address of change.addresses) {
      const held = this.#byAddress.get(address);
      held?.delete(change);
      if (held?.size === 0) this.#byAddress.delete(address);
    }
    this.count -= 1;
    if (!change.stands) this.goneCount -= 1;
  }
}

/** One key changes once at a revision. */
export function idOf({ key, revision }: Pick<FirstAnswer, 'key' | 'revision'>): string {
  return `${revision} ${key}`;
}

/** Types that are answered from records. */
const RECORD_TYPES: ReadonlySet<number> = new Set([
  RrType.A,
  RrType.AAAA,
  RrType.SRV,
  RrType.TXT,
  RrType.MX,
  RrType.PTR,
  RrType.CNAME,
  RrType.NS,
  RrType.ANY,
]);

/**
 * Whether an answer that depends on a change can look different for it: a record that came is in no negative answer, an
 * IPv4 address in none of type AAAA. So nginx, which asks A and AAAA at once, gives the time of the answer that counts.
 */
function couldShow(change: UnansweredChange, type: number, outcome: AnsweredOutcome['type']): boolean {
  if (outcome !== 'answer' && change.stands) return false;
  if (outcome === 'nxdomain') return true;
  if (!RECORD_TYPES.has(type)) return false;
  if ((type !== RrType.A && type !== RrType.AAAA) || change.addresses.length === 0) return true;
  return change.addresses.some((address) => RrType[familyOf(address)] === type);
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(RrType).map(([name, code]) => [code, name]));

/** RFC 3597 §5 for those without a name of ours. */
function typeText(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}
