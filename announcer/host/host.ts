/** Edge: the machine's name and addresses. */
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { StartError } from '../../shared/component.ts';
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

function settle(which: 'private' | 'public', source: AddressSource, choice: AddressChoice): HostFacts['publicAddress'] {
  if (choice.ok) return choice.address;
  const given = source.from === 'interface' ? source.name : '';
  throw new StartError(`--${which}-if=${JSON.stringify(given)}: ${choice.reason}`);
}

function readNetwork(): HostNetwork {
  const addresses = Object.entries(networkInterfaces()).flatMap(([name, entries = []]) =>
    entries.map(({ address }) => ({ name, address })),
  );
  return {
    addresses,
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
