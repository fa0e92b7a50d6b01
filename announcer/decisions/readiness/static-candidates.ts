/** The keys that the entries of the services file have a claim to, by what they say alone. */
import { isIP } from 'node:net';
import { isUnspecified } from '../../../shared/address.ts';
import { type EtcdKey, isHostName, NameError, parseName } from '../../../shared/name.ts';
import type { ServiceRecord } from '../../../shared/record.ts';
import { instanceKey } from '../../naming/candidates.ts';
import { problemOfField, RECORD_FIELDS, type RecordLabels } from '../../naming/labels.ts';
import { type LabelMade, ldhLabel } from '../../naming/service-name.ts';
import { REFUSALS_MAX, shortened, tellFirst } from '../../naming/told.ts';
import type { AnnounceRules } from '../../rules.ts';
import { type ServiceCheck, serviceCheckOf } from '../../services/service-check.ts';
import { type StaticService, staticId } from '../../services/static-services.ts';

/** A key that an entry has a claim to while its check passes. */
export interface StaticCandidate {
  readonly container: string;
  readonly name: string;
  readonly key: EtcdKey;
  readonly service: string;
  readonly record: ServiceRecord;
  readonly check: ServiceCheck | undefined;
}

export interface StaticEntries {
  readonly candidates: ReadonlyMap<EtcdKey, StaticCandidate>;
  /** Why an entry, or a value of it, is left out: by the ids of their names, the first few of each. */
  readonly refusals: ReadonlyMap<string, readonly string[]>;
}

/** Of two entries for one key the first has it. */
export function staticEntries(services: readonly StaticService[], rules: AnnounceRules): StaticEntries {
  const candidates = new Map<EtcdKey, StaticCandidate>();
  const refusals = new Map<string, Set<string>>();
  const refuse = (container: string, reason: string): void => {
    const reasons = refusals.get(container);
    if (reasons === undefined) refusals.set(container, new Set([reason]));
    else reasons.add(reason);
  };
  for (const entry of services) {
    const container = staticId(entry.name);
    const { fields, problems } = readFields(entry);
    for (const problem of problems) refuse(container, problem);
    const made = staticCandidate(entry, fields, container, rules);
    if (typeof made === 'string') refuse(container, made);
    else if (!candidates.has(made.key)) candidates.set(made.key, made);
    else refuse(container, `key ${made.key} is that of another entry already; give each its own instance`);
  }
  return { candidates, refusals: new Map([...refusals].map(([container, reasons]) => [container, toTell(reasons)])) };
}

function toTell(reasons: ReadonlySet<string>): string[] {
  return tellFirst(
    [...reasons],
    REFUSALS_MAX,
    (reason) => reason,
    'more things that are wrong with entries of this name',
  );
}

/** The record's fields within the bounds of their labels; what is beyond them costs itself, as there. */
function readFields(entry: StaticService): { readonly fields: RecordLabels; readonly problems: readonly string[] } {
  const fields: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const field of RECORD_FIELDS) {
    const value = entry[field];
    if (value === undefined) continue;
    const problem = problemOfField(field, String(value));
    if (problem === undefined) fields[field] = value;
    else problems.push(`${field} ${shortened(JSON.stringify(value))}: ${problem}; left out, the rest stands`);
  }
  return { fields, problems };
}

/** @returns the reason when the entry can have no key */
function staticCandidate(
  entry: StaticService,
  fields: RecordLabels,
  container: string,
  rules: AnnounceRules,
): StaticCandidate | string {
  const { name, host, port, portName, protocol = 'tcp' } = entry;
  const service = ldhLabel(name);
  if (!service.ok) return `name ${JSON.stringify(name)} ${service.reason}`;
  const problem = hostProblem(host) ?? portProblem(port);
  if (problem !== undefined) return problem;
  const instance = instanceOf(entry);
  if (!instance.ok) return `instance ${JSON.stringify(entry.instance ?? host)} ${instance.reason}; give it an instance`;
  const key = instanceKey(instance.label, service.label, rules);
  if (typeof key !== 'string') return key.reason;
  const record: ServiceRecord = {
    ttl: rules.recordTtlSeconds,
    ...fields,
    host,
    ...(port === undefined ? {} : { port, protocol }),
    ...(portName === undefined ? {} : { portName }),
    owner: rules.owner,
    container,
  };
  return { container, name, key, service: service.label, record, check: serviceCheckOf(entry) };
}

/** A person wrote it: taken as given, loopback included, but not what names no host. */
function hostProblem(host: string): string | undefined {
  if (isIP(host) !== 0) return isUnspecified(host) ? `host ${host} names no host; write an address` : undefined;
  try {
    const name = parseName(host);
    if (name === '.') return `host ${JSON.stringify(host)} is empty; write an address or a name`;
    return isHostName(name) ? undefined : `host ${JSON.stringify(host)} is no address and no name of a host`;
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    return `host: ${error.message}`;
  }
}

function portProblem(port: number | undefined): string | undefined {
  if (port === undefined || (Number.isInteger(port) && port >= 1 && port <= 65_535)) return undefined;
  return `port ${port}: must be 1 to 65535`;
}

/** `192-0-2-10-8080` of an address and port; a hyphen at an end, as of `::1`, comes off. */
function instanceOf({ instance, host, port }: StaticService): LabelMade {
  if (instance !== undefined && instance !== '') return ldhLabel(instance);
  const base = host.replace(/[^a-zA-Z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return ldhLabel(port === undefined ? base : `${base}-${port}`);
}
