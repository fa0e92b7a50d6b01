/** The programs as processes on real parts: what the end-to-end tests play on. */
import type { HostPort } from '../../../shared/address.ts';
import { temporaryDirectory } from '../temporary.ts';
import type { DockerHost } from './docker.ts';
import { freePort } from './ports.ts';
import { type RollcallProcess, ready, startRollcall } from './rollcall.ts';

export const DOMAIN = 's.prod.example.com';

export interface AnnouncerProcess extends RollcallProcess {
  readonly http: number;
  readonly dataDir: string;
}

export interface ResolverProcess extends RollcallProcess {
  readonly http: number;
  readonly dataDir: string;
  readonly dns: HostPort;
}

/** `rollcall announcer` for one host of the test; resolves once it is ready. */
export async function startAnnouncer(
  etcdUrl: string,
  docker: DockerHost,
  hostName: string,
  options: { args?: readonly string[]; dataDir?: string; address?: string } = {},
): Promise<AnnouncerProcess> {
  const announcer = await spawnAnnouncer(etcdUrl, docker, hostName, options);
  await ready(announcer.http);
  return announcer;
}

/** As {@link startAnnouncer}, without waiting. */
export async function spawnAnnouncer(
  etcdUrl: string,
  docker: DockerHost,
  hostName: string,
  options: { args?: readonly string[]; dataDir?: string; address?: string } = {},
): Promise<AnnouncerProcess> {
  const { args = [], dataDir = temporaryDirectory(), address = '127.0.0.1' } = options;
  const http = await freePort();
  const process = startRollcall([
    'announcer',
    ...['--etcd', etcdUrl, '--docker', docker.host, '--host-name', hostName, '--domain', DOMAIN],
    ...['--private-ip', address, '--data-dir', dataDir, '--http', `127.0.0.1:${http}`, '--lease-ttl', '15'],
    ...args,
  ]);
  return Object.assign(process, { http, dataDir });
}

/** `rollcall resolver`; resolves once it is ready. @param listen address, 127.0.0.1 unless given */
export async function startResolver(
  etcdUrl: string,
  options: { args?: readonly string[]; dataDir?: string; listen?: readonly string[] } = {},
): Promise<ResolverProcess> {
  const { args = [], dataDir = temporaryDirectory(), listen = ['127.0.0.1'] } = options;
  const [http, port] = [await freePort(), await freePort()];
  const process = startRollcall([
    'resolver',
    ...['--etcd', etcdUrl, '--zone', DOMAIN, '--data-dir', dataDir, '--http', `127.0.0.1:${http}`],
    ...listen.flatMap((address) => ['--listen', `${address}:${port}`]),
    ...(args.includes('--forward') ? [] : ['--forward', 'none']),
    ...args,
  ]);
  await ready(http);
  return Object.assign(process, { http, dataDir, dns: { host: listen[0] ?? '127.0.0.1', port } });
}
