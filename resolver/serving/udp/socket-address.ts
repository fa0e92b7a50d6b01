import { isIPv6 } from 'node:net';
import { formatIpv6, parseIpv6 } from '../../../shared/ip.ts';

/**
 * `struct sockaddr_in` and `struct sockaddr_in6` as Linux has them on little-endian machines, and what is read of them
 * for each query: as 32-bit words, so that no object is made.
 *
 *     sockaddr_in    family, port | address | 8 octets of nothing                       16 octets
 *     sockaddr_in6   family, port | flow    | address, 4 words           | scope id     28 octets
 *
 * The family is in the machine's order, port and address in the network's.
 */
export const AF_INET = 2;
export const AF_INET6 = 10;

export const IPV4_NAME_OCTETS = 16;
export const IPV6_NAME_OCTETS = 28;
/** Room for either, in 32-bit words. */
export const NAME_WORDS = 8;

const IPV4_ADDRESS_WORD = 1;
const IPV6_ADDRESS_WORD = 2;
const SCOPE_WORD = 6;

/**
 * The structure for an address.
 *
 * @param host an IPv4 or IPv6 address; a zone id (`%eth0`) is left to `scopeId`
 * @param scopeId index of the interface that a link-local address is at; 0 for none
 */
export function encodeSocketAddress(host: string, port: number, scopeId = 0): Uint8Array {
  const [address = ''] = host.split('%');
  const isIpv6 = isIPv6(address);
  const octets = Buffer.alloc(isIpv6 ? IPV6_NAME_OCTETS : IPV4_NAME_OCTETS);
  octets.writeUInt16LE(isIpv6 ? AF_INET6 : AF_INET, 0);
  octets.writeUInt16BE(port, 2);
  if (isIpv6) {
    for (const [at, group] of groupsOf(address).entries()) octets.writeUInt16BE(group, 4 * IPV6_ADDRESS_WORD + 2 * at);
    octets.writeUInt32LE(scopeId, 4 * SCOPE_WORD);
  } else octets.set(address.split('.').map(Number), 4 * IPV4_ADDRESS_WORD);
  return octets;
}

function groupsOf(address: string): readonly number[] {
  const groups = parseIpv6(address);
  if (groups === undefined) throw new RangeError(`${JSON.stringify(address)} is no IPv6 address`);
  return groups;
}

/** The port of the structure at `names[at]`. */
export function portOf(names: Int32Array, at: number): number {
  const word = names[at] as number;
  return ((word >>> 8) & 0xff00) | (word >>> 24);
}

/** The address of the structure at `names[at]`, without zone id. */
export function addressTextOf(names: Int32Array, at: number): string {
  if (((names[at] as number) & 0xffff) === AF_INET) {
    const word = names[at + IPV4_ADDRESS_WORD] as number;
    return `${word & 255}.${(word >>> 8) & 255}.${(word >>> 16) & 255}.${word >>> 24}`;
  }
  const groups: number[] = [];
  for (let index = 0; index < 4; index += 1) {
    const word = names[at + IPV6_ADDRESS_WORD + index] as number;
    groups.push(((word << 8) & 0xff00) | ((word >>> 8) & 0xff), ((word >>> 8) & 0xff00) | (word >>> 24));
  }
  return formatIpv6(groups);
}
