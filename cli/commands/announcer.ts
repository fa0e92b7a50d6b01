import { announcerConfig, announcerSettings } from '../../announcer/config.ts';
import { formatHostPort } from '../../shared/address.ts';
import { eventsRoute } from '../../shared/events/event-streams.ts';
import { readSettings, switchSetting } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import type { Command } from '../command.ts';
import { daemonSettings, SIGNALS_HELP } from '../daemon/daemon-settings.ts';
import { printDryRun } from '../daemon/dry-run.ts';
import { readEtcdAccess } from '../daemon/etcd-access.ts';
import { complainOfSettings } from '../output.ts';

const settings = {
  ...announcerSettings,
  ...daemonSettings(8054),
  dryRun: switchSetting({
    flag: 'dry-run',
    help: 'Only tell what would be announced and why: each rule, its input and verdict, the key and value. Looks at the engine once, makes no checks, needs no etcd and writes nothing.',
  }),
};

export const announcerCommand: Command = {
  name: 'announcer',
  summary: 'Keep the names of this host true: follow the Docker engine, keep keys in etcd',
  description: `Keep the names of this host true: follow the Docker engine, keep keys in etcd. ${SIGNALS_HELP}`,
  arguments: [
    { name: 'container', help: 'with --dry-run: only this one, by id or name', required: false, isName: true },
  ],
  settings,
  examples: [
    'rollcall announcer --etcd http://127.0.0.1:2379 --domain s.prod.example.com',
    'rollcall announcer --dry-run web-1',
    'rollcall announcer --host-name node-1 --private-if eth1 --services /etc/rollcall/services.json',
  ],
  run: async ({ arguments: [container], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    const problems: string[] = [];
    const { dryRun: isDryRun, dataDir } = read.values;
    if (container !== undefined && !isDryRun) {
      problems.push(`${JSON.stringify(container)}: a container is named for --dry-run alone; an announcer takes all`);
    }
    const etcdAccess = isDryRun ? {} : readEtcdAccess(read.values, problems);
    const config = announcerConfig(read.values);
    if (!config.ok) problems.push(...config.problems);
    if (!read.ok || !config.ok || problems.length > 0)
      return complainOfSettings('announcer', allProblems(read, problems));
    if (isDryRun) return printDryRun(config.config, dataDir, container);
    // Only now: the other commands start faster without the programs.
    const { runDaemon } = await import('../daemon/daemon.ts');
    const { createAnnouncer } = await import('../../announcer/main.ts');
    return runDaemon({
      program: 'announcer',
      common: read.values,
      etcdAccess,
      http: read.values.http,
      storeWithoutEtcd: 'local-etcd',
      components: (deps) => [createAnnouncer(config.config, deps('announcer'))],
      routes: ([announcer]) => (announcer === undefined ? [] : [...announcer.routes, eventsRoute([announcer.feed])]),
      isStdoutTaken: config.config.sinks.targets.some(({ kind }) => kind === 'stdout'),
      banner: (http) => `announcer runs; ask it with: rollcall ls --http ${formatHostPort(http)}`,
    });
  },
};
