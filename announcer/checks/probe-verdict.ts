import type { CheckTiming } from './check-setting.ts';

/** What one attempt of a check found. */
export interface Attempt {
  readonly passing: boolean;
  readonly detail: string;
  /** It could not be made, for want of something on this side: it says nothing of the service, whatever `passing` is. */
  readonly isUnknown?: boolean;
}

/** A check's verdict, and what speaks against it. */
export interface Verdict {
  /** Undefined until enough attempts in a row agree. */
  readonly passing: boolean | undefined;
  readonly detail: string;
  /** Attempts in a row that contradict the verdict; with none yet, that agree with `leaning`. */
  readonly count: number;
  readonly leaning: boolean | undefined;
}

export const UNSETTLED: Verdict = { passing: undefined, detail: '', count: 0, leaning: undefined };

/** `rise` successes in a row make it pass, `fall` failures in a row make it fail; what is unknown counts as neither. */
export function settle(verdict: Verdict, attempt: Attempt, { rise, fall }: CheckTiming): Verdict {
  if (attempt.isUnknown) return verdict;
  if (attempt.passing === verdict.passing) return { ...verdict, detail: attempt.detail, count: 0, leaning: undefined };
  const count = verdict.leaning === attempt.passing ? verdict.count + 1 : 1;
  if (count < (attempt.passing ? rise : fall)) return { ...verdict, count, leaning: attempt.passing };
  return { passing: attempt.passing, detail: attempt.detail, count: 0, leaning: undefined };
}

/** Attempts cost differently: a look at `/proc` is nothing, a request is the service's own work. */
export interface Pace {
  readonly firstMs: number;
  readonly thenMs: number;
}

export const PACES = {
  listening: { firstMs: 50, thenMs: 200 },
  tcp: { firstMs: 50, thenMs: 500 },
  http: { firstMs: 100, thenMs: 500 },
  exec: { firstMs: 500, thenMs: 2000 },
} as const satisfies Record<string, Pace>;

const FIRST_FOR_MS = 5_000;
const THEN_FOR_MS = 60_000;
/** In doubt, and when it has failed for long. */
const DOUBT_MS = 1_000;

/**
 * The wait before the next attempt. A service that starts is looked at often, so that its name appears when it serves;
 * one that passes, at its interval; one that passed and failed just now, soon.
 *
 * @param ageMs since the first attempt of this run
 */
export function nextDelayMs(verdict: Verdict, ageMs: number, pace: Pace, { intervalMs }: CheckTiming): number {
  if (verdict.passing === true) return verdict.count === 0 ? intervalMs : Math.min(intervalMs, DOUBT_MS);
  if (ageMs < FIRST_FOR_MS) return Math.min(intervalMs, pace.firstMs);
  if (ageMs < THEN_FOR_MS) return Math.min(intervalMs, pace.thenMs);
  return Math.min(intervalMs, Math.max(DOUBT_MS, pace.thenMs));
}
