import { type HostPort, parseHostPort } from '../../shared/address.ts';

const DNS_PORT = 53;

/** glibc reads no more `nameserver` lines than this (resolv.conf(5), MAXNS). */
export const NAMESERVERS_MAX = 3;

/**
 * The `nameserver` lines of a resolv.conf(5) text, in order. What is no address is left out, as the C library does.
 * A link-local one keeps its interface (`fe80::1%eth0`).
 */
export function parseResolvConf(text: string): HostPort[] {
  const found: HostPort[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*nameserver\s+([^\s#;]+)/.exec(line);
    const address = match?.[1] === undefined ? undefined : parseHostPort(match[1], DNS_PORT);
    if (address !== undefined && found.length < NAMESERVERS_MAX) found.push(address);
  }
  return found;
}
