import { Observable, type Subscriber } from 'rxjs';
import { type ChangeBatch, type Revision, StoreError } from '../../store.ts';
import { changeOf, rangeOfPrefix } from './convert.ts';
import { isStaleLogin, RpcError, STATUS, storeErrorOf } from './errors.ts';
import type { Member, WatchResponse } from './member.ts';
import { RevisionAssembler } from './revisions.ts';

/** etcd confirms a watch at once; a connection that swallows it has no other sign before the first keepalive. */
export const WATCH_CREATE_TIMEOUT_MS = 3_000;

export interface WatchSettings {
  readonly prefix: string;
  /** The first revision that is wanted. */
  readonly from: Revision;
  readonly pick: () => Promise<Member>;
  /** The watch ended, for whatever reason but the subscriber's wish. */
  readonly failed: (member: Member | undefined, error: StoreError) => void;
  /** The cluster whose revisions `from` counts; undefined when none was read yet. */
  readonly storeId: () => string | undefined;
}

/**
 * One watch, on a connection of its own, for as long as nothing breaks. It never resumes by itself: the first doubt
 * ends it with an error, and what was given out until then is exact. The caller comes again from its last revision + 1.
 */
export function watchChanges(settings: WatchSettings): Observable<ChangeBatch> {
  return new Observable((subscriber) => {
    const watch = new Watch(settings, subscriber);
    watch.open();
    return () => watch.stop();
  });
}

class Watch {
  readonly #settings: WatchSettings;
  readonly #subscriber: Subscriber<ChangeBatch>;
  readonly #assembler: RevisionAssembler;
  readonly #what: string;
  #member: Member | undefined;
  #close: (() => void) | undefined;
  #createTimer: NodeJS.Timeout | undefined;
  #state: 'opening' | 'checking' | 'live' | 'over' = 'opening';
  #loggedInAgain = false;

  constructor(settings: WatchSettings, subscriber: Subscriber<ChangeBatch>) {
    this.#settings = settings;
    this.#subscriber = subscriber;
    this.#assembler = new RevisionAssembler(settings.from);
    this.#what = `watching ${settings.prefix} from revision ${settings.from}`;
  }

  open(): void {
    this.#settings.pick().then(
      (member) => {
        if (this.#state !== 'over') this.#openAt(member);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  stop(): void {
    this.#state = 'over';
    clearTimeout(this.#createTimer);
    this.#close?.();
    this.#close = undefined;
  }

  #openAt(member: Member): void {
    this.#member = member;
    this.#createTimer = setTimeout(() => {
      this.#fail(new RpcError(STATUS.deadlineExceeded, `not confirmed in ${WATCH_CREATE_TIMEOUT_MS / 1000} s`));
    }, WATCH_CREATE_TIMEOUT_MS);
    this.#close = member.watch(
      {
        ...rangeOfPrefix(this.#settings.prefix),
        start_revision: String(this.#settings.from),
        progress_notify: true,
        fragment: true,
      },
      { response: (response) => this.#take(member, response), failure: (error) => this.#broken(member, error) },
    );
  }

  #take(member: Member, response: WatchResponse): void {
    if (this.#state === 'over') return;
    if (response.canceled) this.#canceled(member, response);
    else if (response.created) this.#created(member, response);
    else this.#changed(response);
  }

  #canceled(member: Member, { compact_revision, cancel_reason }: WatchResponse): void {
    if (compact_revision !== '0') {
      const kept = `etcd keeps no revision before ${compact_revision}; read anew`;
      this.#fail(new StoreError('compacted', `etcd ${member.url}: ${this.#what}: ${kept}`));
      return;
    }
    const status = /permission denied/.test(cancel_reason) ? STATUS.permissionDenied : STATUS.unavailable;
    const error = new RpcError(status, cancel_reason || 'canceled without a reason');
    this.#broken(member, error);
  }

  #broken(member: Member, error: unknown): void {
    // etcd 3.4 refuses a watch whose login has expired with the same words as one that no role allows.
    const mayBeLogin = isStaleLogin(error) || (error instanceof RpcError && error.status === STATUS.permissionDenied);
    if (!mayBeLogin || this.#loggedInAgain || this.#state !== 'opening') {
      this.#fail(error);
      return;
    }
    this.#loggedInAgain = true;
    this.#close?.();
    clearTimeout(this.#createTimer);
    member.forgetLogin();
    this.#openAt(member);
  }

  #created(member: Member, { header }: WatchResponse): void {
    clearTimeout(this.#createTimer);
    const storeId = this.#settings.storeId();
    if (storeId !== undefined && header.cluster_id !== storeId) {
      const other = `this is cluster ${header.cluster_id}, but ${storeId} was read; read anew`;
      this.#fail(new StoreError('compacted', `etcd ${member.url}: ${this.#what}: ${other}`));
      return;
    }
    if (BigInt(header.revision) >= this.#settings.from - 1n) {
      this.#live();
      return;
    }
    // A member may be behind the others for a moment; a store that was restored from a backup is behind for good, and
    // would let us wait in silence until it comes to our revision again.
    this.#state = 'checking';
    member.range({ key: rangeOfPrefix(this.#settings.prefix).key, count_only: true }).then(
      (now) => {
        if (this.#state !== 'checking') return;
        if (BigInt(now.header.revision) >= this.#settings.from - 1n) {
          this.#live();
          return;
        }
        const back = `its revision is ${now.header.revision}: the store went back in time; read anew`;
        this.#fail(new StoreError('compacted', `etcd ${member.url}: ${this.#what}: ${back}`));
      },
      (error: unknown) => {
        if (this.#state === 'checking') this.#fail(error);
      },
    );
  }

  #live(): void {
    this.#state = 'live';
    this.#subscriber.next({ revision: this.#settings.from - 1n, changes: [] });
  }

  #changed({ header, events, fragment }: WatchResponse): void {
    // Changes from our revision on: the member has caught up.
    if (this.#state === 'checking') this.#live();
    const isProgress = events.length === 0 && !fragment;
    const batch = isProgress
      ? this.#assembler.progress(BigInt(header.revision))
      : this.#assembler.take(events.map(changeOf), fragment);
    if (batch !== undefined) this.#subscriber.next(batch);
  }

  #fail(error: unknown): void {
    if (this.#state === 'over') return;
    const failure = storeErrorOf(error, this.#member?.url ?? '', this.#what);
    this.stop();
    this.#settings.failed(this.#member, failure);
    this.#subscriber.error(failure);
  }
}
