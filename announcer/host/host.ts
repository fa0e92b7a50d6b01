/** Edge: the machine's name and addresses. */
import { readdirSync, readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { StartError } from '../../shared/component.ts';
import type { Log } from '../../shared/log.ts';
import type { AddressSource } from '../config.ts';
import type { HostFacts } from '../facts.ts';
import {
  type AddressChoice,
  choosePrivate,
  choosePublic,
  defaultRoutesIpv4,
  defaultRoutesIpv6,
  type HostNetwork,
  hostLabelOf,
  isOfThisMachineAlone,
  isVirtualCable,
} from './address.ts';

export interface HostSettings {
  /** LDH label; undefined: from the machine's name. */
  readonly hostName: string | undefined;
  readonly privateAddress: AddressSource;
  readonly publicAddress: AddressSource;
}

/** Settles the host's name and addresses. @throws {StartError} naming the flag, and the interfaces that there are */
export function findHost(settings: HostSettings): HostFacts {
  const name = settings.hostName ?? hostLabelOf(hostname());
  if (name === undefined) {
    throw new StartError(
      `the machine's name ${JSON.stringify(hostname())} makes no label (letters, digits, hyphens, at most 63); give --host-name`,
    );
  }
  const network = readNetwork();
  const publicAddress = settle('public', settings.publicAddress, choosePublic(settings.publicAddress, network));
  const privateChoice = choosePrivate(settings.privateAddress, network, publicAddress);
  return { name, privateAddress: settle('private', settings.privateAddress, privateChoice), publicAddress };
}

/** Says at start which addresses were chosen, and why: a wrong one is seen by others alone. */
export function sayAddresses({ privateAddress, publicAddress }: HostFacts, settings: HostSettings, log: Log): void {
  const network = readNetwork();
  for (const [which, chosen, source] of [
    ['private', privateAddress, settings.privateAddress],
    ['public', publicAddress, settings.publicAddress],
  ] as const) {
    const flags = `--${which}-ip or --${which}-if`;
    const why = reasonOf(which, source);
    if (chosen === undefined) {
      log.warn('host-address', `no ${which} address was found (${why}); give ${flags}`);
      continue;
    }
    const { address } = chosen;
    const at = network.addresses.find((each) => each.address === address)?.name;
    const says = `${which} address ${address}, ${at === undefined ? 'an address of no interface here' : `of ${at}`} (${why})`;
    if (source.from === 'host' && at !== undefined && isOfThisMachineAlone(at, network)) {
      log.warn(
        'host-address',
        `${says}; nothing but containers or virtual machines is joined to ${at}, so others most likely cannot reach it: give ${flags}`,
        {
          address,
        },
      );
    } else log.info('host-address', says, { address });
  }
}

/** By which rule an address is chosen. */
export function reasonOf(which: 'private' | 'public', source: AddressSource): string {
  if (source.from === 'address') return `--${which}-ip`;
  if (source.from === 'interface') return `--${which}-if ${source.name}`;
  return which === 'private'
    ? "the first private address that is no container network's, eth1 first; else the public one"
    : "the default route's interface; else the first address that is no container network's";
}

/** Docker's networks are bridges whose names anyone may choose; a machine's own address may stand on a bridge as well. */
function isInnerBridge(name: string): boolean {
  try {
    return readdirSync(`/sys/class/net/${name}/brif`).every(isVirtualCable);
  } catch {
    return false; // no bridge
  }
}

function settle(which: 'private' | 'public', source: AddressSource, choice: AddressChoice): HostFacts['publicAddress'] {
  if (choice.ok) return choice.address;
  const given = source.from === 'interface' ? source.name : '';
  throw new StartError(`--${which}-if=${JSON.stringify(given)}: ${choice.reason}`);
}

/** What the machine's network is now. */
export function readNetwork(): HostNetwork {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
    entries.map(({ address }) => ({ name, address })),
  );
  return {
    addresses,
    innerBridges: [...new Set(addresses.map(({ name }) => name))].filter(isInnerBridge),
    defaultRoutes: [
      ...defaultRoutesIpv4(readTable('/proc/net/route')),
      ...defaultRoutesIpv6(readTable('/proc/net/ipv6_route')),
    ],
  };
}

/** Absent without that family, and on other systems: then no route is known, which is no error. */
function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
