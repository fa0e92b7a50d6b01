import { familyOf } from '../../../shared/ip.ts';
import type { OwnerName } from '../../../shared/name.ts';
import { type Rdata, RrType } from '../../../shared/rrset.ts';
import type { UsableRecord } from '../../zone/select.ts';
import { isNameHost } from '../../zone/stored-record.ts';
import type { Inquiry, Selection } from '../inquiry.ts';
import type { Section } from '../section.ts';
import { outsideLifetime } from '../ttl.ts';
import { addChains, type Link, type Sought } from './chain.ts';

export type Family = 'A' | 'AAAA';
export const BOTH_FAMILIES: readonly Family[] = ['A', 'AAAA'];

/**
 * Puts the addresses of `owner` into `addresses`, and the CNAMEs that lead to them into `cnames`, in chain order. Hosts
 * outside our zones are asked of the forwarder.
 *
 * @returns whether, when there is no address now, there may be all the same: upstreams failed to say, and nothing else is there
 */
export function addAddresses(
  owner: OwnerName,
  families: readonly Family[],
  inquiry: Inquiry,
  cnames: Section,
  addresses: Section,
): boolean {
  const sought = new SoughtAddresses(families, inquiry);
  addChains(owner, sought, inquiry, cnames, addresses);
  return sought.hasFailed && !sought.hasOthers;
}

class SoughtAddresses implements Sought {
  /** An address of another family was met. */
  hasOthers = false;
  /** A host was met of which the upstreams did not say what it has. */
  hasFailed = false;
  private readonly families: readonly Family[];
  private readonly inquiry: Inquiry;

  constructor(families: readonly Family[], inquiry: Inquiry) {
    this.families = families;
    this.inquiry = inquiry;
  }

  selectionOf(owner: OwnerName): Selection {
    return this.inquiry.selectAddresses(owner);
  }

  rdataOf({ facts: { host } }: UsableRecord): Rdata | undefined {
    if (host === undefined || isNameHost(host)) return undefined;
    const family = familyOf(host);
    if (this.families.includes(family)) return { type: family, address: host };
    this.hasOthers = true;
    return undefined;
  }

  /** The forwarder follows CNAMEs itself; its chain comes with the addresses. */
  fillFromOutside(link: Link): void {
    for (const family of this.families) {
      const question = { name: link.owner, type: RrType[family] };
      const answer = this.inquiry.context.outside(question);
      if (answer === undefined) {
        this.inquiry.trail.lacks(question);
        continue;
      }
      if (answer.failed) this.hasFailed = true;
      const lifetime = outsideLifetime(answer, this.inquiry);
      let end = link;
      for (const alias of answer.aliases ?? []) {
        const to: Link = { owner: alias, items: [] };
        end.items.push({ type: 'alias', to, lifetime });
        end = to;
      }
      for (const address of answer.addresses) {
        end.items.push({ type: 'end', rdata: { type: familyOf(address), address }, lifetime });
      }
    }
  }
}
