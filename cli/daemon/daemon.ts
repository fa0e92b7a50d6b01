import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type HostPort, ListenError } from '../../shared/address.ts';
import { type Component, type ComponentDeps, StartError } from '../../shared/component.ts';
import { type HttpServer, type Route, serveHttp } from '../../shared/http.ts';
import { journalMetrics } from '../../shared/journal/metrics.ts';
import { journalTroubles } from '../../shared/journal/status.ts';
import { createLog, type Log } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { openEmbeddedStore } from '../../shared/store/embedded/embedded.ts';
import { openEtcdStore } from '../../shared/store/etcd/etcd.ts';
import { type Store, StoreError } from '../../shared/store.ts';
import { VERSION } from '../../shared/version.ts';
import { EXIT_FAILED, EXIT_OK } from '../command.ts';
import { complain, doWithoutOutput, print } from '../output.ts';
import { endDespiteLeftovers } from '../process/leftovers.ts';
import type { CommonValues, EtcdAccess } from './etcd-access.ts';

export interface Daemon {
  readonly program: string;
  readonly common: CommonValues;
  readonly etcdAccess: EtcdAccess;
  readonly http: HostPort;
  /** On which store, when `--etcd` is not given. */
  readonly storeWithoutEtcd: 'embedded' | 'local-etcd';
  /** In the order in which they start; they stop in the same order, so that names go before answers do. */
  readonly components: (deps: (name: string) => ComponentDeps) => readonly Component[];
  readonly routes: (components: readonly Component[]) => readonly Route[];
  /** Printed once everything stands. */
  readonly banner: (http: HostPort) => string;
  /** Standard output is for records (`--sink stdout:`): the banner goes to standard error. */
  readonly isStdoutTaken?: boolean;
}

const LOCAL_ETCD = 'http://127.0.0.1:2379';
/** One Ctrl-C may come twice: from the terminal to a whole group, and from who waits for us in it (`timeout`, `npm`). */
const REPEAT_MS = 500;
/** SIGTERM to exit (docs/stopping.md adds up what is within it); past it the process ends as it is, and leases clean up. */
const STOP_TIMEOUT_MS = 4_800;

/** Runs a daemon until a signal or a failure ends it. @returns the exit code */
export async function runDaemon(daemon: Daemon): Promise<number> {
  doWithoutOutput();
  const log = createLog(daemon.common.logLevel, daemon.program);
  outliveTerminal(log);
  const metrics = new Metrics();
  let store: Store | undefined;
  let http: HttpServer | undefined;
  let components: readonly Component[] = [];
  try {
    makeDirectory(daemon.common.dataDir);
    const opened = await openStore(daemon, log, metrics);
    store = opened.store;
    components = daemon.components((name) => ({
      store: opened.store,
      log,
      metrics,
      version: VERSION,
      dataDir: makeDirectory(join(daemon.common.dataDir, name)),
    }));
    http = await serveHttp(
      daemon.http,
      [...daemonRoutes(components, opened, metrics), ...daemon.routes(components)],
      log,
    );
    const ended = endOf(components);
    const started = Promise.all(components.map((each) => each.start()));
    // A start may take long (the announcer may wait for another one to go): a signal ends the wait.
    const early = await Promise.race([started.then(() => undefined), ended]);
    if (early === undefined) (daemon.isStdoutTaken ? complain : print)(daemon.banner(http.address));
    else started.catch((error) => log.debug('start-abandoned', String(error)));
    const end = await ended;
    if (end.failure !== undefined) sayFailure(end.failure, log);
    else
      log.info(
        'stopping',
        `${end.signal}: stopping${end.how === 'handover' ? ', names are left to the next process' : ''}`,
      );
    await stopAll({ components, http, store }, end.how, log);
    log.info('stopped', 'stopped');
    return end.failure === undefined ? EXIT_OK : EXIT_FAILED;
  } catch (error) {
    if (!isForTheUser(error)) throw error;
    complain(`${daemon.program}: ${error.message}`);
    // What stands was left by a predecessor, and that this start failed is no reason to take it away.
    await stopAll({ components, http, store }, 'handover', log);
    return EXIT_FAILED;
  }
}

/** Says in its sentence what to do; anything else is a bug, of which the sentence alone says too little. */
function isForTheUser(error: unknown): error is ListenError | StartError {
  return error instanceof ListenError || error instanceof StartError;
}

function sayFailure(failure: Error, log: Log): void {
  const { message, stack } = failure;
  log.error('daemon-failed', message, isForTheUser(failure) ? {} : { stack });
}

type How = 'withdraw' | 'handover';

/** What ended a daemon. */
type End =
  | { readonly how: How; readonly signal: NodeJS.Signals; readonly failure?: undefined }
  | { readonly how: 'handover'; readonly failure: Error };

/**
 * Resolves with the first signal or failure. A second SIGTERM or SIGINT ends the process at once, unless it is the same wish
 * told twice. A failure of ours says nothing of the containers: their names stay for the process that is started next, or go
 * with their leases.
 */
function endOf(components: readonly Component[]): Promise<End> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const [signal, how] of [
      ['SIGTERM', 'withdraw'],
      ['SIGINT', 'withdraw'],
      ['SIGUSR2', 'handover'],
    ] as const) {
      process.on(signal, () => {
        if (firstMs === undefined) {
          firstMs = performance.now();
          resolve({ how, signal });
        } else if (how === 'withdraw' && performance.now() - firstMs >= REPEAT_MS) {
          process.exit(EXIT_FAILED);
        }
      });
    }
    for (const { failed } of components) failed.then((failure) => resolve({ how: 'handover', failure }));
  });
}

/** A session that closes says SIGHUP to all that it started: no reason to take names away, nor to leave them to nobody. */
function outliveTerminal(log: Log): void {
  process.on('SIGHUP', () => log.info('hangup', 'SIGHUP: going on; file sinks open their file anew, SIGTERM stops'));
}

interface ToStop {
  readonly components: readonly Component[];
  readonly http: HttpServer | undefined;
  readonly store: Store | undefined;
}

async function stopAll({ components, http, store }: ToStop, how: How, log: Log): Promise<void> {
  const deadline = setTimeout(() => {
    log.error(
      'stop-timed-out',
      `not stopped within ${STOP_TIMEOUT_MS} ms; ending anyway: what was not withdrawn goes with its lease`,
    );
    process.exit(EXIT_FAILED);
  }, STOP_TIMEOUT_MS);
  for (const component of components) await component.stop(how);
  await http?.close();
  await store?.close();
  clearTimeout(deadline);
  endDespiteLeftovers(log);
}

function makeDirectory(path: string): string {
  try {
    makeWithParents(path);
    return path;
  } catch (error) {
    throw new StartError(
      `cannot make the data directory ${path}: ${(error as Error).message}; name one that can be written with --data-dir`,
      { cause: error },
    );
  }
}

/** `mkdirSync`'s own `recursive` never returns on a file system that refuses with ENOENT, such as /proc. */
function makeWithParents(path: string): void {
  try {
    mkdirSync(path, { mode: 0o750 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || existsSync(dirname(path))) throw error;
    makeWithParents(dirname(path));
    mkdirSync(path, { mode: 0o750 });
  }
}

interface OpenedStore {
  readonly store: Store;
  /** What is wrong though it serves: of the journal that the embedded store keeps. */
  readonly troubles: () => readonly string[];
}

async function openStore(daemon: Daemon, log: Log, metrics: Metrics): Promise<OpenedStore> {
  const { etcd, dataDir } = daemon.common;
  if (etcd.length === 0 && daemon.storeWithoutEtcd === 'embedded') {
    const store = await openEmbeddedStore({ directory: join(dataDir, 'store'), log });
    journalMetrics(metrics, store.journal, 'store');
    return { store, troubles: () => journalTroubles(store.journal.status) };
  }
  const endpoints = etcd.length === 0 ? [LOCAL_ETCD] : etcd;
  try {
    return { store: openEtcdStore({ endpoints, ...daemon.etcdAccess, log, metrics }), troubles: () => [] };
  } catch (error) {
    if (error instanceof StoreError) throw new StartError(error.message, { cause: error });
    throw error;
  }
}

/** `/health`: the process answers, and what troubles it. `/ready`: it serves, or why not. `/metrics`: Prometheus. */
function daemonRoutes(components: readonly Component[], store: OpenedStore, metrics: Metrics): Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      handle: () => {
        const ofComponents = components.flatMap((each) =>
          (each.troubles?.() ?? []).map((text) => `${each.name}: ${text}`),
        );
        const troubles = [...ofComponents, ...store.troubles().map((text) => `store: ${text}`)];
        return { json: { status: troubles.length === 0 ? 'ok' : 'degraded', version: VERSION, troubles } };
      },
    },
    {
      method: 'GET',
      path: '/ready',
      handle: () => {
        const reasons = components.flatMap((each) => each.notReady().map((reason) => `${each.name}: ${reason}`));
        return { status: reasons.length === 0 ? 200 : 503, json: { ready: reasons.length === 0, reasons } };
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: async () => ({ text: await metrics.text(), contentType: metrics.contentType }),
    },
  ];
}
