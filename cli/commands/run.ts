import { randomBytes } from 'node:crypto';
import { ProcessAnnouncement } from '../../announcer/run/process-announcement.ts';
import { checkProcess } from '../../announcer/run/process-check.ts';
import { StartError } from '../../shared/component.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { readSettings, type ValuesOf } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import { openEtcdStore } from '../../shared/store/etcd/etcd.ts';
import { type Command, EXIT_FAILED } from '../command.ts';
import { type EtcdAccess, readEtcdAccess } from '../daemon/etcd-access.ts';
import { complain, complainOfSettings } from '../output.ts';
import { heldSignals } from '../process/held-signals.ts';
import { endDespiteLeftovers } from '../process/leftovers.ts';
import { exitCodeOf, OUTLIVED_AFTER_MS, RunningChild, SpawnError } from '../process/run-child.ts';
import { type RunConfig, runConfig, runSettings, runWish } from '../process/run-settings.ts';

const LOCAL_ETCD = 'http://127.0.0.1:2379';

export const runCommand: Command = {
  name: 'run',
  summary: 'Run a command that is no container, announced for as long as it runs and is ready',
  description:
    "Runs a command and announces it in etcd for as long as it runs and its check passes. SIGTERM, SIGINT and SIGQUIT take the name away first and are then forwarded; a command that such a signal does not end runs on without a name. Other signals are forwarded at once. Ends with the command's exit code, 128 + n when signal n ended it, 127 when there is no such command, 126 when it cannot be run. Put -- before the command, so that its options are its own. It can be a container's entrypoint: process 1 is then the launcher's shell, which passes signals on and collects orphans.",
  arguments: [{ name: 'command', help: 'the command and its arguments, behind --', required: true, variadic: true }],
  settings: runSettings,
  examples: [
    'rollcall run --name web --port 8080 -- /usr/sbin/httpd -f -p 8080',
    'rollcall run --port 8080 --check http:/healthz --drain 7s -- ./server',
  ],
  run: async ({ arguments: words, flags, environment }) => {
    const read = readSettings(runSettings, flags, environment);
    const [command = '', ...args] = words.filter((word) => word !== undefined);
    const problems: string[] = [];
    const access = readEtcdAccess({ ...read.values, dataDir: '' }, problems);
    try {
      const wish = runWish(read.values, command, process.pid, problems);
      if (!read.ok || wish === undefined || problems.length > 0) {
        return complainOfSettings('run', allProblems(read, problems));
      }
      const config = runConfig(read.values, wish, problems);
      if (config === undefined) return complainOfSettings('run', problems);
      return await runAnnounced(config, read.values, access, [command, ...args]);
    } catch (error) {
      if (error instanceof SpawnError) {
        complain(`run: ${error.message}`);
        return error.exitCode;
      }
      if (!(error instanceof StartError)) throw error;
      complain(`run: ${error.message}`);
      return EXIT_FAILED;
    }
  },
};

async function runAnnounced(
  config: RunConfig,
  values: ValuesOf<typeof runSettings>,
  access: EtcdAccess,
  command: readonly string[],
): Promise<number> {
  const log = createLog(values.logLevel, 'run');
  if (process.pid === 1) sayProcess1(log);
  const signals = heldSignals();
  // Told to end before it began.
  if (signals.ending !== undefined) return exitCodeOf(signals.ending);
  const child = await RunningChild.start(command);
  const store = openEtcdStore({ endpoints: values.etcd.length === 0 ? [LOCAL_ETCD] : values.etcd, ...access, log });
  const id = randomBytes(6).toString('hex');
  const announcement = new ProcessAnnouncement({ ...config, store, ttlSeconds: values.leaseTtl, id, log });
  const checking = checkProcess({ ...config, pid: child.pid }).subscribe(({ passing, detail }) =>
    announcement.setReady(passing, detail),
  );
  let withdrawn: Promise<void> | undefined;
  const withdraw = (): Promise<void> => {
    checking.unsubscribe();
    withdrawn ??= announcement.withdraw();
    return withdrawn;
  };
  child.forwardSignals(signals, {
    before: (signal) => {
      log.info('stopping', `${signal}: taking the name of ${config.service} away, then forwarding the signal`, {
        signal,
      });
      return withdraw();
    },
    drainMs: values.drain * 1000,
    onOutlived: (signal) => sayRunsOn(log, config, signal),
  });
  const exitCode = await child.ended;
  await withdraw();
  await store.close();
  endDespiteLeftovers(log);
  return exitCode;
}

/** To bring the name back would lead clients to what drains, and is killed next by whoever sent the signal. */
function sayRunsOn(log: Log, { service }: RunConfig, signal: NodeJS.Signals): void {
  log.warn(
    'run-without-name',
    `the command runs on ${OUTLIVED_AFTER_MS / 1000} s after ${signal}, and ${service} stays without a name; it has one again when it is started anew`,
    { signal },
  );
}

function sayProcess1(log: Log): void {
  log.warn(
    'run-is-process-1',
    'this Node is process 1 of its container: a signal within its first 50 ms or so is lost, and orphans that the command leaves stay as zombies, because Node collects only its own children; make the launcher `rollcall` the entrypoint, or use docker run --init',
  );
}
