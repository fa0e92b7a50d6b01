import { isWithin, labelsOf, type OwnerName, ROOT } from '../../shared/name.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { OutsideAnswer } from '../forwarding/forwarder.ts';
import type { Question } from './question.ts';
import type { SrvWeights } from './records/weights.ts';

/** What the operator chose about answers. */
export interface LookupSettings {
  /** The zones that are ours, reverse zones included. The longest that holds a name is its zone. */
  readonly zones: readonly OwnerName[];
  /** TTL of a record that has none of its own and no lease. */
  readonly defaultTtlSeconds: number;
  /** TTL and minimum of the SOA (RFC 2308 §4). */
  readonly negativeTtlSeconds: number;
  /** The name server at the apex while none is registered; `ns.dns.<zone>` unless given. */
  readonly nsName?: OwnerName | undefined;
  /** The name that `local.dns.<zone>` answers as. */
  readonly local?: OwnerName | undefined;
  readonly srvWeights: SrvWeights;
  /** A and AAAA of the apex without `apex.dns` records select the whole zone, as CoreDNS does. */
  readonly legacyApex: boolean;
}

/** The world at the moment of a question. */
export interface LookupContext {
  readonly nowMs: number;
  /** When a lease runs out, ms since epoch, as far as is known; undefined while it is not. */
  leaseDeadlineMs(lease: LeaseId): number | undefined;
  /** What the forwarder's cache holds; undefined: not known, so it is listed as unresolved. */
  outside(question: Question): OutsideAnswer | undefined;
  readonly availability: Availability;
}

/** Whether the zone may be answered from (see the reference, "What a negative answer may claim"). */
export type Availability =
  | 'live'
  /** The store is out of reach since `sinceMs`, within the bound: answers, no TTL over the cap. */
  | { readonly type: 'stale'; readonly sinceMs: number; readonly ttlCapSeconds: number }
  | 'never-synced'
  | 'too-stale';

/** The longest of `zones` that holds `name`; undefined: the name is not ours. */
export function zoneOf(name: OwnerName, zones: readonly OwnerName[]): OwnerName | undefined {
  let longest: OwnerName | undefined;
  for (const zone of zones) {
    if (isWithin(name, zone) && (longest === undefined || zone.length > longest.length)) longest = zone;
  }
  return longest;
}

/** The name servers of a zone are registered below this name. */
export function nsHome(zone: OwnerName): OwnerName {
  return below('ns.dns.', zone);
}

/** The apex's own addresses are registered here. */
export function apexHome(zone: OwnerName): OwnerName {
  return below('apex.dns.', zone);
}

export function localName(zone: OwnerName): OwnerName {
  return below('local.dns.', zone);
}

export function hostmasterOf(zone: OwnerName): OwnerName {
  return below('hostmaster.', zone);
}

function below(labels: string, zone: OwnerName): OwnerName {
  return (zone === ROOT ? labels : `${labels}${zone}`) as OwnerName;
}

/**
 * Whether `name` exists by configuration, whatever the store holds: a zone's apex, `ns.dns.<zone>`, which the SOA names, the
 * name server of the settings, the host-local name, and every name above one of these.
 */
export function isConfigured(name: OwnerName, settings: LookupSettings): boolean {
  const { zones, nsName, local } = settings;
  if (nsName !== undefined && isWithin(nsName, name)) return true;
  return zones.some(
    (zone) =>
      isWithin(zone, name) || isWithin(nsHome(zone), name) || (local !== undefined && isWithin(localName(zone), name)),
  );
}

/** `name` without its leftmost `count` labels; with no label left it stays as it is. */
export function stripLabels(name: OwnerName, count: number): OwnerName {
  if (count === 0) return name;
  const labels = labelsOf(name);
  if (count >= labels.length) return name;
  let rest: string = name;
  for (let stripped = 0; stripped < count; stripped += 1) rest = rest.slice(firstDot(rest) + 1);
  return rest as OwnerName;
}

/** Where the first label ends: the first dot that no backslash escapes. */
function firstDot(name: string): number {
  for (let at = 0; at < name.length; at += 1) {
    if (name[at] === '\\') at += 1;
    else if (name[at] === '.') return at;
  }
  return name.length;
}
