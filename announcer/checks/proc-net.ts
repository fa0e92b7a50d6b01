import { isLoopback } from '../../shared/address.ts';
import { canonicalAddress } from '../../shared/ip.ts';

/** A socket that takes requests: in LISTEN for TCP, bound and not connected for UDP. */
export interface ServingSocket {
  /** In canonical spelling, so that it can be compared with an announced one. */
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** The tables of `/proc/<pid>/net` and what their rows are. */
export const NET_TABLES = {
  tcp: { protocol: 'tcp', family: 4 },
  tcp6: { protocol: 'tcp', family: 6 },
  udp: { protocol: 'udp', family: 4 },
  udp6: { protocol: 'udp', family: 6 },
} as const;
export type NetTable = keyof typeof NET_TABLES;

export type Endianness = 'LE' | 'BE';

/** State of a row, as the kernel's tcp_states.h numbers them: LISTEN for TCP; CLOSE is an unconnected UDP socket. */
const SERVING_STATE = { tcp: '0A', udp: '07' } as const;

/**
 * Reads rows of `/proc/<pid>/net/{tcp,tcp6,udp,udp6}`; the heading, and a row cut short, are left out.
 *
 * @param endianness of the machine: the kernel prints an address as words of its own byte order
 */
export function parseNetTable(text: string, table: NetTable, endianness: Endianness): ServingSocket[] {
  const state = SERVING_STATE[NET_TABLES[table].protocol];
  return text.split('\n').flatMap((row): ServingSocket[] => {
    const [, local, , st, , , , , , inode] = row.trim().split(/\s+/);
    const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local ?? '');
    if (match === null || st !== state || inode === undefined) return [];
    return [
      { address: addressOf(match[1] as string, endianness), port: Number.parseInt(match[2] as string, 16), inode },
    ];
  });
}

/** Whether the rows have gone past the sockets in LISTEN, which the kernel puts first. Of `tcp` and `tcp6` only. */
export function isPastListening(text: string): boolean {
  return /^\s*\d+: [0-9A-F]+:[0-9A-F]{4} [0-9A-F]+:[0-9A-F]{4} (?!0A)[0-9A-F]{2} /m.test(text);
}

function addressOf(hex: string, endianness: Endianness): string {
  const octets: number[] = [];
  for (const [word] of hex.matchAll(/.{8}/g)) {
    const bytes = [...word.matchAll(/../g)].map(([byte]) => Number.parseInt(byte, 16));
    octets.push(...(endianness === 'LE' ? bytes.reverse() : bytes));
  }
  if (octets.length === 4) return octets.join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2)
    groups.push((((octets[at] as number) << 8) | (octets[at + 1] as number)).toString(16));
  return canonicalAddress(groups.join(':')) as string;
}

/** What was found of a port. */
export interface PortSight {
  readonly passing: boolean;
  readonly detail: string;
  /** Of the socket that serves it; undefined when nothing does. */
  readonly inode?: string;
  /** It is served at this address only, which others cannot reach. */
  readonly loopback?: string;
}

/**
 * Whether one of `sockets` serves `port` so that others can reach it. Bound to loopback it serves its own container
 * only; unless that very address is what is announced, or the caller asks from inside.
 *
 * @param port     container port, as `8080/tcp`
 * @param loopback addresses of loopback that count too; `any` for all
 */
export function portSight(
  port: string,
  sockets: readonly ServingSocket[],
  loopback: readonly string[] | 'any' = [],
): PortSight {
  const number = Number(port.split('/')[0]);
  const isUdp = port.endsWith('/udp');
  const candidates = sockets.filter((socket) => socket.port === number);
  const open = candidates.find(({ address }) => !isLoopback(address));
  if (open !== undefined) {
    return { passing: true, detail: isUdp ? `${port} is bound` : `${port} is in LISTEN`, inode: open.inode };
  }
  const [own] = candidates;
  if (own === undefined) return { passing: false, detail: `nothing ${isUdp ? 'is bound to' : 'listens on'} ${port}` };
  const { address, inode } = candidates.find((each) => loopback.includes(each.address)) ?? own;
  const counts = loopback === 'any' || loopback.includes(address);
  const where = `${port} is bound to ${address} only`;
  return { passing: counts, detail: counts ? where : `${where}, which others cannot reach`, inode, loopback: address };
}

/** Who is announced, in a network where others serve, too. */
export interface Server {
  /** Whether it holds this socket; also true where that cannot be told. */
  readonly holds: (inode: string) => boolean;
  /** For the detail, who else may: `another process of this host, not by the container`. */
  readonly instead: string;
}

/** As {@link ownPortSight}, of what the server itself holds: another one in its network may have that port. */
export function sharedPortSight(
  port: string,
  sockets: readonly ServingSocket[],
  server: Server,
  announced: string | undefined,
  loopback: readonly string[] | 'any',
): PortSight {
  const held = heldBy(server, port, sockets);
  return held === undefined ? servedBy(server, port) : ownPortSight(port, held, announced, loopback);
}

/** Of who serves in the host's own network, as everybody on the host does. */
export interface HostServer extends Server {
  /** At which clients reach it. */
  readonly announced: readonly string[];
}

/**
 * Whether `port` is served in the host's network by who is announced, where it is announced: a socket that is bound to one
 * address is not reached at another.
 *
 * @param isOwn whether an address is one of this machine's: at any other (NAT, a floating one) clients are led here
 */
export function hostPortSight(
  port: string,
  sockets: readonly ServingSocket[],
  server: HostServer,
  isOwn: (address: string) => boolean,
): PortSight {
  const { announced } = server;
  const held = heldBy(server, port, sockets);
  if (held === undefined) return servedBy(server, port);
  return boundSight(port, held, announced, announced, (address) => isReachedAt(address, announced, isOwn));
}

/**
 * Whether `port` is served at the container's own address that is announced: what is bound to another of its addresses, or to
 * those of the other family alone, is not reached there.
 *
 * @param announced undefined when clients are led to the host instead, whose port any of its addresses may be behind
 * @param loopback  as of {@link portSight}
 */
export function ownPortSight(
  port: string,
  sockets: readonly ServingSocket[],
  announced: string | undefined,
  loopback: readonly string[] | 'any',
): PortSight {
  if (announced === undefined) return portSight(port, sockets, loopback);
  const number = Number(port.split('/')[0]);
  const serving = sockets.filter((socket) => socket.port === number);
  return boundSight(port, serving, loopback, [announced], (address) => covers(address, announced));
}

/** Loopback is told apart by {@link portSight}. */
function boundSight(
  port: string,
  serving: readonly ServingSocket[],
  loopback: readonly string[] | 'any',
  announced: readonly string[],
  isReached: (bound: string) => boolean,
): PortSight {
  const reached = serving.filter(({ address }) => isLoopback(address) || isReached(address));
  const [elsewhere] = serving;
  if (elsewhere === undefined || reached.length > 0) return portSight(port, reached, loopback);
  const { address, inode } = elsewhere;
  return {
    passing: false,
    detail: `${port} is bound to ${address} only, and ${announced.join(', ')} is announced`,
    inode,
  };
}

/** Its sockets of the port; undefined when all of them are others'. */
function heldBy(
  { holds }: Server,
  port: string,
  sockets: readonly ServingSocket[],
): readonly ServingSocket[] | undefined {
  const number = Number(port.split('/')[0]);
  const serving = sockets.filter((socket) => socket.port === number);
  const held = serving.filter(({ inode }) => holds(inode));
  return serving.length > 0 && held.length === 0 ? undefined : held;
}

function servedBy({ instead }: Server, port: string): PortSight {
  return { passing: false, detail: `${port} is served by ${instead}` };
}

function isReachedAt(bound: string, announced: readonly string[], isOwn: (address: string) => boolean): boolean {
  return announced.some((each) => covers(bound, each) || !(isOwn(each) || isLoopback(each)));
}

/** Whether what is bound to one address is reached at another; `::` takes IPv4 as well, unless the server wants it otherwise. */
function covers(bound: string, address: string): boolean {
  return bound === address || bound === '::' || (bound === '0.0.0.0' && !address.includes(':'));
}

/** TCP sockets in use, from `/proc/<pid>/net/sockstat` or `sockstat6`: of that network namespace. */
export function tcpInUse(sockstat: string): number {
  return Number(/^TCP6?: inuse (\d+)/m.exec(sockstat)?.[1] ?? 0);
}

/** When the process began, in clock ticks since boot, from `/proc/<pid>/stat`: with the pid it names one process. */
export function startTicks(stat: string): string | undefined {
  // The command's name may hold spaces and brackets; the fields count from behind its last bracket.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** Clock ticks a second in everything that `/proc` prints (USER_HZ), on every Linux. */
const TICKS_PER_SECOND = 100;
/** The engine notes the start a moment after the process began, and the wall clock may have been set since boot. */
const START_TOLERANCE_MS = 10_000;

/**
 * Whether the process behind a pid is of the container. Its cgroup names the container's id; where cgroups tell nothing,
 * it must have begun when the container did.
 *
 * @param cgroup        `/proc/<pid>/cgroup`
 * @param bootSeconds   `btime` of `/proc/stat`
 * @param startedAtMs   of the container
 */
export function isOfContainer(
  id: string,
  cgroup: string,
  ticks: string,
  bootSeconds: number,
  startedAtMs: number,
): boolean {
  if (cgroup.includes(id)) return true;
  if (/[0-9a-f]{64}/.test(cgroup)) return false;
  const beganMs = (bootSeconds + Number(ticks) / TICKS_PER_SECOND) * 1000;
  return Math.abs(beganMs - startedAtMs) <= START_TOLERANCE_MS;
}

/** `btime` of `/proc/stat`: when the machine was booted, in seconds since the epoch. */
export function bootSeconds(stat: string): number {
  return Number(/^btime (\d+)/m.exec(stat)?.[1] ?? 0);
}
