import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type HostPort, ListenError } from '../../../shared/address.ts';
import type { BatchListener } from './batch.ts';
import type { UdpListener } from './udp-listener.ts';

/** Sockets beside the one that has all addresses; each takes some 0.3 MB when it is busy. */
export const OWN_SOCKETS_MAX = 64;
/** Addresses come and go with interfaces: until it is seen, a new one is answered from as the route to the client says. */
const LOOK_EVERY_MS = 5_000;

export interface EveryAddressDeps {
  /** A listener that has no address yet. */
  create(): BatchListener;
  /** The machine's addresses at this moment. */
  readonly addresses?: () => readonly string[];
  readonly lookEveryMs?: number;
}

/**
 * DNS over UDP on every address of the machine, `0.0.0.0` or `::`.
 *
 * An answer from a socket that is bound to no address leaves with the one that the route to the client prefers. On a host with
 * several that is often not the one that was asked, and the client drops the answer. So each address of an interface
 * has a socket of its own beside that one, which the kernel prefers; what came to the other addresses goes on as before.
 */
export class EveryAddressListener implements UdpListener {
  readonly #every: BatchListener;
  readonly #create: () => BatchListener;
  readonly #addresses: () => readonly string[];
  readonly #lookEveryMs: number;
  readonly #own = new Map<string, BatchListener>();
  #bound: HostPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor({ create, addresses = machineAddresses, lookEveryMs = LOOK_EVERY_MS }: EveryAddressDeps) {
    this.#every = create();
    this.#create = create;
    this.#addresses = addresses;
    this.#lookEveryMs = lookEveryMs;
  }

  async listen(address: HostPort): Promise<HostPort> {
    this.#bound = await this.#every.listen(address);
    await this.#look(this.#bound);
    this.#timer = setInterval(() => {
      if (this.#bound === undefined) return;
      this.#looking ??= this.#look(this.#bound).finally(() => {
        this.#looking = undefined;
      });
    }, this.#lookEveryMs);
    this.#timer.unref();
    return this.#bound;
  }

  async close(): Promise<void> {
    this.#bound = undefined;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all([this.#every, ...this.#own.values()].map((listener) => listener.close()));
  }

  /** Lets go of the addresses that the machine has no more, and takes the new ones. */
  async #look({ host, port }: HostPort): Promise<void> {
    const here = this.#usable(isIPv6(host));
    if (here === undefined) return;
    for (const [address, listener] of this.#own) {
      if (here.has(address)) continue;
      this.#own.delete(address);
      await listener.close();
    }
    for (const address of here) {
      if (this.#bound === undefined || this.#own.size >= OWN_SOCKETS_MAX) break;
      if (this.#own.has(address)) continue;
      const listener = this.#create();
      try {
        await listener.listen({ host: address, port }, this.#every);
        this.#own.set(address, listener);
      } catch (error) {
        // Not usable yet (duplicate address detection, RFC 4862 §5.4), or gone again: the next look tells.
        if (!(error instanceof ListenError)) throw error;
      }
    }
  }

  /** Undefined while they cannot be read: it takes a file descriptor, and the process may have none free. */
  #usable(isIpv6: boolean): ReadonlySet<string> | undefined {
    try {
      return new Set(this.#addresses().filter((each) => isIPv6(each) === isIpv6 && !isLinkLocal(each)));
    } catch {
      return undefined; // the next look tells
    }
  }
}

/** Of one interface each, so the route to the client says the right one. */
function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));
}
