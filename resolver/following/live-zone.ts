import type { OwnerName } from '../../shared/name.ts';
import type { Availability } from '../lookup/settings.ts';
import type { ZoneEvent } from '../zone/event.ts';
import { evolve, Zone, type ZoneChange } from '../zone/zone.ts';
import type { Followed } from './follow.ts';
import { evolveFollow, type FollowState, initialFollowState } from './state.ts';

/** TTLs of stale answers: short, so that clients ask again soon after the store is back. RFC 8767 §5 allows up to 30. */
export const STALE_TTL_SECONDS = 5;

/** The zone with what is known of its truth: the state of the resolver, folded from its events. */
export class LiveZone implements Followed {
  readonly zone: Zone;
  private followState: FollowState = initialFollowState;
  private confirmedMs: number | undefined = undefined;
  /** As {@link confirmedMs}, by the clock that staleness is counted with. */
  private confirmedSteadyMs = 0;
  private live = false;
  private drifted = 0;

  constructor(prefix: string) {
    this.zone = Zone.empty(prefix);
  }

  get state(): FollowState {
    return this.followState;
  }

  /** The last moment at which the zone was known to be what the store holds; ms since epoch. */
  get confirmedAtMs(): number | undefined {
    return this.confirmedMs;
  }

  /** Keys found to differ from the store, since start. */
  get driftTotal(): number {
    return this.drifted;
  }

  /** Whether it is followed at this moment, with nothing missing. */
  get isLive(): boolean {
    return this.live;
  }

  apply(event: ZoneEvent): ZoneChange {
    this.followState = evolveFollow(this.followState, event);
    if (event.type === 'StoreLost') this.live = false;
    if (event.type === 'DriftFound') this.drifted += 1;
    return evolve(this.zone, event);
  }

  /**
   * Applies events of one step.
   *
   * @param seen told of each, with its own change
   * @returns all that changed for answers
   */
  applyAll(
    events: readonly ZoneEvent[],
    seen?: (event: ZoneEvent, change: ZoneChange) => void,
  ): Pick<ZoneChange, 'names' | 'addresses'> {
    const names = new Set<OwnerName>();
    const addresses = new Set<string>();
    for (const event of events) {
      const change = this.apply(event);
      for (const name of change.names) names.add(name);
      for (const address of change.addresses) addresses.add(address);
      seen?.(event, change);
    }
    return { names: [...names], addresses: [...addresses] };
  }

  /**
   * The zone is what the store holds, as of `atMs`.
   *
   * @param steadyMs the same moment by the clock that `staleMs` and `availability` are asked with, when that is another one
   */
  confirm(atMs: number, steadyMs = atMs): void {
    this.live = true;
    this.confirmedMs = atMs;
    this.confirmedSteadyMs = steadyMs;
  }

  /** As {@link confirm}, but of an earlier run: true then, not followed now. */
  wasConfirmed(atMs: number, steadyMs = atMs): void {
    const isFirst = this.confirmedMs === undefined;
    this.confirmedMs = Math.max(this.confirmedMs ?? atMs, atMs);
    this.confirmedSteadyMs = isFirst ? steadyMs : Math.max(this.confirmedSteadyMs, steadyMs);
  }

  /** A new process begins: what the last one followed, nobody follows. */
  interrupt(): void {
    this.live = false;
  }

  /** The rest of the state, from a snapshot; its records came as events. */
  restore(state: FollowState): void {
    this.followState = state;
  }

  /** For how long nobody has known whether the zone is true; 0 while it is followed. */
  staleMs(nowMs: number): number {
    return this.live ? 0 : this.unconfirmedMs(nowMs);
  }

  /** How long ago the zone was last known to be true; 0 before the first time. */
  unconfirmedMs(nowMs: number): number {
    return this.confirmedMs === undefined ? 0 : Math.max(0, nowMs - this.confirmedSteadyMs);
  }

  /** Whether, and how, the zone may be answered from. */
  availability(nowMs: number, maxStaleMs: number): Availability {
    if (this.live) return 'live';
    if (this.confirmedMs === undefined || this.zone.storeId === undefined) return 'never-synced';
    const sinceMs = this.confirmedSteadyMs;
    if (nowMs - sinceMs > maxStaleMs) return 'too-stale';
    return { type: 'stale', sinceMs, ttlCapSeconds: STALE_TTL_SECONDS };
  }
}
