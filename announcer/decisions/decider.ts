/**
 * The announcer's decisions: from what is known and what was seen to what is concluded. Pure: the time is the
 * observation's. Repeats conclude nothing; what is lost is concluded from the next inspect.
 */

import type { AnnouncerEvent, DriftCause } from '../event.ts';
import type { Observation } from '../observation.ts';
import type { AnnounceRules } from '../rules.ts';
import { Conclusions } from './conclusions.ts';
import { concludeBoot } from './lifecycle/boot.ts';
import { concludeDrain, concludeUndrain } from './lifecycle/drain.ts';
import { concludeLife, type Sight } from './lifecycle/lifecycle.ts';
import { concludeListed, concludeVanished } from './lifecycle/losses.ts';
import { concludeHint } from './readiness/hints.ts';
import { concludeInstances, withdraw } from './readiness/instances.ts';
import { concludeProbed, concludeResumed } from './readiness/probe-results.ts';
import { concludeServiceProbed, concludeServices } from './readiness/static-instances.ts';
import type { AnnouncerState } from './state.ts';

export { evolve } from './evolve.ts';
export { isAnotherBoot } from './lifecycle/boot.ts';
export { unconfirmedLosses } from './lifecycle/losses.ts';
export { dueForRecheck, dueForReuse, nextReuseAtMs, recheckAtMs } from './lifecycle/recheck.ts';

/** `cause` of an inspect that a periodic comparison made: what it changes, no event had told, and counts as drift. */
export const COMPARISON = 'comparison';

/** Looks that nothing told led to: whatever they find changed may have done so long since. */
const FINDING: ReadonlySet<string> = new Set([COMPARISON, 'list']);

export function decide(state: AnnouncerState, seen: Observation, rules: AnnounceRules): AnnouncerEvent[] {
  return conclude(state, seen, rules).events;
}

/** The state with what was concluded, and the conclusions. */
export function observe(
  state: AnnouncerState,
  seen: Observation,
  rules: AnnounceRules,
): readonly [AnnouncerState, readonly AnnouncerEvent[]] {
  const conclusions = conclude(state, seen, rules);
  return [conclusions.state, conclusions.events];
}

function conclude(state: AnnouncerState, seen: Observation, rules: AnnounceRules): Conclusions {
  const conclusions = new Conclusions(state);
  switch (seen.type) {
    case 'inspected':
      concludeSight(conclusions, seen, rules);
      break;
    case 'vanished':
      concludeVanished(conclusions, seen);
      break;
    case 'listed':
      concludeListed(conclusions, seen);
      break;
    case 'hinted':
      concludeHint(conclusions, seen);
      break;
    case 'probed':
      concludeProbed(conclusions, seen, rules);
      break;
    case 'drain-asked':
      concludeDrain(conclusions, seen);
      break;
    case 'undrain-asked':
      concludeUndrain(conclusions, seen);
      break;
    case 'service-probed':
      concludeServiceProbed(conclusions, seen);
      break;
    case 'services-read':
      concludeServices(conclusions, seen, rules);
      break;
    case 'boot-read':
      concludeBoot(conclusions, seen, rules);
      break;
    case 'stopping':
      concludeStopping(conclusions, seen.atMs);
      break;
  }
  return conclusions;
}

/** An inspect is the truth: first what became of the container, then what may be announced of it. */
function concludeSight(conclusions: Conclusions, sight: Sight, rules: AnnounceRules): void {
  const { facts, cause, atMs } = sight;
  const before = conclusions.state;
  concludeLife(conclusions, sight, rules);
  if (FINDING.has(cause)) concludeResumed(conclusions, sight);
  concludeInstances(conclusions, sight, rules, before.containers.get(facts.id));
  const drift = cause === COMPARISON ? driftOf(before, conclusions.events) : undefined;
  if (drift !== undefined) {
    const detail = `container ${facts.name} (${facts.id.slice(0, 12)}) is ${facts.state}; no event had told`;
    conclusions.add({ type: 'DriftFound', atMs, cause: drift, detail });
  }
}

/** What the events change of what is announced: that is what a missed event would have cost. */
function driftOf(before: AnnouncerState, events: readonly AnnouncerEvent[]): DriftCause | undefined {
  for (const event of events) {
    if (event.type === 'InstanceWithdrawn') return 'missed-stop';
    if (event.type === 'InstanceAnnounced') return before.instances.has(event.key) ? 'missed-change' : 'missed-start';
  }
  return undefined;
}

/** The announcer goes: a name must not outlive the one who keeps it true. */
function concludeStopping(conclusions: Conclusions, atMs: number): void {
  const moment = { cause: 'announcer stop', atMs, causedAtMs: atMs };
  for (const [key, { container }] of conclusions.state.instances) {
    withdraw(conclusions, container, key, 'announcer-stopped', 'the announcer stops', moment);
  }
}
