import type { EtcdKey } from '../../../shared/name.ts';
import { isActive } from '../../checks/check-setting.ts';
import type { HoldReason, WithdrawReason } from '../../event.ts';
import { type ContainerFacts, hasProcess } from '../../facts.ts';
import { type Candidate, candidatesOf } from '../../naming/candidates.ts';
import { announcedValue, retimed } from '../../naming/value.ts';
import type { AnnounceRules } from '../../rules.ts';
import { about, type Conclusions, causedAt } from '../conclusions.ts';
import { isOutOfMemory, type Sight } from '../lifecycle/lifecycle.ts';
import type { ContainerState } from '../state.ts';
import { readinessOf, type Waiting } from './readiness.ts';

/** Brings what is announced of a container to what its inspect and the verdicts of its checks say. */
export function concludeInstances(
  conclusions: Conclusions,
  sight: Sight,
  rules: AnnounceRules,
  before: ContainerState | undefined,
): void {
  const { facts } = sight;
  const container = conclusions.container(facts.id);
  if (container === undefined) return;
  if (!hasProcess(facts)) {
    const { reason, detail } = endOf(facts, before);
    for (const key of container.keys) withdraw(conclusions, facts.id, key, reason, detail, sight);
    return;
  }
  const { candidates, refusals, lacksAddress } = candidatesOf(facts, rules);
  for (const reason of refusals) refuse(conclusions, sight, reason);
  const wanted = new Set<EtcdKey>(candidates.map(({ key }) => key));
  for (const key of container.keys.filter((each) => !wanted.has(each))) {
    if (lacksAddress) withdraw(conclusions, facts.id, key, 'disconnected', 'it has no address to be reached on', sight);
    else withdraw(conclusions, facts.id, key, 'relabelled', 'its labels or the settings say otherwise now', sight);
  }
  for (const [key, { service }] of Object.entries(container.held)) {
    if (!wanted.has(key as EtcdKey)) forget(conclusions, sight, key as EtcdKey, service);
  }
  for (const candidate of candidates) concludeInstance(conclusions, candidate, sight, rules);
}

function concludeInstance(conclusions: Conclusions, candidate: Candidate, sight: Sight, rules: AnnounceRules): void {
  const { facts, atMs } = sight;
  const container = conclusions.container(facts.id) as ContainerState;
  const readiness = readinessOf(candidate, facts, container, conclusions.state, rules, atMs);
  if (readiness.isReady) {
    announce(conclusions, candidate, sight);
    return;
  }
  if (container.keys.includes(candidate.key)) {
    withdraw(conclusions, facts.id, candidate.key, withdrawReasonOf(readiness.reason), readiness.detail, sight);
  }
  hold(conclusions, candidate, readiness, sight);
}

function announce(conclusions: Conclusions, candidate: Candidate, sight: Sight): void {
  const { key, service, record, check } = candidate;
  const { facts, cause, atMs } = sight;
  const instance = conclusions.state.instances.get(key);
  if (instance?.container === facts.id && instance.value === announcedValue(record, instance.announcedAtMs)) return;
  conclusions.add({
    type: 'InstanceAnnounced',
    atMs,
    ...about(facts.id, facts, cause),
    key,
    service,
    value: announcedValue(record, atMs),
    check: check.kind,
    ...(isActive(check) ? { probe: check.port } : {}),
    ...causedAt(sight),
  });
}

/** Reasons whose detail tells what the verdict, or the other container, is now; that of others counts seconds or repeats. */
const FOLLOWED_DETAILS: ReadonlySet<HoldReason> = new Set<HoldReason>(['not-listening', 'probe-failing', 'key-taken']);

function hold(
  conclusions: Conclusions,
  { key, service, value, check }: Candidate,
  { reason, detail }: Waiting,
  { facts, cause, atMs }: Sight,
): void {
  const held = conclusions.container(facts.id)?.held[key];
  const isSaid = held?.reason === reason && (held.detail === detail || !FOLLOWED_DETAILS.has(reason));
  if (isSaid && (held.value === value || retimed(held.value, undefined) === value)) return;
  conclusions.add({
    type: 'InstanceHeld',
    atMs,
    ...about(facts.id, facts, cause),
    key,
    service,
    reason,
    detail,
    value,
    check: check.kind,
    ...(isActive(check) ? { probe: check.port } : {}),
  });
}

function forget(conclusions: Conclusions, { facts, cause, atMs }: Sight, key: EtcdKey, service: string): void {
  conclusions.add({ type: 'InstanceForgotten', atMs, ...about(facts.id, facts, cause), key, service });
}

function refuse(conclusions: Conclusions, { facts, cause, atMs }: Sight, reason: string): void {
  if (conclusions.container(facts.id)?.refusals.includes(reason)) return;
  conclusions.add({ type: 'ContainerRefused', atMs, ...about(facts.id, facts, cause), reason });
}

/** What an observation without facts knows of itself. */
export interface Moment {
  readonly cause: string;
  readonly atMs: number;
  /** When `cause` happened; absent when nobody knows. */
  readonly causedAtMs?: number;
}

export function withdraw(
  conclusions: Conclusions,
  id: string,
  key: EtcdKey,
  reason: WithdrawReason,
  detail: string,
  moment: Moment,
): void {
  const { cause, atMs } = moment;
  const container = conclusions.container(id);
  const instance = conclusions.state.instances.get(key);
  if (container === undefined || instance?.container !== id) return;
  const { service } = instance;
  conclusions.add({
    type: 'InstanceWithdrawn',
    atMs,
    ...about(id, container, cause),
    key,
    service,
    reason,
    detail,
    ...causedAt(moment),
  });
}

/** What it waits for now is why it was withdrawn; a HEALTHCHECK that starts anew is that of another run. */
export function withdrawReasonOf(reason: HoldReason): WithdrawReason {
  return reason === 'starting' || reason === 'key-taken' ? 'died' : reason;
}

/** Detail of the reason `oom`. */
export const OUT_OF_MEMORY = 'the kernel killed it, or a process of it, for want of memory';

function endOf(facts: ContainerFacts, before: ContainerState | undefined): { reason: WithdrawReason; detail: string } {
  if (!before?.stopping && isOutOfMemory(facts)) return { reason: 'oom', detail: OUT_OF_MEMORY };
  const detail =
    facts.state === 'restarting' ? `exited with ${facts.exitCode}, restarting` : `exited with ${facts.exitCode}`;
  return { reason: before?.stopping ? 'stopping' : 'died', detail };
}

/** Announces what only waited for this check, as it was held: the facts that came with a result may be older. */
export function announceHeld(conclusions: Conclusions, id: string, key: EtcdKey, moment: Moment): void {
  const { cause, atMs } = moment;
  const container = conclusions.container(id);
  const held = container?.held[key];
  if (container === undefined || held === undefined || held.value === '') return;
  conclusions.add({
    type: 'InstanceAnnounced',
    atMs,
    ...about(id, container, cause),
    key,
    service: held.service,
    value: retimed(held.value, atMs),
    ...(held.check === null ? {} : { check: held.check }),
    ...(held.probe === null ? {} : { probe: held.probe }),
    ...causedAt(moment),
  });
}

/** Says anew what a held instance waits for. */
export function holdAgain(
  conclusions: Conclusions,
  id: string,
  key: EtcdKey,
  { reason, detail }: Pick<Waiting, 'reason' | 'detail'>,
  { cause, atMs }: Moment,
): void {
  const container = conclusions.container(id);
  const held = container?.held[key];
  if (container === undefined || held === undefined) return;
  if (held.reason === reason && held.detail === detail) return;
  const { service, value } = held;
  conclusions.add({
    type: 'InstanceHeld',
    atMs,
    ...about(id, container, cause),
    key,
    service,
    reason,
    detail,
    value,
    ...(held.check === null ? {} : { check: held.check }),
    ...(held.probe === null ? {} : { probe: held.probe }),
  });
}
