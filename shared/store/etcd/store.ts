import type { Observable } from 'rxjs';
import type { Log } from '../../log.ts';
import type { Metrics } from '../../metrics.ts';
import {
  type ChangeBatch,
  type CommitResult,
  type LeaseGrant,
  type LeaseId,
  type LeaseTtl,
  type Revision,
  type Snapshot,
  type Store,
  StoreError,
  type Transaction,
} from '../../store.ts';
import { commitResultOf, txnRequestOf } from './convert.ts';
import { Endpoints } from './endpoints.ts';
import { storeErrorOf } from './errors.ts';
import type { Member } from './member.ts';
import { type EtcdMethod, EtcdMetrics } from './metrics.ts';
import { readSnapshot } from './snapshot.ts';
import { watchChanges } from './watch.ts';

/** A call that fails sooner than this may be made again at the same member: a connection that was cut tells at once. */
const QUICK_FAILURE_MS = 1_000;

/** What the log and the messages need to know of a call. */
interface Call<T> {
  readonly method: EtcdMethod;
  /** For messages: `reading /skydns/`. */
  readonly what: string;
  /** Whether making it twice does no harm. */
  readonly repeatable: boolean;
  readonly run: (member: Member) => Promise<T>;
}

/** The store on etcd: which member is asked, what is asked again, and what its answers mean. */
export class EtcdStore implements Store {
  readonly description: string;
  readonly #members: readonly Member[];
  readonly #endpoints: Endpoints;
  readonly #metrics: EtcdMetrics;
  /** Of the last snapshot: revisions of another cluster mean nothing to who has read this one. */
  #storeId: string | undefined;
  #closed = false;

  /** @param members at least one */
  constructor(members: readonly Member[], log: Log, metrics?: Metrics) {
    this.description = `etcd ${members.map(({ url }) => url).join(', ')}`;
    this.#members = members;
    this.#endpoints = new Endpoints(members, log);
    this.#metrics = new EtcdMetrics(metrics, () => this.#endpoints.changes);
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    // Who wants the revision alone asks for an empty range, by a NUL behind the prefix: nothing for a terminal.
    const what = `reading ${prefix.replaceAll('\0', '')}`;
    const snapshot = await readSnapshot(prefix, (request) =>
      this.#call({ method: 'range', what, repeatable: true, run: (member) => member.range(request) }),
    );
    this.#storeId = snapshot.storeId;
    return snapshot;
  }

  changes(prefix: string, from: Revision): Observable<ChangeBatch> {
    return watchChanges({
      prefix,
      from: from < 1n ? 1n : from,
      pick: () => this.#pick(),
      storeId: () => this.#storeId,
      failed: (member, error) => {
        this.#metrics.watchEnded(error.code);
        if (member !== undefined && error.code === 'unavailable' && !this.#closed) {
          this.#endpoints.failed(member, error);
        }
      },
    });
  }

  async grant(ttlSeconds: number): Promise<LeaseGrant> {
    if (!(ttlSeconds >= 1)) throw new StoreError('invalid', `a lease of ${ttlSeconds} s: at least 1 s`);
    // An answer that was lost leaves a lease without keys, which expires by itself.
    const granted = await this.#call({
      method: 'grant',
      what: `granting a lease of ${ttlSeconds} s`,
      repeatable: true,
      run: (member) => member.leaseGrant(Math.ceil(ttlSeconds)),
    });
    return { lease: granted.ID as LeaseId, ttlSeconds: Number(granted.TTL) };
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    const what = `keeping lease ${hex(lease)} alive`;
    const { TTL } = await this.#call({
      method: 'keepalive',
      what,
      repeatable: true,
      run: (member) => member.leaseKeepAlive(lease),
    });
    const seconds = Number(TTL);
    if (seconds <= 0) throw new StoreError('lease-gone', `${what}: it has expired or was revoked; grant a new one`);
    return seconds;
  }

  async timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined> {
    const { TTL, grantedTTL } = await this.#call({
      method: 'ttl',
      what: `reading the time left of lease ${hex(lease)}`,
      repeatable: true,
      run: (member) => member.leaseTimeToLive(lease),
    });
    const remainingSeconds = Number(TTL);
    return remainingSeconds < 0 ? undefined : { grantedSeconds: Number(grantedTTL), remainingSeconds };
  }

  async revoke(lease: LeaseId): Promise<void> {
    try {
      await this.#call({
        method: 'revoke',
        what: `revoking lease ${hex(lease)}`,
        repeatable: true,
        run: (member) => member.leaseRevoke(lease),
      });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'lease-gone')) throw error;
    }
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    const request = txnRequestOf(transaction);
    const { expect, writes } = transaction;
    const what =
      writes.length === 0
        ? `comparing ${expect.length} keys, the first ${expect[0]?.key}`
        : `committing ${writes.length} writes, the first to ${writes[0]?.key}`;
    const response = await this.#call({
      method: 'txn',
      what,
      // The first try may have been applied although its answer was lost: the second would then find its own writes.
      repeatable: false,
      run: (member) => member.txn(request),
    });
    return commitResultOf(response);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const member of this.#members) member.close();
  }

  async #pick(): Promise<Member> {
    if (this.#closed) throw new StoreError('unavailable', `${this.description}: the store was closed`);
    return this.#endpoints.pick();
  }

  async #call<T>(call: Call<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const member = await this.#pick();
      const started = performance.now();
      const seconds = (): number => (performance.now() - started) / 1000;
      try {
        const answer = await call.run(member);
        this.#metrics.call(call.method, 'ok', seconds());
        this.#endpoints.answered(member);
        return answer;
      } catch (error) {
        const failure = failureOf(call, error, member.url);
        this.#metrics.call(call.method, failure.code, seconds());
        if (failure.code !== 'unavailable') {
          this.#endpoints.answered(member);
          throw failure;
        }
        if (this.#closed) throw failure;
        this.#endpoints.failed(member, failure);
        const worthwhile = this.#endpoints.size > 1 || seconds() * 1000 < QUICK_FAILURE_MS;
        if (!call.repeatable || attempt > 1 || !worthwhile) throw failure;
      }
    }
  }
}

/** What etcd has refused was not done; what it did not answer may have been. */
function failureOf({ what, repeatable }: Call<unknown>, error: unknown, url: string): StoreError {
  const failure = storeErrorOf(error, url, what);
  if (repeatable || failure.code !== 'unavailable') return failure;
  return storeErrorOf(error, url, `${what} (which may have been done all the same)`);
}

/** As etcdctl writes a lease. */
function hex(lease: LeaseId): string {
  return BigInt(lease).toString(16);
}
