import { isIPv6 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { formatHostPort, type HostPort } from '../../../shared/address.ts';
import { AF_INET, AF_INET6, encodeSocketAddress } from './socket-address.ts';
import type { SystemCalls } from './system-calls.ts';

/** Of Linux on x64 and arm64. */
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_REUSEPORT = 15;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/**
 * A UDP socket at `address`, IPv6 without IPv4.
 *
 * @param shared others listen there too, and the kernel gives each client to one of them (SO_REUSEPORT)
 * @param beside a socket of ours that has the port on every address, and goes on with those that no other has
 * @returns its file descriptor, which the caller closes
 * @throws {NodeJS.ErrnoException} with the code that Node's sockets give
 */
export function bindUdp(calls: SystemCalls, address: HostPort, shared: boolean, beside?: number): number {
  if (beside === undefined) return bindAlone(calls, address, shared, false);
  // Both must share the port at this moment, and no longer: see refuseSharing.
  setSharing(calls, beside, 1);
  try {
    return bindAlone(calls, address, shared, true);
  } finally {
    refuseSharing(calls, beside);
  }
}

function bindAlone(calls: SystemCalls, { host, port }: HostPort, shared: boolean, isBeside: boolean): number {
  const check = (call: string, result: number): number => {
    if (result >= 0) return result;
    throw systemError(calls.errno(), call, { host, port });
  };
  const isIpv6 = isIPv6(host);
  const [, zone] = host.split('%');
  const name = encodeSocketAddress(host, port, zone === undefined ? 0 : calls.interfaceIndex(zone));
  const type = SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  const fd = check('socket', calls.socket(isIpv6 ? AF_INET6 : AF_INET, type));
  try {
    if (isIpv6) check('setsockopt', calls.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    if (isBeside) setSharing(calls, fd, 1);
    if (shared) check('setsockopt', calls.setOption(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    check('bind', calls.bind(fd, name));
    return fd;
  } catch (error) {
    calls.close(fd);
    throw error;
  }
}

/** libuv sets SO_REUSEADDR on a socket that it is given. With it, another process could bind the same port and take our queries. */
export function refuseSharing(calls: SystemCalls, fd: number): void {
  setSharing(calls, fd, 0);
}

function setSharing(calls: SystemCalls, fd: number, value: 0 | 1): void {
  if (calls.setOption(fd, SOL_SOCKET, SO_REUSEADDR, value) < 0) {
    throw systemError(calls.errno(), 'setsockopt', undefined);
  }
}

function systemError(errno: number, syscall: string, address: HostPort | undefined): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const where = address === undefined ? '' : ` ${formatHostPort(address)}`;
  return Object.assign(new Error(`${syscall} ${code}${where}`), { errno: -errno, code, syscall });
}
