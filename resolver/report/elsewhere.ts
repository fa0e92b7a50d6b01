import type { OwnerName } from '../../shared/name.ts';
import { addressOfReverse } from '../lookup/records/reverse-name.ts';
import { offers, serviceNameOf } from '../lookup/records/service-name.ts';
import { targetNameOf } from '../lookup/records/srv.ts';
import { type LookupSettings, localName, zoneOf } from '../lookup/settings.ts';
import { select, type UsableRecord } from '../zone/select.ts';
import type { Zone } from '../zone/zone.ts';

/** A record that answers for a name though its key is neither that of the name nor below it. */
export interface RecordElsewhere {
  readonly record: UsableRecord;
  /** Which rule makes it answer: a clause. */
  readonly reason: string;
}

/** What answers for `name` from elsewhere: as `lookup` finds it, for the host-local name, service names and reverse names. */
export function recordsElsewhere(zone: Zone, name: OwnerName, settings: LookupSettings): readonly RecordElsewhere[] {
  const { local, zones } = settings;
  if (local !== undefined && zones.some((each) => name === localName(each))) {
    return select(zone, local).map((record) => ({
      record,
      reason: `it answers for ${local}, which the name stands for`,
    }));
  }
  if (select(zone, name).length > 0) return [];
  const service = serviceNameOf(name);
  if (service?.portName !== undefined) {
    const reason = `for SRV: it offers the port ${service.portName} over ${service.protocol}`;
    const offering = select(zone, service.base).filter((record) => offers(record, service));
    return offering.map((record) => ({ record, reason }));
  }
  const address = addressOfReverse(name);
  if (address === undefined) return [];
  return zone
    .recordsWithAddress(address)
    .filter((record): record is UsableRecord => record.facts !== undefined)
    .filter((record) => zoneOf(targetNameOf(record), zones) !== undefined)
    .map((record) => ({ record, reason: `for PTR: it announces ${address} as ${targetNameOf(record)}` }));
}
