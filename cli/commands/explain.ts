import { optionalSetting, readSettings, switchSetting } from '../../shared/settings.ts';
import { askDaemon, ClientError, clientSettings } from '../client/client.ts';
import { type Command, EXIT_OK } from '../command.ts';
import { complain, complainOfSettings, print } from '../output.ts';
import { containerHint } from '../text/container-hint.ts';
import { describeName, type ExplainedName } from '../text/name-text.ts';

/** What an announcer says of a container. */
export interface Container {
  readonly container: string;
  readonly name: string;
  readonly image: string;
  readonly state: string;
  readonly steps: readonly { readonly rule: string; readonly input: string; readonly verdict: string }[];
  readonly keys: readonly {
    readonly key: string;
    readonly value: string;
    readonly check: string;
    readonly status: string;
    readonly reason: string;
    readonly revision?: string;
    readonly foreignOwner?: string;
  }[];
  readonly refusals: readonly string[];
  readonly damping: { readonly penalty: number; readonly isHeldDown: boolean; readonly reuseInSeconds: number };
}

/** What a daemon answers: an announcer about containers, a resolver about names, `up` about both. */
interface Explained {
  readonly of: string;
  readonly containers?: readonly Container[];
  readonly instances?: readonly { readonly key: string; readonly state: string; readonly detail?: string }[];
  /** Of an announcer whose engine is away. */
  readonly lastKnown?: LastKnown;
  readonly resolver?: ExplainedName;
  /** Of `up`: why one of the two could not say. */
  readonly incomplete?: readonly string[];
}

interface LastKnown {
  readonly reason: string;
  readonly sinceMs?: number;
  readonly containers: readonly Pick<Container, 'container' | 'name' | 'image' | 'state'>[];
}

const settings = {
  ...clientSettings,
  type: optionalSetting({
    flag: 'type',
    placeholder: 'TYPE',
    help: 'Of a name: the record type to explain.',
    defaultText: 'every type that a service may have',
  }),
  json: switchSetting({ flag: 'json', help: 'Print the JSON of the daemon, for programs.' }),
};

export const explainCommand: Command = {
  name: 'explain',
  summary: 'Why a container or name is, or is not, announced: which keys, which rule, which revision',
  description:
    'Why a container is, or is not, announced (ask an announcer, or up), or why a name answers as it does (ask a resolver, or up).',
  arguments: [
    {
      name: 'container or name',
      help: 'id or name of a container, or a service or DNS name',
      required: true,
      isName: true,
    },
  ],
  settings,
  examples: ['rollcall explain web', 'rollcall explain 3f2a9c01d4e7 --http 127.0.0.1:8054'],
  run: async ({ arguments: [of], flags, environment }) => {
    const read = readSettings(settings, flags, environment);
    if (!read.ok) return complainOfSettings('explain', read.problems);
    const { http, json, type } = read.values;
    try {
      const explained = await askDaemon<Explained>(http, '/v1/explain', { of, type });
      print(json ? JSON.stringify(explained) : describe(explained));
      return EXIT_OK;
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      complain(`explain: ${error.message}`);
      return error.exitCode;
    }
  },
};

function describe(explained: Explained): string {
  const { containers = [], instances = [], lastKnown, resolver, incomplete = [] } = explained;
  const lines = containers.flatMap(describeContainer);
  if (lastKnown !== undefined) lines.push(...describeLastKnown(lastKnown));
  if (containers.length === 0) {
    for (const { key, state, detail } of instances)
      lines.push(`${key}: ${state}${detail === undefined ? '' : `, ${detail}`}`);
  }
  // A resolver that is asked alone answers about the name at the top level.
  const name = resolver ?? (explained.containers === undefined ? (explained as unknown as ExplainedName) : undefined);
  if (name !== undefined) lines.push(...describeName(name));
  const isOfResolver = explained.containers === undefined && resolver === undefined;
  if (isOfResolver && name?.keys?.length === 0) lines.push(containerHint('explain', explained.of));
  for (const reason of incomplete) lines.push(`incomplete: ${reason}`);
  return lines.join('\n');
}

function describeLastKnown({ reason, sinceMs, containers }: LastKnown): string[] {
  const since = sinceMs === undefined ? 'just now' : new Date(sinceMs).toISOString();
  return [
    `${reason}; what is told is from before it was lost (${since})`,
    ...containers.map((each) => `${containerTitle(each)} then`),
  ];
}

function containerTitle({ container, name, image, state }: LastKnown['containers'][number]): string {
  return `container ${container.slice(0, 12)} (${name}), image ${image}, ${state}`;
}

/** Each rule with its input and verdict, then the keys and values. */
export function describeContainer(container: Container): string[] {
  const { steps, keys, refusals, damping } = container;
  return [
    containerTitle(container),
    ...steps.map(({ rule, input, verdict }) => `  ${rule}: ${input === '' ? '' : `${input} → `}${verdict}`),
    ...keys.flatMap((each) => [
      `  ${each.status}: ${each.key}${each.revision === undefined ? '' : ` (revision ${each.revision})`}`,
      ...(each.reason === '' ? [] : [`    ${each.reason}`]),
      ...(each.foreignOwner === undefined
        ? []
        : [`    the key belongs to ${each.foreignOwner || 'a writer without an owner'}`]),
      `    check ${each.check}`,
      `    ${each.value}`,
    ]),
    ...refusals.map((refusal) => `  refused: ${refusal}`),
    ...(damping.isHeldDown ? [`  held down: penalty ${damping.penalty}, again in ${damping.reuseInSeconds} s`] : []),
  ];
}
