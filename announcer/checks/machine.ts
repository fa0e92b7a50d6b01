/** Edge: the machine that checks look at: its processes, and the ways to its containers. */
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { linkOfProc, listProc } from '../../shared/proc.ts';
import { openEntrance } from './entrance.ts';
import { Namespaces } from './namespaces.ts';
import { attempt, type Reply, type Request } from './probe-attempt.ts';

/** `/proc`; paths are relative to it. */
export interface ProcFiles {
  /** @throws {NodeJS.ErrnoException} */
  read(path: string): string;
  /** In pieces, of which the caller need not take all. @throws {NodeJS.ErrnoException} */
  pieces(path: string): AsyncIterable<string>;
  /** The names in a folder; empty when it is gone, or not ours to look at. */
  list(path: string): readonly string[];
  /** What a symbolic link names; empty when it is gone, or not ours to look at. */
  link(path: string): string;
}

/** This machine, or a simulated one: everything that a check sees of the world, but for what the engine runs and says. */
export interface Machine {
  readonly proc: ProcFiles;
  /**
   * Whether an address is of a network that this machine is part of, as of Docker's bridges. A way to any other leads out by
   * the default route, to whoever has that address there.
   *
   * @throws when that cannot be told now
   */
  isOnLink(address: string): boolean;
  /** Whether an address is one of this machine's own. @throws as {@link isOnLink} */
  isOwn(address: string): boolean;
  /** From this process' own network namespace. */
  attempt(request: Request): Promise<Reply>;
  /** From inside other ones: by sockets that are made there, else by helpers, of which each announcer has its own. */
  openNamespaces(): Pick<Namespaces, 'attempt' | 'close'>;
}

const PIECE_OCTETS = 65_536;

const procFiles: ProcFiles = {
  read: (path) => readFileSync(`/proc/${path}`, 'utf8'),
  async *pieces(path) {
    const file = await open(`/proc/${path}`);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.alloc(PIECE_OCTETS), 0, PIECE_OCTETS, null);
        if (bytesRead === 0) return;
        yield buffer.toString('latin1', 0, bytesRead);
      }
    } finally {
      await file.close();
    }
  },
  list: (path) => listProc(`/proc/${path}`),
  link: (path) => linkOfProc(`/proc/${path}`),
};

/** Networks come and go with those of the engine; until a new one is seen, its containers are asked from inside. */
const NETWORKS_KEPT_MS = 5_000;

class OwnNetworks {
  #networks = new BlockList();
  #addresses: ReadonlySet<string> = new Set();
  #readAtMs = Number.NEGATIVE_INFINITY;

  /** @throws when they cannot be read now, as for want of descriptors */
  has(address: string): boolean {
    this.#readWhenOld();
    return this.#networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /** @throws as {@link has} */
  hasAddress(address: string): boolean {
    this.#readWhenOld();
    return this.#addresses.has(address);
  }

  #readWhenOld(): void {
    if (performance.now() - this.#readAtMs >= NETWORKS_KEPT_MS) this.#read();
  }

  #read(): void {
    const networks = new BlockList();
    const addresses = new Set<string>();
    for (const { cidr, family } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
      const [address = '', bits] = cidr?.split('/') ?? [];
      addresses.add(address);
      if (bits !== undefined) networks.addSubnet(address, Number(bits), family === 'IPv6' ? 'ipv6' : 'ipv4');
    }
    this.#networks = networks;
    this.#addresses = addresses;
    this.#readAtMs = performance.now();
  }
}

const ownNetworks = new OwnNetworks();

export const thisMachine: Machine = {
  proc: procFiles,
  isOnLink: (address) => ownNetworks.has(address),
  isOwn: (address) => ownNetworks.hasAddress(address),
  attempt,
  openNamespaces: () => openEntrance() ?? new Namespaces(),
};
