import { isWithin, type OwnerName, ROOT } from '../../../shared/name.ts';
import type { Rdata } from '../../../shared/rrset.ts';
import type { UsableRecord } from '../../zone/select.ts';
import { isNameHost } from '../../zone/stored-record.ts';
import type { Inquiry, Selection } from '../inquiry.ts';
import type { Section } from '../section.ts';
import { type Lifetime, lifetimeOf, shorter } from '../ttl.ts';

/** CNAMEs in a row that are followed. */
const CHAIN_LINKS_MAX = 8;

/** A name of a chain: what it has itself, in key order, and which names its CNAMEs lead to. */
export interface Link {
  readonly owner: OwnerName;
  readonly items: Item[];
}
type Item = End | Alias;
type End = { readonly type: 'end'; readonly rdata: Rdata; readonly lifetime: Lifetime };
type Alias = { readonly type: 'alias'; readonly to: Link; lifetime: Lifetime };

/** What chains are followed for. */
export interface Sought {
  /** The records of a name of ours that count. */
  selectionOf(owner: OwnerName): Selection;
  /** What a record has itself; undefined: nothing, so its host is a CNAME if it is a name. */
  rdataOf(record: UsableRecord): Rdata | undefined;
  /** Fills the link of a name that is not ours. */
  fillFromOutside(link: Link): void;
}

/**
 * Puts what is sought and found at `owner` into `found`, and the CNAMEs that lead to it into `cnames`, in chain order.
 *
 * A host that is a name is a CNAME: followed where the name is ours, and sent only when it leads to what is sought. Of
 * several at one owner the first is sent, for an owner has one CNAME; what the others lead to is sent all the same. An
 * apex has none, beside its SOA and NS (RFC 1034 §3.6.2): what they lead to is sent as its own.
 */
export function addChains(owner: OwnerName, sought: Sought, inquiry: Inquiry, cnames: Section, found: Section): void {
  send(chainsFrom(owner, sought, inquiry), inquiry, cnames, found);
}

/** Breadth first, each name once: no loops, and many paths to one name cost one look. */
function chainsFrom(owner: OwnerName, sought: Sought, inquiry: Inquiry): Link {
  const start: Link = { owner, items: [] };
  const seen = new Set([owner]);
  let level = [start];
  for (let links = 0; level.length > 0; links += 1) {
    const next: Link[] = [];
    for (const link of level) {
      if (inquiry.isOurs(link.owner)) next.push(...follow(link, links < CHAIN_LINKS_MAX, sought, inquiry, seen));
      else sought.fillFromOutside(link);
    }
    level = next;
  }
  return start;
}

/** Fills the items of `link`. @returns the links that it leads to and that were not seen before */
function follow(link: Link, mayLead: boolean, sought: Sought, inquiry: Inquiry, seen: Set<OwnerName>): Link[] {
  const led = new Map<OwnerName, Alias>();
  const { records, at } = sought.selectionOf(link.owner);
  for (const record of records) {
    const rdata = sought.rdataOf(record);
    if (rdata !== undefined) {
      link.items.push({ type: 'end', rdata, lifetime: lifetimeOf(record, inquiry) });
      continue;
    }
    const { host } = record.facts;
    if (host === undefined || !isNameHost(host)) continue;
    const again = led.get(host);
    if (again !== undefined) again.lifetime = shorter(again.lifetime, lifetimeOf(record, inquiry));
    // What a name selects includes all below it: a host there would lead back to the name.
    if (!mayLead || seen.has(host) || host === ROOT || isWithin(host, at)) continue;
    seen.add(host);
    const item: Alias = { type: 'alias', to: { owner: host, items: [] }, lifetime: lifetimeOf(record, inquiry) };
    led.set(host, item);
    link.items.push(item);
  }
  return [...led.values()].map(({ to }) => to);
}

function leadsToEnd(link: Link): boolean {
  return link.items.some((item) => item.type === 'end' || leadsToEnd(item.to));
}

function send(link: Link, inquiry: Inquiry, cnames: Section, found: Section): void {
  const isApex = inquiry.settings.zones.includes(link.owner);
  for (const item of isApex ? flattened(link) : link.items) {
    if (item.type === 'end') {
      found.add(link.owner, item.rdata, item.lifetime);
    } else if (leadsToEnd(item.to)) {
      cnames.add(link.owner, { type: 'CNAME', target: item.to.owner }, item.lifetime);
      send(item.to, inquiry, cnames, found);
    }
  }
}

/** The ends that a link has and leads to, none living longer than the CNAMEs on the way to it. */
function flattened({ items }: Link): End[] {
  return items.flatMap((item) =>
    item.type === 'end'
      ? item
      : flattened(item.to).map((each) => ({ ...each, lifetime: shorter(each.lifetime, item.lifetime) })),
  );
}
