/** One host with everything on it: etcd, engine, announcer, resolver. */
import { temporaryDirectory } from '../temporary.ts';
import { until } from '../until.ts';
import { dig } from './dig.ts';
import { buildBusybox, type DockerHost, startDocker } from './docker.ts';
import { type Etcd, startEtcd } from './etcd.ts';
import { type AnnouncerProcess, type ResolverProcess, startAnnouncer, startResolver } from './stage.ts';

export interface HostStage {
  etcd: Etcd;
  docker: DockerHost;
  image: string;
  announcer: AnnouncerProcess;
  resolver: ResolverProcess;
}

export interface HostStageOptions {
  readonly announcerArgs?: readonly string[];
  /** The engine is there by then. */
  readonly resolverArgs?: (docker: DockerHost) => readonly string[];
}

/** Fills `stage` as it goes, so that {@link closeHostStage} finds what had been started when a step fails. */
export async function openHostStage(
  stage: HostStage,
  { announcerArgs = [], resolverArgs = () => [] }: HostStageOptions = {},
): Promise<void> {
  stage.etcd = await startEtcd();
  stage.docker = await startDocker();
  stage.image = await buildBusybox(stage.docker);
  stage.announcer = await announcerOn(stage, announcerArgs);
  stage.resolver = await startResolver(stage.etcd.url, { args: resolverArgs(stage.docker) });
}

export async function closeHostStage({ etcd, docker, announcer, resolver }: Partial<HostStage>): Promise<void> {
  await announcer?.end('SIGTERM');
  await resolver?.end('SIGTERM');
  await docker?.stop();
  await etcd?.stop();
}

export function announcerOn(
  { etcd, docker }: Pick<HostStage, 'etcd' | 'docker'>,
  args: readonly string[] = [],
  dataDir = temporaryDirectory(),
): Promise<AnnouncerProcess> {
  return startAnnouncer(etcd.url, docker, 'node-1', { args, dataDir });
}

/** Removes every container, and waits until the name of the test is gone with them. */
export async function clearHost({ docker, resolver }: HostStage, name: string): Promise<void> {
  const ids = await docker.cli('ps', '-aq');
  if (ids !== '') await docker.cli('rm', '-f', ...ids.split('\n'));
  await until('all names gone', async () => (await dig(resolver.dns, name)).status === 'NXDOMAIN');
}
