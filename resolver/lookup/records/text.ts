import type { OwnerName } from '../../../shared/name.ts';
import type { UsableRecord } from '../../zone/select.ts';
import type { Inquiry } from '../inquiry.ts';
import { Section } from '../section.ts';
import { lifetimeOf } from '../ttl.ts';

/** RFC 1035 §3.3: a character-string has one octet for its length. */
const STRING_OCTETS_MAX = 255;

/** TXT RRs, one a record with text. */
export function txtOf(owner: OwnerName, records: readonly UsableRecord[], inquiry: Inquiry): Section {
  const answers = new Section();
  for (const record of records) {
    const { text } = record.facts.traits;
    if (text !== undefined) answers.add(owner, { type: 'TXT', strings: cut(text) }, lifetimeOf(record, inquiry));
  }
  return answers;
}

/** The text's UTF-8 octets in strings of at most 255. */
export function cut(text: string): string[] {
  const octets = Buffer.from(text, 'utf8').toString('latin1');
  const strings: string[] = [];
  for (let at = 0; at < octets.length; at += STRING_OCTETS_MAX) strings.push(octets.slice(at, at + STRING_OCTETS_MAX));
  return strings;
}
