import { parseResolvConf } from '../../resolver/forwarding/resolv-conf.ts';
import { formatHostPort, type HostPort, isUnspecified } from '../../shared/address.ts';
import type { OwnerName } from '../../shared/name.ts';
import { type Finding, fine, hint, wrong } from './finding.ts';

export interface ResolvConfView {
  /** `/etc/resolv.conf`; undefined when it cannot be read. */
  readonly text: string | undefined;
  /** What systemd-resolved asks, when it stands between (`/run/systemd/resolve/resolv.conf`). */
  readonly behindStub: string | undefined;
  readonly listen: readonly HostPort[];
  /** `system`: the nameservers of the file that are not this server. */
  readonly forward: 'system' | readonly HostPort[];
  readonly zones: readonly OwnerName[];
}

const STUB = '127.0.0.53';

/** Who this host's own programs ask, and whether that leads to this resolver, past it, or in a circle. */
export function resolvConfFindings({ text, behindStub, listen, forward, zones }: ResolvConfView): Finding[] {
  if (text === undefined) {
    return [
      hint(
        'resolv.conf',
        '/etc/resolv.conf cannot be read',
        'programs of this host resolve nothing; name upstreams with --forward',
      ),
    ];
  }
  const servers = parseResolvConf(text);
  const isOwn = (server: HostPort): boolean => listen.some((own) => isSame(own, server));
  const findings = [
    ...loopFindings(servers, forward, isOwn, listen),
    servers.some(isOwn)
      ? fine('resolv.conf', 'it names this resolver')
      : hint(
          'resolv.conf',
          `it names ${servers.map(formatHostPort).join(', ') || 'no server'}, not this resolver`,
          'nginx and containers that are given the address need no more; for the programs of this host, let the resolver listen on port 53 of an address and name that first',
        ),
  ];
  if (behindStub !== undefined && servers.some(({ host }) => host === STUB)) {
    const isBehind = parseResolvConf(behindStub).some(isOwn);
    if (isBehind && forward === 'system') {
      findings.push(
        wrong(
          'resolv.conf',
          `a circle: systemd-resolved (${STUB}) asks this resolver, which forwards other names to systemd-resolved`,
          'name the real upstreams with --forward',
        ),
      );
    }
  }
  return [...findings, ...searchFindings(text, zones)];
}

function loopFindings(
  servers: readonly HostPort[],
  forward: ResolvConfView['forward'],
  isOwn: (server: HostPort) => boolean,
  listen: readonly HostPort[],
): Finding[] {
  if (forward !== 'system') {
    const own = forward.filter(isOwn);
    if (own.length === 0) return [];
    const says = `--forward ${own.map(formatHostPort).join(', ')} is this resolver itself (--listen ${listen.map(formatHostPort).join(', ')})`;
    return [wrong('resolv.conf', says, 'a question would go in a circle: name another upstream, or none')];
  }
  if (servers.length > 0 && servers.every(isOwn)) {
    const says = 'it names this resolver alone, so there is nobody to forward other names to';
    return [hint('resolv.conf', says, 'name upstreams with --forward, or none')];
  }
  return [];
}

/** resolv.conf(5): a name with fewer dots than `ndots` is tried with each `search` domain first. */
function searchFindings(text: string, zones: readonly OwnerName[]): Finding[] {
  const search = /^\s*(?:search|domain)\s+(.+)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? [];
  const ndots = Number(/^\s*options\b.*\bndots:(\d+)/m.exec(text)?.[1] ?? 1);
  const findings: Finding[] = [];
  if (ndots > 1) {
    findings.push(
      hint(
        'resolv.conf',
        `ndots:${ndots}: a name with fewer dots is asked ${search.length} times with a search domain first`,
        'write names with a dot at the end, or lower ndots',
      ),
    );
  }
  const isSearched = zones.some((zone) =>
    search.some((domain) => `${domain.replace(/\.$/, '').toLowerCase()}.` === zone),
  );
  if (!isSearched) {
    const zone = (zones[0] ?? '').replace(/\.$/, '');
    findings.push(
      fine('resolv.conf', `short names as web are not searched in ${zone}; add \`search ${zone}\` if that is wanted`),
    );
  }
  return findings;
}

function isSame(own: HostPort, other: HostPort): boolean {
  return (
    own.port === other.port && (own.host === other.host || (isUnspecified(own.host) && other.host.startsWith('127.')))
  );
}
