import { canonicalAddress, formatIpv6, parseIpv6 } from '../../../shared/ip.ts';
import { isWithin, labelsOf, nameOf, type OwnerName } from '../../../shared/name.ts';

const IN_ADDR = 'in-addr.arpa.' as OwnerName;
const IP6 = 'ip6.arpa.' as OwnerName;

/** Whether `name` is in the part of the tree where addresses are looked up (RFC 1035 §3.5, RFC 3596 §2.5). */
export function isReverse(name: OwnerName): boolean {
  return isWithin(name, IN_ADDR) || isWithin(name, IP6);
}

/** The address that `name` stands for, in canonical spelling; undefined when it is no whole address. */
export function addressOfReverse(name: OwnerName): string | undefined {
  const labels = labelsOf(name).slice(0, -2).reverse();
  if (isWithin(name, IN_ADDR)) return labels.length === 4 ? canonicalAddress(labels.join('.')) : undefined;
  if (!isWithin(name, IP6) || labels.length !== 32 || !labels.every(isNibble)) return undefined;
  const groups = Array.from({ length: 8 }, (_, group) =>
    Number.parseInt(labels.slice(group * 4, group * 4 + 4).join(''), 16),
  );
  return canonicalAddress(formatIpv6(groups));
}

/** The name under which `address`, in canonical spelling, is looked up. */
export function reverseOf(address: string): OwnerName {
  const groups = address.includes(':') ? parseIpv6(address) : undefined;
  if (groups === undefined) return nameOf([...address.split('.').reverse(), 'in-addr', 'arpa']);
  const nibbles = groups.flatMap((group) => [...group.toString(16).padStart(4, '0')]);
  return nameOf([...nibbles.reverse(), 'ip6', 'arpa']);
}

/**
 * The reverse zones that hold the names of a network's addresses and no others: one where its prefix ends between two labels
 * (8 bits each in IPv4, 4 in IPv6), else one for each label that the next one can be, at most 128.
 *
 * @param octets 4 or 16, those behind the prefix clear
 */
export function reverseZonesOf(octets: Uint8Array, prefixBits: number): readonly OwnerName[] {
  const isIpv4 = octets.length === 4;
  const labelBits = isIpv4 ? 8 : 4;
  const root = isIpv4 ? ['in-addr', 'arpa'] : ['ip6', 'arpa'];
  const digits = isIpv4 ? [...octets] : [...octets].flatMap((octet) => [octet >> 4, octet & 0xf]);
  const label = (digit: number): string => digit.toString(isIpv4 ? 10 : 16);
  const whole = Math.floor(prefixBits / labelBits);
  const above = digits.slice(0, whole).map(label).reverse();
  const restBits = prefixBits % labelBits;
  if (restBits === 0) return [nameOf([...above, ...root])];
  const first = digits[whole] as number;
  return Array.from({ length: 2 ** (labelBits - restBits) }, (_, at) => nameOf([label(first + at), ...above, ...root]));
}

/** Whether `name` stands above whole addresses: `0.0.10.in-addr.arpa.` */
export function isReversePrefix(name: OwnerName): boolean {
  const labels = labelsOf(name).slice(0, -2);
  if (isWithin(name, IN_ADDR)) return labels.length < 4 && labels.every(isOctet);
  return isWithin(name, IP6) && labels.length < 32 && labels.every(isNibble);
}

function isNibble(label: string): boolean {
  return /^[0-9a-f]$/.test(label);
}

function isOctet(label: string): boolean {
  return /^\d{1,3}$/.test(label) && Number(label) <= 255 && String(Number(label)) === label;
}
