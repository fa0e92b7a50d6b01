import type { HostPort } from '../../shared/address.ts';
import { readAs, readSettings, SettingError, setting, switchSetting } from '../../shared/settings.ts';
import { gatherTraces, TRACES_MAX } from '../../shared/trace/gather.ts';
import { readTraceRequest } from '../../shared/trace/request.ts';
import { clientSettings } from '../client/client.ts';
import { partOf } from '../client/trace-parts.ts';
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { isoOf, momentSetting } from '../text/moment.ts';
import { moreText, traceText } from '../text/trace-text.ts';

const ANNOUNCER_PORT = 8054;

const settings = {
  ...clientSettings,
  announcer: setting({
    flag: 'announcer',
    placeholder: 'ADDRESS:PORT',
    help: 'The announcer of the host whose change it is; not asked when --http names `up`, which has both journals. Without it a trace has what the announcer left in etcd: the cause and the decision.',
    defaultText: `127.0.0.1:${ANNOUNCER_PORT}`,
    read: (text) => readAs.hostPort(text, ANNOUNCER_PORT),
    absent: (): HostPort => ({ host: '127.0.0.1', port: ANNOUNCER_PORT }),
  }),
  since: momentSetting({
    flag: 'since',
    help: 'Every change from then on (100 at most): 14:32 (the last one, local time), 15m (ago) or 2026-11-20T14:32:00Z.',
    defaultText: 'the last change alone',
  }),
  at: momentSetting({
    flag: 'at',
    help: 'The last change then or before.',
    defaultText: 'now',
  }),
  last: setting<number | undefined>({
    flag: 'last',
    placeholder: 'N',
    help: 'So many changes, the last ones.',
    defaultText: '1, or with --since all',
    bounds: `1 to ${TRACES_MAX}`,
    read: readLast,
    absent: () => undefined,
  }),
  json: switchSetting({ flag: 'json', help: 'Print JSON, for programs.' }),
};

export const traceCommand: Command = {
  name: 'trace',
  summary: 'One change from end to end, with its times: what happened, decision, etcd, resolver, first answer',
  description:
    'One change of a key from end to end, with its times: what the engine (or a check, or a command) said, the decision, the revision of etcd, when the resolver had it, and the first query that was answered with it. Asks a resolver and an announcer, or up; what one of them does not say is named, with the reason. Changes are ordered by revision, not by clock.',
  arguments: [
    {
      name: 'name or container',
      help: 'a service or DNS name, or a container by name or id',
      required: true,
      isName: true,
    },
  ],
  settings,
  examples: ['rollcall trace web', 'rollcall trace 3f2a9c01d4e7 --last 5', 'rollcall trace web --at 14:32'],
  run: async ({ arguments: [of = ''], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('trace', read.problems);
    const { http, announcer, json, since, at, last: wanted } = read.values;
    const query = { of, since: isoOf(since), at: isoOf(at), last: wanted?.toString() };
    const given = Object.entries(query).filter((each): each is [string, string] => each[1] !== undefined);
    const request = readTraceRequest(new URLSearchParams(given), Date.now());
    if ('problem' in request) {
      complain(`trace: ${request.problem}`);
      return EXIT_USAGE;
    }
    const { last } = request.window;
    return tell(of, json, last, await gatherBoth(http, announcer, { ...query, last: String(last) }, request.window));
  },
};

function readLast(text: string): number {
  const last = /^\d+$/.test(text) ? Number(text) : 0;
  if (last >= 1 && last <= TRACES_MAX) return last;
  throw new SettingError(`must be a whole number, 1 to ${TRACES_MAX}`);
}

type Gathered = Awaited<ReturnType<typeof gatherTraces>>;

/** An `up` says both; it needs no other announcer. */
async function gatherBoth(
  http: HostPort,
  announcer: HostPort,
  query: Readonly<Record<string, string | undefined>>,
  window: Parameters<typeof gatherTraces>[2],
): Promise<Gathered> {
  const ofHttp = partOf('announcer', http, query);
  const first = await ofHttp([]);
  const askAnnouncer = 'silent' in first ? partOf('announcer', announcer, query) : ofHttp;
  return gatherTraces(askAnnouncer, partOf('resolver', http, query), window);
}

function tell(of: string, isJson: boolean, last: number, gathered: Gathered): number {
  const { traces, moreInRevision, announcerSilent, resolverSilent } = gathered;
  if (announcerSilent !== undefined && resolverSilent !== undefined) {
    complain(`trace: ${resolverSilent}; ${announcerSilent}; name others with --http and --announcer`);
    return EXIT_FAILED;
  }
  if (isJson) {
    const silent = [announcerSilent, resolverSilent].filter((each) => each !== undefined);
    const more = moreInRevision === undefined ? {} : { moreInRevision };
    print(JSON.stringify({ of, traces, ...more, ...(silent.length > 0 && { incomplete: silent }) }));
  } else if (traces.length === 0) {
    print(`no change of ${of} in the journals`);
    for (const silent of [announcerSilent, resolverSilent]) if (silent !== undefined) print(`not asked: ${silent}`);
  } else {
    print(traces.map(traceText).join('\n\n'));
    if (moreInRevision !== undefined) print(`\n${moreText(moreInRevision, traces[0]?.revision ?? '', last)}`);
  }
  return traces.length === 0 ? EXIT_FAILED : EXIT_OK;
}
