import { type FollowTimings, follow } from '../../resolver/following/follow.ts';
import { evolveFollow, type FollowState, initialFollowState } from '../../resolver/following/state.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { evolve, Zone } from '../../resolver/zone/zone.ts';
import { silentLog } from '../../shared/log.ts';
import type { Entry, Store } from '../../shared/store.ts';
import { until } from './until.ts';

export const QUICK: FollowTimings = {
  backoffBaseMs: 1,
  backoffMaxMs: 4,
  heartbeatMs: 15,
  catchUpMs: 4,
  rereadMs: 25,
  driftGraceMs: 4,
  replacedHoldMs: 40,
};

/** A zone that follows a store, and every event that made it. */
export interface FollowedZone {
  readonly zone: Zone;
  readonly state: FollowState;
  readonly events: readonly ZoneEvent[];
  readonly bulkEvents: number;
  /** How often it was said that the zone is true. */
  readonly confirmations: number;
  readonly error: unknown;
  ofType<T extends ZoneEvent['type']>(type: T): Extract<ZoneEvent, { type: T }>[];
  stop(): void;
}

const following = new Set<FollowedZone>();

/** For after each test: a follower that a failed test left would keep the process from ending. */
export function stopFollowers(): void {
  for (const followed of following) followed.stop();
}

export function followZone(
  store: Store,
  {
    past = [],
    timings = {},
    now,
    steadyMs,
  }: {
    past?: readonly ZoneEvent[];
    timings?: Partial<FollowTimings>;
    now?: () => number;
    steadyMs?: () => number;
  } = {},
): FollowedZone {
  const followed = { zone: Zone.empty('/skydns'), state: initialFollowState };
  const events: ZoneEvent[] = [];
  let bulkEvents = 0;
  let confirmations = 0;
  let error: unknown;
  const apply = (event: ZoneEvent): void => {
    evolve(followed.zone, event);
    followed.state = evolveFollow(followed.state, event);
  };
  past.forEach(apply);
  const subscription = follow({
    store,
    followed,
    log: silentLog,
    timings: { ...QUICK, ...timings },
    ...(now && { now }),
    ...(steadyMs && { steadyMs }),
  }).subscribe({
    next: (step) => {
      if (step.type === 'confirmed') {
        confirmations += 1;
        return;
      }
      if (step.bulk) bulkEvents += step.events.length;
      for (const event of step.events) {
        events.push(event);
        apply(event);
      }
    },
    error: (reason) => {
      error = reason;
    },
  });
  const handle: FollowedZone = {
    zone: followed.zone,
    get state() {
      return followed.state;
    },
    events,
    get bulkEvents() {
      return bulkEvents;
    },
    get confirmations() {
      return confirmations;
    },
    get error() {
      return error;
    },
    ofType: (type) => events.filter((event) => event.type === type) as never,
    stop: () => {
      following.delete(handle);
      subscription.unsubscribe();
    },
  };
  following.add(handle);
  return handle;
}

/** What a zone holds, as `key@revision=value`, in key order. */
export function contentsOf(zone: Zone): string[] {
  return [...zone.entries()].map(({ key, revision, value, lease }) => `${key}@${revision}=${value}${lease ?? ''}`);
}

export function contentsOfStore(entries: readonly Entry[]): string[] {
  return entries
    .filter(({ key }) => key.startsWith('/skydns/'))
    .map(({ key, modRevision, value, lease }) => `${key}@${modRevision}=${value}${lease ?? ''}`);
}

/** Resolves once the zone holds what the store holds. */
export async function untilSame(followed: FollowedZone, entries: () => readonly Entry[]): Promise<void> {
  await until(
    'the zone to hold what the store holds',
    () => {
      if (followed.error !== undefined) throw followed.error;
      const [have, want] = [contentsOf(followed.zone), contentsOfStore(entries())];
      if (have.join('\n') === want.join('\n')) return true;
      throw new Error(`zone [${have.join(' ')}], store [${want.join(' ')}]`);
    },
    { everyMs: 1 },
  );
}
