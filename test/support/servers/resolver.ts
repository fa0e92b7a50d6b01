/** A whole resolver in this process, on free ports, with its own data directory. */
import { type ResolverConfig, resolverConfig, resolverSettings } from '../../../resolver/config.ts';
import { createResolver, type Resolver } from '../../../resolver/main.ts';
import { commonSettings } from '../../../shared/common-settings.ts';
import type { HttpAnswer } from '../../../shared/http.ts';
import { type Log, silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { readSettings } from '../../../shared/settings.ts';
import type { Store } from '../../../shared/store.ts';
import { temporaryDirectory } from '../temporary.ts';

export interface RunningResolver {
  readonly resolver: Resolver;
  readonly metrics: Metrics;
  readonly dataDir: string;
  /** What `/v1/…` answers with; throws the HttpError of a refusal. */
  get(path: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** The settings' defaults for zone `example.org`, on a free port, without forwarding. */
export function configOf(changes: Partial<ResolverConfig> = {}): ResolverConfig {
  const read = readSettings({ ...commonSettings, ...resolverSettings }, { zone: 'example.org', forward: 'none' }, {});
  const config = read.ok ? resolverConfig(read.values) : read;
  if (!config.ok) throw new Error(config.problems.join('\n'));
  return { ...config.config, listen: [{ host: '127.0.0.1', port: 0 }], ...changes };
}

export async function startResolver(
  store: Store,
  {
    config = {},
    dataDir = temporaryDirectory(),
    log = silentLog,
  }: { config?: Partial<ResolverConfig>; dataDir?: string; log?: Log } = {},
): Promise<RunningResolver> {
  const metrics = new Metrics();
  const resolver = createResolver(configOf(config), { store, log, metrics, dataDir, version: 'test' });
  await resolver.start();
  return {
    resolver,
    metrics,
    dataDir,
    get: async (path) => {
      const url = new URL(path, 'http://localhost');
      for (const route of resolver.routes) {
        const pattern = new RegExp(`^${route.path.replace(/:(\w+)/g, '(?<$1>[^/]+)')}$`);
        const match = pattern.exec(url.pathname);
        if (match === null) continue;
        const answer: HttpAnswer = await route.handle({
          params: { ...match.groups },
          query: url.searchParams,
          headers: {},
          signal: new AbortController().signal,
        });
        if ('json' in answer) return JSON.parse(JSON.stringify(answer.json));
        throw new Error(`${path} does not answer JSON`);
      }
      throw new Error(`no route ${path}`);
    },
    stop: () => resolver.stop(),
  };
}
