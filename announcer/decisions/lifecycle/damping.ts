/**
 * Damping of crash loops, in the shape of route-flap damping (RFC 2439): each death adds a penalty, which decays by
 * half-life; above one limit a container is held down, below another it is let go again.
 */
export interface DampingSettings {
  /** Added for each death that nobody asked for. */
  readonly penaltyPerDeath: number;
  readonly halfLifeMs: number;
  /** Held down when the penalty is above this. */
  readonly suppressAbove: number;
  /** Let go when it has decayed below this. */
  readonly reuseBelow: number;
  /** No container is held longer than this after its last death. */
  readonly maxHoldMs: number;
}

export const DAMPING_DEFAULTS: DampingSettings = {
  penaltyPerDeath: 1000,
  halfLifeMs: 60_000,
  suppressAbove: 3000,
  reuseBelow: 1000,
  maxHoldMs: 600_000,
};

/** A container's record of deaths, as of its last one. */
export interface Flaps {
  readonly penalty: number;
  readonly atMs: number;
  readonly suppressed: boolean;
}

/**
 * The penalty as it is now. A clock that went back a little stops the decay; one that went back by more than a half-life
 * makes the age unknowable, and the penalty is dropped: better one more try of a crash loop than a name held for an hour.
 */
export function penaltyAt(flaps: Flaps | null, nowMs: number, settings: DampingSettings): number {
  if (flaps === null) return 0;
  const ageMs = nowMs - flaps.atMs;
  if (ageMs < -settings.halfLifeMs) return 0;
  return flaps.penalty * 0.5 ** (Math.max(0, ageMs) / settings.halfLifeMs);
}

/**
 * The record after `deaths` more (0 for a stop that was asked for); whole numbers, so that it reads well in the journal.
 *
 * @param lastDeathMs when the last of them was, if that is longer ago: what died often last night is no crash loop now
 */
export function afterDeaths(
  flaps: Flaps | null,
  deaths: number,
  nowMs: number,
  settings: DampingSettings,
  lastDeathMs = nowMs,
): Flaps | null {
  const added = { penalty: deaths * settings.penaltyPerDeath, atMs: lastDeathMs, suppressed: false };
  const raised = penaltyAt(flaps, nowMs, settings) + penaltyAt(added, nowMs, settings);
  const penalty = Math.round(Math.min(raised, ceilingOf(settings)));
  if (penalty <= 0) return null;
  const suppressed = penalty > settings.suppressAbove || isSuppressed(flaps, nowMs, settings);
  return { penalty, atMs: nowMs, suppressed };
}

export function isSuppressed(flaps: Flaps | null, nowMs: number, settings: DampingSettings): boolean {
  return flaps?.suppressed === true && penaltyAt(flaps, nowMs, settings) >= settings.reuseBelow;
}

/** When a container that is held down is let go, if it does not die again. */
export function reuseAtMs(flaps: Flaps, settings: DampingSettings): number {
  if (flaps.penalty < settings.reuseBelow) return flaps.atMs;
  return flaps.atMs + Math.ceil(settings.halfLifeMs * Math.log2(flaps.penalty / settings.reuseBelow)) + 1;
}

/** RFC 2439: the penalty from which the reuse limit is reached in exactly the longest hold. */
function ceilingOf({ reuseBelow, halfLifeMs, maxHoldMs }: DampingSettings): number {
  return reuseBelow * 2 ** Math.min(maxHoldMs / halfLifeMs, 50);
}
