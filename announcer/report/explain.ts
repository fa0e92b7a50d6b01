import type { EtcdKey } from '../../shared/name.ts';
import { isSuppressed, penaltyAt, reuseAtMs } from '../decisions/lifecycle/damping.ts';
import { isOutOfMemory } from '../decisions/lifecycle/lifecycle.ts';
import { DRAINED, HOST_DRAINED, isStopping, readinessOf } from '../decisions/readiness/readiness.ts';
import { type AnnouncerState, type ContainerState, UNKNOWN_CONTAINER } from '../decisions/state.ts';
import { type ContainerFacts, hasProcess } from '../facts.ts';
import { type Candidate, candidatesOf, type Derivation, type ExplainStep } from '../naming/candidates.ts';
import type { AnnounceRules } from '../rules.ts';

/** Why a container is, or is not, announced. JSON as it stands; every sentence is for a person. */
export interface Explanation {
  readonly container: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  /** Each rule with what it looked at and what it found, in the order in which they hold. */
  readonly steps: readonly ExplainStep[];
  readonly keys: readonly ExplainedKey[];
  /** Why there is no key, or not every one. */
  readonly refusals: readonly string[];
  readonly damping: ExplainedDamping;
}

export interface ExplainedKey {
  readonly key: EtcdKey;
  readonly service: string;
  /** What stands there, or would. */
  readonly value: string;
  readonly check: string;
  /** `pending` and `conflicted`: it is to stand, and does not yet, or someone else's key does. */
  readonly status: 'announced' | 'pending' | 'conflicted' | 'ready' | 'held' | 'not running';
  /** Why it is held, since when, and what it waits for. */
  readonly reason: string;
  readonly heldSince?: string;
  /** Revision at which it was last written; absent while it does not stand in the store. */
  readonly revision?: string;
  /** Who owns the key that stands where this one should. */
  readonly foreignOwner?: string;
}

export interface ExplainedDamping {
  readonly penalty: number;
  readonly isHeldDown: boolean;
  /** Until it is announced again, if it does not die meanwhile; 0 when it is not held down. */
  readonly reuseInSeconds: number;
}

/** Explains `facts` by what the announcer knows. With the initial state it is a dry run: no verdict of a check is known. */
export function explainContainer(
  facts: ContainerFacts,
  state: AnnouncerState,
  rules: AnnounceRules,
  nowMs: number,
): Explanation {
  const derivation = derivationOf(facts, rules);
  const known = state.containers.get(facts.id);
  return {
    container: facts.id,
    name: facts.name,
    image: facts.image,
    state: describeState(facts),
    steps: [...derivation.steps, ...runSteps(facts, known, nowMs), ...drainSteps(state, known)],
    keys: derivation.candidates.map((candidate) => explainKey(candidate, facts, state, rules, nowMs)),
    refusals: derivation.refusals,
    damping: explainDamping(known, rules, nowMs),
  };
}

/**
 * Of a container that does not run the engine tells neither published ports nor addresses: that they are missing says nothing
 * about its settings, so it is no refusal then.
 */
function derivationOf(facts: ContainerFacts, rules: AnnounceRules): Derivation {
  const derivation = candidatesOf(facts, rules);
  if (hasProcess(facts) || !derivation.lacksAddress) return derivation;
  const steps = derivation.steps.filter(({ rule }) => !rule.startsWith('ports') && !rule.startsWith('address'));
  return { ...derivation, steps, refusals: [] };
}

function describeState(facts: ContainerFacts): string {
  if (hasProcess(facts)) return facts.health === 'none' ? facts.state : `${facts.state}, ${facts.health}`;
  if (facts.state === 'running') return 'running without a process';
  return `${facts.state}, last exit code ${facts.exitCode}${isOutOfMemory(facts) ? ', out of memory' : ''}`;
}

const NOT_RUNNING = 'no: nothing is announced; its ports and addresses are known while it runs';

function runSteps(facts: ContainerFacts, known: ContainerState | undefined, nowMs: number): ExplainStep[] {
  const steps: ExplainStep[] = [
    { rule: 'runs', input: describeState(facts), verdict: hasProcess(facts) ? 'yes' : NOT_RUNNING },
  ];
  if (known?.stopping && isStopping(known.stopping, nowMs)) {
    const seconds = Math.ceil((known.stopping.untilMs - nowMs) / 1000);
    const verdict = `held; if it still runs in ${seconds} s, inspect decides`;
    steps.push({ rule: 'stop signal', input: `sent ${isoTime(known.stopping.atMs)}`, verdict });
  }
  for (const [port, { isPassing, detail }] of Object.entries(known?.verdicts ?? {})) {
    steps.push({ rule: `check of ${port}`, input: detail, verdict: isPassing ? 'passing' : 'failing' });
  }
  return steps;
}

function drainSteps({ hostDrainingSinceMs }: AnnouncerState, known: ContainerState | undefined): ExplainStep[] {
  const since = known?.drainingSinceMs ?? hostDrainingSinceMs;
  if (since === null) return [];
  const verdict = (known?.drainingSinceMs ?? null) === null ? HOST_DRAINED : DRAINED;
  return [{ rule: 'drain', input: `since ${isoTime(since)}`, verdict }];
}

function explainKey(
  candidate: Candidate,
  facts: ContainerFacts,
  state: AnnouncerState,
  rules: AnnounceRules,
  nowMs: number,
): ExplainedKey {
  const { key, service, value, check } = candidate;
  const instance = state.instances.get(key);
  const isAnnounced = instance?.container === facts.id;
  const held = state.containers.get(facts.id)?.held[key];
  const revision = state.standing.get(key)?.revision;
  const foreignOwner = state.conflicts.get(key);
  return {
    key,
    service,
    value: isAnnounced ? instance.value : value,
    check: 'port' in check ? `${check.kind} ${check.port}` : check.kind,
    ...statusOf(candidate, facts, state, rules, nowMs),
    ...(held === undefined || isAnnounced ? {} : { heldSince: isoTime(held.sinceMs) }),
    ...(revision === undefined || foreignOwner !== undefined ? {} : { revision }),
    ...(foreignOwner === undefined ? {} : { foreignOwner }),
  };
}

function statusOf(
  candidate: Candidate,
  facts: ContainerFacts,
  state: AnnouncerState,
  rules: AnnounceRules,
  nowMs: number,
): Pick<ExplainedKey, 'status' | 'reason'> {
  if (!hasProcess(facts)) return { status: 'not running', reason: describeState(facts) };
  const known = state.containers.get(facts.id) ?? UNKNOWN_CONTAINER;
  const readiness = readinessOf(candidate, facts, known, state, rules, nowMs);
  if (!readiness.isReady) return { status: 'held', reason: `${readiness.reason}: ${readiness.detail}` };
  if (state.instances.get(candidate.key)?.container !== facts.id) return { status: 'ready', reason: '' };
  if (state.conflicts.has(candidate.key)) {
    return { status: 'conflicted', reason: 'it is ready, and stands as soon as the key that is there is gone' };
  }
  if (state.standing.has(candidate.key)) return { status: 'announced', reason: '' };
  return { status: 'pending', reason: 'it is ready, and not in the store yet' };
}

function explainDamping(
  known: ContainerState | undefined,
  { damping }: AnnounceRules,
  nowMs: number,
): ExplainedDamping {
  const flaps = known?.flaps ?? null;
  const isHeldDown = isSuppressed(flaps, nowMs, damping);
  return {
    penalty: Math.round(penaltyAt(flaps, nowMs, damping)),
    isHeldDown,
    reuseInSeconds: flaps !== null && isHeldDown ? Math.ceil((reuseAtMs(flaps, damping) - nowMs) / 1000) : 0,
  };
}

function isoTime(atMs: number): string {
  return new Date(atMs).toISOString();
}
