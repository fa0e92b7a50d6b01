import { type EtcdKey, labelsOf, type OwnerName } from '../../shared/name.ts';
import { decodeRecord, type ServiceRecord } from '../../shared/record.ts';
import { type LookupContext, zoneOf } from '../lookup/settings.ts';
import type { KeyRecord } from '../zone/key-node.ts';
import { recordsIn } from '../zone/subtree.ts';
import type { Zone } from '../zone/zone.ts';

/** One record of the zone as `/v1/services` lists it. */
export interface ListedInstance {
  readonly service: string;
  /** Its own owner name. */
  readonly name: OwnerName;
  readonly key: EtcdKey;
  readonly state: 'announced';
  /** The label of the host that announced it, by the form of its key; absent for records of other writers. */
  readonly hostName?: string;
  readonly instance?: string;
  /** The record's address or the name it points at. */
  readonly host?: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly portName?: string;
  /** Of the record itself; answers have the lesser of this and what is left of the lease. */
  readonly ttlSeconds?: number;
  readonly leaseSecondsLeft?: number;
  readonly owner?: string;
  readonly container?: string;
  readonly image?: string;
  /** By the record's own word; ms since epoch. */
  readonly sinceMs?: number;
  readonly ageSeconds?: number;
  readonly revision: string;
}

export interface ListedService {
  readonly service: string;
  readonly name: OwnerName;
  readonly instances: readonly ListedInstance[];
}

export interface Listing {
  readonly services: readonly ListedService[];
  /** There are more than the limit; name a service. */
  readonly truncated: boolean;
}

/** Records in one listing. */
export const LISTED_MAX = 10_000;

/**
 * What the zone holds, by service: the label below the zone. Keys below the `dns` label of a zone serve the zone itself
 * and are left out.
 */
export function listServices(zone: Zone, zones: readonly OwnerName[], context: LookupContext): Listing {
  const records = function* (): Generator<KeyRecord> {
    for (const name of zones) {
      // Zones may lie within each other.
      for (const record of recordsIn(zone, name)) if (zoneOf(record.owner, zones) === name) yield record;
    }
  };
  return list(records(), zones, context, ({ service }) => service !== 'dns');
}

/** As {@link listServices}, of the records at and below `names` alone. */
export function listNames(
  zone: Zone,
  zones: readonly OwnerName[],
  context: LookupContext,
  names: readonly OwnerName[],
): Listing {
  const records = function* (): Generator<KeyRecord> {
    for (const name of names) yield* recordsIn(zone, name);
  };
  return list(records(), zones, context, () => true);
}

function list(
  records: Iterable<KeyRecord>,
  zones: readonly OwnerName[],
  context: LookupContext,
  isWanted: (place: Place) => boolean,
): Listing {
  const services = new Map<OwnerName, ListedInstance[]>();
  let count = 0;
  for (const record of records) {
    const place = placeOf(record.owner, zones);
    const decoded = decodeRecord(record.value);
    // A value that is no record is listed as a problem.
    if (!isWanted(place) || !decoded.ok) continue;
    if (count === LISTED_MAX) return { services: sorted(services), truncated: true };
    count += 1;
    const instances = services.get(place.name) ?? [];
    instances.push(instanceOf(record, place, decoded.record, context));
    services.set(place.name, instances);
  }
  return { services: sorted(services), truncated: false };
}

function instanceOf(record: KeyRecord, place: Place, value: ServiceRecord, context: LookupContext): ListedInstance {
  const { key, lease, owner, revision } = record;
  const leaseEndsMs = lease === undefined ? undefined : context.leaseDeadlineMs(lease);
  const { service, hostName, instance } = place;
  return {
    service,
    name: owner,
    key,
    state: 'announced',
    revision,
    ...(hostName !== undefined && { hostName }),
    ...(instance !== undefined && { instance }),
    ...fieldsOf(value, context.nowMs),
    ...(leaseEndsMs !== undefined && {
      leaseSecondsLeft: Math.max(0, Math.ceil((leaseEndsMs - context.nowMs) / 1000)),
    }),
  };
}

interface Place {
  readonly service: string;
  readonly name: OwnerName;
  readonly hostName?: string;
  readonly instance?: string;
}

/** `<instance>.<host>.<service>.<zone>`, as far as it goes. */
function placeOf(owner: OwnerName, zones: readonly OwnerName[]): Place {
  const zone = zoneOf(owner, zones);
  if (zone === undefined || owner === zone) return { service: owner, name: owner };
  const relative = labelsOf(owner).slice(0, -labelsOf(zone).length || undefined);
  const service = relative.at(-1) as string;
  const hostName = relative.length >= 3 ? relative.at(-2) : undefined;
  const instance = relative.length >= 2 ? relative[0] : undefined;
  return {
    service,
    name: nameWithin(owner, labelsOf(zone).length + 1),
    ...(hostName !== undefined && { hostName }),
    ...(instance !== undefined && { instance }),
  };
}

/** The last `count` labels of `name`. */
function nameWithin(name: OwnerName, count: number): OwnerName {
  let rest: string = name;
  for (let left = labelsOf(name).length; left > count; left -= 1) {
    rest = rest.slice((/^(?:\\.|[^.\\])*\./.exec(rest)?.[0] ?? '').length);
  }
  return rest as OwnerName;
}

function fieldsOf(record: ServiceRecord, nowMs: number): Partial<ListedInstance> {
  const sinceMs = record.announcedAt === undefined ? Number.NaN : Date.parse(record.announcedAt);
  const { host, port, protocol, portName, ttl, owner, container, image } = record;
  const fields: Partial<ListedInstance> = {
    ...(host && { host }),
    ...(port && { port }),
    ...(protocol && { protocol }),
    ...(portName && { portName }),
    ...(ttl && { ttlSeconds: ttl }),
    ...(owner && { owner }),
    ...(container && { container }),
    ...(image && { image }),
  };
  if (Number.isNaN(sinceMs)) return fields;
  return { ...fields, sinceMs, ageSeconds: Math.max(0, Math.floor((nowMs - sinceMs) / 1000)) };
}

function sorted(services: ReadonlyMap<OwnerName, readonly ListedInstance[]>): ListedService[] {
  return [...services]
    .map(([name, instances]) => ({ service: instances[0]?.service ?? name, name, instances }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
