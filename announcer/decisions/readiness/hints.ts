import { millisecondsOf } from '../../docker/events.ts';
import type { WithdrawReason } from '../../event.ts';
import type { Observation } from '../../observation.ts';
import { about, type Conclusions } from '../conclusions.ts';
import { SIGKILL } from '../lifecycle/stop-signal.ts';
import type { ContainerState } from '../state.ts';
import { type Moment, OUT_OF_MEMORY, withdraw } from './instances.ts';

type Hint = Extract<Observation, { readonly type: 'hinted' }>;

/** The engine's own, when `docker stop` is given none and the container has none. */
const STOP_TIMEOUT_DEFAULT_SECONDS = 10;
/** Beyond the stop timeout: `docker stop -t` may give more than the container says, and a drain must not end early. */
const STOP_MARGIN_MS = 20_000;
/** SIGKILL leaves nothing to drain; only a process in an uninterruptible call outlives it for a while. */
const KILL_BOUND_MS = 10_000;

/**
 * Withdraws at once on an engine event that says the container cannot serve, before any inspect. `oom` alone does not:
 * when the kernel took the main process, `die` follows; when it took another one, the container lives on.
 */
export function concludeHint(conclusions: Conclusions, seen: Hint): void {
  const container = conclusions.container(seen.container);
  if (container === undefined || !container.isRunning) return;
  switch (seen.action) {
    case 'kill':
      concludeKill(conclusions, seen, container);
      break;
    case 'die':
      if (container.stopping === null && seen.outOfMemory) {
        withdrawAll(conclusions, seen, container, 'oom', 'docker die', OUT_OF_MEMORY);
      } else {
        const reason = container.stopping === null ? 'died' : 'stopping';
        withdrawAll(conclusions, seen, container, reason, 'docker die', 'its process ended');
      }
      break;
    case 'pause':
      withdrawAll(conclusions, seen, container, 'paused', 'docker pause', 'paused');
      break;
    case 'unhealthy':
      concludeUnhealthy(conclusions, seen, container);
      break;
    case 'oom':
      break;
  }
}

/** `kill` comes for every signal, just after it was delivered: a reload (HUP) is no stop. */
function concludeKill(conclusions: Conclusions, seen: Hint, container: ContainerState): void {
  const { signal, atMs, engineTimeNano } = seen;
  if (signal === undefined || (signal !== container.stopSignal && signal !== SIGKILL)) return;
  if (BigInt(engineTimeNano) <= BigInt(container.lastStopNano)) return;
  const graceMs = 1000 * (container.stopTimeoutSeconds ?? STOP_TIMEOUT_DEFAULT_SECONDS) + STOP_MARGIN_MS;
  const untilMs = atMs + (signal === SIGKILL ? KILL_BOUND_MS : graceMs);
  const cause = `docker kill ${signal}`;
  conclusions.add({
    type: 'ContainerStopping',
    atMs,
    ...about(seen.container, container, cause),
    signal,
    untilMs,
    engineTimeNano,
  });
  withdrawAll(conclusions, seen, container, 'stopping', cause, 'its stop signal was sent');
}

/** Docker's HEALTHCHECK speaks for those instances only that hang on it. */
function concludeUnhealthy(conclusions: Conclusions, seen: Hint, container: ContainerState): void {
  const moment = momentOf(seen, 'health_status: unhealthy');
  for (const key of container.keys) {
    if (conclusions.state.instances.get(key)?.check !== 'healthcheck') continue;
    withdraw(conclusions, seen.container, key, 'unhealthy', 'its HEALTHCHECK fails', moment);
  }
}

function withdrawAll(
  conclusions: Conclusions,
  seen: Hint,
  container: ContainerState,
  reason: WithdrawReason,
  cause: string,
  detail: string,
): void {
  const moment = momentOf(seen, cause);
  for (const key of container.keys) withdraw(conclusions, seen.container, key, reason, detail, moment);
}

function momentOf({ atMs, engineTimeNano }: Hint, cause: string): Moment {
  const causedAtMs = millisecondsOf(engineTimeNano);
  return { cause, atMs, ...(causedAtMs === undefined ? {} : { causedAtMs }) };
}
