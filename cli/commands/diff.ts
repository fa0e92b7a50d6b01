import { readMoment } from '../../shared/moment.ts';
import { readSettings, switchSetting } from '../../shared/settings.ts';
import { describePastEvent, type EventJson } from '../../shared/text/event-text.ts';
import { type GapJson, gapText } from '../../shared/text/gap-text.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type Command, EXIT_OK, EXIT_USAGE } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { isoOf, MOMENT_HELP } from '../text/moment.ts';

interface Side {
  readonly outcome: string;
  readonly records: readonly string[];
}

interface Difference {
  readonly fromMs: number;
  readonly toMs: number;
  readonly name?: string;
  readonly changes: readonly {
    readonly key: string;
    readonly before?: string;
    readonly after?: string;
    readonly madeBy?: EventJson;
  }[];
  readonly isCut: boolean;
  readonly answers?: readonly { readonly type: string; readonly before: Side; readonly after: Side }[];
  readonly standings: { readonly from: string; readonly to: string };
  readonly gaps: readonly GapJson[];
}

const settings = {
  ...clientSettings,
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const diffCommand: Command = {
  name: 'diff',
  summary: 'What changed between two times: records, answers, and the events that made it so',
  arguments: [
    { name: 'from', help: MOMENT_HELP, required: true },
    { name: 'to', help: 'as from', required: true },
    { name: 'name', help: 'a service, host or instance name; the whole zone without', required: false, isName: true },
  ],
  settings,
  examples: ['rollcall diff 14:30 14:40', 'rollcall diff 2h 15m web'],
  run: async ({ arguments: [from = '', to = '', name], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('diff', read.problems);
    const nowMs = Date.now();
    const [fromMs, toMs] = [readMoment(from, nowMs), readMoment(to, nowMs)];
    if (fromMs === undefined || toMs === undefined) {
      const wrong = [...(fromMs === undefined ? [from] : []), ...(toMs === undefined ? [to] : [])];
      complain(`diff: ${wrong.map((text) => JSON.stringify(text)).join(', ')}: no time; ${MOMENT_HELP}`);
      return EXIT_USAGE;
    }
    const { http, json } = read.values;
    try {
      const query = { from: isoOf(fromMs), to: isoOf(toMs), name };
      const difference = await askDaemon<Difference>(http, '/v1/diff', query);
      print(json ? JSON.stringify(difference) : describe(difference));
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`diff: ${error.message}`);
      return error.exitCode;
    }
  },
};

function describe({ fromMs, toMs, name, changes, isCut, answers = [], standings, gaps }: Difference): string {
  return [
    `--- ${new Date(fromMs).toISOString()}  ${name ?? 'all names'}; ${standings.from}`,
    `+++ ${new Date(toMs).toISOString()}  ${name ?? 'all names'}; ${standings.to}`,
    ...(changes.length === 0 ? ['no record differs'] : []),
    ...changes.flatMap(({ key, before, after, madeBy }) => [
      ...(before === undefined ? [] : [`- ${key} ${before}`]),
      ...(after === undefined ? [] : [`+ ${key} ${after}`]),
      madeBy === undefined
        ? '    came in bulk, with a read of the whole store: no event of its own'
        : `    event ${madeBy.sequence}: ${describePastEvent(madeBy)}`,
    ]),
    ...(isCut ? ['… and more: give a name, or times closer to each other'] : []),
    ...answers.flatMap(({ type, before, after }) => [
      `answers to ${type}:`,
      ...sideLines('-', before),
      ...sideLines('+', after),
    ]),
    ...gaps.map((gap) => `GAP, there may have been more: ${gapText(gap)}`),
  ].join('\n');
}

function sideLines(sign: string, { outcome, records }: Side): string[] {
  return records.length === 0 ? [`${sign}   ${outcome}`] : records.map((record) => `${sign}   ${record}`);
}
