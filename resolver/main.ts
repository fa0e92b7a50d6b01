import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import type { Subscription } from 'rxjs';
import { formatHostPort, type HostPort } from '../shared/address.ts';
import { type Component, type ComponentDeps, type NotReady, StartError } from '../shared/component.ts';
import type { Route } from '../shared/http.ts';
import { JournalError } from '../shared/journal/journal.ts';
import { journalMetrics } from '../shared/journal/metrics.ts';
import { journalTroubles } from '../shared/journal/status.ts';
import { type OwnerName, ownerOf } from '../shared/name.ts';
import type { ResolverConfig } from './config.ts';
import { type FollowStep, follow } from './following/follow.ts';
import { Leases } from './following/leases.ts';
import { LiveZone } from './following/live-zone.ts';
import { ProblemLog } from './following/problem-log.ts';
import { ZoneJournal } from './following/zone-journal.ts';
import { isAllowed, PRIVATE_NETWORKS, parseNetwork } from './forwarding/allow.ts';
import { UpstreamForwarder } from './forwarding/forward.ts';
import { parseResolvConf } from './forwarding/resolv-conf.ts';
import { withoutSelf } from './forwarding/upstreams.ts';
import { type LookupContext, type LookupSettings, lookup, soaOf } from './lookup/lookup.ts';
import { zoneMetrics } from './report/metrics.ts';
import { type Listener, resolverRoutes } from './report/routes.ts';
import { Answerer } from './serving/answerer.ts';
import { RATE_LIMIT_DEFAULTS } from './serving/rate-limit.ts';
import { type DnsServer, SERVER_SETTINGS, serveDns } from './serving/server.ts';
import { COMPILED_LIMITS } from './wire/compiled.ts';
import type { ZoneEvent } from './zone/event.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** DNS flag day 2020: passes without fragments. */
const EDNS_UDP_OCTETS = 1232;
const SLOW_QUERIES_MAX = 4096;

/** The resolver, put together; nothing runs before `start`. */
export function createResolver(config: ResolverConfig, deps: ComponentDeps): Resolver {
  return new Resolver(config, deps);
}

export class Resolver implements Component {
  readonly name = 'resolver';
  readonly routes: readonly Route[];
  readonly failed: Promise<Error>;
  readonly #config: ResolverConfig;
  readonly #deps: ComponentDeps;
  readonly #live: LiveZone;
  readonly #lookupSettings: LookupSettings;
  readonly #problems: ProblemLog;
  readonly #listeners = new Set<Listener>();
  #fail: (error: Error) => void = () => {};
  #zoneJournal: ZoneJournal | undefined;
  #forwarder: UpstreamForwarder | undefined;
  #answerer: Answerer | undefined;
  #server: DnsServer | undefined;
  #leases: Leases | undefined;
  #following: Subscription | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: ResolverConfig, deps: ComponentDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#live = new LiveZone(config.prefix);
    this.#problems = new ProblemLog(deps.log);
    this.#lookupSettings = { ...config, local: config.local, nsName: config.nsName };
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.routes = resolverRoutes({
      live: this.#live,
      lookupSettings: this.#lookupSettings,
      context: () => this.#context(),
      maxStaleMs: config.maxStaleMs,
      isForwarding: () => this.#forwarder !== undefined,
      journal: () => this.#zoneJournal?.journal,
      listeners: this.#listeners,
      nowMs: Date.now,
    });
  }

  /** Where it answers DNS; with the ports that were found for port 0. */
  get addresses(): readonly HostPort[] {
    return this.#server?.addresses ?? [];
  }

  notReady(): NotReady {
    if (this.#server === undefined) return ['not started yet'];
    const { store } = this.#deps;
    switch (this.#live.availability(Date.now(), this.#config.maxStaleMs)) {
      case 'never-synced':
        return [`has no zone yet: ${store.description} has not been read, and there is none on disk`];
      case 'too-stale':
        return [
          `the zone is ${Math.round(this.#live.staleMs(Date.now()) / 1000)} s old and ${store.description} is away; past --max-stale (${this.#config.maxStaleMs / 1000} s) nothing is answered from it`,
        ];
      default:
        return [];
    }
  }

  async start(): Promise<void> {
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop();
      if (error instanceof JournalError) throw new StartError(error.message, { cause: error });
      throw error;
    }
  }

  troubles(): readonly string[] {
    return this.#zoneJournal === undefined ? [] : journalTroubles(this.#zoneJournal.journal.status);
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    const { dataDir, log, metrics, store, version } = this.#deps;
    const live = this.#live;
    const zoneJournal = await ZoneJournal.open(live, { directory: dataDir, log });
    this.#zoneJournal = zoneJournal;
    if (this.#stopped !== undefined) return;
    journalMetrics(metrics, zoneJournal.journal, 'resolver');
    const { confirmedAtMs } = live;
    const started: ZoneEvent = {
      type: 'ResolverStarted',
      atMs: Date.now(),
      version,
      ...(confirmedAtMs !== undefined && { confirmedAtMs }),
    };
    this.#take({ type: 'events', events: [started], bulk: false });

    this.#forwarder = this.#createForwarder();
    const leases = new Leases({
      store,
      inUse: () => live.zone.leases(),
      onLearned: (names) => this.#answerer?.changed({ names, addresses: [] }),
      log,
    });
    this.#leases = leases;
    for (const lease of live.zone.leases()) leases.saw(lease, undefined);
    zoneMetrics(metrics, live, leases, Date.now);

    this.#answerer = this.#createAnswerer();
    this.#server = await serveDns(this.#config.listen, this.#answerer, SERVER_SETTINGS, log, metrics);
    const addresses = this.#server.addresses.map(formatHostPort);
    log.info('dns-listening', `answering for ${this.#config.zones.join(', ')} on ${addresses.join(', ')}`, {
      addresses,
      zones: this.#config.zones,
    });
    leases.start();
    this.#following = follow({ store, followed: live, log }).subscribe({
      next: (step) => this.#take(step),
      error: (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
  }

  async #stop(): Promise<void> {
    // A start that is under way ends first; what it failed with is its caller's.
    await this.#starting?.catch(() => undefined);
    this.#following?.unsubscribe();
    this.#leases?.stop();
    await this.#server?.close();
    this.#forwarder?.close();
    for (const listener of this.#listeners) listener.end();
    if (this.#zoneJournal === undefined) return;
    this.#take({ type: 'events', events: [{ type: 'ResolverStopped', atMs: Date.now() }], bulk: false });
    await this.#zoneJournal.close();
  }

  /** What was learned goes into the zone and the journal; answers that it affects are made anew. */
  #take(step: FollowStep): void {
    if (step.type === 'confirmed') {
      const isNew = !this.#live.isLive;
      this.#live.confirm(step.atMs);
      this.#zoneJournal?.confirmed(step.atMs);
      if (isNew) {
        const revision = String(this.#live.zone.revision);
        this.#take({
          type: 'events',
          events: [{ type: 'ZoneConfirmed', atMs: step.atMs, revision }],
          bulk: false,
        });
      }
      return;
    }
    const names = new Set<OwnerName>();
    const addresses = new Set<string>();
    const events = step.events.map((event) => this.#dated(event));
    for (const event of events) {
      const change = this.#live.apply(event);
      for (const name of change.names) names.add(name);
      for (const address of change.addresses) addresses.add(address);
      if (change.problem !== undefined) this.#problems.add(change.problem, Math.floor(performance.now()));
      this.#sawLease(event);
      for (const listener of this.#listeners) listener.event(event);
    }
    this.#zoneJournal?.record(events, step.bulk);
    this.#answerer?.changed({ names: [...names], addresses: [...addresses] });
  }

  /** A loss says when the zone was last known to be true, so that the past can be told as it was answered. */
  #dated(event: ZoneEvent): ZoneEvent {
    const { confirmedAtMs } = this.#live;
    return event.type === 'StoreLost' && confirmedAtMs !== undefined ? { ...event, confirmedAtMs } : event;
  }

  #sawLease(event: ZoneEvent): void {
    if (event.type !== 'RecordPut' || event.lease === undefined) return;
    this.#leases?.saw(event.lease, ownerOf(event.key, this.#config.prefix));
  }

  #createAnswerer(): Answerer {
    const config = this.#config;
    const live = this.#live;
    return new Answerer({
      lookup: (question) => lookup(live.zone, question, this.#lookupSettings, this.#context()),
      soa: (zone) => soaOf(zone, this.#lookupSettings, live.zone.revision),
      revision: () => live.zone.revision,
      forwarder: this.#forwarder,
      mayForward: (address) => isAllowed(address, config.allowForward),
      availability: (nowMs) => live.availability(nowMs, config.maxStaleMs),
      nowMs: Date.now,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      settings: {
        serverId: hostname(),
        version: `rollcall ${this.#deps.version}`,
        chaos: config.chaos,
        rotate: config.rotate,
        ednsUdpOctets: EDNS_UDP_OCTETS,
        rateLimit: {
          ...RATE_LIMIT_DEFAULTS,
          responsesPerSecond: config.rateLimit,
          exempt: PRIVATE_NETWORKS.flatMap((text) => parseNetwork(text) ?? []),
        },
        cookieSecret: randomBytes(16),
        tcpIdleMs: SERVER_SETTINGS.tcp.idleMs,
        slowQueriesMax: SLOW_QUERIES_MAX,
        compiled: COMPILED_LIMITS,
      },
    });
  }

  #context(): LookupContext {
    const nowMs = Date.now();
    return {
      nowMs,
      leaseDeadlineMs: this.#leases?.deadlineMs ?? (() => undefined),
      outside: (question) =>
        this.#forwarder === undefined
          ? { addresses: [], validUntilMs: Number.POSITIVE_INFINITY }
          : this.#forwarder.cached(question),
      availability: this.#live.availability(nowMs, this.#config.maxStaleMs),
    };
  }

  /** Undefined when there is nobody to ask. */
  #createForwarder(): UpstreamForwarder | undefined {
    const { log, metrics } = this.#deps;
    const { forward, listen, stubs } = this.#config;
    const machine = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
    const prune = (servers: readonly HostPort[], whose: string): readonly HostPort[] => {
      const { kept, dropped } = withoutSelf(servers, listen, machine);
      if (dropped.length > 0) {
        const list = dropped.map(formatHostPort).join(', ');
        log.warn(
          'upstream-is-self',
          `${list} of ${whose} is this server itself; left out, for forwarding there would never end`,
        );
      }
      return kept;
    };
    const upstreams = forward === 'system' ? prune(this.#systemUpstreams(), RESOLV_CONF) : prune(forward, '--forward');
    const stubZones = stubs.map(({ zone, servers }) => ({ zone, servers: prune(servers, `--stub ${zone}`) }));
    if (upstreams.length === 0 && stubZones.every(({ servers }) => servers.length === 0)) {
      const why = forward !== 'system' && forward.length === 0 ? '--forward none' : 'no upstream is left';
      log.info('forward-off', `${why}: names outside the zones are refused`);
      return undefined;
    }
    return new UpstreamForwarder({ upstreams, stubs: stubZones }, { log, metrics });
  }

  #systemUpstreams(): readonly HostPort[] {
    try {
      return parseResolvConf(readFileSync(RESOLV_CONF, 'utf8'));
    } catch (error) {
      const message = `${RESOLV_CONF} cannot be read (${(error as Error).message}); name upstreams with --forward`;
      this.#deps.log.warn('resolv-conf-unreadable', message);
      return [];
    }
  }
}
