/** The announcer, put together: Docker, checks and the services file in, keys out. */
import { join } from 'node:path';
import { merge, type Observable, Subscription, tap } from 'rxjs';
import { type Component, type ComponentDeps, type NotReady, StartError } from '../shared/component.ts';
import { PushedFeed } from '../shared/events/event-feed.ts';
import type { Route } from '../shared/http.ts';
import { Journal } from '../shared/journal/journal.ts';
import { journalMetrics } from '../shared/journal/metrics.ts';
import { journalTroubles } from '../shared/journal/status.ts';
import { keyOf } from '../shared/name.ts';
import type { AnnouncerConfig } from './config.ts';
import { dockerEngine } from './docker/engine/docker.ts';
import type { Engine } from './docker/engine/engine.ts';
import { readDockerTls } from './docker/engine/tls.ts';
import type { AnnouncerEvent } from './event.ts';
import { EventLoop } from './event-loop.ts';
import { bootIdOf } from './host/boot.ts';
import { findHost, sayAddresses } from './host/host.ts';
import { Announce } from './keys/announce.ts';
import { type Claimant, type ClaimState, HostClaim } from './keys/host-claim.ts';
import { loadIdentity, saveIdentity } from './keys/identity.ts';
import { withOptionalCauses } from './keys/optional-causes.ts';
import { StoreHealth } from './keys/store-health.ts';
import { leftBehind, takeStart } from './predecessor.ts';
import { drainRoutes } from './report/drain-routes.ts';
import { logLineOf, sayCauses, writeRefused } from './report/log-events.ts';
import { AnnouncerMetrics } from './report/metrics.ts';
import { notReadyReasons } from './report/ready.ts';
import { announcerRoutes } from './report/status.ts';
import type { AnnounceRules } from './rules.ts';
import { openServicesFile, type ServicesFile } from './services/file.ts';
import { Sinks } from './sinks/sinks.ts';
import { World } from './world.ts';

export function createAnnouncer(config: AnnouncerConfig, deps: ComponentDeps): Component {
  return new Announcer(config, deps);
}

/** What stands between start and stop. */
interface Running {
  readonly rules: AnnounceRules;
  readonly journal: Journal<AnnouncerEvent>;
  readonly loop: EventLoop;
  readonly engine: Engine;
  readonly health: StoreHealth;
  readonly claim: HostClaim;
  readonly announce: Announce;
  readonly world: World;
  readonly sinks: Sinks;
}

/** For the audit sinks to send what there is; what they do not get rid of is sent after the next start. */
const SINKS_GRACE_MS = 500;

class Announcer implements Component {
  readonly name = 'announcer';
  readonly routes: readonly Route[];
  // Not before what goes into the journal is pushed, too.
  readonly feed = new PushedFeed('announcer', () => this.#running?.journal);
  readonly failed: Promise<Error>;
  readonly #config: AnnouncerConfig;
  readonly #deps: ComponentDeps;
  /** Observing and writing; ends before the names are withdrawn. */
  readonly #work = new Subscription();
  /** Events to journal, log and metrics; goes on until the end. */
  readonly #reports = new Subscription();
  #fail: (error: Error) => void = () => {};
  #journal: Journal<AnnouncerEvent> | undefined;
  #running: Running | undefined;
  #wasReady = false;
  #isSuperseded = false;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: AnnouncerConfig, deps: ComponentDeps) {
    this.#config = config;
    this.#deps = deps;
    this.failed = new Promise((resolve) => {
      this.#fail = resolve;
    });
    const { prefix, domain } = config;
    const statusRoutes = announcerRoutes({
      prefix,
      domain,
      running: () => {
        if (this.#running === undefined) return undefined;
        return { ...this.#running, state: this.#running.loop.state };
      },
    });
    this.routes = [...statusRoutes, ...drainRoutes({ prefix, domain, running: () => this.#running })];
  }

  /** @throws {StartError} the journal, the services file, the host's addresses or the engine's certificates, and what to do */
  async start(): Promise<void> {
    this.#starting = this.#start();
    try {
      await this.#starting;
    } catch (error) {
      await this.stop('handover');
      throw error;
    }
  }

  async #start(): Promise<void> {
    const { dataDir, log, metrics } = this.#deps;
    const journal = await Journal.open<AnnouncerEvent>({
      directory: join(dataDir, 'journal'),
      kind: 'announcer',
      log,
      onRegained: () => void this.#running?.loop.snapshot(),
    });
    this.#journal = journal;
    const running = await this.#assemble(journal);
    this.#running = running;
    journalMetrics(metrics, journal, 'announcer');
    this.#report(running);
    // Stopped already: put together all the same, because what a predecessor left may have to be withdrawn.
    if (this.#stopped === undefined) this.#begin(running);
  }

  notReady(): NotReady {
    if (this.#running === undefined) return ['not started yet'];
    const { announce, health, engine, world } = this.#running;
    const reasons = notReadyReasons({
      claim: announce.claim,
      storeLostReason: health.lostReason,
      refusal: announce.refusal,
      engine: engine.description,
      engineStatus: world.engineStatus,
      wasEngineSynced: world.wasEngineSynced,
      servicesFile: this.#config.servicesFile,
      areServicesRead: world.areServicesRead,
      isSettled: announce.writer.isSettled,
      wasReady: this.#wasReady,
    });
    if (reasons.length === 0) this.#wasReady = true;
    return reasons;
  }

  troubles(): readonly string[] {
    return this.#journal === undefined ? [] : journalTroubles(this.#journal.status);
  }

  stop(how: 'withdraw' | 'handover'): Promise<void> {
    this.#stopped ??= this.#stop(how);
    return this.#stopped;
  }

  async #assemble(journal: Journal<AnnouncerEvent>): Promise<Running> {
    const { dataDir, log, metrics, store, version } = this.#deps;
    const { domain, prefix, leaseTtlSeconds, compareMs } = this.#config;
    const services = await this.#openServices();
    const host = findHost(this.#config);
    sayAddresses(host, this.#config, log);
    const scope = { host: host.name, domain, prefix };
    const identity = await loadIdentity(dataDir, scope);
    if (identity.unreadable !== undefined) log.warn('identity-renewed', `${identity.unreadable}; made a new one`);
    const owner = `${host.name}/${identity.announcer}`;
    const rules: AnnounceRules = { ...this.#config, host, owner };
    const loop = new EventLoop(rules, journal, log);
    await loop.restore();
    const { recorded$ } = loop;
    const sinks = new Sinks({ config: this.#config.sinks, journal, recorded$, host: host.name, dataDir, log, metrics });
    const left = leftBehind(loop, identity);
    if (identity.scopeChanged) {
      // First the journal: a crash in between must not make a later start take the old names' leases for its own.
      await journal.flush();
      await saveIdentity(dataDir, identity.announcer, scope);
    }
    const health = new StoreHealth(
      withOptionalCauses({
        store,
        nowMs: () => performance.now(),
        onChange: (isDenied, message) => sayCauses(log, isDenied, message),
      }),
    );
    const announce = new Announce({
      store: health.store,
      host: host.name,
      domainPrefix: `${keyOf(domain, prefix) ?? prefix}/`,
      ttlSeconds: leaseTtlSeconds,
      compareMs,
      left,
    });
    const claimant: Claimant = {
      host: host.name,
      owner,
      announcer: identity.announcer,
      pid: process.pid,
      startedAt: new Date().toISOString(),
    };
    const claim = new HostClaim({ store: health.store, claimant, ttlSeconds: leaseTtlSeconds, compareMs });
    takeStart({ host: host.name, owner, version, bootId: bootIdOf(this.#config.docker) }, loop, log);
    const engine = this.#engine();
    const world = new World({ engine, loop, rules, services, log });
    return { rules, journal, loop, engine, health, claim, announce, world, sinks };
  }

  async #openServices(): Promise<ServicesFile | undefined> {
    const { servicesFile: path } = this.#config;
    return path === undefined ? undefined : openServicesFile({ path, log: this.#deps.log, nowMs: Date.now });
  }

  #engine(): Engine {
    const { docker: host, compareMs: resyncMs } = this.#config;
    return dockerEngine({ host, tls: readDockerTls(process.env), log: this.#deps.log, nowMs: Date.now, resyncMs });
  }

  /** The log and the metrics are drawn from the events, as the state is. */
  #report({ loop, health, announce, world }: Running): void {
    const { log } = this.#deps;
    const metrics = new AnnouncerMetrics(this.#deps.metrics, {
      keysDesired: () => loop.state.desired.size,
      keysStanding: () => loop.state.standing.size,
      keysConflicted: () => loop.state.conflicts.filter((_owner, key) => loop.state.desired.has(key)).size,
      keysPending: () => announce.writer.holdings.dirtyCount,
      leases: () => announce.writer.leases.shards().length,
      keepalives: () => announce.writer.leases.keepalives,
      storeUp: () => health.isUp,
      engineUp: () => world.engineStatus?.up === true,
    });
    this.#reports.add(
      loop.recorded$.subscribe(({ event, sequence }) => {
        this.feed.push(event, sequence);
        metrics.count(event, (key) => loop.state.standing.has(key));
        const line = logLineOf(event, announce.claim.state === 'held');
        if (line !== undefined) log[line.level](line.event, line.message, line.fields);
      }),
    );
    this.#reports.add(announce.refusals$.subscribe((reason) => log.error('write-refused', writeRefused(reason))));
    this.#reports.add(merge(health.events$, announce.events$).subscribe((event) => loop.record(event)));
  }

  #begin(running: Running): void {
    const { loop, announce, claim, world, sinks } = running;
    sinks.start();
    const claim$ = claim.state$(announce.doubt$).pipe(tap((state) => this.#sayClaim(state)));
    const written$ = announce.run({ wishes$: loop.wishes$, claim$, settled$: world.settled$ });
    this.#run(written$.pipe(tap({ error: (error: unknown) => this.#noteSuperseded(error) })));
    this.#run(world.follow());
  }

  /** Nothing of it ends by itself but by what no retry mends. */
  #run(work$: Observable<unknown>): void {
    this.#work.add(work$.subscribe({ error: (error: unknown) => this.#fail(asError(error)) }));
  }

  /** What stands in the store is the other's from now on, to keep or to remove. */
  #noteSuperseded(error: unknown): void {
    this.#isSuperseded = error instanceof StartError;
  }

  #sayClaim(claim: ClaimState): void {
    const { log } = this.#deps;
    if (claim.state === 'held') log.info('host-claimed', 'this announcer speaks for its host');
    if (claim.state !== 'waiting') return;
    log.warn(
      'host-claim-waiting',
      `another announcer speaks for this host: ${claim.holder}; waiting up to ${claim.untilSeconds} s for it to go`,
    );
  }

  async #stop(how: 'withdraw' | 'handover'): Promise<void> {
    // A start that is under way ends first; what it failed with is its caller's.
    await this.#starting?.catch(() => undefined);
    this.#work.unsubscribe();
    if (this.#running !== undefined) {
      const { loop, announce, sinks } = this.#running;
      if (how === 'withdraw' && !this.#isSuperseded) await this.#withdraw(this.#running);
      else await announce.leave();
      loop.record({ type: 'AnnouncerStopped', atMs: Date.now(), how });
      this.#reports.unsubscribe();
      loop.recorded$.complete();
      this.feed.end();
      await loop.snapshot();
      await sinks.stop(SINKS_GRACE_MS);
    }
    await this.#journal?.close();
  }

  async #withdraw({ loop, announce, claim }: Running): Promise<void> {
    loop.observe({ type: 'stopping', atMs: Date.now() });
    const failures = await announce.withdraw(() => claim.release());
    if (failures.length === 0) return;
    this.#deps.log.warn(
      'withdraw-incomplete',
      `not everything could be withdrawn; the rest goes with its lease, within ${this.#config.leaseTtlSeconds} s`,
      { failures },
    );
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
