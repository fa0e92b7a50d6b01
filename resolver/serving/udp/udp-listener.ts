import type { HostPort } from '../../../shared/address.ts';

/** DNS over UDP on one address. */
export interface UdpListener {
  /** @returns as given, with the port that was found for port 0 @throws {ListenError} */
  listen(address: HostPort): Promise<HostPort>;
  /** Takes no more queries; those that wait for an upstream are not answered. */
  close(): Promise<void>;
}
