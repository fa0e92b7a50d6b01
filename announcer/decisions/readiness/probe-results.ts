import type { EtcdKey } from '../../../shared/name.ts';
import type { Observation, ProbeResult } from '../../observation.ts';
import type { AnnounceRules } from '../../rules.ts';
import { about, type Conclusions } from '../conclusions.ts';
import type { Sight } from '../lifecycle/lifecycle.ts';
import type { ContainerState } from '../state.ts';
import { announceHeld, holdAgain, withdraw } from './instances.ts';
import { holdOfContainer, holdOfKey, isNewVerdict } from './readiness.ts';

type Probed = Extract<Observation, { readonly type: 'probed' }>;

/** Reasons that the verdict of an active check may end. */
const ENDED_BY_PASSING: ReadonlySet<string> = new Set(['not-listening', 'probe-failing']);

/**
 * Takes the settled verdicts of a run's checks. The facts with them tell which run they are of, and no more: an inspect
 * may have come since. A verdict is kept when something else holds the instance, so that no edge must repeat it.
 */
export function concludeProbed(conclusions: Conclusions, seen: Probed, rules: AnnounceRules): void {
  const { id, startedAt } = seen.facts;
  const container = conclusions.container(id);
  if (container === undefined || !container.isRunning || container.startedAt !== startedAt) return;
  for (const result of seen.results) {
    note(conclusions, id, container, result, seen);
    if (result.passing) announceWaiting(conclusions, id, result, seen, rules);
    else {
      withdrawFailing(conclusions, id, result, seen);
      explainWaiting(conclusions, id, result.port, seen);
    }
  }
}

/**
 * What is paused is checked no more, and goes on as it was: so what is known stands when that is told. When it was only
 * found, the first checks say what it serves by then.
 */
export function concludeResumed(conclusions: Conclusions, { facts, cause, atMs }: Sight): void {
  const container = conclusions.container(facts.id);
  if (container === undefined || facts.state !== 'running') return;
  if (!Object.values(container.held).some(({ reason }) => reason === 'paused')) return;
  for (const [port, { isPassing }] of Object.entries(container.verdicts)) {
    if (!isPassing) continue;
    conclusions.add({
      type: 'ContainerProbed',
      atMs,
      ...about(facts.id, container, cause),
      startedAt: container.startedAt,
      port,
      passing: false,
      detail: 'it goes on after a pause, since when is not known; waiting for the first result',
    });
  }
}

function note(
  conclusions: Conclusions,
  id: string,
  container: ContainerState,
  { port, passing, detail }: ProbeResult,
  { atMs, facts: { startedAt } }: Probed,
): void {
  if (!isNewVerdict(conclusions.container(id)?.verdicts[port], passing, detail)) return;
  conclusions.add({
    type: 'ContainerProbed',
    atMs,
    ...about(id, container, `check of ${port}`),
    startedAt,
    port,
    passing,
    detail,
  });
}

/** What only waited for this check is announced, unless another has its key by now: then it waits for that. */
function announceWaiting(
  conclusions: Conclusions,
  id: string,
  { port, detail }: ProbeResult,
  { atMs }: Probed,
  rules: AnnounceRules,
): void {
  const container = conclusions.container(id);
  if (container === undefined || holdOfContainer(container, conclusions.state, rules, atMs) !== undefined) return;
  for (const [key, hold] of Object.entries(container.held)) {
    if (hold.probe !== port || !ENDED_BY_PASSING.has(hold.reason)) continue;
    const taken = holdOfKey(key as EtcdKey, id, conclusions.state);
    if (taken === undefined) announceHeld(conclusions, id, key as EtcdKey, { cause: detail, atMs, causedAtMs: atMs });
    else holdAgain(conclusions, id, key as EtcdKey, taken, { cause: `check of ${port}`, atMs });
  }
}

/** What waited for a first result waits for a better one now: the verdict's own words, which change with it alone. */
function explainWaiting(conclusions: Conclusions, id: string, port: string, { atMs }: Probed): void {
  const container = conclusions.container(id);
  const detail = container?.verdicts[port]?.detail;
  if (container === undefined || detail === undefined) return;
  for (const [key, hold] of Object.entries(container.held)) {
    if (hold.probe !== port || !ENDED_BY_PASSING.has(hold.reason)) continue;
    holdAgain(conclusions, id, key as EtcdKey, { reason: hold.reason, detail }, { cause: `check of ${port}`, atMs });
  }
}

function withdrawFailing(conclusions: Conclusions, id: string, { port, detail }: ProbeResult, { atMs }: Probed): void {
  for (const key of conclusions.container(id)?.keys ?? []) {
    const instance = conclusions.state.instances.get(key);
    if (instance?.probe !== port) continue;
    const reason = instance.check === 'listening' ? 'not-listening' : 'probe-failing';
    withdraw(conclusions, id, key, reason, detail, { cause: detail, atMs, causedAtMs: atMs });
  }
}
