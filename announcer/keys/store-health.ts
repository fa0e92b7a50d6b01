import { Subject } from 'rxjs';
import { type Store, StoreError } from '../../shared/store.ts';
import type { AnnouncerEvent } from '../event.ts';

type CallName = 'snapshot' | 'grant' | 'keepAlive' | 'timeToLive' | 'revoke' | 'commit';

interface Loss {
  readonly reason: string;
  readonly sinceMs: number;
  /** Undefined when the store is not there at all. */
  readonly deniedCall: CallName | undefined;
}

/**
 * Whether the store serves us, from the calls that are made anyway. Emits one `StoreLost` when calls begin to fail and one
 * `StoreRegained` when one is answered again, however many calls there are between. After a call that a role does not
 * allow, only that call's success is a return: that others are allowed changes nothing for what could not be done.
 */
export class StoreHealth {
  /** The same store; make calls through this one. */
  readonly store: Store;
  readonly #events = new Subject<AnnouncerEvent>();
  readonly events$ = this.#events.asObservable();
  readonly #now: () => number;
  #lost: Loss | undefined;
  #everAnswered = false;

  constructor(store: Store, now: () => number = Date.now) {
    this.#now = now;
    this.store = {
      description: store.description,
      snapshot: this.#watched('snapshot', (prefix: string) => store.snapshot(prefix)),
      // A watch that breaks is followed by a snapshot, which says whether the store is away.
      changes: (prefix, from) => store.changes(prefix, from),
      grant: this.#watched('grant', (ttlSeconds: number) => store.grant(ttlSeconds)),
      keepAlive: this.#watched('keepAlive', (lease) => store.keepAlive(lease)),
      timeToLive: this.#watched('timeToLive', (lease) => store.timeToLive(lease)),
      revoke: this.#watched('revoke', (lease) => store.revoke(lease)),
      commit: this.#watched('commit', (transaction) => store.commit(transaction)),
      close: () => store.close(),
    };
  }

  /** Undefined while the store serves us, or has not been asked yet. A sentence. */
  get lostReason(): string | undefined {
    if (this.#lost === undefined) return undefined;
    const { reason, deniedCall } = this.#lost;
    return `${deniedCall === undefined ? 'the store does not answer' : 'the store refuses us'}: ${reason}`;
  }

  /** Whether the store has answered, and answers. */
  get isUp(): boolean {
    return this.#everAnswered && this.#lost === undefined;
  }

  #watched<Given extends unknown[], Result>(
    name: CallName,
    call: (...given: Given) => Promise<Result>,
  ): (...given: Given) => Promise<Result> {
    return async (...given) => {
      try {
        const result = await call(...given);
        this.#answered(name);
        return result;
      } catch (error) {
        const code = error instanceof StoreError ? error.code : undefined;
        if (code === 'denied') this.#denied(name, error as StoreError);
        else if (code === 'unavailable') this.#failed(error as StoreError);
        else this.#answered(name);
        throw error;
      }
    };
  }

  #answered(name: CallName): void {
    this.#everAnswered = true;
    if (this.#lost === undefined) return;
    const { sinceMs, deniedCall } = this.#lost;
    if (deniedCall !== undefined && deniedCall !== name) return;
    const atMs = this.#now();
    this.#lost = undefined;
    this.#events.next({ type: 'StoreRegained', atMs, awayMs: Math.max(0, atMs - sinceMs) });
  }

  /** It is there, for all that. */
  #denied(name: CallName, error: StoreError): void {
    if (this.#lost?.deniedCall !== undefined) return;
    this.#answered(name);
    this.#lose({ reason: error.message, sinceMs: this.#now(), deniedCall: name });
  }

  #failed(error: StoreError): void {
    if (this.#lost !== undefined) return;
    const hint = this.#everAnswered ? '' : '; is it there? --etcd names it';
    this.#lose({ reason: `${error.message}${hint}`, sinceMs: this.#now(), deniedCall: undefined });
  }

  #lose(lost: Loss): void {
    this.#lost = lost;
    const { reason, sinceMs: atMs, deniedCall } = lost;
    this.#events.next({ type: 'StoreLost', atMs, reason, ...(deniedCall !== undefined && { denied: true as const }) });
  }
}
