import type { AddressSource, AnnouncerConfig } from '../../announcer/config.ts';
import type { HostAddress } from '../../announcer/facts.ts';
import { type HostNetwork, isOfThisMachineAlone } from '../../announcer/host/address.ts';
import { findHost, readNetwork, reasonOf } from '../../announcer/host/host.ts';
import { isLoopback } from '../../shared/address.ts';
import { StartError } from '../../shared/component.ts';
import { type Finding, fine, hint, wrong } from './finding.ts';

/** The name and the addresses that this host would be announced with, and why these. */
export function checkHost(config: AnnouncerConfig): Finding[] {
  try {
    const { name, privateAddress, publicAddress } = findHost(config);
    const network = readNetwork();
    const why = config.hostName === undefined ? "the machine's own" : '--host-name';
    return [
      fine('host', `name ${name} (${why})`),
      ...addressFindings('private', privateAddress, config.privateAddress, network),
      ...addressFindings('public', publicAddress, config.publicAddress, network),
    ];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return [wrong('host', error.message, 'mend that setting')];
  }
}

/** What is to be said of an address that was chosen, or not found. */
export function addressFindings(
  which: 'private' | 'public',
  chosen: HostAddress | undefined,
  source: AddressSource,
  network: HostNetwork,
): Finding[] {
  const flags = `--${which}-ip or --${which}-if`;
  if (chosen === undefined) {
    return [
      wrong('host', `no ${which} address was found`, `give ${flags}; containers announced with it have no address`),
    ];
  }
  const { address } = chosen;
  const at = network.addresses.find((each) => each.address === address)?.name;
  const where = at === undefined ? 'an address of no interface here' : `of ${at}`;
  const says = `${which} address ${address}, ${where} (${reasonOf(which, source)})`;
  if (isLoopback(address)) return [hint('host', says, `only this machine reaches it; give ${flags} for others`)];
  if (at !== undefined && isOfThisMachineAlone(at, network)) {
    const advice = `nothing but containers or virtual machines is joined to ${at}, so others most likely cannot reach it; give ${flags}`;
    return [hint('host', says, advice)];
  }
  if (at === undefined) return [hint('host', says, 'right behind NAT or with a floating address; else it is mistyped')];
  return [fine('host', says)];
}
