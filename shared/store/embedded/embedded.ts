import { randomBytes } from 'node:crypto';
import { Observable } from 'rxjs';
import { Journal } from '../../journal/journal.ts';
import type { Log } from '../../log.ts';
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
import type { ChangeHistory } from './history.ts';
import { LeaseDeadlines } from './leases.ts';
import { replay } from './replay.ts';
import { decideCommit, decideLeaseEnd, leaseGone, type StoreEvent, type StoreState, type Unstamped } from './state.ts';
import { Watchers } from './watchers.ts';

export interface EmbeddedStoreSettings {
  /** Of this store alone; made when it is not there. */
  readonly directory: string;
  readonly log: Log;
  /** Measures leases: a clock that never goes back; default `performance.now`. Setting the wall clock ends no lease. */
  readonly nowMs?: () => number;
  /** Changes that a watch can be resumed from; default {@link HISTORY_CHANGES_MAX}. */
  readonly historyChangesMax?: number;
  /** Changes between two snapshots, which bound the files; default {@link SNAPSHOT_EVERY_CHANGES}. */
  readonly snapshotEveryChanges?: number;
}

export const HISTORY_CHANGES_MAX = 10_000;
export const SNAPSHOT_EVERY_CHANGES = 10_000;

/**
 * Left out when the last process was cut off or its journal has holes: others may have seen revisions that were lost with
 * it, and would take new changes under the same numbers for ones they know.
 */
export const REVISIONS_SKIPPED = 100_000n;

/** A commit does not wait longer than this for a disk that hangs. */
const DURABLE_WAIT_MS = 1000;
const SEGMENT_OCTETS = 4 * 1024 * 1024;
/** The longest time a timer takes. */
const TTL_SECONDS_MAX = 2_000_000;

/**
 * A store for one machine with etcd's behaviour: revisions, leases, transactions, resumable watches.
 *
 * Memory is the truth while the process runs. Every change is a record of a journal, and a commit resolves when its record
 * is in the file: it outlives the process. The file is fsynced within a second, so a power loss costs at most that, and the
 * revisions of that second are not used again. When the disk cannot be written, commits go on in memory (names must not
 * stop being true), the journal says so, and a snapshot makes up for it when the disk is back.
 *
 * Changes are delivered in a microtask of their own, never inside the call that made them.
 */
export interface EmbeddedStore extends Store {
  /** For health and metrics. */
  readonly journal: Pick<Journal<StoreEvent>, 'status'>;
}

/** @throws {JournalOpenError} (a StartError) when the directory is in use by another process, or cannot be read */
export async function openEmbeddedStore(settings: EmbeddedStoreSettings): Promise<EmbeddedStore> {
  let store: JournaledStore | undefined;
  const journal = await Journal.open<StoreEvent>({
    directory: settings.directory,
    kind: 'store',
    log: settings.log,
    segmentOctets: SEGMENT_OCTETS,
    // The past of a store is worth nothing: what the snapshots do not need is removed.
    keepMs: 0,
    keepUncovered: true,
    keepOctets: Number.POSITIVE_INFINITY,
    onRegained: () => store?.takeSnapshot(),
  });
  const { state, history, gaps } = await replay(journal, settings.historyChangesMax ?? HISTORY_CHANGES_MAX);
  store = new JournaledStore(settings, journal, state, history);
  store.begin(gaps);
  return store;
}

class JournaledStore implements EmbeddedStore {
  readonly description: string;
  readonly journal: Journal<StoreEvent>;
  readonly #log: Log;
  readonly #state: StoreState;
  readonly #history: ChangeHistory;
  readonly #watchers: Watchers;
  readonly #deadlines: LeaseDeadlines;
  readonly #snapshotEvery: number;
  #changesSinceSnapshot = 0;
  #snapshotting = false;
  #closed: Promise<void> | undefined;

  constructor(
    {
      directory,
      log,
      nowMs = () => performance.now(),
      snapshotEveryChanges = SNAPSHOT_EVERY_CHANGES,
    }: EmbeddedStoreSettings,
    journal: Journal<StoreEvent>,
    state: StoreState,
    history: ChangeHistory,
  ) {
    this.description = `embedded store in ${directory}`;
    this.journal = journal;
    this.#log = log;
    this.#state = state;
    this.#history = history;
    this.#snapshotEvery = snapshotEveryChanges;
    this.#watchers = new Watchers(history, () => state.revision);
    this.#deadlines = new LeaseDeadlines(nowMs, (lease) => this.#endLease(lease, 'expired'));
  }

  /** Takes up service after the replay. Leases start again with their full time, as etcd's do. */
  begin(gaps: number): void {
    if (this.#state.storeId === '') this.#record({ type: 'StoreCreated', storeId: randomBytes(8).toString('hex') });
    if (gaps > 0) {
      const text = `${this.description}: its journal has ${gaps} gaps, so keys may be missing or stand that were removed; whoever owns them will put them right`;
      this.#log.error('store-incomplete', text, { gaps });
    }
    if (gaps > 0 || this.journal.status.recovered) {
      this.#record({ type: 'RevisionsSkipped', revision: String(this.#state.revision + REVISIONS_SKIPPED) });
      this.#history.compact(this.#state.revision);
    }
    for (const lease of this.#state.leases()) this.#deadlines.renew(lease, this.#state.ttlSeconds(lease) ?? 0);
    if (gaps > 0) this.takeSnapshot();
  }

  async snapshot(prefix: string): Promise<Snapshot> {
    this.#enter();
    const { revision, storeId } = this.#state;
    return { revision, storeId, entries: this.#state.select(prefix) };
  }

  changes(prefix: string, from: Revision): Observable<ChangeBatch> {
    return new Observable((subscriber) => {
      if (this.#closed !== undefined) subscriber.error(this.#closedError());
      else subscriber.add(this.#watchers.add(prefix, from, subscriber));
    });
  }

  async grant(ttlSeconds: number): Promise<LeaseGrant> {
    this.#enter();
    if (!(ttlSeconds >= 1 && ttlSeconds <= TTL_SECONDS_MAX)) {
      throw new StoreError('invalid', `lease time is ${ttlSeconds} s; it must be 1 to ${TTL_SECONDS_MAX}`);
    }
    const granted = Math.ceil(ttlSeconds);
    const lease = newLeaseId();
    this.#record({ type: 'LeaseGranted', lease, ttlSeconds: granted });
    this.#deadlines.renew(lease, granted);
    await this.#durable();
    return { lease, ttlSeconds: granted };
  }

  async keepAlive(lease: LeaseId): Promise<number> {
    this.#enter();
    const ttlSeconds = this.#state.ttlSeconds(lease);
    if (ttlSeconds === undefined) throw leaseGone(lease);
    this.#deadlines.renew(lease, ttlSeconds);
    return ttlSeconds;
  }

  async timeToLive(lease: LeaseId): Promise<LeaseTtl | undefined> {
    this.#enter();
    const grantedSeconds = this.#state.ttlSeconds(lease);
    if (grantedSeconds === undefined) return undefined;
    return { grantedSeconds, remainingSeconds: Math.floor(this.#deadlines.remainingMs(lease) / 1000) };
  }

  async revoke(lease: LeaseId): Promise<void> {
    this.#enter();
    this.#endLease(lease, 'revoked');
    await this.#durable();
  }

  async commit(transaction: Transaction): Promise<CommitResult> {
    this.#enter();
    const decided = decideCommit(this.#state, transaction);
    if ('ok' in decided) return decided;
    this.#record(decided);
    const { revision } = this.#state;
    await this.#durable();
    return { ok: true, revision };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Makes what memory holds durable, whatever the journal has lost; the files before it become removable. */
  takeSnapshot(): void {
    if (this.#snapshotting) return;
    this.#snapshotting = true;
    this.#changesSinceSnapshot = 0;
    this.journal
      .snapshot(this.#state.lines())
      .catch((error: Error) => {
        const text = `${this.description}: ${error.message}; trying again after ${this.#snapshotEvery} changes`;
        this.#log.warn('store-snapshot-failed', text);
      })
      .finally(() => {
        this.#snapshotting = false;
      });
  }

  async #close(): Promise<void> {
    this.#deadlines.close();
    this.#watchers.close(this.#closedError());
    await this.journal.close();
  }

  /** Before every call: a lease whose time is over must not be seen, even if its timer is late. */
  #enter(): void {
    if (this.#closed !== undefined) throw this.#closedError();
    this.#deadlines.expire();
  }

  #record(unstamped: Unstamped<StoreEvent>): void {
    const event = { ...unstamped, atMs: Date.now() } as StoreEvent;
    this.journal.append(event);
    const changes = this.#state.evolve(event);
    if (changes.length === 0) return;
    this.#history.add(this.#state.revision, changes);
    this.#watchers.wake();
    this.#changesSinceSnapshot += changes.length;
    if (this.#changesSinceSnapshot >= this.#snapshotEvery) this.takeSnapshot();
  }

  #endLease(lease: LeaseId, how: 'expired' | 'revoked'): void {
    this.#deadlines.forget(lease);
    const decided = decideLeaseEnd(this.#state, lease, how);
    if (decided !== undefined) this.#record(decided);
  }

  async #durable(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DURABLE_WAIT_MS);
    });
    await Promise.race([this.journal.written(), patience]);
    clearTimeout(timer);
  }

  #closedError(): StoreError {
    return new StoreError('unavailable', `${this.description} is closed`);
  }
}

/** As etcd's: a positive 64-bit number. */
function newLeaseId(): LeaseId {
  return String((randomBytes(8).readBigUInt64BE() >> 1n) | 1n) as LeaseId;
}
