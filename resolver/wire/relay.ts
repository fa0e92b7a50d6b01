import { scanMessage } from '../forwarding/message.ts';
import { HEADER_OCTETS } from './accept.ts';
import { HeaderFlag } from './header-flags.ts';

/**
 * Cuts a forwarded response to size: the additional section goes first, without TC; then all records, with TC
 * (RFC 2181 §9). The question stays.
 *
 * @param octets a response without OPT
 * @param room octets it may have
 * @returns undefined when it must be cut and is not one well-formed message
 */
export function cutResponse(octets: Uint8Array, room: number): { octets: Uint8Array; truncated: boolean } | undefined {
  if (octets.length <= room) return { octets, truncated: ((octets[2] as number) & (HeaderFlag.TC >>> 8)) !== 0 };
  const scanned = scanMessage(octets);
  if (scanned === undefined) return undefined;
  const kept = scanned.records.filter((record) => record.section !== 'additional');
  const end = kept.at(-1)?.end ?? scanned.questionEnd;
  if (end <= room) {
    // Copies: the octets may be the forwarder's, for other clients too. A Buffer's `slice` would be a view.
    const cut = new Uint8Array(octets.subarray(0, end));
    cut.fill(0, 10, HEADER_OCTETS);
    return { octets: cut, truncated: false };
  }
  const cut = new Uint8Array(octets.subarray(0, scanned.questionEnd));
  cut.fill(0, 6, HEADER_OCTETS);
  cut[2] = (cut[2] as number) | (HeaderFlag.TC >>> 8);
  return { octets: cut, truncated: true };
}
