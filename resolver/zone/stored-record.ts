import { canonicalAddress } from '../../shared/ip.ts';
import { type EtcdKey, NameError, type OwnerName, parseName } from '../../shared/name.ts';
import { decodeRecord, type ServiceRecord } from '../../shared/record.ts';
import type { LeaseId } from '../../shared/store.ts';

/** A key of the store as the zone keeps it. */
export interface StoredEntry {
  readonly key: EtcdKey;
  readonly value: string;
  /** etcd revision of the last write, in decimal digits. */
  readonly revision: string;
  readonly lease: LeaseId | undefined;
}

/** A key that is a name, and what its value says. Immutable: a write makes a new one. */
export interface StoredRecord extends StoredEntry {
  /** The name of the key. */
  readonly owner: OwnerName;
  /** Labels of the name: the key's `/` less those of the prefix. */
  readonly depth: number;
  /** Undefined when the value is no record: it answers nothing. */
  readonly facts: Facts | undefined;
}

/** What answers are made of: the record with its defaults applied and its host read. */
export interface Facts {
  /** An address in canonical spelling, or a name with its trailing dot; undefined: the record has no address. */
  readonly host: string | undefined;
  /** 0 to 65535; -1 means no port (Kubernetes' headless services). */
  readonly port: number;
  readonly traits: Traits;
}

/** The part of a record that many records share. */
export interface Traits {
  /** 0 to 65535. */
  readonly priority: number;
  /** As stored, at least 1; 100 when absent. */
  readonly weight: number;
  readonly text: string | undefined;
  readonly mail: boolean;
  /** Undefined: none of its own. */
  readonly ttlSeconds: number | undefined;
  readonly targetstrip: number;
  /** Empty: in no group. */
  readonly group: string;
  /** Lower case. */
  readonly portName: string | undefined;
  /** Undefined: another one, so the record is in no name of RFC 2782. */
  readonly protocol: 'tcp' | 'udp' | undefined;
}

export const PRIORITY_DEFAULT = 10;
export const WEIGHT_DEFAULT = 100;
const PORT_MAX = 65_535;
/** RFC 2181 §8: a TTL has 31 bits. */
export const TTL_MAX = 0x7fffffff;

export type Read = { readonly ok: true; readonly facts: Facts } | { readonly ok: false; readonly reason: string };

/** Reads a value; one that is no record, or whose host or port can be none, is an outcome with its reason. */
export function readFacts(value: string): Read {
  const decoded = decodeRecord(value);
  if (!decoded.ok) return decoded;
  const { record } = decoded;
  const host = readHost(record.host);
  if (typeof host === 'object') return { ok: false, reason: host.reason };
  const { port = 0 } = record;
  if (port < -1 || port > PORT_MAX) {
    return { ok: false, reason: `field port is ${port}; it must be from 0 to ${PORT_MAX}, or -1 for none` };
  }
  return { ok: true, facts: { host, port, traits: traitsOf(record) } };
}

function readHost(host: string | undefined): string | undefined | { reason: string } {
  if (host === undefined || host === '') return undefined;
  const address = canonicalAddress(host);
  if (address !== undefined) return address;
  try {
    return parseName(host);
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    return { reason: `field host is neither an address nor a domain name: ${error.message}` };
  }
}

function traitsOf(record: ServiceRecord): Traits {
  return {
    priority: record.priority ? Math.min(Math.max(record.priority, 0), 65535) : PRIORITY_DEFAULT,
    weight: record.weight !== undefined && record.weight > 0 ? record.weight : WEIGHT_DEFAULT,
    text: record.text || undefined,
    mail: record.mail ?? false,
    ttlSeconds: record.ttl ? Math.min(record.ttl, TTL_MAX) : undefined,
    targetstrip: Math.max(record.targetstrip ?? 0, 0),
    group: record.group ?? '',
    portName: record.portName?.toLowerCase() || undefined,
    protocol: protocolOf(record),
  };
}

function protocolOf(record: ServiceRecord): Traits['protocol'] {
  const protocol = record.protocol?.toLowerCase() || 'tcp';
  return protocol === 'tcp' || protocol === 'udp' ? protocol : undefined;
}

/** Whether a host of {@link Facts} is a name: only names end in a dot. */
export function isNameHost(host: string): host is OwnerName {
  return host.endsWith('.');
}

/** Whether two sets of facts give the same answers. */
export function sameFacts(a: Facts | undefined, b: Facts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.host !== b.host || a.port !== b.port) return false;
  return a.traits === b.traits || traitsKey(a.traits) === traitsKey(b.traits);
}

/** The same for equal traits only. */
export function traitsKey(t: Traits): string {
  return JSON.stringify([
    t.priority,
    t.weight,
    t.mail,
    t.ttlSeconds ?? 0,
    t.targetstrip,
    t.protocol ?? '',
    t.portName ?? '',
    t.group,
    t.text ?? '',
  ]);
}
