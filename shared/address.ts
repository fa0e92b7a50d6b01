import { isIP } from 'node:net';

/** An address and port to listen on or to ask. `host` is an IP address, without brackets. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Reads `192.0.2.1:53`, `[2001:db8::1]:53`, and, with a default port, the bare address. Undefined when it is none of these. */
export function parseHostPort(text: string, defaultPort?: number): HostPort | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? (isIP(text) === 6 ? text : undefined);
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || isIP(host) === 0 || port === undefined || port > 65535) return undefined;
  return { host, port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A socket could not be bound: says which, why, and the setting that moves it. The process exits 1. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  constructor(what: string, address: HostPort, flag: string, cause: NodeJS.ErrnoException) {
    super(
      `cannot listen for ${what} on ${formatHostPort(address)}: ${reasonOf(cause)}; set ${flag} to another address or port`,
      { cause },
    );
  }
}

function reasonOf(cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EADDRINUSE':
      return 'the port is already in use';
    case 'EACCES':
      return 'not permitted (ports below 1024 need root or CAP_NET_BIND_SERVICE)';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    default:
      return cause.message;
  }
}

/** Whether `address` is in 127.0.0.0/8 or is ::1 (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.toLowerCase().startsWith('::ffff:127.');
}

/** Whether `address` is 0.0.0.0 or ::, which name no host. */
export function isUnspecified(address: string): boolean {
  return address === '0.0.0.0' || address === '::' || /^(0{1,4}:){7}0{1,4}$/.test(address);
}
