/** Edge: whether a process that `rollcall run` started is ready, looked at again and again. */
import { type Observable, of } from 'rxjs';
import type { CheckTiming } from '../checks/check-setting.ts';
import { attempt } from '../checks/probe-attempt.ts';
import { type Attempt, PACES } from '../checks/probe-verdict.ts';
import { verdictsOf } from '../checks/verdict-loop.ts';
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
  return verdictsOf(() => look(settings, check, port), PACES[check.kind], timing);
}

async function look(
  { pid, address, timing }: ProcessCheckSettings,
  check: Exclude<ProcessCheck, { kind: 'none' }>,
  port: string,
): Promise<Attempt> {
  if (check.kind === 'listening') return lookAtSockets(pid, port, address);
  return attempt({
    kind: check.kind,
    hosts: [...new Set([address, address.includes(':') ? '::1' : '127.0.0.1'])],
    port: Number(port.split('/')[0]),
    path: check.kind === 'http' ? check.path : '',
    timeoutMs: timing.timeoutMs,
  });
}
