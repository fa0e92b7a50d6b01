import { resolverConfig, resolverSettings } from '../../resolver/config.ts';
import { eventsRoute } from '../../shared/events/event-streams.ts';
import { readSettings } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import type { Command } from '../command.ts';
import { digLine } from '../daemon/banner.ts';
import { daemonSettings } from '../daemon/daemon-settings.ts';
import { readEtcdAccess } from '../daemon/etcd-access.ts';
import { complainOfSettings } from '../output.ts';

const settings = { ...resolverSettings, ...daemonSettings(8053) };

export const resolverCommand: Command = {
  name: 'resolver',
  summary: 'Answer DNS from memory: follow etcd, forward what is outside the zones',
  description:
    'Answer DNS from memory: follow etcd, forward what is outside the zones. SIGTERM, SIGINT and SIGUSR2 end it; SIGHUP, as of a terminal that closes, does not.',
  arguments: [],
  settings,
  examples: [
    'rollcall resolver --etcd http://127.0.0.1:2379 --zone s.prod.example.com',
    'rollcall resolver --listen 127.0.0.1:53 --listen 172.17.0.1:53 --forward 192.0.2.53',
  ],
  run: async ({ flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    const problems: string[] = [];
    const etcdAccess = readEtcdAccess(read.values, problems);
    const config = resolverConfig(read.values);
    if (!config.ok) problems.push(...config.problems);
    if (!read.ok || !config.ok || problems.length > 0)
      return complainOfSettings('resolver', allProblems(read, problems));
    // Only now: the other commands start faster without the programs.
    const { runDaemon } = await import('../daemon/daemon.ts');
    const { createResolver } = await import('../../resolver/main.ts');
    return runDaemon({
      program: 'resolver',
      common: read.values,
      etcdAccess,
      http: read.values.http,
      storeWithoutEtcd: 'local-etcd',
      components: (deps) => [createResolver(config.config, deps('resolver'))],
      routes: ([resolver]) => (resolver === undefined ? [] : [...resolver.routes, eventsRoute([resolver.feed])]),
      banner: () => `resolver answers; try: ${digLine(config.config.listen, config.config.zones)}`,
    });
  },
};
