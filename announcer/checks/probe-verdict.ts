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
  /** It fails for another reason than `detail` by now, and has done so as many times in a row. */
  readonly shift?: { readonly detail: string; readonly count: number };
}

export const UNSETTLED: Verdict = { passing: undefined, detail: '', count: 0, leaning: undefined };

/** `rise` successes in a row make it pass, `fall` failures in a row make it fail; what is unknown counts as neither. */
export function settle(verdict: Verdict, attempt: Attempt, timing: CheckTiming): Verdict {
  if (attempt.isUnknown) return verdict;
  if (attempt.passing === verdict.passing) return confirmed(verdict, attempt, timing);
  const count = verdict.leaning === attempt.passing ? verdict.count + 1 : 1;
  const { shift: _interrupted, ...stands } = verdict;
  if (count < (attempt.passing ? timing.rise : timing.fall)) return { ...stands, count, leaning: attempt.passing };
  return { passing: attempt.passing, detail: attempt.detail, count: 0, leaning: undefined };
}

/**
 * The reason of a failure is told, so that it takes as many attempts in a row to change as the verdict: what did not listen
 * at first and answers 503 since is not said to be silent, and of one that fails now so, now so not every attempt is news.
 */
function confirmed({ passing, detail, shift }: Verdict, attempt: Attempt, { fall }: CheckTiming): Verdict {
  const stands = { passing, detail, count: 0, leaning: undefined };
  if (passing !== false || attempt.detail === detail) return { ...stands, detail: attempt.detail };
  const count = shift?.detail === attempt.detail ? shift.count + 1 : 1;
  return count < fall ? { ...stands, shift: { detail: attempt.detail, count } } : { ...stands, detail: attempt.detail };
}

/** Whether the second of two verdicts says something that the first did not: another result, or another reason of a failure. */
export function isNews(
  before: Pick<Verdict, 'passing' | 'detail'> | undefined,
  after: Pick<Verdict, 'passing' | 'detail'>,
): boolean {
  if (before === undefined || before.passing !== after.passing) return true;
  return after.passing === false && before.detail !== after.detail;
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
