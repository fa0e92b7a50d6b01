import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../../log.ts';
import { StoreError } from '../../store.ts';
import { LoginError, storeErrorOf } from './errors.ts';
import type { Member } from './member.ts';

/** What a member that just failed must give the others when all are asked which one answers. */
const HEAD_START_MS = 250;

/**
 * Chooses the member that is asked: one that answered lately, until it fails.
 *
 * Then all are asked at once, and the first to answer is chosen. So a member that swallows what it is sent delays
 * nothing, and a write is only ever sent to a member that has just answered.
 */
export class Endpoints {
  readonly #members: readonly Member[];
  readonly #log: Log;
  #current: Member | undefined;
  #suspect: Member | undefined;
  #choosing: Promise<Member> | undefined;
  #reachable = true;
  #changes = 0;

  /** @param members at least one */
  constructor(members: readonly Member[], log: Log) {
    this.#members = members;
    this.#log = log;
    // The only one is chosen whatever it says, so its first call shows as much as a question would.
    if (members.length === 1) this.#current = members[0];
  }

  get size(): number {
    return this.#members.length;
  }

  /** How often another member was chosen than before. */
  get changes(): number {
    return this.#changes;
  }

  /** @throws {StoreError} `unavailable` when none answers in time, `denied` when none takes our login */
  async pick(): Promise<Member> {
    if (this.#current !== undefined) return this.#current;
    this.#choosing ??= this.#choose().finally(() => {
      this.#choosing = undefined;
    });
    return this.#choosing;
  }

  /** An answer came, of whatever kind: what was lost is back. */
  answered(member: Member): void {
    if (this.#reachable) return;
    this.#reachable = true;
    this.#log.info('etcd-reachable', `etcd ${member.url} answers again`, { endpoint: member.url });
  }

  /** A call or a watch of this member broke or came to nothing: look for one that answers before it is asked again. */
  failed(member: Member, error: StoreError): void {
    if (this.#members.length === 1) {
      this.#lost(error);
    } else if (this.#current === member) {
      this.#current = undefined;
      this.#suspect = member;
      this.#log.warn('etcd-endpoint-failed', `${error.message}; looking for a member that answers`, {
        endpoint: member.url,
      });
    }
  }

  async #choose(): Promise<Member> {
    const suspect = this.#suspect;
    try {
      const member = await Promise.any(this.#members.map((each) => this.#answering(each, each === suspect)));
      if (suspect !== undefined && member !== suspect) {
        this.#changes += 1;
        this.#log.info('etcd-endpoint-chosen', `asking etcd ${member.url} from now on`, { endpoint: member.url });
      }
      this.#current = member;
      this.#suspect = undefined;
      this.answered(member);
      return member;
    } catch (error) {
      const failure = noneAnswers((error as AggregateError).errors as StoreError[]);
      this.#lost(failure);
      throw failure;
    }
  }

  /**
   * A read that needs the leader's word, so that a member cut off from the others does not count as answering. Whether
   * the user may read that key is another matter: the refusal is an answer too.
   */
  async #answering(member: Member, last: boolean): Promise<Member> {
    if (last) await wait(HEAD_START_MS);
    try {
      await member.range({ key: Buffer.from([0]), count_only: true });
    } catch (error) {
      const failure = storeErrorOf(error, member.url, 'asking whether it answers');
      if (failure.code !== 'denied' || error instanceof LoginError) throw failure;
    }
    return member;
  }

  #lost(error: StoreError): void {
    if (!this.#reachable) return;
    this.#reachable = false;
    this.#log.warn('etcd-unreachable', `${error.message}; trying again`, {});
  }
}

function noneAnswers(failures: readonly StoreError[]): StoreError {
  const denied = failures.find(({ code }) => code === 'denied');
  if (denied !== undefined) return denied;
  const reasons = failures.map(({ message }) => message).join('; ');
  return new StoreError('unavailable', `no member of etcd answers: ${reasons}`, { cause: failures[0] });
}
