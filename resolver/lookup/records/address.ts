import { familyOf } from '../../../shared/ip.ts';
import { isWithin, type OwnerName, ROOT } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';
import { isNameHost } from '../../zone/stored-record.ts';
import type { Inquiry } from '../inquiry.ts';
import type { Section } from '../section.ts';
import { type Lifetime, lifetimeOf, outsideLifetime, shorter } from '../ttl.ts';

export type Family = 'A' | 'AAAA';
export const BOTH_FAMILIES: readonly Family[] = ['A', 'AAAA'];

/** CNAMEs in a row that are followed. */
export const CHAIN_LINKS_MAX = 8;

/** A name of a chain: what it has itself, in key order, and which names its CNAMEs lead to. */
interface Link {
  readonly owner: OwnerName;
  readonly items: Item[];
}
type Item = Address | Alias;
type Address = { readonly type: 'address'; readonly address: string; readonly lifetime: Lifetime };
type Alias = { readonly type: 'alias'; readonly to: Link; lifetime: Lifetime };

/** A walk along the chains of one name: what for, and what it met. */
interface Walk {
  readonly families: readonly Family[];
  readonly inquiry: Inquiry;
  readonly seen: Set<OwnerName>;
  /** An address of another family. */
  hasOthers: boolean;
  /** A host of which the upstreams did not say what it has. */
  hasFailed: boolean;
}

/**
 * Puts the addresses of `owner` into `addresses`, and the CNAMEs that lead to them into `cnames`, in chain order.
 *
 * A host that is a name is a CNAME: followed where the name is ours, else asked of the forwarder, and sent only when it
 * leads to an address. Of several at one owner the first is sent, for an owner has one CNAME; the addresses of the others
 * are sent all the same. An apex has none, beside its SOA and NS (RFC 1034 §3.6.2): the addresses are sent as its own.
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
  const walk: Walk = { families, inquiry, seen: new Set([owner]), hasOthers: false, hasFailed: false };
  send(chainsFrom(owner, walk), inquiry, cnames, addresses);
  return walk.hasFailed && !walk.hasOthers;
}

/** Breadth first, each name once: no loops, and many paths to one name cost one look. */
function chainsFrom(owner: OwnerName, walk: Walk): Link {
  const start: Link = { owner, items: [] };
  let level = [start];
  for (let links = 0; level.length > 0; links += 1) {
    const next: Link[] = [];
    for (const link of level) {
      if (walk.inquiry.isOurs(link.owner)) next.push(...follow(link, links < CHAIN_LINKS_MAX, walk));
      else fillFromOutside(link, walk);
    }
    level = next;
  }
  return start;
}

/** Fills the items of `link`. @returns the links that it leads to and that were not seen before */
function follow(link: Link, mayLead: boolean, walk: Walk): Link[] {
  const { inquiry, seen } = walk;
  const found = new Map<OwnerName, Alias>();
  const selected = inquiry.standIn(link.owner);
  for (const record of inquiry.selectAddresses(link.owner)) {
    const { host } = record.facts;
    if (host === undefined) continue;
    if (!isNameHost(host)) {
      if (!walk.families.includes(familyOf(host))) walk.hasOthers = true;
      else link.items.push({ type: 'address', address: host, lifetime: lifetimeOf(record, inquiry) });
      continue;
    }
    const again = found.get(host);
    if (again !== undefined) again.lifetime = shorter(again.lifetime, lifetimeOf(record, inquiry));
    // What a name selects includes all below it: a host there would lead back to the name.
    if (!mayLead || seen.has(host) || host === ROOT || isWithin(host, selected)) continue;
    seen.add(host);
    const item: Alias = { type: 'alias', to: { owner: host, items: [] }, lifetime: lifetimeOf(record, inquiry) };
    found.set(host, item);
    link.items.push(item);
  }
  return [...found.values()].map(({ to }) => to);
}

/** The forwarder follows CNAMEs itself; its chain comes with the addresses. */
function fillFromOutside(link: Link, walk: Walk): void {
  const { inquiry } = walk;
  for (const family of walk.families) {
    const question = { name: link.owner, type: RrType[family] };
    const answer = inquiry.context.outside(question);
    if (answer === undefined) {
      inquiry.trail.lacks(question);
      continue;
    }
    if (answer.failed) walk.hasFailed = true;
    const lifetime = outsideLifetime(answer, inquiry);
    let end = link;
    for (const alias of answer.aliases ?? []) {
      const to: Link = { owner: alias, items: [] };
      end.items.push({ type: 'alias', to, lifetime });
      end = to;
    }
    for (const address of answer.addresses) end.items.push({ type: 'address', address, lifetime });
  }
}

function leadsToAddress(link: Link): boolean {
  return link.items.some((item) => item.type === 'address' || leadsToAddress(item.to));
}

function send(link: Link, inquiry: Inquiry, cnames: Section, addresses: Section): void {
  const isApex = inquiry.settings.zones.includes(link.owner);
  for (const item of isApex ? flattened(link) : link.items) {
    if (item.type === 'address') {
      addresses.add(link.owner, { type: familyOf(item.address), address: item.address }, item.lifetime);
    } else if (leadsToAddress(item.to)) {
      cnames.add(link.owner, { type: 'CNAME', target: item.to.owner }, item.lifetime);
      send(item.to, inquiry, cnames, addresses);
    }
  }
}

/** The addresses that a link has and leads to, none living longer than the CNAMEs on the way to it. */
function flattened({ items }: Link): Address[] {
  return items.flatMap((item) =>
    item.type === 'address'
      ? item
      : flattened(item.to).map((each) => ({ ...each, lifetime: shorter(each.lifetime, item.lifetime) })),
  );
}
