import { labelsOf, nameOf, type OwnerName } from '../../../shared/name.ts';
import type { UsableRecord } from '../../zone/select.ts';

/** A name of RFC 2782: `_http._tcp.web.example.org.`, or `_tcp.web.example.org.` above it. */
export interface ServiceName {
  /** Without the underscore; undefined for the name above, which holds every service of the protocol. */
  readonly portName: string | undefined;
  readonly protocol: string;
  /** The name whose records it selects from. */
  readonly base: OwnerName;
}

export function serviceNameOf(name: OwnerName): ServiceName | undefined {
  const labels = labelsOf(name);
  const [first = '', second = ''] = labels;
  if (!isUnderscored(first)) return undefined;
  if (!isUnderscored(second)) {
    return { portName: undefined, protocol: first.slice(1), base: nameOf(labels.slice(1)) };
  }
  return { portName: first.slice(1), protocol: second.slice(1), base: nameOf(labels.slice(2)) };
}

function isUnderscored(label: string): boolean {
  return label.length > 1 && label.startsWith('_');
}

/** Whether a record is one of the service: it names its port so; one that names no protocol has TCP, one that names another is in none. */
export function offers({ facts }: UsableRecord, { portName, protocol }: ServiceName): boolean {
  const { traits } = facts;
  if (facts.host === undefined || traits.portName === undefined || traits.protocol !== protocol) return false;
  return portName === undefined || traits.portName === portName;
}
