import { isIP } from 'node:net';
import { isUnspecified } from '../../../shared/address.ts';
import { type EtcdKey, NameError, parseName } from '../../../shared/name.ts';
import { decodeRecord, encodeRecord, type ServiceRecord } from '../../../shared/record.ts';
import type { CheckKind } from '../../event.ts';
import { instanceKey } from '../../naming/candidates.ts';
import { problemOfField } from '../../naming/labels.ts';
import { type LabelMade, ldhLabel } from '../../naming/service-name.ts';
import { announcedValue } from '../../naming/value.ts';
import type { Observation } from '../../observation.ts';
import type { AnnounceRules } from '../../rules.ts';
import { type ServiceCheck, serviceCheckOf } from '../../services/service-check.ts';
import { isStatic, type StaticService, staticId } from '../../services/static-services.ts';
import { about, type Conclusions, causedAt } from '../conclusions.ts';
import { type AnnouncerState, type ContainerState, UNKNOWN_CONTAINER } from '../state.ts';
import { type Moment, withdraw, withdrawReasonOf } from './instances.ts';
import { holdOfContainer, holdOfKey, type Waiting } from './readiness.ts';

type ServicesRead = Extract<Observation, { readonly type: 'services-read' }>;

const CAUSE = 'services file';

interface StaticCandidate {
  readonly container: string;
  readonly name: string;
  readonly key: EtcdKey;
  readonly service: string;
  readonly record: ServiceRecord;
  readonly check: ServiceCheck | undefined;
}

/** Brings the static announcements to what the services file says now; what it says no more is withdrawn. */
export function concludeServices(conclusions: Conclusions, seen: ServicesRead, rules: AnnounceRules): void {
  const { services, atMs } = seen;
  const moment = { cause: seen.cause ?? CAUSE, atMs, ...causedAt(seen) };
  const { candidates, refusals } = staticCandidates(services, rules);
  withdrawStray(conclusions, candidates, new Set(services.map(({ name }) => staticId(name))), moment);
  for (const [container, name, reason] of refusals) {
    if (conclusions.container(container)?.refusals.includes(reason)) continue;
    conclusions.add({ type: 'ContainerRefused', atMs, ...about(container, { name, image: '' }, CAUSE), reason });
  }
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

/** Notes a verdict; what it changes of what is announced, the next `services-read` says. */
export function concludeServiceProbed(
  conclusions: Conclusions,
  { container: id, probe, passing, detail, atMs }: Extract<Observation, { readonly type: 'service-probed' }>,
): void {
  const container = conclusions.container(id);
  if (container === undefined || container.verdicts[probe]?.isPassing === passing) return;
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

type Refusal = readonly [container: string, name: string, reason: string];

function staticCandidates(
  services: readonly StaticService[],
  rules: AnnounceRules,
): { candidates: ReadonlyMap<EtcdKey, StaticCandidate>; refusals: readonly Refusal[] } {
  const candidates = new Map<EtcdKey, StaticCandidate>();
  const refusals: Refusal[] = [];
  for (const entry of services) {
    const container = staticId(entry.name);
    const made = staticCandidate(entry, container, rules);
    if (typeof made === 'string') refusals.push([container, entry.name, made]);
    else if (candidates.has(made.key)) {
      refusals.push([
        container,
        entry.name,
        `key ${made.key} is that of another entry already; give each its own instance`,
      ]);
    } else candidates.set(made.key, made);
  }
  return { candidates, refusals };
}

/** @returns the reason when the entry can have no key */
function staticCandidate(entry: StaticService, container: string, rules: AnnounceRules): StaticCandidate | string {
  const service = ldhLabel(entry.name);
  if (!service.ok) return `name ${JSON.stringify(entry.name)} ${service.reason}`;
  const problem = hostProblem(entry.host) ?? fieldProblem(entry);
  if (problem !== undefined) return problem;
  const instance = instanceOf(entry);
  if (!instance.ok)
    return `instance ${JSON.stringify(entry.instance ?? entry.host)} ${instance.reason}; give it an instance`;
  const key = instanceKey(instance.label, service.label, rules);
  if (typeof key !== 'string') return key.reason;
  const { name: _name, instance: _instance, check: _check, protocol = 'tcp', ...fields } = entry;
  const record: ServiceRecord = {
    ttl: rules.recordTtlSeconds,
    ...fields,
    ...(entry.port === undefined ? {} : { protocol }),
    owner: rules.owner,
    container,
  };
  return { container, name: entry.name, key, service: service.label, record, check: serviceCheckOf(entry) };
}

/** A person wrote it: taken as given, loopback included, but not what names no host. */
function hostProblem(host: string): string | undefined {
  if (isIP(host) !== 0) return isUnspecified(host) ? `host ${host} names no host; write an address` : undefined;
  try {
    if (parseName(host) !== '.') return undefined;
    return `host ${JSON.stringify(host)} is empty; write an address or a name`;
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    return `host: ${error.message}`;
  }
}

function fieldProblem(entry: StaticService): string | undefined {
  const { port } = entry;
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65_535)) {
    return `port ${port}: must be 1 to 65535`;
  }
  for (const field of ['priority', 'weight', 'ttl', 'text', 'group', 'mail', 'targetstrip'] as const) {
    const value = entry[field];
    const problem = value === undefined ? undefined : problemOfField(field, String(value));
    if (problem !== undefined) return `${field} ${JSON.stringify(value)}: ${problem}`;
  }
  return undefined;
}

/** `192-0-2-10-8080` of an address and port; a hyphen at an end, as of `::1`, comes off. */
function instanceOf({ instance, host, port }: StaticService): LabelMade {
  if (instance !== undefined && instance !== '') return ldhLabel(instance);
  const base = host.replace(/[^a-zA-Z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return ldhLabel(port === undefined ? base : `${base}-${port}`);
}
