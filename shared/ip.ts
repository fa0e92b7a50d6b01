/**
 * IP addresses as text, without the operating system: one canonical spelling each, so that equal addresses are equal
 * strings.
 */

const OCTET = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const IPV4 = new RegExp(`^${OCTET}\\.${OCTET}\\.${OCTET}\\.${OCTET}$`);

/**
 * The canonical spelling of an IPv4 or IPv6 address (RFC 5952); undefined when `text` is neither. An IPv4-mapped IPv6
 * address is the IPv4 address (RFC 4291 §2.5.5.2). Leading zeros in IPv4 and zone ids (`%eth0`) are refused.
 */
export function canonicalAddress(text: string): string | undefined {
  if (IPV4.test(text)) return text;
  const groups = text.includes(':') ? parseIpv6(text) : undefined;
  if (groups === undefined) return undefined;
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? ipv4Of(groups[6] as number, groups[7] as number) : formatIpv6(groups);
}

/** The eight groups of an IPv6 address; undefined when `text` is none. */
export function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1] as string, true);
  if (head === undefined || tail === undefined) return undefined;
  const zeros = 8 - head.length - tail.length;
  if (halves.length === 1 ? zeros !== 0 : zeros < 1) return undefined;
  return [...head, ...new Array<number>(zeros).fill(0), ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? IPV4.exec(part) : null;
    if (ipv4 !== null) {
      const [a, b, c, d] = ipv4.slice(1).map(Number) as [number, number, number, number];
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

function ipv4Of(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** RFC 5952 §4: lower case, no leading zeros, `::` for the first longest run of two or more zero groups. */
export function formatIpv6(groups: readonly number[]): string {
  let [start, length] = [-1, 1];
  for (let at = 0; at < 8; at += 1) {
    let end = at;
    while (end < 8 && groups[end] === 0) end += 1;
    if (end - at > length) [start, length] = [at, end - at];
    at = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** The family of an address in canonical spelling. */
export function familyOf(address: string): 'A' | 'AAAA' {
  return address.includes(':') ? 'AAAA' : 'A';
}
