/**
 * Which file may import what. Every source file is pure unless it stands here: adding one to this list is a decision
 * that a reviewer sees. `check-imports` proves the rest.
 */

/** Composition roots: may import edges and pure files. */
export const MAINS: readonly string[] = [
  'announcer/main.ts',
  'resolver/main.ts',
  'resolver/answering.ts',
  'resolver/workers/worker.ts',
  'cli/',
];

/** Touch the world: sockets, files, timers, clocks, processes. May import edges and pure files, never a main. */
export const EDGES: readonly string[] = [
  'announcer/keys/announce.ts',
  'announcer/containers.ts',
  'announcer/docker/following/failed-looks.ts',
  'announcer/docker/following/follow.ts',
  'announcer/docker/following/last-words.ts',
  'announcer/docker/following/listing.ts',
  'announcer/docker/following/session.ts',
  'announcer/docker/engine/stream.ts',
  'announcer/docker/engine/tls.ts',
  'announcer/docker/engine/docker.ts',
  'announcer/dry-run.ts',
  'announcer/event-loop.ts',
  'announcer/keys/host-claim.ts',
  'announcer/host/boot.ts',
  'announcer/host/host.ts',
  'announcer/keys/identity.ts',
  'announcer/keys/keep-alive.ts',
  'announcer/checks/helper-process.ts',
  'announcer/checks/listening.ts',
  'announcer/checks/machine.ts',
  'announcer/checks/namespace-helper.ts',
  'announcer/checks/namespaces.ts',
  'announcer/checks/not-made.ts',
  'announcer/checks/probe-active.ts',
  'announcer/checks/probe-attempt.ts',
  'announcer/checks/probe-run.ts',
  'announcer/checks/probes.ts',
  'announcer/checks/socket-holders.ts',
  'announcer/run/process-announcement.ts',
  'announcer/run/process-check.ts',
  'announcer/run/process-sockets.ts',
  'announcer/checks/verdict-loop.ts',
  'announcer/services/checks.ts',
  'announcer/services/file.ts',
  'announcer/keys/shard-leases.ts',
  'announcer/predecessor.ts',
  'announcer/report/drain-routes.ts',
  'announcer/report/status.ts',
  'announcer/sinks/kept-json.ts',
  'announcer/sinks/pump.ts',
  'announcer/sinks/receivers/',
  'announcer/sinks/sinks.ts',
  'announcer/keys/store-health.ts',
  'announcer/world.ts',
  'announcer/keys/writer.ts',
  'resolver/answered/answer-watch.ts',
  'resolver/answered/worker-answers.ts',
  'resolver/forwarding/exchange.ts',
  'resolver/following/session.ts',
  'resolver/following/steps.ts',
  'resolver/following/follow.ts',
  'resolver/following/follow-causes.ts',
  'resolver/following/explainer.ts',
  'resolver/forwarding/forward.ts',
  'resolver/following/leases.ts',
  'resolver/listeners.ts',
  'resolver/report/paced.ts',
  'resolver/report/past-routes.ts',
  'resolver/report/past-teller.ts',
  'resolver/report/routes.ts',
  'resolver/serving/server.ts',
  'resolver/serving/tcp-connection.ts',
  'resolver/serving/tcp.ts',
  'resolver/serving/udp/batch.ts',
  'resolver/serving/udp/bind.ts',
  'resolver/serving/udp/every-address.ts',
  'resolver/serving/udp/listener.ts',
  'resolver/serving/udp/plain.ts',
  'resolver/serving/udp/system-calls.ts',
  'resolver/forwarding/upstream-group.ts',
  'resolver/forwarding/within.ts',
  'resolver/following/zone-journal.ts',
  'resolver/serving/reuse-port.ts',
  'resolver/workers/pool.ts',
  'shared/common-settings.ts',
  'shared/events/event-streams.ts',
  'shared/http.ts',
  'shared/journal/',
  'shared/log-output.ts',
  'shared/log-writer.ts',
  'shared/log.ts',
  'shared/event-loop-lag.ts',
  'shared/metrics.ts',
  'shared/proc.ts',
  'shared/rx.ts',
  'shared/steady-clock.ts',
  'shared/store/',
  'shared/version.ts',
];

/** Each I/O package has one importer, so that its quirks have one home. */
export const SOLE_IMPORTERS: Readonly<Record<string, string>> = {
  commander: 'cli/program.ts',
  dns2: 'resolver/wire/codec.ts',
  dockerode: 'announcer/docker/engine/docker.ts',
  etcd3: 'shared/store/etcd/etcd.ts',
  koffi: 'resolver/serving/udp/system-calls.ts',
  pino: 'shared/log.ts',
  'pino-pretty': 'shared/log.ts',
  'prom-client': 'shared/metrics.ts',
};

/** Packages without I/O, open to every file. */
export const PURE_PACKAGES: readonly string[] = ['fast-json-stable-stringify', 'immutable'];

/** What a pure file may take from Node: these functions depend on their arguments alone. */
export const PURE_NODE_NAMES: Readonly<Record<string, readonly string[]>> = {
  'node:buffer': ['Buffer'],
  'node:crypto': ['createHash', 'createHmac', 'timingSafeEqual'],
  'node:string_decoder': ['StringDecoder'],
  'node:net': ['BlockList', 'isIP', 'isIPv4', 'isIPv6'],
};

/** A clock, randomness or the environment: arguments in a pure file. */
export const IMPURE_EXPRESSIONS: readonly RegExp[] = [
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bMath\.random\b/,
  /\bprocess\.\w+/,
  /\bset(?:Timeout|Interval|Immediate)\b/,
  /\bperformance\.now\b/,
];
