/** Edge: one attempt after the other, until nobody wants to know any more. */
import {
  concatMap,
  defer,
  distinctUntilChanged,
  EMPTY,
  expand,
  map,
  type Observable,
  of,
  switchMap,
  timer,
} from 'rxjs';
import type { CheckTiming } from './check-setting.ts';
import { type Attempt, isNews, nextDelayMs, type Pace, settle, UNSETTLED, type Verdict } from './probe-verdict.ts';

interface Look {
  readonly verdict: Verdict;
  /** Until the next look. */
  readonly delayMs: number;
}

/** Each verdict, the first as soon as enough attempts agree; then each that differs, also in why it fails. Goes on while it is subscribed to. */
export function verdictsOf(look: () => Promise<Attempt>, pace: Pace, timing: CheckTiming): Observable<Attempt> {
  return defer(() => {
    const beganMs = performance.now();
    const next = (verdict: Verdict, found: Attempt): Look => {
      const settled = settle(verdict, found, timing);
      return { verdict: settled, delayMs: nextDelayMs(settled, performance.now() - beganMs, pace, timing) };
    };
    const first: Look = { verdict: UNSETTLED, delayMs: 0 };
    return of(first).pipe(
      expand(({ verdict, delayMs }) =>
        timer(delayMs).pipe(
          switchMap(look),
          map((found) => next(verdict, found)),
        ),
      ),
      concatMap(({ verdict: { passing, detail } }) => (passing === undefined ? EMPTY : of({ passing, detail }))),
      distinctUntilChanged((one, other) => !isNews(one, other)),
    );
  });
}
