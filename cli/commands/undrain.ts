import { readSettings } from '../../shared/settings.ts';
import { allProblems } from '../../shared/settings-report.ts';
import { askDaemon, ClientError } from '../client/client.ts';
import type { DrainAnswer } from '../client/drain-wait.ts';
import { type Command, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { undrainText } from '../text/undrain-text.ts';
import { drainSettings, subjectProblems } from './drain.ts';

export const undrainCommand: Command = {
  name: 'undrain',
  summary: 'End a drain: what is ready is announced again',
  description:
    'Ends a drain of a container, of the containers of a service on this host, or (--host) of the host; what is ready is announced again. A container that was drained by itself stays drained when the host is undrained, and the other way round. What was not drained is told, and is no failure: exit code 0.',
  arguments: [
    { name: 'container or service', help: 'id or name of a container, or a service', required: false, isName: true },
  ],
  settings: drainSettings,
  examples: ['rollcall undrain web-1 --http 127.0.0.1:8054', 'rollcall undrain --host --http 127.0.0.1:8054'],
  run: async ({ arguments: [of], flags, environment }) => {
    const read = readSettings(drainSettings, flags, environment);
    const { http, host } = read.values;
    const problems = subjectProblems(of, host);
    if (!read.ok || problems.length > 0) return complainOfSettings('undrain', allProblems(read, problems));
    try {
      const subject = host ? { host: 'true' } : { of };
      const answer = await askDaemon<DrainAnswer>(http, '/v1/undrain', subject, { method: 'POST' });
      print(undrainText(answer));
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`undrain: ${error.message}`);
      return error.exitCode;
    }
  },
};
