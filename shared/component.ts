import type { EventFeed } from './events/event-feed.ts';
import type { Route } from './http.ts';
import type { Log } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Store } from './store.ts';

/** What `main` hands to the announcer and the resolver. `up` hands the same to both. */
export interface ComponentDeps {
  readonly store: Store;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of this build, for the journal. */
  readonly version: string;
  /** This component's own directory below `--data-dir`; exists. */
  readonly dataDir: string;
}

/** Why a component cannot serve yet; an empty list is ready. Each a sentence for `/ready`. */
export type NotReady = readonly string[];

/** The announcer or the resolver, put together but not yet started. */
export interface Component {
  readonly name: 'announcer' | 'resolver';
  /** Without `/v1/events`: that is made of `feed`, of one program or of two that run as one. */
  readonly routes: readonly Route[];
  readonly feed: EventFeed;
  notReady(): NotReady;
  /** What is wrong though it serves, as a journal whose disk is full: each a sentence for `/health`. */
  troubles?(): readonly string[];
  /** Binds sockets, opens the journal, starts. @throws {ListenError | StartError} what keeps it from starting */
  start(): Promise<void>;
  /** Resolves when it had to stop by itself, with the reason: the process then exits 1. Never when `stop` was called. */
  readonly failed: Promise<Error>;
  /** `withdraw` takes every name away first; `handover` leaves the leases for the next process (SIGUSR2). Idempotent. */
  stop(how: 'withdraw' | 'handover'): Promise<void>;
}

/** A start that cannot succeed, in a sentence that says what to do. */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}
