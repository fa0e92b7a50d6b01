import { readSettings, switchSetting } from '../../shared/settings.ts';
import { describePastEvent, type EventJson } from '../../shared/text/event-text.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type Command, EXIT_FAILED, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { containerHint } from '../text/container-hint.ts';
import { isoOf, momentSetting } from '../text/moment.ts';

export interface History {
  /** Of an announcer: as it was asked for. */
  readonly name?: string;
  /** Of a resolver: what may be meant. */
  readonly names?: readonly string[];
  readonly history: readonly EventJson[];
  readonly isCut?: boolean;
  readonly gaps?: readonly Gap[];
  /** Of `up`: why one of the two could not say. */
  readonly incomplete?: readonly string[];
  /** Of a resolver, with `at`: the answers it would have given then. */
  readonly resolved?: Resolved;
  /** Of an announcer, with `at`: what it announced then. */
  readonly stood?: {
    readonly stands: readonly { readonly key: string; readonly value: string; readonly sinceMs: number }[];
  };
}

/** Of a resolver that is asked alone: only an announcer says the name as it was asked, only a resolver what it may mean. */
function isOfResolver({ name, names }: History): boolean {
  return names !== undefined && name === undefined;
}

interface Gap {
  readonly atMs: number;
  readonly lost?: number;
  readonly reason: string;
}

interface Resolved {
  readonly name: string;
  readonly atMs: number;
  /** Whether what was answered then was known to be true. */
  readonly standing: string;
  readonly answers: readonly { readonly type: string; readonly outcome: string; readonly records: readonly string[] }[];
  readonly madeBy?: EventJson;
}

const settings = {
  ...clientSettings,
  at: momentSetting({
    flag: 'at',
    help: 'What the name resolved to then, and which event made it so: 14:32 (the last one, local time), 15m (ago) or 2026-11-20T14:32:00Z.',
    defaultText: 'only the events',
  }),
  since: momentSetting({
    flag: 'since',
    help: 'Only events from then on; a time as for --at.',
    defaultText: 'all that the journal keeps',
  }),
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const historyCommand: Command = {
  name: 'history',
  summary: 'The events of a name; what it resolved to at a time, and which event made it so',
  arguments: [
    {
      name: 'name',
      help: 'a service, host or instance name, or a container; all events without',
      required: false,
      isName: true,
    },
  ],
  settings,
  examples: ['rollcall history web', 'rollcall history web --since 2h', 'rollcall history web --at 15m'],
  run: async ({ arguments: [name], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('history', read.problems);
    const { http, at, since, json } = read.values;
    try {
      const history = await askDaemon<History>(http, '/v1/history', { name, at: isoOf(at), since: isoOf(since) });
      print(json ? JSON.stringify(history) : describe(history, name));
      return name === undefined || hasEventOf(history) ? EXIT_OK : EXIT_FAILED;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`history: ${error.message}`);
      return error.exitCode;
    }
  },
};

/** Beside the name's own events there are those that concern every name, as that the store was lost. */
function hasEventOf({ history, resolved }: History): boolean {
  return resolved !== undefined || history.some((event) => 'key' in event || 'container' in event);
}

function describe(answer: History, name: string | undefined): string {
  const { history, isCut, gaps = [], resolved, stood, incomplete = [] } = answer;
  const lines = [
    ...(isCut === true ? ['… older events left out: give --since'] : []),
    ...[...history.map(eventLine), ...gaps.map(gapLine)]
      .sort((one, other) => one.atMs - other.atMs)
      .map(({ line }) => line),
  ];
  if (name !== undefined && !hasEventOf(answer)) {
    lines.push(`no event of ${name}`);
    if (isOfResolver(answer)) lines.push(containerHint('history', name));
  }
  if (name === undefined && history.length === 0) lines.push('no event');
  for (const reason of incomplete) lines.push(`incomplete: ${reason}`);
  if (resolved !== undefined) lines.push('', ...describeResolved(resolved));
  if (stood !== undefined) {
    lines.push('', stood.stands.length === 0 ? 'announced then: nothing' : 'announced then:');
    for (const { key, value, sinceMs } of stood.stands) {
      lines.push(`  ${key} ${value} since ${new Date(sinceMs).toISOString()}`);
    }
  }
  return lines.join('\n');
}

function eventLine(event: EventJson): { atMs: number; line: string } {
  return { atMs: event.atMs, line: describePastEvent(event) };
}

function gapLine({ atMs, lost, reason }: Gap): { atMs: number; line: string } {
  const count = lost === undefined ? 'events' : `${lost} events`;
  return { atMs, line: `${new Date(atMs).toISOString()}  ${count} missing here (${reason})` };
}

function describeResolved({ name, atMs, standing, answers, madeBy }: Resolved): string[] {
  return [
    `${name} at ${new Date(atMs).toISOString()}${standing === 'live' ? '' : ` (${standing})`}:`,
    ...answers.flatMap(({ type, outcome, records }) =>
      records.length === 0 ? [`  ${type}: ${outcome}`] : records.map((record) => `  ${record}`),
    ),
    madeBy === undefined ? 'made so by no event that the journal has' : `made so by: ${describePastEvent(madeBy)}`,
  ];
}
