import { announcerConfig, announcerSettings } from '../../announcer/config.ts';
import { resolverConfig, resolverSettings } from '../../resolver/config.ts';
import { formatHostPort } from '../../shared/address.ts';
import { eventsRoute } from '../../shared/events/event-streams.ts';
import { readSettings } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import type { Command } from '../command.ts';
import { digLine } from '../daemon/banner.ts';
import { daemonSettings, SIGNALS_HELP } from '../daemon/daemon-settings.ts';
import { readEtcdAccess } from '../daemon/etcd-access.ts';
import { joinRoutes } from '../daemon/joined-routes.ts';
import { complainOfSettings } from '../output.ts';

const settings = { ...announcerSettings, ...resolverSettings, ...daemonSettings(8053) };

export const upCommand: Command = {
  name: 'up',
  summary: 'Announcer and resolver in one process, on an embedded store unless --etcd is given',
  description: `Announcer and resolver in one process. Without --etcd they meet in an embedded store below --data-dir: one host needs nothing else. ${SIGNALS_HELP}`,
  arguments: [],
  settings,
  examples: [
    'rollcall up --services examples/services.json',
    'rollcall up --etcd http://127.0.0.1:2379 --domain s.prod.example.com',
  ],
  run: async ({ flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    const problems: string[] = [];
    const etcdAccess = readEtcdAccess(read.values, problems);
    const announcer = announcerConfig(read.values);
    const resolver = resolverConfig(read.values, read.values.domain);
    if (!announcer.ok) problems.push(...announcer.problems);
    if (!resolver.ok) problems.push(...resolver.problems);
    if (read.values.workers > 1)
      problems.push(
        `--workers="${read.values.workers}": up answers in its own process; for several run rollcall resolver`,
      );
    if (!read.ok || !announcer.ok || !resolver.ok || problems.length > 0)
      return complainOfSettings('up', allProblems(read, problems));
    const { listen, zones } = resolver.config;
    // Only now: the other commands start faster without the programs.
    const { runDaemon } = await import('../daemon/daemon.ts');
    const { createAnnouncer } = await import('../../announcer/main.ts');
    const { createResolver } = await import('../../resolver/main.ts');
    return runDaemon({
      program: 'up',
      common: read.values,
      etcdAccess,
      http: read.values.http,
      storeWithoutEtcd: 'embedded',
      components: (deps) => [
        createAnnouncer(announcer.config, deps('announcer')),
        createResolver(resolver.config, deps('resolver')),
      ],
      routes: (both) => {
        const [first, second] = both;
        const feeds = both.map(({ feed }) => feed);
        return [...joinRoutes(first?.routes ?? [], second?.routes ?? []), eventsRoute(feeds)];
      },
      isStdoutTaken: announcer.config.sinks.targets.some(({ kind }) => kind === 'stdout'),
      banner: (http) =>
        [
          'rollcall is up. In another terminal:',
          `  ${digLine(listen, zones)}`,
          `  ./rollcall ls${http.port === 8053 ? '' : ` --http ${formatHostPort(http)}`}`,
          'Ctrl-C withdraws every name and stops.',
        ].join('\n'),
    });
  },
};
