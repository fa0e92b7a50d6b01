import type { OwnerName } from '../../../shared/name.ts';
import type { ResourceRecord } from '../../../shared/rrset.ts';
import type { Inquiry } from '../inquiry.ts';
import { Section } from '../section.ts';
import { type Availability, hostmasterOf, type LookupSettings, nsHome } from '../settings.ts';
import { defaultLifetime, ttlCapOf } from '../ttl.ts';
import { addAddresses, BOTH_FAMILIES } from './address.ts';
import { nsOf, type TargetSections } from './srv.ts';

/** How secondaries would keep the zone (RFC 1035 §3.3.13), in seconds: as SkyDNS says. */
const SOA_TIMES = { refresh: 28_800, retry: 7200, expire: 604_800 } as const;

/**
 * The SOA of a zone: its answer at the apex, and the authority of every negative answer (RFC 2308 §2).
 *
 * While the store is out of reach its TTL is capped, and with it how long a negative answer is kept: the lesser of TTL
 * and minimum counts (RFC 2308 §5).
 *
 * @param revision the zone's; its low 32 bits are the serial
 */
export function soaOf(
  apex: OwnerName,
  settings: Pick<LookupSettings, 'negativeTtlSeconds'>,
  revision: bigint,
  availability: Availability,
): ResourceRecord {
  return {
    owner: apex,
    ttlSeconds: Math.min(settings.negativeTtlSeconds, ttlCapOf(availability)),
    type: 'SOA',
    mname: nsHome(apex),
    rname: hostmasterOf(apex),
    serial: Number(BigInt.asUintN(32, revision)),
    ...SOA_TIMES,
    minimum: settings.negativeTtlSeconds,
  };
}

/** The name servers registered at `ns.dns.<zone>`; with none, the one that we are by configuration. */
export function nsOfApex(apex: OwnerName, inquiry: Inquiry): TargetSections {
  const registered = nsOf(apex, inquiry.select(nsHome(apex)), inquiry);
  if (registered.answers.size > 0) return registered;
  const target = inquiry.settings.nsName ?? nsHome(apex);
  const answers = new Section();
  answers.add(apex, { type: 'NS', target }, defaultLifetime(inquiry));
  const additional = new Section();
  if (inquiry.isOurs(target)) addAddresses(target, BOTH_FAMILIES, inquiry, additional, additional);
  return { answers, additional };
}
