import type { HostPort } from '../../shared/address.ts';
import type { OwnerName } from '../../shared/name.ts';

/** A command line that asks the first address for a service of the first zone. */
export function digLine(listen: readonly HostPort[], zones: readonly OwnerName[]): string {
  const { host, port } = listen[0] ?? { host: '127.0.0.1', port: 53 };
  const name = `web.${zones[0] ?? ''}`.replace(/\.$/, '');
  return `dig @${host}${port === 53 ? '' : ` -p ${port}`} ${name}`;
}
