import type { EtcdKey } from '../../../shared/name.ts';
import { isActive } from '../../checks/check-setting.ts';
import { isNews } from '../../checks/probe-verdict.ts';
import type { HoldReason } from '../../event.ts';
import type { ContainerFacts } from '../../facts.ts';
import type { Candidate } from '../../naming/candidates.ts';
import type { AnnounceRules } from '../../rules.ts';
import { isStatic, staticName } from '../../services/static-services.ts';
import { isSuppressed, penaltyAt, reuseAtMs } from '../lifecycle/damping.ts';
import type { AnnouncerState, ContainerState, Stopping, Verdict } from '../state.ts';

/** Whether an instance may be announced now, and what it waits for if not. */
export type Readiness = { readonly isReady: true } | Waiting;

export interface Waiting {
  readonly isReady: false;
  readonly reason: HoldReason;
  readonly detail: string;
}

const READY: Readiness = { isReady: true };

/** Of a container that has a process. What holds every port of it comes first, then the check of this one. */
export function readinessOf(
  candidate: Candidate,
  facts: ContainerFacts,
  container: ContainerState,
  state: AnnouncerState,
  rules: AnnounceRules,
  nowMs: number,
): Readiness {
  if (facts.state === 'paused') return waiting('paused', 'paused');
  return (
    holdOfContainer(container, state, rules, nowMs) ??
    holdOfCheck(candidate, facts, container) ??
    holdOfKey(candidate.key, facts.id, state) ??
    READY
  );
}

/** What keeps a whole container back, whatever its checks say. */
export function holdOfContainer(
  { stopping, flaps, drainingSinceMs }: ContainerState,
  { hostDrainingSinceMs }: Pick<AnnouncerState, 'hostDrainingSinceMs'>,
  { damping }: AnnounceRules,
  nowMs: number,
): Waiting | undefined {
  if (isStopping(stopping, nowMs)) return waiting('stopping', 'its stop signal was sent');
  if (drainingSinceMs !== null) return waiting('draining', DRAINED);
  if (hostDrainingSinceMs !== null) return waiting('draining', HOST_DRAINED);
  if (flaps === null || !isSuppressed(flaps, nowMs, damping)) return undefined;
  const penalty = Math.round(penaltyAt(flaps, nowMs, damping));
  const seconds = Math.ceil((reuseAtMs(flaps, damping) - nowMs) / 1000);
  return waiting(
    'damped',
    `it died again and again: penalty ${penalty}, announced again below ${damping.reuseBelow}, in ${seconds} s if it lives`,
  );
}

/** Why a drained container, or what is on a drained host, is not announced; what to do about it. */
export const DRAINED = 'drained by command; `rollcall undrain` ends it';
export const HOST_DRAINED = 'the whole host is drained by command; `rollcall undrain --host` ends it';

/** Bounds a clock that went back: beyond this it tells nothing, and inspect decides. */
const CLOCK_SLACK_MS = 60_000;

/** Within the bound of a stop signal: until then a container that still runs is one that drains. */
export function isStopping(stopping: Stopping | null, nowMs: number): boolean {
  return stopping !== null && nowMs < stopping.untilMs && nowMs >= stopping.atMs - CLOCK_SLACK_MS;
}

function holdOfCheck({ check }: Candidate, facts: ContainerFacts, { verdicts }: ContainerState): Waiting | undefined {
  if (check.kind === 'healthcheck') {
    if (facts.health === 'healthy') return undefined;
    if (facts.health === 'unhealthy') return waiting('unhealthy', 'its HEALTHCHECK fails');
    return waiting('starting', 'its HEALTHCHECK has not passed yet');
  }
  if (!isActive(check)) return undefined;
  const verdict = verdicts[check.port];
  if (verdict?.isPassing) return undefined;
  const detail = verdict?.detail ?? `waiting for the first result of its check (${check.kind} ${check.port})`;
  return waiting(check.kind === 'listening' ? 'not-listening' : 'probe-failing', detail);
}

/** Whether a check's result is worth an event: another verdict than the one that is known, or another reason of a failure. */
export function isNewVerdict(known: Verdict | undefined, passing: boolean, detail: string): boolean {
  return isNews(known && { passing: known.isPassing, detail: known.detail }, { passing, detail });
}

/** A key that another container, or an entry of the services file, is announced under: the first keeps it. */
export function holdOfKey(
  key: EtcdKey,
  id: string,
  { instances }: Pick<AnnouncerState, 'instances'>,
): Waiting | undefined {
  const owner = instances.get(key)?.container;
  if (owner === undefined || owner === id) return undefined;
  const name = isStatic(owner) ? `${staticName(owner)} of the services file` : `container ${owner.slice(0, 12)}`;
  const advice =
    isStatic(owner) || isStatic(id)
      ? 'give the entry another instance, or the container another SERVICE_ID'
      : 'give each its own SERVICE_ID';
  return waiting('key-taken', `${name} is announced under this key; ${advice}`);
}

function waiting(reason: HoldReason, detail: string): Waiting {
  return { isReady: false, reason, detail };
}
