import { formatHostPort, type HostPort } from '../shared/address.ts';
import type { OwnerName } from '../shared/name.ts';

/** For banners: an address that can be typed into a browser or a command on this machine. */
export function urlOf(http: HostPort): string {
  return `http://${formatHostPort(http)}`;
}

/** A command line that asks the first address for a service of the first zone. */
export function digLine(listen: readonly HostPort[], zones: readonly OwnerName[]): string {
  const { host, port } = listen[0] ?? { host: '127.0.0.1', port: 53 };
  const name = `web.${zones[0] ?? ''}`.replace(/\.$/, '');
  return `dig @${host}${port === 53 ? '' : ` -p ${port}`} ${name}`;
}
