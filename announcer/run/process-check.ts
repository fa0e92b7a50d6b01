/** Edge: whether a process that `rollcall run` started is ready, looked at again and again. */
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
import type { CheckTiming } from '../checks/check-setting.ts';
import { attempt } from '../checks/probe-attempt.ts';
import { type Attempt, nextDelayMs, PACES, settle, UNSETTLED, type Verdict } from '../checks/probe-verdict.ts';
import { lookAtSockets } from './process-sockets.ts';

/** What must be true of the process before it is announced. */
export type ProcessCheck =
  | { readonly kind: 'none' }
  | { readonly kind: 'listening' | 'tcp' }
  | { readonly kind: 'http'; readonly path: string };

export interface ProcessCheckSettings {
  readonly pid: number;
  readonly check: ProcessCheck;
  /** `8080/tcp`; undefined when it has none, and then there is nothing to check. */
  readonly port: string | undefined;
  /** That is announced; asked first, and then this machine itself. */
  readonly address: string;
  readonly timing: CheckTiming;
}

/** Each verdict, the first as soon as there is one; for as long as it is subscribed to. */
export function checkProcess(settings: ProcessCheckSettings): Observable<Attempt> {
  const { check, port, timing } = settings;
  if (check.kind === 'none' || port === undefined) return of({ passing: true, detail: 'no check' });
  const pace = PACES[check.kind];
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
          switchMap(() => look(settings, check, port)),
          map((found) => next(verdict, found)),
        ),
      ),
      concatMap(({ verdict: { passing, detail } }) => (passing === undefined ? EMPTY : of({ passing, detail }))),
      distinctUntilChanged((one, other) => one.passing === other.passing),
    );
  });
}

interface Look {
  readonly verdict: Verdict;
  /** Until the next look. */
  readonly delayMs: number;
}

function look(
  { pid, address, timing }: ProcessCheckSettings,
  check: Exclude<ProcessCheck, { kind: 'none' }>,
  port: string,
): Observable<Attempt> {
  if (check.kind === 'listening') return of(lookAtSockets(pid, port, address));
  return defer(() =>
    attempt({
      kind: check.kind === 'tcp' ? 'tcp' : 'http',
      hosts: [...new Set([address, address.includes(':') ? '::1' : '127.0.0.1'])],
      port: Number(port.split('/')[0]),
      path: check.kind === 'http' ? check.path : '',
      timeoutMs: timing.timeoutMs,
    }),
  );
}
