import { randomBytes } from 'node:crypto';
import type { Subscription } from 'rxjs';
import { formatHostPort, type HostPort } from '../shared/address.ts';
import { type Component, type ComponentDeps, type NotReady, StartError } from '../shared/component.ts';
import { PushedFeed } from '../shared/event-feed.ts';
import type { Route } from '../shared/http.ts';
import { JournalError } from '../shared/journal/journal.ts';
import { journalMetrics } from '../shared/journal/metrics.ts';
import { journalTroubles } from '../shared/journal/status.ts';
import { ownerOf } from '../shared/name.ts';
import type { LeaseId } from '../shared/store.ts';
import { Answering } from './answering.ts';
import type { ResolverConfig } from './config.ts';
import { type FollowStep, follow } from './following/follow.ts';
import { Leases } from './following/leases.ts';
import { LiveZone } from './following/live-zone.ts';
import { ProblemLog } from './following/problem-log.ts';
import { ZoneJournal } from './following/zone-journal.ts';
import type { LookupContext } from './lookup/settings.ts';
import { zoneMetrics } from './report/metrics.ts';
import { resolverRoutes } from './report/routes.ts';
import { type DnsServer, findAddresses, SERVER_SETTINGS, serveDns } from './serving/server.ts';
import { WorkerPool } from './workers/pool.ts';
import type { ZoneEvent } from './zone/event.ts';

const COOKIE_SECRET_OCTETS = 16;

/** The resolver, put together; nothing runs before `start`. */
export function createResolver(config: ResolverConfig, deps: ComponentDeps): Resolver {
  return new Resolver(config, deps);
}

export class Resolver implements Component {
  readonly name = 'resolver';
  readonly routes: readonly Route[];
  readonly feed = new PushedFeed('resolver', () => this.#zoneJournal?.journal);
  readonly failed: Promise<Error>;
  readonly #config: ResolverConfig;
  readonly #deps: ComponentDeps;
  readonly #live: LiveZone;
  readonly #problems: ProblemLog;
  #fail: (error: Error) => void = () => {};
  #zoneJournal: ZoneJournal | undefined;
  #answering: Answering | undefined;
  /** Where it answers; the sockets are its own, or those of the workers. */
  #addresses: readonly HostPort[] | undefined;
  #server: DnsServer | undefined;
  #workers: WorkerPool | undefined;
  #leases: Leases | undefined;
  #following: Subscription | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: ResolverConfig, deps: ComponentDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#live = new LiveZone(config.prefix);
    this.#problems = new ProblemLog(deps.log);
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    this.routes = resolverRoutes({
      live: this.#live,
      lookupSettings: config,
      context: () => this.#context(),
      maxStaleMs: config.maxStaleMs,
      isForwarding: () => this.#answering?.forwarder !== undefined,
      journal: () => this.#zoneJournal?.journal,
      nowMs: Date.now,
    });
  }

  /** Where it answers DNS; with the ports that were found for port 0. */
  get addresses(): readonly HostPort[] {
    return this.#addresses ?? [];
  }

  /** Process ids of the workers that answer; none when this process does. */
  get workerPids(): readonly number[] {
    return this.#workers?.pids ?? [];
  }

  notReady(): NotReady {
    if (this.#addresses === undefined) return ['not started yet'];
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

    const leases = new Leases({
      store,
      inUse: () => live.zone.leases(),
      onLearned: (names) => this.#answering?.answerer.changed({ names, addresses: [] }),
      onDeadline: (lease, deadlineMs, names) => this.#workers?.lease(lease, deadlineMs, names),
      log,
    });
    this.#leases = leases;
    for (const lease of live.zone.leases()) leases.saw(lease, undefined);
    zoneMetrics(metrics, live, leases, Date.now);

    const cookieSecret = randomBytes(COOKIE_SECRET_OCTETS);
    const { deadlineMs: leaseDeadlineMs } = leases;
    this.#answering = new Answering(this.#config, { live, leaseDeadlineMs, log, metrics, version, cookieSecret });
    const listening = await this.#listen(cookieSecret, leases);
    this.#addresses = listening;
    const addresses = listening.map(formatHostPort);
    log.info('dns-listening', `answering for ${this.#config.zones.join(', ')} on ${addresses.join(', ')}`, {
      addresses,
      zones: this.#config.zones,
      workers: this.#config.workers,
    });
    leases.start();
    this.#following = follow({ store, followed: live, log }).subscribe({
      next: (step) => this.#take(step),
      error: (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
  }

  /** Answers here, or lets workers do so. */
  async #listen(cookieSecret: Uint8Array, leases: Leases): Promise<readonly HostPort[]> {
    const config = this.#config;
    const { log, metrics, version } = this.#deps;
    const { answerer } = this.#createdAnswering();
    if (config.workers === 1) {
      this.#server = await serveDns(config.listen, answerer, SERVER_SETTINGS, log, metrics);
      return this.#server.addresses;
    }
    const listen = await findAddresses(config.listen, answerer, SERVER_SETTINGS);
    const deadlines = (): Iterable<readonly [LeaseId, number]> => leases.deadlines();
    const live = this.#live;
    this.#workers = new WorkerPool({ config, listen, version, cookieSecret, live, deadlines, log, metrics });
    await this.#workers.start();
    return listen;
  }

  #context(): LookupContext {
    if (this.#answering !== undefined) return this.#answering.context();
    const nowMs = Date.now();
    return {
      nowMs,
      leaseDeadlineMs: () => undefined,
      outside: () => ({ addresses: [], validUntilMs: Number.POSITIVE_INFINITY }),
      availability: this.#live.availability(nowMs, this.#config.maxStaleMs),
    };
  }

  #createdAnswering(): Answering {
    if (this.#answering === undefined) throw new Error('the resolver has not been started');
    return this.#answering;
  }

  async #stop(): Promise<void> {
    // A start that is under way ends first; what it failed with is its caller's.
    await this.#starting?.catch(() => undefined);
    this.#following?.unsubscribe();
    this.#leases?.stop();
    await this.#server?.close();
    await this.#workers?.stop();
    this.#answering?.close();
    if (this.#zoneJournal === undefined) return;
    this.#take({ type: 'events', events: [{ type: 'ResolverStopped', atMs: Date.now() }], bulk: false });
    this.feed.end();
    await this.#zoneJournal.close();
  }

  /** What was learned goes into the zone and the journal; answers that it affects are made anew. */
  #take(step: FollowStep): void {
    this.#workers?.step(step);
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
    const events = step.events.map((event) => this.#dated(event));
    const changed = this.#live.applyAll(events, (event, { problem }) => {
      if (problem !== undefined) this.#problems.add(problem, Math.floor(performance.now()));
      this.#sawLease(event);
    });
    this.#answering?.answerer.changed(changed);
    const first = this.#zoneJournal?.record(events, step.bulk);
    for (const [at, event] of events.entries()) this.feed.push(event, first === undefined ? undefined : first + at);
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
}
