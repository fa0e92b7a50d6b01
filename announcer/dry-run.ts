/** What an announcer would do here, told without doing it: one look at the engine and the services file, no store. */
import { StartError } from '../shared/component.ts';
import type { Log } from '../shared/log.ts';
import type { AnnouncerConfig } from './config.ts';
import { observe } from './decisions/decider.ts';
import { initialState } from './decisions/state.ts';
import { dockerClient } from './docker/engine/docker.ts';
import { type EngineClient, EngineError } from './docker/engine/engine.ts';
import { adviceOf } from './docker/engine/error.ts';
import { readDockerTls } from './docker/engine/tls.ts';
import { readFacts } from './docker/facts.ts';
import { readContainerList } from './docker/list.ts';
import type { ContainerFacts } from './facts.ts';
import { findHost } from './host/host.ts';
import { knownAnnouncer } from './keys/identity.ts';
import { retimed } from './naming/value.ts';
import { type Explanation, explainContainer } from './report/explain.ts';
import type { AnnounceRules } from './rules.ts';
import { readServicesFile } from './services/file.ts';
import { staticName } from './services/static-services.ts';

export interface DryRunSettings {
  readonly config: AnnouncerConfig;
  /** Of the announcer; only read, and it need not exist. */
  readonly dataDir: string;
  /** Id or name; undefined: every container. */
  readonly container: string | undefined;
  readonly log: Log;
  readonly nowMs: number;
}

export interface DryRun {
  readonly host: string;
  readonly owner: string;
  /** In the order of names. */
  readonly containers: readonly Explanation[];
  /** Of the services file. */
  readonly services: readonly { readonly name: string; readonly key: string; readonly value: string }[];
  readonly refusals: readonly string[];
}

/** Inspects at once; more would only queue inside the engine. */
const CONCURRENCY = 16;
/** Stands in the values for the id that the first start settles. */
const NO_ANNOUNCER_YET = '000000000000';

/** @throws {StartError} addresses, certificates, the services file or the engine, in a sentence that says what to do */
export async function dryRun(settings: DryRunSettings): Promise<DryRun> {
  const { config, dataDir, container, log, nowMs } = settings;
  const host = findHost(config);
  const owner = `${host.name}/${(await knownAnnouncer(dataDir)) ?? NO_ANNOUNCER_YET}`;
  const rules: AnnounceRules = { ...config, host, owner };
  const facts = await look(dockerClient(config.docker, readDockerTls(process.env)), container);
  const containers = withoutTwins(facts.map((each) => explain(each, rules, nowMs)));
  const path = container === undefined ? config.servicesFile : undefined;
  return { host: host.name, owner, containers, ...(await staticServices(path, rules, log)) };
}

function explain(facts: ContainerFacts, rules: AnnounceRules, nowMs: number): Explanation {
  const explanation = explainContainer(facts, initialState, rules, nowMs);
  const keys = explanation.keys.map((key) =>
    key.status === 'held' && /^(not-listening|probe-failing):/.test(key.reason)
      ? { ...key, reason: 'until its check passes; a dry run makes no checks' }
      : key,
  );
  return { ...explanation, keys };
}

/** A key that several containers have a claim to is that of one of them at a time. */
function withoutTwins(explanations: readonly Explanation[]): Explanation[] {
  const claimed = new Map<string, string>();
  return explanations.map((explanation) => {
    const twins = explanation.keys.flatMap(({ key }) => {
      const other = claimed.get(key);
      if (other === undefined) claimed.set(key, explanation.name);
      return other === undefined
        ? []
        : [
            `key ${key} is that of ${other}, too: only one of them is announced at a time; give each its own SERVICE_ID`,
          ];
    });
    return { ...explanation, refusals: [...explanation.refusals, ...twins] };
  });
}

async function look(client: EngineClient, container: string | undefined): Promise<ContainerFacts[]> {
  try {
    await client.hello();
    if (container === undefined) return await lookAtAll(client);
    const raw = await client.inspect(container);
    if (raw === undefined)
      throw new StartError(`${client.description} knows no container ${JSON.stringify(container)}`);
    return [readFacts(raw)];
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const advice = adviceOf(error);
    throw new StartError(
      `no Docker engine reachable at ${client.description}: ${error.message}${advice === undefined ? '' : `; ${advice}`}`,
      { cause: error },
    );
  }
}

async function lookAtAll(client: EngineClient): Promise<ContainerFacts[]> {
  const list = readContainerList(await client.list());
  if (list === undefined) throw new EngineError('unintelligible', 'its list of containers is no list');
  const facts: ContainerFacts[] = [];
  const ids = list.map(({ id }) => id);
  const worker = async (): Promise<void> => {
    for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
      const raw = await client.inspect(id);
      if (raw !== undefined) facts.push(readFacts(raw));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  return facts.sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function staticServices(
  path: string | undefined,
  rules: AnnounceRules,
  log: Log,
): Promise<Pick<DryRun, 'services' | 'refusals'>> {
  if (path === undefined) return { services: [], refusals: [] };
  const seen = await readServicesFile({ path, log, nowMs: Date.now });
  const [state, events] = observe(initialState, seen, rules);
  return {
    services: [...state.instances].map(([key, { container, value }]) => ({
      name: staticName(container),
      key,
      value: retimed(value, undefined),
    })),
    refusals: events.flatMap((event) =>
      event.type === 'ContainerRefused' ? [`${event.containerName}: ${event.reason}`] : [],
    ),
  };
}
