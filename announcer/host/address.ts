import { BlockList, isIP } from 'node:net';
import { isLoopback } from '../../shared/address.ts';
import { foldCase, isLdhLabel } from '../../shared/name.ts';
import type { AddressSource } from '../config.ts';
import type { HostAddress } from '../facts.ts';

/** An address of one of the machine's interfaces. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
}

/** The machine's network, as far as the choice of its addresses needs it. */
export interface HostNetwork {
  /** In the system's order. */
  readonly addresses: readonly InterfaceAddress[];
  /** Interfaces of the default routes, the preferred first; IPv4's before IPv6's. */
  readonly defaultRoutes: readonly string[];
  /** Bridges to which nothing is joined but virtual cables: networks of containers and virtual machines, whoever named them. */
  readonly innerBridges: readonly string[];
}

export type AddressChoice =
  | { readonly ok: true; readonly address: HostAddress | undefined }
  /** Completes `--private-if="eth9": …`. */
  | { readonly ok: false; readonly reason: string };

/** The public address: as given, of the interface given, or of the default route's interface. */
export function choosePublic(source: AddressSource, network: HostNetwork): AddressChoice {
  if (source.from !== 'host') return chooseGiven(source, network);
  const usable = usableOf(network);
  for (const name of network.defaultRoutes) {
    const found = bestOf(usable.filter((each) => each.name === name));
    if (found !== undefined) return taken(found);
  }
  return taken(bestOf(usable.filter((each) => !isInner(each, network))) ?? bestOf(usable));
}

/**
 * The private address: as given, of the interface given, or the first in a private range that is no container network's, where
 * `eth1` goes before `eth0`: hosts with two have their private network there. Else the public one, and that also when
 * the private one is IPv6 and the public one IPv4.
 */
export function choosePrivate(
  source: AddressSource,
  network: HostNetwork,
  publicAddress: HostAddress | undefined,
): AddressChoice {
  if (source.from !== 'host') return chooseGiven(source, network);
  const own = usableOf(network).filter((each) => isPrivate(each.address) && !isInner(each, network));
  const ordered = [...own.filter(({ name }) => name === 'eth1'), ...own.filter(({ name }) => name !== 'eth1')];
  const found = bestOf(ordered);
  // A unique local IPv6 address beside a public IPv4 one: what asks for IPv4 alone would find nothing.
  const isWorse = found !== undefined && isIP(found.address) === 6 && isIP(publicAddress?.address ?? '') === 4;
  return found === undefined || isWorse ? { ok: true, address: publicAddress } : taken(found);
}

function chooseGiven(source: Exclude<AddressSource, { from: 'host' }>, network: HostNetwork): AddressChoice {
  if (source.from === 'address') return { ok: true, address: { address: source.address, given: true } };
  const named = network.addresses.filter(({ name }) => name === source.name);
  if (named.length === 0)
    return { ok: false, reason: `no interface of that name has an address; ${thereAre(network)}` };
  const found = bestOf(named.filter(({ address }) => !isLinkLocal(address)));
  if (found === undefined) {
    return {
      ok: false,
      reason: `it has link-local addresses only, which name no host to others; ${thereAre(network)}`,
    };
  }
  return { ok: true, address: { address: found.address, given: true } };
}

function thereAre({ addresses }: HostNetwork): string {
  return `there are ${addresses.map(({ name, address }) => `${name} (${address})`).join(', ') || 'none'}`;
}

function taken(found: InterfaceAddress | undefined): AddressChoice {
  return { ok: true, address: found === undefined ? undefined : { address: found.address, given: false } };
}

/** IPv4 first: what reads IPv4 alone is still common, what reads IPv6 alone is not. */
function bestOf(addresses: readonly InterfaceAddress[]): InterfaceAddress | undefined {
  return addresses.find(({ address }) => isIP(address) === 4) ?? addresses[0];
}

function usableOf({ addresses }: HostNetwork): InterfaceAddress[] {
  return addresses.filter((each) => isUsable(each) && !isOfDocker(each.name));
}

/** A network of this machine alone; one that leads out after all is the default route's. */
function isInner({ name }: Pick<InterfaceAddress, 'name'>, { innerBridges, defaultRoutes }: HostNetwork): boolean {
  return innerBridges.includes(name) && !defaultRoutes.includes(name);
}

/** Whether an address of that interface most likely names this host to nobody else: behind it are containers or virtual machines. */
export function isOfThisMachineAlone(name: string, network: HostNetwork): boolean {
  return isOfDocker(name) || isInner({ name }, network);
}

/** What is joined to a bridge by container engines and hypervisors; a way out of the machine has another name. */
export function isVirtualCable(name: string): boolean {
  return /^(veth|vnet|tap|vif|lxc|cali|vb-)/.test(name);
}

function isUsable({ address }: InterfaceAddress): boolean {
  return isIP(address) !== 0 && !isLoopback(address) && !isLinkLocal(address);
}

/** Bridges and virtual cables that Docker, Podman and CNI make: their addresses are of this machine alone. */
function isOfDocker(name: string): boolean {
  return /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|veth.*|cni.*|podman.*)$/.test(name);
}

const PRIVATE = new BlockList();
PRIVATE.addSubnet('10.0.0.0', 8);
PRIVATE.addSubnet('172.16.0.0', 12);
PRIVATE.addSubnet('192.168.0.0', 16);
PRIVATE.addSubnet('fc00::', 7, 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16);
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** RFC 1918 and RFC 4193. */
function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** RFC 3927 and RFC 4291 §2.5.6. */
function isLinkLocal(address: string): boolean {
  return LINK_LOCAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

const RTF_UP = 0x1;
const RTF_REJECT = 0x200;

/** Interfaces of the default routes in `/proc/net/route`, the lowest metric first. */
export function defaultRoutesIpv4(table: string): string[] {
  const rows = table.split('\n').slice(1);
  return byMetric(
    rows.flatMap((row) => {
      const [name, destination, , flags, , , metric, mask] = row.trim().split(/\s+/);
      const isDefault =
        destination === '00000000' && mask === '00000000' && (Number.parseInt(flags ?? '0', 16) & RTF_UP) !== 0;
      return isDefault && name !== undefined ? [{ name, metric: Number(metric) }] : [];
    }),
  );
}

/** Interfaces of the default routes in `/proc/net/ipv6_route`, the lowest metric first. */
export function defaultRoutesIpv6(table: string): string[] {
  return byMetric(
    table.split('\n').flatMap((row) => {
      const [destination, prefix, , , , metric, , , flags, name] = row.trim().split(/\s+/);
      const bits = Number.parseInt(flags ?? '0', 16);
      const isDefault = /^0{32}$/.test(destination ?? '') && prefix === '00' && (bits & RTF_UP) !== 0;
      if (!isDefault || (bits & RTF_REJECT) !== 0 || name === undefined || name === 'lo') return [];
      return [{ name, metric: Number.parseInt(metric ?? '0', 16) }];
    }),
  );
}

function byMetric(routes: readonly { readonly name: string; readonly metric: number }[]): string[] {
  return [...routes].sort((a, b) => a.metric - b.metric).map(({ name }) => name);
}

/**
 * The host's label from the machine's name: its first label, lower case, other characters as hyphens. Undefined when
 * that leaves none.
 */
export function hostLabelOf(machineName: string): string | undefined {
  const [first = ''] = machineName.split('.');
  const label = foldCase(first)
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return isLdhLabel(label) ? label : undefined;
}
