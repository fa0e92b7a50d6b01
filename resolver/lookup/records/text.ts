import type { OwnerName } from '../../../shared/name.ts';
import type { Rdata } from '../../../shared/rrset.ts';
import type { UsableRecord } from '../../zone/select.ts';
import type { Inquiry, Selection } from '../inquiry.ts';
import type { Section } from '../section.ts';
import { addChains, type Sought } from './chain.ts';

/** RFC 1035 §3.3: a character-string has one octet for its length. */
const STRING_OCTETS_MAX = 255;

/**
 * Puts the TXT RRs of `owner`, one a record with text, into `texts`. A name without any has those that its hosts lead to
 * in our zones, and the CNAMEs on the way go into `cnames`.
 */
export function addTexts(owner: OwnerName, inquiry: Inquiry, cnames: Section, texts: Section): void {
  addChains(owner, new SoughtTexts(inquiry), inquiry, cnames, texts);
}

class SoughtTexts implements Sought {
  private readonly inquiry: Inquiry;

  constructor(inquiry: Inquiry) {
    this.inquiry = inquiry;
  }

  /** Those with text; where there are none, those with hosts, but at an apex, where the hosts are those of names below it. */
  selectionOf(owner: OwnerName): Selection {
    const records = this.inquiry.select(owner);
    const withText = records.filter(({ facts }) => facts.traits.text !== undefined);
    const areTextsAll = withText.length > 0 || this.inquiry.settings.zones.includes(owner);
    return { records: areTextsAll ? withText : records, at: this.inquiry.standIn(owner) };
  }

  rdataOf({ facts: { traits } }: UsableRecord): Rdata | undefined {
    return traits.text === undefined ? undefined : { type: 'TXT', strings: cut(traits.text) };
  }

  /** Upstreams are asked for addresses alone. */
  fillFromOutside(): void {}
}

/** The text's UTF-8 octets in strings of at most 255. */
export function cut(text: string): string[] {
  const octets = Buffer.from(text, 'utf8').toString('latin1');
  const strings: string[] = [];
  for (let at = 0; at < octets.length; at += STRING_OCTETS_MAX) strings.push(octets.slice(at, at + STRING_OCTETS_MAX));
  return strings;
}
