import { isIP } from 'node:net';

/** Where the Docker engine listens. */
export type DockerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls: boolean };

export type DockerHostRead =
  | { readonly ok: true; readonly address: DockerAddress }
  /** Completes `--docker="text": …`. */
  | { readonly ok: false; readonly reason: string };

export const DEFAULT_DOCKER_HOST = 'unix:///var/run/docker.sock';
/** The engine's registered ports, without and with TLS. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

/**
 * Reads `--docker` and what `DOCKER_HOST` may hold: `unix:///path`, a bare path, `tcp://host[:port]`, `http://`,
 * `https://`, `host:port`. Empty means the default socket.
 *
 * @param tls client certificates are given (`DOCKER_TLS_VERIFY`), so a `tcp://` address is spoken to with TLS
 */
export function parseDockerHost(text: string, tls: boolean): DockerHostRead {
  const given = text.trim() === '' ? DEFAULT_DOCKER_HOST : text.trim();
  if (given.startsWith('/')) return unixAddress(given);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(given)?.[1]?.toLowerCase();
  switch (scheme) {
    case 'unix':
      return unixAddress(given.slice('unix://'.length) || DEFAULT_DOCKER_HOST.slice('unix://'.length));
    case undefined:
      return tcpAddress(`tcp://${given}`, tls);
    case 'tcp':
    case 'http':
      return tcpAddress(given, tls);
    case 'https':
      return tcpAddress(given, true);
    case 'ssh':
      return no(
        'ssh is not spoken here; forward the socket (ssh -L /run/docker.sock:/var/run/docker.sock) or use tcp:// with TLS',
      );
    default:
      return no(`scheme ${scheme}:// is not known; write unix:///var/run/docker.sock or tcp://192.0.2.1:2376`);
  }
}

/** As messages name it: `unix:///var/run/docker.sock`, `tcp://192.0.2.1:2376`. */
export function describeDockerAddress(address: DockerAddress): string {
  if (address.kind === 'unix') return `unix://${address.path}`;
  const host = isIP(address.host) === 6 ? `[${address.host}]` : address.host;
  return `${address.tls ? 'https' : 'tcp'}://${host}:${address.port}`;
}

function unixAddress(path: string): DockerHostRead {
  if (!path.startsWith('/'))
    return no(`the path ${JSON.stringify(path)} must be absolute, as unix:///var/run/docker.sock`);
  return { ok: true, address: { kind: 'unix', path } };
}

function tcpAddress(text: string, tls: boolean): DockerHostRead {
  if (!URL.canParse(text.replace(/^[a-z]+:/i, 'http:'))) return no('is no address; write tcp://192.0.2.1:2376');
  const url = new URL(text.replace(/^[a-z]+:/i, 'http:'));
  if (url.pathname !== '/' || url.search !== '' || url.username !== '') {
    return no('must be scheme, host and port only, as tcp://192.0.2.1:2376');
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // The URL parser drops the port 80, which is http's own default and not the engine's.
  const written = /:(\d+)\/?$/.exec(text)?.[1];
  const port = written === undefined ? (tls ? TLS_PORT : PLAIN_PORT) : Number(written);
  return { ok: true, address: { kind: 'tcp', host, port, tls } };
}

function no(reason: string): DockerHostRead {
  return { ok: false, reason };
}
