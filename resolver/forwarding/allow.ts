import { isIP } from 'node:net';

/** A block of addresses (RFC 4632, RFC 4291 §2.3). */
export interface Network {
  /** As given, for messages. */
  readonly text: string;
  /** 4 or 16 octets, those behind the prefix cleared. */
  readonly octets: Uint8Array;
  readonly prefixBits: number;
}

/** Loopback and the ranges that are not routed on the Internet: who asks from there is one of us. */
export const PRIVATE_NETWORKS: readonly string[] = [
  '127.0.0.0/8',
  '10.0.0.0/8', // RFC 1918
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10', // RFC 6598: shared address space, which overlay networks use
  '169.254.0.0/16', // RFC 3927: link-local
  '::1/128',
  'fc00::/7', // RFC 4193: unique local
  'fe80::/10', // link-local
];

const MAPPED_PREFIX_BITS = 96;

/** Reads `10.0.0.0/8`, `fd00::/8`, or a bare address (that one alone). Undefined when it is none of these. */
export function parseNetwork(text: string): Network | undefined {
  const [address, length, ...rest] = text.split('/');
  if (address === undefined || rest.length > 0 || isIP(address) === 0) return undefined;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return undefined;
  const octets = octetsOf(address) as Uint8Array;
  let prefixBits = length === undefined ? octets.length * 8 : Number(length);
  if (isIP(address) === 6 && octets.length === 4) {
    // `::ffff:10.0.0.0/104` was folded to IPv4; its length counted the 96 bits before.
    if (length === undefined) prefixBits = 32;
    else prefixBits -= MAPPED_PREFIX_BITS;
  }
  if (prefixBits < 0 || prefixBits > octets.length * 8) return undefined;
  return { text, octets: masked(octets, prefixBits), prefixBits };
}

/** Whether `address` is in one of `networks`. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`) counts as the IPv4 one. */
export function isAllowed(address: string, networks: readonly Network[]): boolean {
  const octets = octetsOf(address);
  return octets !== undefined && networks.some((network) => contains(network, octets));
}

function contains({ octets, prefixBits }: Network, address: Uint8Array): boolean {
  if (address.length !== octets.length) return false;
  const whole = prefixBits >> 3;
  for (let at = 0; at < whole; at += 1) if (address[at] !== octets[at]) return false;
  const restMask = (0xff00 >> (prefixBits & 7)) & 0xff;
  return whole === octets.length || ((address[whole] ?? 0) & restMask) === octets[whole];
}

function masked(octets: Uint8Array, prefixBits: number): Uint8Array {
  return octets.map((octet, at) => octet & (0xff00 >> Math.min(8, Math.max(0, prefixBits - at * 8))) & 0xff);
}

/** The 4 or 16 octets of an address; IPv4-mapped as 4. Undefined when it is no address. */
export function octetsOf(text: string): Uint8Array | undefined {
  const address = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number);
  if (isIP(address) !== 6) return undefined;
  const octets = octetsOfIpv6(address);
  const isMapped = octets.subarray(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;
  return isMapped ? octets.slice(12) : octets;
}

function octetsOfIpv6(address: string): Uint8Array {
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hexOnly =
    dotted === null
      ? address
      : address.slice(0, dotted.index) +
        [0, 2].map((at) => (Number(dotted[at + 1]) * 256 + Number(dotted[at + 2])).toString(16)).join(':');
  const [head = '', tail] = hexOnly.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}
