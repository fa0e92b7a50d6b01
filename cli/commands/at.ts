import { readMoment } from '../../shared/moment.ts';
import { readSettings, switchSetting } from '../../shared/settings.ts';
import { completionNote, type PastAnswerJson, pastText } from '../../shared/text/past-text.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type Command, EXIT_OK, EXIT_USAGE } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { isoOf, MOMENT_HELP } from '../text/moment.ts';

const settings = {
  ...clientSettings,
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const atCommand: Command = {
  name: 'at',
  summary: 'What this resolver would have answered at a time, as dig prints it, and the event that made it so',
  description:
    'What this resolver would have answered at a time, as dig prints it, and the event that made it so. Folded from the journal by the code that answers queries, with the settings of now; TTLs are those of the records (the time that was left on a lease is not recorded).',
  arguments: [
    { name: 'time', help: MOMENT_HELP, required: true },
    { name: 'name', help: 'a service, host or instance name, whole or without the zone', required: true, isName: true },
    { name: 'type', help: 'A unless given', required: false },
  ],
  settings,
  examples: ['rollcall at 14:32 web SRV', 'rollcall at 15m web', 'rollcall at 2026-11-20T14:32:00Z web AAAA'],
  run: async ({ arguments: [time = '', name, type], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('at', read.problems);
    const atMs = readMoment(time, Date.now());
    if (atMs === undefined) {
      complain(`at: ${JSON.stringify(time)} is no time; ${MOMENT_HELP}`);
      return EXIT_USAGE;
    }
    const { http, json } = read.values;
    try {
      const answer = await askDaemon<PastAnswerJson>(http, '/v1/at', { time: isoOf(atMs), name, type });
      print(json ? JSON.stringify(answer) : pastText(answer));
      const note = completionNote(name ?? '', answer);
      if (!json && note !== undefined) print(note);
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`at: ${error.message}`);
      return error.exitCode;
    }
  },
};
