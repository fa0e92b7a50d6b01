import { readSettings, switchSetting } from '../../shared/settings.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type Command, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { formatAge, formatTable } from '../text/table.ts';

/** What both daemons say of an instance; the announcer also lists what it holds back. */
interface ListedInstance {
  readonly service: string;
  readonly name: string;
  readonly state: string;
  readonly detail?: string;
  readonly host?: string;
  readonly port?: number;
  readonly portName?: string;
  readonly protocol?: string;
  readonly sinceMs?: number;
}

interface Listing {
  readonly services: readonly { readonly service: string; readonly instances: readonly ListedInstance[] }[];
  readonly truncated?: boolean;
  /** Of a resolver: whether it knows what it lists to be true. */
  readonly standing?: string;
  /** Of `up`: why one of the two could not say. */
  readonly incomplete?: readonly string[];
}

const settings = {
  ...clientSettings,
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const lsCommand: Command = {
  name: 'ls',
  summary: 'What is announced now: service, instance, address, age, state',
  description:
    'What is announced now. A resolver lists what it answers with; an announcer what it announces on its host, and what it holds back and why.',
  arguments: [{ name: 'name', help: 'only this service', required: false, isName: true }],
  settings,
  examples: ['rollcall ls', 'rollcall ls web', 'rollcall ls --http 127.0.0.1:8054'],
  run: async ({ arguments: [name], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('ls', read.problems);
    if (name === '.' || name === '..') {
      complain(`ls: ${JSON.stringify(name)} is no service; name one, or none for all`);
      return EXIT_USAGE;
    }
    try {
      const listing = await list(read.values.http, name);
      print(read.values.json ? JSON.stringify(listing) : describe(listing, Date.now()));
      return listing.standing === NEVER_SYNCED ? EXIT_FAILED : EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`ls: ${error.message}`);
      return error.exitCode;
    }
  },
};

const NEVER_SYNCED = 'never-synced';
/** Of a resolver that does not follow its store. */
const STANDINGS: Readonly<Record<string, string>> = {
  [NEVER_SYNCED]: 'what is announced is not known: the store has never been read; /ready and the log say why',
  stale: 'stale: the store is away, and this is the last that was known of it',
  'too-stale':
    'too stale: the store has been away for longer than --max-stale, and nothing is answered from this any more',
};

async function list(http: Parameters<typeof askDaemon>[0], name: string | undefined): Promise<Listing> {
  if (name === undefined) return askDaemon<Listing>(http, '/v1/services', {});
  const found = await askDaemon<Listing | Listing['services'][number]>(
    http,
    `/v1/services/${encodeURIComponent(name)}`,
    {},
  );
  return 'services' in found ? found : { services: [found] };
}

function describe({ services, truncated, standing = 'live', incomplete = [] }: Listing, nowMs: number): string {
  const rows = services.flatMap(({ instances }) => instances.map((instance) => rowOf(instance, nowMs)));
  const table = formatTable(['SERVICE', 'INSTANCE', 'ADDRESS', 'AGE', 'STATE'], rows);
  const isKnown = standing !== NEVER_SYNCED;
  return [
    ...(rows.length > 0 ? [table] : isKnown ? ['nothing is announced'] : []),
    ...(truncated === true ? ['… and more: name a service'] : []),
    ...(STANDINGS[standing] === undefined ? [] : [STANDINGS[standing]]),
    ...incomplete.map((reason) => `incomplete: ${reason}`),
  ].join('\n');
}

function rowOf(instance: ListedInstance, nowMs: number): string[] {
  const { service, name, host = '', port, portName, sinceMs, state, detail } = instance;
  const address = port === undefined ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const inside = name.startsWith(service) ? name : name.slice(0, Math.max(0, name.indexOf(`.${service}.`)));
  return [
    service,
    inside === '' ? name : inside,
    portName === undefined ? address : `${address} (${portName})`,
    sinceMs === undefined ? '-' : formatAge(nowMs - sinceMs),
    detail === undefined ? state : `${state}: ${detail}`,
  ];
}
