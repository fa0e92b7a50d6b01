import type { EtcdKey } from '../../../shared/name.ts';
import { decodeRecord, encodeRecord, type ServiceRecord } from '../../../shared/record.ts';
import type { CheckKind } from '../../event.ts';
import { announcedValue } from '../../naming/value.ts';
import type { Observation } from '../../observation.ts';
import type { AnnounceRules } from '../../rules.ts';
import { isStatic, staticId, staticName } from '../../services/static-services.ts';
import { about, type Conclusions, causedAt } from '../conclusions.ts';
import { type AnnouncerState, type ContainerState, UNKNOWN_CONTAINER } from '../state.ts';
import { type Moment, withdraw, withdrawReasonOf } from './instances.ts';
import { holdOfContainer, holdOfKey, isNewVerdict, type Waiting } from './readiness.ts';
import { type StaticCandidate, type StaticEntries, staticEntries } from './static-candidates.ts';

type ServicesRead = Extract<Observation, { readonly type: 'services-read' }>;

const CAUSE = 'services file';

/** Brings the static announcements to what the services file says now; what it says no more is withdrawn. */
export function concludeServices(conclusions: Conclusions, seen: ServicesRead, rules: AnnounceRules): void {
  const { services, atMs } = seen;
  const moment = { cause: seen.cause ?? CAUSE, atMs, ...causedAt(seen) };
  const { candidates, refusals } = staticEntries(services, rules);
  withdrawStray(conclusions, candidates, new Set(services.map(({ name }) => staticId(name))), moment);
  concludeRefusals(conclusions, refusals, atMs);
  for (const candidate of candidates.values()) {
    const { container, name, key, service, record } = candidate;
    const instance = conclusions.state.instances.get(key);
    if (holdStatic(conclusions, candidate, rules, moment)) continue;
    if (instance !== undefined && instance.value === announcedValue(record, instance.announcedAtMs)) continue;
    conclusions.add({
      type: 'InstanceAnnounced',
      atMs,
      ...about(container, { name, image: '' }, moment.cause),
      key,
      service,
      value: announcedValue(record, atMs),
      ...checkFields(candidate),
      ...causedAt(moment),
    });
  }
}

/** Says what is wrong with the entries of each name, once, and what is not any more. */
function concludeRefusals(conclusions: Conclusions, refusals: StaticEntries['refusals'], atMs: number): void {
  for (const [id, container] of conclusions.state.containers) {
    if (!isStatic(id)) continue;
    for (const reason of container.refusals) {
      if (refusals.get(id)?.includes(reason)) continue;
      conclusions.add({ type: 'ContainerRefusalEnded', atMs, ...about(id, container, CAUSE), reason });
    }
  }
  for (const [id, reasons] of refusals) {
    const named = about(id, { name: staticName(id), image: '' }, CAUSE);
    for (const reason of reasons) {
      if (conclusions.container(id)?.refusals.includes(reason)) continue;
      conclusions.add({ type: 'ContainerRefused', atMs, ...named, reason });
    }
  }
}

/** Notes a verdict; what it changes of what is announced, the next `services-read` says. */
export function concludeServiceProbed(
  conclusions: Conclusions,
  { container: id, probe, passing, detail, atMs }: Extract<Observation, { readonly type: 'service-probed' }>,
): void {
  const container = conclusions.container(id);
  if (container === undefined || !isNewVerdict(container.verdicts[probe], passing, detail)) return;
  const { startedAt } = container;
  const named = about(id, container, `check ${probe}`);
  conclusions.add({ type: 'ContainerProbed', atMs, ...named, startedAt, port: probe, passing, detail });
}

function checkFields({ check }: StaticCandidate): { readonly check: CheckKind; readonly probe?: string } {
  return check === undefined ? { check: 'none' } : { check: check.kind, probe: check.probe };
}

/** @returns whether it is held back, by a drain, its check or who has its key; says so when that is new */
function holdStatic(
  conclusions: Conclusions,
  candidate: StaticCandidate,
  rules: AnnounceRules,
  moment: Moment,
): boolean {
  const { atMs } = moment;
  const { container, name, key, service, record } = candidate;
  const known = conclusions.container(container) ?? UNKNOWN_CONTAINER;
  const waiting =
    holdOfContainer(known, conclusions.state, rules, atMs) ??
    holdOfServiceCheck(candidate, known, conclusions.state) ??
    holdOfKey(key, container, conclusions.state);
  if (waiting === undefined) return false;
  const { reason, detail } = waiting;
  withdraw(conclusions, container, key, withdrawReasonOf(reason), detail, moment);
  const value = encodeRecord(record);
  const held = known.held[key];
  if (held?.reason === reason && held.detail === detail && held.value === value) return true;
  const named = about(container, { name, image: '' }, moment.cause);
  conclusions.add({
    type: 'InstanceHeld',
    atMs,
    ...named,
    key,
    service,
    reason,
    detail,
    value,
    ...checkFields(candidate),
  });
  return true;
}

/**
 * What stands already is not withdrawn for want of a first result, as when the file gives it a check: but the check of
 * another address says nothing about this one.
 */
function holdOfServiceCheck(
  candidate: StaticCandidate,
  { verdicts }: ContainerState,
  { instances }: AnnouncerState,
): Waiting | undefined {
  const { check, container, key } = candidate;
  if (check === undefined) return undefined;
  const verdict = verdicts[check.probe];
  const instance = instances.get(key);
  const stands = instance?.container === container && isAt(instance.value, candidate.record);
  if (verdict?.isPassing ?? stands) return undefined;
  const detail = verdict?.detail ?? `waiting for the first result of its check (${check.probe})`;
  return { isReady: false, reason: 'probe-failing', detail };
}

/** Whether a value leads clients to where `record` does. */
function isAt(value: string, { host, port }: ServiceRecord): boolean {
  const decoded = decodeRecord(value);
  return decoded.ok && decoded.record.host === host && decoded.record.port === port;
}

function withdrawStray(
  conclusions: Conclusions,
  wanted: ReadonlyMap<EtcdKey, StaticCandidate>,
  named: ReadonlySet<string>,
  moment: Moment,
): void {
  const { atMs } = moment;
  const isStray = (key: EtcdKey, id: string): boolean => wanted.get(key)?.container !== id;
  for (const [id, container] of conclusions.state.containers) {
    if (!isStatic(id)) continue;
    for (const key of container.keys) {
      if (isStray(key, id))
        withdraw(conclusions, id, key, 'relabelled', 'the services file says otherwise now', moment);
    }
    for (const [key, { service }] of Object.entries(container.held)) {
      if (!isStray(key as EtcdKey, id)) continue;
      conclusions.add({
        type: 'InstanceForgotten',
        atMs,
        ...about(id, container, CAUSE),
        key: key as EtcdKey,
        service,
      });
    }
    if (!named.has(id)) conclusions.add({ type: 'ContainerRemoved', atMs, ...about(id, container, CAUSE) });
  }
}
