import { isIP } from 'node:net';
import { isLoopback, isUnspecified } from '../../shared/address.ts';
import { canonicalAddress } from '../../shared/ip.ts';
import {
  type ContainerFacts,
  type HostAddress,
  type HostFacts,
  hasProcess,
  ownerInMode,
  type PortFacts,
} from '../facts.ts';
import type { AnnounceAs } from '../rules.ts';
import { type ContainerPort, portText } from './port-spec.ts';
import { SWARM_SERVICE } from './service-name.ts';
import { shortened } from './told.ts';

/** `docker network disconnect` takes the addresses and the published ports with it. */
export const NOT_CONNECTED = 'it is connected to no network; connect it to one';

/** Whether an engine's network it runs with is gone from under it. Podman's rootless modes need none (`pasta`, `slirp4netns`). */
export function isDisconnected({ networkMode, networks }: ContainerFacts): boolean {
  return networks.length === 0 && !/^(host|none|container:|pasta|slirp4netns)/.test(networkMode);
}

export type Endpoint =
  | { readonly ok: true; readonly host: string; readonly port: number /** For `explain`. */; readonly rule: string }
  /** Names the value, the limit and what to do. */
  | { readonly ok: false; readonly reason: string };

/** The engine neither publishes a port of such a container nor connects it to a network. */
export const NO_NETWORK = 'it runs with network none, where nobody reaches it; run it with another one';

/**
 * Where clients reach a port of a container. Never an address that the port is not reachable on: none, 0.0.0.0, ::, and
 * loopback only when the host's address was given as that.
 *
 * @param network `rollcall.network`: the network to take the container's address from; its first one with an address else,
 *                a swarm's routing mesh last
 */
export function endpointOf(
  port: ContainerPort,
  facts: ContainerFacts,
  host: HostFacts,
  as: AnnounceAs,
  network: string | undefined,
): Endpoint {
  const owner = ownerInMode(facts.networkMode);
  if (owner !== undefined) return sharedEndpoint(port, facts, owner, host, as, network);
  if (facts.networkMode === 'host') return hostNetworkEndpoint(port, host, as);
  return as === 'container' ? ownEndpoint(port, facts, network) : publishedEndpoint(port, facts, host, as);
}

/** In another container's network: that one's addresses and published ports, as long as that network is the one it is in. */
function sharedEndpoint(
  port: ContainerPort,
  { networkOwner: owner, startedAt }: ContainerFacts,
  ownerId: string,
  host: HostFacts,
  as: AnnounceAs,
  network: string | undefined,
): Endpoint {
  const short = ownerId.slice(0, 12);
  const it = `it shares the network of container ${owner ? `${owner.name} (${short})` : short}`;
  if (owner === undefined) {
    return refused(`${portText(port)}: ${it}, whose address and published ports those are; put the labels on ${short}`);
  }
  if (owner === null) return refused(`${portText(port)}: ${it}, which is gone; make it anew`);
  if (!hasProcess(owner)) {
    return refused(`${portText(port)}: ${it}, which does not run; start that one, then this one anew`);
  }
  if (Date.parse(owner.startedAt) > Date.parse(startedAt)) {
    return refused(
      `${portText(port)}: ${it}, which was started anew since: this one is in the network of its last run, where nobody reaches it; start it anew`,
    );
  }
  const endpoint = endpointOf(port, owner, host, as, network);
  return endpoint.ok
    ? { ...endpoint, rule: `${endpoint.rule}, of ${owner.name}, whose network it shares` }
    : refused(`${endpoint.reason}; ${it}`);
}

/** Host networking: the container listens on the host's own addresses. */
function hostNetworkEndpoint(port: ContainerPort, host: HostFacts, as: AnnounceAs): Endpoint {
  const kind = as === 'public' ? 'public' : 'private';
  const found = hostAddress(host, kind);
  if (typeof found === 'string') return refused(found);
  return {
    ok: true,
    host: found.address,
    port: port.containerPort,
    rule: `host networking: ${kind} address, container port`,
  };
}

function ownEndpoint(port: ContainerPort, facts: ContainerFacts, network: string | undefined): Endpoint {
  const addressed = facts.networks.flatMap(({ name, ipv4, ipv6 }) => {
    const address = [ipv4, ipv6].find((each) => isIP(each) !== 0 && !isUnspecified(each) && !isLoopback(each));
    return address === undefined ? [] : [{ name, address }];
  });
  const chosen =
    network === undefined
      ? (addressed.find(({ name }) => !isRoutingMesh(name, facts)) ?? addressed[0])
      : addressed.find(({ name }) => name === network);
  if (chosen !== undefined) {
    return {
      ok: true,
      host: chosen.address,
      port: port.containerPort,
      rule: `container's address on network ${chosen.name}`,
    };
  }
  if (network === undefined) {
    if (facts.networkMode === 'none') {
      return refused(`${portText(port)}: it has no address of its own on any network: ${NO_NETWORK}`);
    }
    return refused(
      `${portText(port)}: it has no address of its own on any network; connect it to one, or set rollcall.as=private`,
    );
  }
  const names = addressed.map(({ name }) => name).join(', ') || 'none';
  return refused(
    `${portText(port)}: rollcall.network=${shortened(network)}: it has no address on that network; it has one on: ${names}`,
  );
}

/** Through it a swarm spreads requests for published ports over its tasks; none of its clients is on it. */
function isRoutingMesh(network: string, { labels }: ContainerFacts): boolean {
  return network === 'ingress' && labels[SWARM_SERVICE] !== undefined;
}

function publishedEndpoint(
  port: ContainerPort,
  facts: ContainerFacts,
  host: HostFacts,
  as: 'private' | 'public',
): Endpoint {
  const published = facts.ports.find(
    ({ containerPort, protocol }) => containerPort === port.containerPort && protocol === port.protocol,
  );
  if (published === undefined || published.bindings.length === 0) {
    if (facts.networkMode === 'none')
      return refused(`${portText(port)} is not published, nor could it be: ${NO_NETWORK}`);
    if (isDisconnected(facts)) return refused(`${portText(port)} is not published: ${NOT_CONNECTED}`);
    return refused(`${portText(port)} is not published; publish it with -p or set rollcall.as=container`);
  }
  return boundEndpoint(port, published.bindings, host, as);
}

type Binding = PortFacts['bindings'][number];

/**
 * Bound to all addresses: the host's address of the asked kind. Bound to one: that one. Bound to several: the asked one,
 * else all, else the lowest. Of several host ports the lowest, so that the answer hangs on no order of the engine's.
 */
function boundEndpoint(
  port: ContainerPort,
  bindings: readonly Binding[],
  host: HostFacts,
  as: 'private' | 'public',
): Endpoint {
  const byPort = [...bindings].sort((a, b) => a.hostPort - b.hostPort || (a.hostIp < b.hostIp ? -1 : 1));
  const wanted = as === 'private' ? host.privateAddress : host.publicAddress;
  const exact = byPort.find(({ hostIp }) => hostIp === wanted?.address);
  if (exact !== undefined && isAnnounceable(exact.hostIp, host)) {
    return { ok: true, host: exact.hostIp, port: exact.hostPort, rule: `bound to the host's ${as} address` };
  }
  const open = byPort.filter(({ hostIp }) => isWildcard(hostIp));
  if (open.length > 0) {
    const found = hostAddress(host, as);
    if (typeof found === 'string') return refused(`${portText(port)}: ${found}`);
    const matching = open.find(({ hostIp }) => coversFamily(hostIp, found.address));
    if (matching !== undefined) {
      return {
        ok: true,
        host: found.address,
        port: matching.hostPort,
        rule: `published on all addresses: the host's ${as} address`,
      };
    }
  }
  const single = byPort.find(({ hostIp }) => !isWildcard(hostIp) && isAnnounceable(hostIp, host));
  if (single !== undefined)
    return { ok: true, host: single.hostIp, port: single.hostPort, rule: 'bound to one address: that one' };
  return refused(`${portText(port)} ${whyNot(byPort, wanted)}`);
}

function whyNot(bindings: readonly Binding[], wanted: HostAddress | undefined): string {
  const addresses = [...new Set(bindings.map(({ hostIp }) => hostIp || 'all addresses'))].join(', ');
  if (bindings.every(({ hostIp }) => isLoopback(hostIp))) {
    return `is published on ${addresses} only, which other hosts cannot reach; publish it on another address`;
  }
  return `is published on ${addresses}, and the host's address is ${wanted?.address}, of the other family; publish it on both`;
}

function hostAddress(host: HostFacts, kind: 'private' | 'public'): HostAddress | string {
  const found = kind === 'private' ? host.privateAddress : host.publicAddress;
  const fix = `set --${kind}-ip or --${kind}-if`;
  if (found === undefined || found.address === '') return `this host has no ${kind} address; ${fix}`;
  if (isUnspecified(found.address))
    return `the host's ${kind} address is ${found.address}, which names no host; ${fix}`;
  if (isLoopback(found.address) && !found.given) {
    return `the host's ${kind} address is ${found.address}, which other hosts cannot reach; ${fix}`;
  }
  return found;
}

/** Docker writes 0.0.0.0 and ::, Podman the empty text for both. */
function isWildcard(hostIp: string): boolean {
  return hostIp === '' || isUnspecified(hostIp);
}

function coversFamily(wildcard: string, address: string): boolean {
  return wildcard === '' || isIP(wildcard) === isIP(address);
}

function isAnnounceable(hostIp: string, { privateAddress, publicAddress }: HostFacts): boolean {
  if (canonicalAddress(hostIp) === undefined || isUnspecified(hostIp)) return false;
  if (!isLoopback(hostIp)) return true;
  return [privateAddress, publicAddress].some((each) => each?.given === true && each.address === hostIp);
}

function refused(reason: string): Endpoint {
  return { ok: false, reason };
}
