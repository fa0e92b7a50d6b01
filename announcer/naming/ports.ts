import type { ContainerFacts, PortFacts } from '../facts.ts';
import type { AnnounceAs } from '../rules.ts';
import type { ContainerSettings } from './labels.ts';
import { type ContainerPort, PORTS_MAX, portText } from './port-spec.ts';

export interface PortsChosen {
  /** Ascending; without those that registrator's fields ignore. */
  readonly ports: readonly ContainerPort[];
  /** What asked to leave the others out, as `80/tcp (label SERVICE_80_IGNORE)`. */
  readonly ignored: readonly string[];
  /** Which rule chose them, for `explain`. */
  readonly rule: string;
  readonly refusals: readonly string[];
}

/**
 * The container ports to announce: those that `rollcall.port` names, else every published one. Where nothing is published
 * because the container's own ports are what clients reach (host networking, `as=container`), the exposed ones, as
 * registrator's `-internal` and its handling of host networking do; with host networking those alone that `-p` names, if it
 * names any.
 */
export function choosePorts(facts: ContainerFacts, settings: ContainerSettings, as: AnnounceAs): PortsChosen {
  const named = settings.ports;
  if (named !== undefined) return withoutIgnored([...named].sort(byNumber), 'rollcall.port', [], settings);
  const { found, rule } = offeredPorts(facts, as);
  const sctp = found.filter(({ protocol }) => protocol === 'sctp');
  const ports = found.filter(isTcpOrUdp).map(({ containerPort, protocol }) => ({ containerPort, protocol }));
  const refusals = sctp.map((port) => `${portText(port)}: protocol sctp has no record; only tcp and udp are announced`);
  return withoutIgnored(ports.sort(byNumber), rule, refusals, settings);
}

/** Whether there is anything to announce without a label that asks for it. */
export function hasOfferedPort(facts: ContainerFacts, as: AnnounceAs): boolean {
  return offeredPorts(facts, as).found.length > 0;
}

function offeredPorts(
  { ports, networkMode }: ContainerFacts,
  as: AnnounceAs,
): { readonly found: readonly PortFacts[]; readonly rule: string } {
  if (as !== 'container' && networkMode !== 'host') {
    return { found: ports.filter(({ bindings }) => bindings.length > 0), rule: 'published ports' };
  }
  const asked = ports.filter(({ isAskedFor }) => isAskedFor);
  return asked.length > 0 ? { found: asked, rule: 'ports given with -p' } : { found: ports, rule: 'exposed ports' };
}

function withoutIgnored(
  ports: readonly ContainerPort[],
  rule: string,
  refusals: readonly string[],
  settings: ContainerSettings,
): PortsChosen {
  const kept: ContainerPort[] = [];
  const ignored: string[] = [];
  for (const port of ports) {
    const by = settings.registrator.ignoredBy(port);
    if (by === undefined) kept.push(port);
    else ignored.push(`${portText(port)} (${by})`);
  }
  if (kept.length <= PORTS_MAX) return { ports: kept, ignored, rule, refusals };
  const lowest = kept[0] as ContainerPort;
  const refusal =
    `${kept.length} ports are ${rule === 'published ports' ? 'published' : 'exposed'}; a container announces at most ${PORTS_MAX}: ` +
    `only ${portText(lowest)} is announced; name the ports with rollcall.port`;
  return {
    ports: kept.filter(({ containerPort }) => containerPort === lowest.containerPort),
    ignored,
    rule,
    refusals: [...refusals, refusal],
  };
}

function isTcpOrUdp(port: PortFacts): port is PortFacts & { readonly protocol: 'tcp' | 'udp' } {
  return port.protocol !== 'sctp';
}

function byNumber(a: ContainerPort, b: ContainerPort): number {
  return a.containerPort - b.containerPort || (a.protocol < b.protocol ? -1 : a.protocol > b.protocol ? 1 : 0);
}

/** For `explain`: `80/tcp on 0.0.0.0:8080, 443/tcp exposed`. */
export function describePorts({ ports }: ContainerFacts): string {
  const texts = ports.map((port) => {
    const bindings = port.bindings
      .map(({ hostIp, hostPort }) => `${hostIp === '' ? '*' : hostIp}:${hostPort}`)
      .join(' ');
    return bindings === '' ? `${portText(port)} exposed` : `${portText(port)} on ${bindings}`;
  });
  return texts.join(', ') || 'no ports';
}
