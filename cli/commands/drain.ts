import type { HostPort } from '../../shared/address.ts';
import { readSettings, secondsSetting, switchSetting } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type DrainAnswer, DrainError, type Drained, DrainWait, nameOf } from '../client/drain-wait.ts';
import { type Command, EXIT_FAILED, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';

export const drainSettings = {
  ...clientSettings,
  host: switchSetting({
    flag: 'host',
    help: 'The whole host: nothing of it is announced, nor what starts later, until `rollcall undrain --host`.',
  }),
};

const settings = {
  ...drainSettings,
  stop: switchSetting({
    flag: 'stop',
    help: 'Then stop the containers, each with its own stop signal and grace. The announcer asks the engine for it, which needs more than a read-only socket.',
  }),
  timeout: secondsSetting({
    flag: 'timeout',
    help: 'Give up waiting after so long, with exit code 1; what is drained stays so. Must leave room for the largest TTL.',
    default: 3600,
    min: 1,
    max: 172_800,
  }),
};

export const drainCommand: Command = {
  name: 'drain',
  summary: 'Take names away, and wait until no client can hold an answer any more; then, with --stop, stop',
  description:
    'Takes every name of a container away, of the containers of a service on this host, or of the whole host, and waits until no client can hold an answer any more: until the keys are gone from the store, then the largest TTL handed out and 2 s. Ends with 0 only when that is done; a process of `rollcall run` keeps its name until it is sent SIGTERM, and is named. What is drained stays so, also when the announcer restarts, until `rollcall undrain`, or until the container is started anew or removed.',
  arguments: [
    { name: 'container or service', help: 'id or name of a container, or a service', required: false, isName: true },
  ],
  settings,
  examples: [
    'rollcall drain web-1 --stop --http 127.0.0.1:8054',
    'rollcall drain web --timeout 2m --http 127.0.0.1:8054',
    'rollcall drain --host --http 127.0.0.1:8054',
  ],
  run: async ({ arguments: [of], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    const { http, host, stop, timeout } = read.values;
    const problems = subjectProblems(of, host);
    if (host && stop)
      problems.push(
        '--stop: stops containers that are named, not those of a whole host; drain it, then stop what you mean to',
      );
    if (!read.ok || problems.length > 0) return complainOfSettings('drain', allProblems(read, problems));
    const untilMs = performance.now() + timeout * 1000;
    try {
      const subject = host ? { host: 'true' } : { of };
      const drained = await askDaemon<DrainAnswer>(http, '/v1/drain', subject, { method: 'POST' });
      print(describe(drained));
      await new DrainWait(http, drained, untilMs, print).done();
      if (stop) await stopAll(http, drained.containers, untilMs);
      for (const { service, instance } of drained.runs ?? []) {
        complain(
          `drain: ${instance} of ${service} is still announced: it is a \`rollcall run\`, which takes its name away itself; send it SIGTERM (its --drain is the wait before the command hears of it)`,
        );
      }
      return (drained.runs ?? []).length === 0 ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof ClientError || error instanceof DrainError)) throw error;
      complain(`drain: ${error.message}`);
      return error instanceof ClientError ? error.exitCode : EXIT_FAILED;
    }
  },
};

/** Either a name or `--host`. */
export function subjectProblems(of: string | undefined, host: boolean): string[] {
  if (host && of !== undefined) return [`--host means everything on it; leave ${JSON.stringify(of)} out, or --host`];
  if (!host && of === undefined) return ['no container or service is named; name one, or give --host'];
  return [];
}

function describe({ host, containers }: DrainAnswer): string {
  const lines = containers.map(
    (each) => `${nameOf(each)}: ${each.services.length === 0 ? 'no name' : each.services.join(', ')}`,
  );
  return [host ? 'draining the host' : 'draining', ...lines.map((line) => `  ${line}`)].join('\n');
}

/** fetch gives up on an answer that has not begun after 5 minutes. */
const STOP_ANSWER_MS = 290_000;

/** All at once, as each waits out its own grace. */
async function stopAll(http: HostPort, containers: readonly Drained[], untilMs: number): Promise<void> {
  const stops = containers
    .filter(({ container }) => !container.startsWith('static:'))
    .map(async (each) => {
      const timeoutMs = Math.round(Math.min(STOP_ANSWER_MS, Math.max(1000, untilMs - performance.now())));
      print(`stopping ${nameOf(each)}`);
      await askDaemon(http, '/v1/stop', { of: each.container }, { method: 'POST', timeoutMs });
      print(`stopped ${nameOf(each)}`);
    });
  const failures = (await Promise.allSettled(stops)).flatMap((each) =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  for (const failure of failures) if (!(failure instanceof ClientError)) throw failure;
  if (failures.length > 0) throw new DrainError(failures.map(({ message }: ClientError) => message).join('\n'));
}
