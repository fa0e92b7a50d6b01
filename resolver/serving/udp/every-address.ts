import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { formatHostPort, type HostPort, isLoopback, ListenError } from '../../../shared/address.ts';
import type { Log } from '../../../shared/log.ts';
import type { BatchListener } from './batch.ts';
import type { UdpListener } from './udp-listener.ts';

/** Sockets beside the one that has all addresses; each takes some 0.3 MB when it is busy. */
export const OWN_SOCKETS_MAX = 64;
/** Addresses come and go with interfaces: until it is seen, a new one is answered from as the route to the client says. */
const LOOK_EVERY_MS = 5_000;
/** An address that is still tried out (RFC 4862 §5.4) is usable by the next look; after so many there is something else. */
const LOOKS_UNTIL_SAID = 2;
/** Whoever has many is told some. */
const ADDRESSES_SAID_MAX = 5;

/** What an answer does that no socket of its own keeps at its address. */
const LEAVES_BY_ROUTE = 'leave with the one that the route to the client has, and clients drop those from another';

export interface EveryAddressDeps {
  /** A listener that has no address yet. */
  create(): BatchListener;
  readonly log: Pick<Log, 'warn'>;
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
  readonly #log: Pick<Log, 'warn'>;
  readonly #addresses: () => readonly string[];
  readonly #lookEveryMs: number;
  readonly #own = new Map<string, BatchListener>();
  /** Looks in a row that found an address unusable. */
  readonly #refusals = new Map<string, number>();
  #isOverLimit = false;
  #bound: HostPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor({ create, log, addresses = machineAddresses, lookEveryMs = LOOK_EVERY_MS }: EveryAddressDeps) {
    this.#every = create();
    this.#create = create;
    this.#log = log;
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
  async #look(every: HostPort): Promise<void> {
    const here = this.#usable(isIPv6(every.host));
    if (here === undefined) return;
    for (const [address, listener] of this.#own) {
      if (here.has(address)) continue;
      this.#own.delete(address);
      await listener.close();
    }
    for (const address of this.#refusals.keys()) if (!here.has(address)) this.#refusals.delete(address);
    for (const address of here) {
      if (this.#bound === undefined || this.#own.size >= OWN_SOCKETS_MAX) break;
      if (this.#own.has(address)) continue;
      const listener = this.#create();
      try {
        await listener.listen({ host: address, port: every.port }, this.#every);
        this.#own.set(address, listener);
        this.#refusals.delete(address);
      } catch (error) {
        // Not usable yet, or gone again: the next look tells.
        if (!(error instanceof ListenError)) throw error;
        this.#refused(every, address, error);
      }
    }
    this.#sayLimit(every, [...here]);
  }

  #refused(every: HostPort, address: string, error: ListenError): void {
    const looks = (this.#refusals.get(address) ?? 0) + 1;
    this.#refusals.set(address, looks);
    if (looks !== LOOKS_UNTIL_SAID) return;
    const { message } = error.cause as Error;
    this.#log.warn(
      'udp-address-refused',
      `no UDP socket for ${address} itself beside ${formatHostPort(every)} (${message}): answers to who asks there ${LEAVES_BY_ROUTE}; trying again with each look at the machine's addresses`,
      { address },
    );
  }

  #sayLimit(every: HostPort, here: readonly string[]): void {
    const isOver = here.length > OWN_SOCKETS_MAX;
    if (isOver && !this.#isOverLimit) {
      const without = here.filter((address) => !this.#own.has(address));
      const some = without.slice(0, ADDRESSES_SAID_MAX).join(', ');
      this.#log.warn(
        'udp-addresses-over-limit',
        `the machine has ${here.length} addresses for ${formatHostPort(every)}, and ${OWN_SOCKETS_MAX} at most have a UDP socket of their own: answers to who asks at one of the others (${some}${without.length > ADDRESSES_SAID_MAX ? ', …' : ''}) ${LEAVES_BY_ROUTE}; name the addresses that are asked with --listen instead`,
        { addresses: here.length },
      );
    }
    this.#isOverLimit = isOver;
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

/**
 * Says what to do where all answers leave by the route, for want of sockets that can be bound beside the one for all.
 *
 * @param every 0.0.0.0 or ::, and the port
 */
export function warnOfRoutes(every: HostPort, log: Pick<Log, 'warn'>, addresses = machineAddresses): void {
  const isIpv6 = isIPv6(every.host);
  const outward = addresses().filter((each) => isIPv6(each) === isIpv6 && !isLinkLocal(each) && !isLoopback(each));
  if (outward.length < 2) return;
  const some = outward.slice(0, ADDRESSES_SAID_MAX).join(', ');
  log.warn(
    'udp-answers-by-route',
    `the machine has several addresses (${some}${outward.length > ADDRESSES_SAID_MAX ? ', …' : ''}) for ${formatHostPort(every)}: UDP answers to who asks at one of them ${LEAVES_BY_ROUTE}; name the addresses that are asked with --listen instead, or have UDP in batches`,
    { addresses: outward.length },
  );
}

export function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));
}
