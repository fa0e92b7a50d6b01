import type { OwnerName } from '../../../shared/name.ts';
import { isNameHost } from '../../zone/stored-record.ts';
import type { Inquiry } from '../inquiry.ts';
import { Section } from '../section.ts';
import { lifetimeOf } from '../ttl.ts';
import { addressOfReverse } from './reverse-name.ts';
import { targetNameOf } from './srv.ts';

/**
 * PTR RRs of a reverse name: the hosts stored at its key; else the names, in our zones, of the records that announce the
 * address. Empty when there are neither.
 */
export function ptrOf(owner: OwnerName, inquiry: Inquiry): Section {
  const answers = new Section();
  for (const record of inquiry.selectExact(owner)) {
    const { host } = record.facts;
    if (host === undefined || !isNameHost(host)) continue;
    answers.add(owner, { type: 'PTR', target: host }, lifetimeOf(record, inquiry));
  }
  if (answers.size > 0) return answers;
  const address = addressOfReverse(owner);
  if (address === undefined) return answers;
  for (const record of inquiry.recordsWithAddress(address)) {
    const target = targetNameOf(record);
    if (inquiry.isOurs(target)) answers.add(owner, { type: 'PTR', target }, lifetimeOf(record, inquiry));
  }
  return answers;
}
