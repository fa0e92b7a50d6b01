/** Edge: which ports of a container serve, read from `/proc`, with no probe traffic and no change of namespace. */
import { endianness } from 'node:os';
import { Turns } from '../docker/following/turns.ts';
import type { ContainerFacts } from '../facts.ts';
import type { ContainerProcesses } from './container-processes.ts';
import type { ProcFiles } from './machine.ts';
import {
  bootSeconds,
  hostPortSight,
  isOfContainer,
  isPastListening,
  type NetTable,
  ownPortSight,
  type PortSight,
  parseNetTable,
  type ServingSocket,
  sharedPortSight,
  startTicks,
  tcpInUse,
} from './proc-net.ts';
import { isShortage } from './shortage.ts';
import { findHolders, type Holder } from './socket-holders.ts';

export type ListeningSight =
  | { readonly type: 'seen'; readonly ports: ReadonlyMap<string, PortSight> }
  /** The process that was looked at is no more: the container has stopped or was started anew. */
  | { readonly type: 'gone' }
  /** `/proc` has no such process, or another one under its pid. It may be about to die, or the engine is elsewhere. */
  | { readonly type: 'absent'; readonly reason: string };

export interface ListeningSettings {
  readonly proc: ProcFiles;
  /** Addresses of loopback at which a socket counts: those that are announced, or `any` for who asks from inside. */
  readonly loopback: readonly string[] | 'any';
  /** At which of the container's own addresses clients are led to a port; absent where they are led to the host. */
  readonly own?: ReadonlyMap<string, string>;
  /** For a container in a network where others serve, too: there a port counts only that it has open itself. */
  readonly sharing?: {
    readonly processes: ContainerProcesses;
    /** Of the host's network: at which addresses the container is announced. */
    readonly host?: {
      readonly announced: readonly string[];
      /** Whether an address is one of this machine's. */
      readonly isOwn: (address: string) => boolean;
    };
  };
}

/**
 * A walk of the kernel's TCP table costs 2 to 8 ms, whatever is in it: the table is one for all namespaces. So no more
 * than this many at once, and none while cheaper signs say that nothing has changed.
 */
const WALKS_MAX = 2;
/** Between two walks of one namespace: when its socket count changed, and when it did not. Then by the run's age. */
const WALK_AFTER_MS = [
  { youngerThanMs: 60_000, changedMs: 100, unchangedMs: 5_000 },
  { youngerThanMs: 600_000, changedMs: 1_000, unchangedMs: 30_000 },
  { youngerThanMs: Number.POSITIVE_INFINITY, changedMs: 5_000, unchangedMs: 60_000 },
] as const;
/** A socket that is held open may have left LISTEN (shutdown): one walk for all that pass, at most so often. */
const AUDIT_EVERY_MS = 10_000;

/** In a network that is shared: who holds a socket is looked for anew when the sockets change, and so often otherwise. */
const OWN_KEPT_MS = 5_000;
/** How old what is known of all processes may be then, so that the next container need not look at each of them again. */
const PROCESSES_KEPT_MS = 5_000;

/** Shared by all containers of a host. */
export class ListeningBudget {
  readonly #walks = new Turns(WALKS_MAX);
  #auditedAtMs = 0;

  walk<T>(work: () => Promise<T>): Promise<T> {
    return this.#walks.take(work);
  }

  mayAudit(nowMs: number): boolean {
    if (nowMs - this.#auditedAtMs < AUDIT_EVERY_MS) return false;
    this.#auditedAtMs = nowMs;
    return true;
  }
}

/** Watches the ports of one run of a container. */
export class ListeningProbe {
  readonly #facts: ContainerFacts;
  readonly #ports: readonly string[];
  readonly #settings: ListeningSettings;
  readonly #budget: ListeningBudget;
  /** Of the container's first process, once it is known to be the container's. */
  #ticks: string | undefined;
  #sights: ReadonlyMap<string, PortSight> = new Map();
  #holders: readonly Holder[] = [];
  #tcp: readonly ServingSocket[] = [];
  #countsAtWalk: string | undefined;
  #own: (inode: string) => boolean = () => true;
  #ownPrint = '';
  #ownAtMs = 0;
  #walkedAtMs = 0;
  readonly #bornAtMs = performance.now();

  constructor(facts: ContainerFacts, ports: readonly string[], settings: ListeningSettings, budget: ListeningBudget) {
    this.#facts = facts;
    this.#ports = ports;
    this.#settings = settings;
    this.#budget = budget;
  }

  /** @throws for want of descriptors or memory: nothing can be said then */
  async look(): Promise<ListeningSight> {
    const isHeld = this.#isHeld();
    const isAudit = isHeld && this.#budget.mayAudit(performance.now());
    if (isHeld && !isAudit) return { type: 'seen', ports: this.#sights };
    try {
      const absent = this.#identify();
      if (absent !== undefined) return { type: 'absent', reason: absent };
      if (this.#wants('tcp')) await this.#walkIfWorth(isAudit);
      const sockets = { tcp: this.#tcp, udp: this.#wants('udp') ? await this.#read(['udp', 'udp6']) : [] };
      if (this.#settings.sharing !== undefined) await this.#learnOwn(sockets, this.#settings.sharing);
      // Read after the tables: the pid was this process's all the time between.
      if (this.#readTicks() !== this.#ticks) return { type: 'gone' };
      this.#take(sockets);
      return { type: 'seen', ports: this.#sights };
    } catch (error) {
      if (isGone(error)) return { type: 'gone' };
      if (isShortage(error)) throw error;
      return { type: 'absent', reason: `${this.#where} cannot be read (${(error as NodeJS.ErrnoException).code})` };
    }
  }

  /** Whether the container's first process is still the one under its pid: before its namespace is entered. @throws as {@link look} */
  isCurrent(): boolean {
    try {
      return this.#identify() === undefined && this.#readTicks() === this.#ticks;
    } catch (error) {
      if (isShortage(error)) throw error;
      return false; // gone
    }
  }

  #path(...parts: string[]): string {
    return [String(this.#facts.pid), ...parts].join('/');
  }

  /** For messages. */
  get #where(): string {
    return `/proc/${this.#facts.pid}`;
  }

  /** Every port passed, and each of their sockets is where it was. An inode is never another socket's meanwhile. */
  #isHeld(): boolean {
    return this.#holders.length > 0 && this.#holders.length === this.#ports.length && !this.#isBroken();
  }

  /** A socket that was held is not any more: what was seen is no longer true. */
  #isBroken(): boolean {
    return this.#holders.some(({ link, inode }) => this.#settings.proc.link(link) !== `socket:[${inode}]`);
  }

  #wants(protocol: 'tcp' | 'udp'): boolean {
    return this.#ports.some((port) => port.endsWith(`/${protocol}`));
  }

  /** @returns why the process is not known to be the container's; undefined when it is */
  #identify(): string | undefined {
    if (this.#ticks !== undefined) return undefined;
    let ticks: string | undefined;
    try {
      ticks = this.#readTicks();
      const boot = bootSeconds(this.#settings.proc.read('stat'));
      const cgroup = this.#settings.proc.read(this.#path('cgroup'));
      const startedAtMs = Date.parse(this.#facts.startedAt);
      if (ticks === undefined || !isOfContainer(this.#facts.id, cgroup, ticks, boot, startedAtMs)) {
        return `${this.#where} is another process here; does the engine run in another pid namespace?`;
      }
    } catch (error) {
      if (isGone(error)) return `${this.#where} does not exist here; does the engine run elsewhere?`;
      throw error;
    }
    this.#ticks = ticks;
    return undefined;
  }

  #readTicks(): string | undefined {
    return startTicks(this.#settings.proc.read(this.#path('stat')));
  }

  /** The counts of a namespace cost 20 µs; while they stay, so, most likely, does what serves. */
  async #walkIfWorth(isAudit: boolean): Promise<void> {
    const [tcp, tcp6] = [this.#inUse('sockstat'), this.#inUse('sockstat6')];
    const counts = `${tcp} ${tcp6}`;
    const nowMs = performance.now();
    const pace = WALK_AFTER_MS.find(({ youngerThanMs }) => nowMs - this.#bornAtMs < youngerThanMs);
    const waitMs = (counts === this.#countsAtWalk ? pace?.unchangedMs : pace?.changedMs) ?? 0;
    const isFirst = this.#countsAtWalk === undefined;
    if (!isAudit && !isFirst && !this.#isBroken() && nowMs - this.#walkedAtMs < waitMs) return;
    const tables = [...(tcp > 0 ? (['tcp'] as const) : []), ...(tcp6 > 0 ? (['tcp6'] as const) : [])];
    this.#tcp = tables.length === 0 ? [] : await this.#budget.walk(() => this.#read(tables));
    this.#countsAtWalk = counts;
    this.#walkedAtMs = performance.now();
  }

  /** 0 without IPv6. */
  #inUse(file: string): number {
    try {
      return tcpInUse(this.#settings.proc.read(this.#path('net', file)));
    } catch (error) {
      if (isGone(error)) return 0;
      throw error;
    }
  }

  async #read(tables: readonly NetTable[]): Promise<ServingSocket[]> {
    const found: ServingSocket[] = [];
    for (const table of tables) {
      found.push(
        ...parseNetTable(await readTable(this.#settings.proc, this.#path('net', table), table), table, endianness()),
      );
    }
    return found;
  }

  #take(sockets: Sockets): void {
    this.#sights = new Map(this.#ports.map((port) => [port, this.#sightOf(port, sockets[protocolOf(port)])]));
    const inodes = [...this.#sights.values()].flatMap(({ passing, inode }) =>
      passing && inode !== undefined ? [inode] : [],
    );
    const pid = String(this.#facts.pid);
    this.#holders = inodes.length === 0 ? [] : findHolders(this.#settings.proc, [pid], inodes).found;
  }

  #sightOf(port: string, sockets: readonly ServingSocket[]): PortSight {
    const { loopback, own, sharing } = this.#settings;
    const announcedAt = own?.get(port);
    if (sharing === undefined) return ownPortSight(port, sockets, announcedAt, loopback);
    const holds = this.#own;
    if (sharing.host === undefined) {
      return sharedPortSight(port, sockets, { holds, instead: INSTEAD.shared }, announcedAt, loopback);
    }
    const { announced, isOwn } = sharing.host;
    return hostPortSight(port, sockets, { holds, instead: INSTEAD.host, announced }, isOwn);
  }

  /** Which sockets of the watched ports the container holds; all of them where its processes cannot be looked at. */
  async #learnOwn(sockets: Sockets, { processes }: Sharing): Promise<void> {
    const inodes = this.#ports.flatMap((port) =>
      sockets[protocolOf(port)].filter((socket) => socket.port === Number.parseInt(port, 10)).map(({ inode }) => inode),
    );
    const print = inodes.join(' ');
    const nowMs = performance.now();
    const isNew = print !== this.#ownPrint;
    if (!isNew && nowMs - this.#ownAtMs < OWN_KEPT_MS) return;
    this.#own = await this.#holdsOf(inodes, processes, isNew ? nowMs : nowMs - PROCESSES_KEPT_MS);
    this.#ownPrint = print;
    this.#ownAtMs = nowMs;
  }

  async #holdsOf(
    inodes: readonly string[],
    processes: ContainerProcesses,
    sinceMs: number,
  ): Promise<(inode: string) => boolean> {
    const { proc } = this.#settings;
    const { id, pid } = this.#facts;
    const below = findHolders(proc, [String(pid)], inodes).found.map(({ inode }) => inode);
    const missing = inodes.filter((inode) => !below.includes(inode));
    if (missing.length === 0) return () => true;
    const pids = await processes.of(id, sinceMs);
    const { found, isComplete } = findHolders(proc, pids, missing);
    // Where cgroups name no container, none of its processes is found.
    if (pids.length === 0 || !isComplete) return () => true;
    const elsewhere = found.filter(({ link }) => processes.isIn(id, link.split('/')[0] as string));
    const own = new Set([...below, ...elsewhere.map(({ inode }) => inode)]);
    return (inode) => own.has(inode);
  }
}

type Sockets = Readonly<Record<'tcp' | 'udp', readonly ServingSocket[]>>;
type Sharing = NonNullable<ListeningSettings['sharing']>;

/** Who else may serve the port. */
const INSTEAD = {
  host: 'another process of this host, not by the container',
  shared: 'another container in its network, not by this one',
} as const;

function protocolOf(port: string): 'tcp' | 'udp' {
  return port.endsWith('/udp') ? 'udp' : 'tcp';
}

/** Behind the listening ones a busy host has very many more rows. */
async function readTable(proc: ProcFiles, path: string, table: NetTable): Promise<string> {
  let text = '';
  try {
    for await (const piece of proc.pieces(path)) {
      text += piece;
      if (table.startsWith('tcp') && isPastListening(piece)) return text;
    }
  } catch (error) {
    if (!isGone(error)) throw error; // no IPv6, or gone: the caller looks at the process next
  }
  return text;
}

function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL';
}
