import { quoted, shortened, TOLD_MAX, tellFirst } from './told.ts';

/** A container's port, perhaps with the name by which `_name._tcp` asks for it (RFC 2782). */
export interface ContainerPort {
  readonly containerPort: number;
  readonly protocol: 'tcp' | 'udp';
  readonly portName?: string;
}

export interface PortsRead {
  readonly ports: readonly ContainerPort[];
  /** Of the items that name no port, the first few; each names the item and what to write, the last how many more there are. */
  readonly problems: readonly string[];
}

/** What one container may announce: beyond it a range was meant for something else, as a media relay's. */
export const PORTS_MAX = 100;

export function portText(port: { readonly containerPort: number; readonly protocol: string }): string {
  return `${port.containerPort}/${port.protocol}`;
}

/** Reads `8086`, `9000/udp`, `8000-8005/tcp`, and several with commas between. */
export function readPorts(text: string): PortsRead {
  const ports = new Map<string, ContainerPort>();
  const problems: string[] = [];
  for (const item of text.split(',').map((each) => each.trim().toLowerCase())) {
    if (item === '') continue;
    const read = readItem(item);
    if (typeof read === 'string') problems.push(read);
    else for (const port of read) ports.set(portText(port), port);
  }
  if (ports.size === 0 && problems.length === 0) problems.push('it names no port; write one, as 8086 or 9000/udp');
  if (ports.size > PORTS_MAX) {
    return { ports: [], problems: [`it names ${ports.size} ports; a container announces at most ${PORTS_MAX}`] };
  }
  return { ports: [...ports.values()], problems: tellFirst(problems, TOLD_MAX, (problem) => problem) };
}

function readItem(item: string): ContainerPort[] | string {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/([a-z]+))?$/.exec(item);
  if (match === null) return `${quoted(item)} is no port; write one, as 8086 or 9000/udp`;
  const protocol = match[3] ?? 'tcp';
  if (protocol !== 'tcp' && protocol !== 'udp') {
    return `${shortened(item)}: protocol ${shortened(protocol)} has no record; only tcp and udp`;
  }
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first < 1 || last > 65535 || last < first) return `${item}: ports are 1 to 65535, the first not above the last`;
  if (last - first >= PORTS_MAX)
    return `${item} is ${last - first + 1} ports; a container announces at most ${PORTS_MAX}`;
  return Array.from({ length: last - first + 1 }, (_, at) => ({ containerPort: first + at, protocol }));
}
