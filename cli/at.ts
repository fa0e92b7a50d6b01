import { readMoment } from '../shared/moment.ts';
import { readSettings, switchSetting } from '../shared/settings.ts';
import { askDaemon, ClientError, clientSettings } from './client.ts';
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './command.ts';
import { type AnswerJson, digText } from './dig-text.ts';
import { describeEvent, type EventJson } from './event-text.ts';
import { type GapJson, gapText } from './gap-text.ts';
import { complain, complainOfSettings, print } from './output.ts';

interface PastAnswer extends AnswerJson {
  readonly standing: string;
  readonly madeBy?: EventJson;
  readonly late: readonly EventJson[];
  readonly gaps: readonly GapJson[];
  readonly notRecorded: readonly string[];
}

const settings = {
  ...clientSettings,
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const MOMENT_HELP = 'write 14:32 (the last one, local time), 15m (ago) or 2026-11-20T14:32:00Z';

export const atCommand: Command = {
  name: 'at',
  summary: 'What this resolver would have answered at a time, as dig prints it, and the event that made it so',
  description:
    'What this resolver would have answered at a time, as dig prints it, and the event that made it so. Folded from the journal by the code that answers queries, with the settings of now; TTLs are those of the records (the time that was left on a lease is not recorded).',
  arguments: [
    { name: 'time', help: MOMENT_HELP, required: true },
    { name: 'name', help: 'a service, host or instance name, whole or without the zone', required: true },
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
      const answer = await askDaemon<PastAnswer>(http, '/v1/at', { time: String(atMs), name, type });
      print(json ? JSON.stringify(answer) : describe(answer));
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`at: ${error.message}`);
      return EXIT_FAILED;
    }
  },
};

function describe(answer: PastAnswer): string {
  const { gaps, late, madeBy, notRecorded, standing } = answer;
  return [
    digText(answer),
    '',
    `;; ${standing}`,
    madeBy === undefined
      ? ';; made so by nothing that the journal still has'
      : `;; made so by event ${madeBy.sequence}: ${describeEvent(madeBy)}`,
    ...late.map((event) => `;; OBSERVED LATE, true since some time before: ${describeEvent(event)}`),
    ...gaps.map((gap) => `;; GAP, the answer may have been another: ${gapText(gap)}`),
    ...(notRecorded.length === 0
      ? []
      : [`;; NOT RECORDED: what ${notRecorded.join(', ')} resolved to, outside the zones`]),
  ].join('\n');
}
