import { Map as ImmutableMap, Set as ImmutableSet } from 'immutable';
import type { EtcdKey } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { CheckKind, HoldReason } from '../event.ts';
import type { Flaps } from './lifecycle/damping.ts';
import { SIGTERM } from './lifecycle/stop-signal.ts';

/**
 * What the announcer's events add up to. Persistent maps: a change copies a path of a few nodes, not thousands of
 * entries, and an older state stays what it was.
 */
export interface AnnouncerState {
  readonly containers: ImmutableMap<string, ContainerState>;
  /** What is announced, by key. */
  readonly instances: ImmutableMap<EtcdKey, Instance>;
  /** The values of {@link instances} alone: what the store should hold. */
  readonly desired: ImmutableMap<EtcdKey, string>;
  /** Containers to look at again though nothing may happen to them: held down, told to stop, or waiting for a key. */
  readonly waiting: ImmutableSet<string>;
  /** By shard. */
  readonly leases: ImmutableMap<number, Lease>;
  /** Keys that stand in the store. */
  readonly standing: ImmutableMap<EtcdKey, StandingUnder>;
  /** Keys of ours that someone else's key stands in the way of, with the owner it names. */
  readonly conflicts: ImmutableMap<EtcdKey, string>;
  /** Since when the whole host is drained, in milliseconds since the epoch; null while it is not. */
  readonly hostDrainingSinceMs: number | null;
  /** Of the boot in which all this was concluded; null when that is not known. */
  readonly bootId: string | null;
}

export interface ContainerState {
  readonly name: string;
  readonly image: string;
  /** Of the latest known run; empty when none has been seen. */
  readonly startedAt: string;
  /** It has a process, running or paused. */
  readonly isRunning: boolean;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly restartCount: number;
  readonly stopSignal: number;
  readonly stopTimeoutSeconds: number | null;
  /** Its stop signal was sent in this run. */
  readonly stopping: Stopping | null;
  /** Drained by command, in this run. */
  readonly drainingSinceMs: number | null;
  /** Of every answer that was ever announced for it: how long a client may keep what it was told. */
  readonly largestTtlSeconds: number;
  /** The engine's time of the last stop signal, so that its repeat is known as one. */
  readonly lastStopNano: string;
  readonly flaps: Flaps | null;
  readonly keys: readonly EtcdKey[];
  readonly held: Readonly<Record<string, Hold>>;
  /** Of this run's active checks, by port. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
  /** Said in this run; the last ones, of many. */
  readonly refusals: readonly string[];
}

export interface Stopping {
  readonly atMs: number;
  readonly untilMs: number;
}

export interface Verdict {
  readonly isPassing: boolean;
  readonly detail: string;
}

interface CheckedBy {
  readonly check: CheckKind | null;
  /** `port` of its active check. */
  readonly probe: string | null;
}

export interface Instance extends CheckedBy {
  readonly container: string;
  readonly service: string;
  readonly value: string;
  readonly announcedAtMs: number;
}

export interface Hold extends CheckedBy {
  readonly service: string;
  readonly reason: HoldReason;
  readonly detail: string;
  readonly sinceMs: number;
  /** What will be announced, without `announcedAt`; empty when that is not known. */
  readonly value: string;
}

export interface Lease {
  readonly lease: LeaseId;
  readonly ttlSeconds: number;
  /** When it was granted or adopted. */
  readonly sinceMs: number;
}

export interface StandingUnder {
  readonly shard: number;
  /** In decimal digits. */
  readonly revision: string;
}

export const initialState: AnnouncerState = {
  containers: ImmutableMap(),
  instances: ImmutableMap(),
  desired: ImmutableMap(),
  waiting: ImmutableSet(),
  leases: ImmutableMap(),
  standing: ImmutableMap(),
  conflicts: ImmutableMap(),
  hostDrainingSinceMs: null,
  bootId: null,
};

/** A container of which nothing has been concluded yet. */
export const UNKNOWN_CONTAINER: ContainerState = {
  name: '',
  image: '',
  startedAt: '',
  isRunning: false,
  health: 'none',
  restartCount: 0,
  stopSignal: SIGTERM,
  stopTimeoutSeconds: null,
  stopping: null,
  drainingSinceMs: null,
  largestTtlSeconds: 0,
  lastStopNano: '0',
  flaps: null,
  keys: [],
  held: {},
  verdicts: {},
  refusals: [],
};

/**
 * Whether time alone, or another container, may change what is to be concluded about this one. An entry of the services
 * file never runs, and may wait for a key all the same.
 */
export function isWaiting({ isRunning, stopping, flaps, held }: ContainerState): boolean {
  for (const key in held) if (held[key]?.reason === 'key-taken') return true;
  return isRunning && (stopping !== null || flaps?.suppressed === true);
}
