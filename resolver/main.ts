import { randomBytes } from 'node:crypto';
import type { Subscription } from 'rxjs';
import { formatHostPort, type HostPort } from '../shared/address.ts';
import { type Component, type ComponentDeps, type NotReady, StartError } from '../shared/component.ts';
import { PushedFeed } from '../shared/events/event-feed.ts';
import type { Route } from '../shared/http.ts';
import { JournalError } from '../shared/journal/journal.ts';
import { journalMetrics } from '../shared/journal/metrics.ts';
import { journalTroubles } from '../shared/journal/status.ts';
import { LegMetrics } from '../shared/leg-metrics.ts';
import { serviceOfKey } from '../shared/legs.ts';
import { type OwnerName, ownerOf } from '../shared/name.ts';
import { SteadyClock } from '../shared/steady-clock.ts';
import { AnswerWatch } from './answered/answer-watch.ts';
import { answeredEvent } from './answered/event.ts';
import { unansweredMetrics } from './answered/metrics.ts';
import { type FirstAnswer, type UnansweredChange, UnansweredChanges, unansweredOf } from './answered/unanswered.ts';
import { WorkerAnswers } from './answered/worker-answers.ts';
import { Answering } from './answering.ts';
import type { ResolverConfig } from './config.ts';
import { Explainer } from './following/explainer.ts';
import { type FollowStep, follow } from './following/follow.ts';
import { Leases } from './following/leases.ts';
import { LiveZone } from './following/live-zone.ts';
import { ProblemLog } from './following/problem-log.ts';
import { readUnexplained } from './following/unexplained.ts';
import { ZoneJournal } from './following/zone-journal.ts';
import { Listeners } from './listeners.ts';
import type { LookupContext } from './lookup/settings.ts';
import { zoneMetrics } from './report/metrics.ts';
import { PastTeller } from './report/past-teller.ts';
import { notReadyReasons } from './report/ready.ts';
import { resolverRoutes } from './report/routes.ts';
import type { PastTold } from './wire/past.ts';
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
  readonly #clock = new SteadyClock();
  readonly #live: LiveZone;
  readonly #problems: ProblemLog;
  readonly #past: PastTeller;
  readonly #unanswered = new UnansweredChanges();
  readonly #watch = new AnswerWatch(this.#unanswered, (answers) => this.#keepAnswers(answers));
  readonly #workerAnswers = new WorkerAnswers(this.#unanswered, (answers) => this.#keepAnswers(answers));
  #fail: (error: Error) => void = () => {};
  #zoneJournal: ZoneJournal | undefined;
  #answering: Answering | undefined;
  #listeners: Listeners | undefined;
  /** Where it answers. */
  #addresses: readonly HostPort[] | undefined;
  #leases: Leases | undefined;
  #following: Subscription | undefined;
  #explainer: Explainer | undefined;
  #starting: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(config: ResolverConfig, deps: ComponentDeps) {
    this.#config = config;
    this.#deps = deps;
    this.#live = new LiveZone(config.prefix);
    this.#problems = new ProblemLog(deps.log);
    this.#past = new PastTeller({
      journal: () => this.#zoneJournal?.journal,
      settings: { lookup: config, prefix: config.prefix, maxStaleMs: config.maxStaleMs },
      nowMs: Date.now,
      steadyMs: this.#clock.nowMs,
      log: deps.log,
    });
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
      keepAnswers: () => this.#watch.flush(),
    });
  }

  /** Where it answers DNS; with the ports that were found for port 0. */
  get addresses(): readonly HostPort[] {
    return this.#addresses ?? [];
  }

  /** Process ids of the workers that answer; none when this process does. */
  get workerPids(): readonly number[] {
    return this.#listeners?.workerPids ?? [];
  }

  notReady(): NotReady {
    if (this.#addresses === undefined) return ['not started yet'];
    const { description } = this.#deps.store;
    return notReadyReasons(this.#live, this.#clock.nowMs(), this.#config.maxStaleMs, description);
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
    const left = await readUnexplained(zoneJournal.journal, live.state.revision);
    if (this.#stopped !== undefined) return;
    const { confirmedAtMs } = live;
    const started: ZoneEvent = {
      type: 'ResolverStarted',
      atMs: Date.now(),
      version,
      store: store.description,
      ...(confirmedAtMs !== undefined && { confirmedAtMs }),
    };
    this.#take({ type: 'events', events: [started], bulk: false });

    const leases = new Leases({
      store,
      inUse: () => live.zone.leases(),
      onLearned: (names) => this.#answering?.answerer.changed({ names, addresses: [] }),
      onDeadline: (lease, deadlineMs, names) => this.#listeners?.lease(lease, deadlineMs, names),
      log,
      nowMs: this.#clock.nowMs,
    });
    this.#leases = leases;
    for (const lease of live.zone.leases()) leases.saw(lease, undefined);
    zoneMetrics(metrics, live, leases, this.#clock.nowMs);
    unansweredMetrics(metrics, this.#unanswered);

    const cookieSecret = randomBytes(COOKIE_SECRET_OCTETS);
    const { deadlineMs: leaseDeadlineMs } = leases;
    const tellPast = (name: OwnerName): Promise<PastTold> => this.#past.tell(name);
    const watch = this.#watch;
    this.#answering = new Answering(this.#config, {
      live,
      clock: this.#clock,
      leaseDeadlineMs,
      tellPast,
      log,
      metrics,
      version,
      cookieSecret,
      watch,
    });
    this.#listeners = new Listeners({
      answerer: this.#answering.answerer,
      config: this.#config,
      version,
      cookieSecret,
      clock: this.#clock,
      live,
      deadlines: () => leases.deadlines(),
      tellPast,
      onAnswered: this.#workerAnswers.report,
      log,
      metrics,
    });
    const listening = await this.#listeners.start();
    this.#addresses = listening;
    const addresses = listening.map(formatHostPort);
    log.info('dns-listening', `answering for ${this.#config.zones.join(', ')} on ${addresses.join(', ')}`, {
      addresses,
      zones: this.#config.zones,
      workers: this.#config.workers,
    });
    leases.start();
    this.#explainer = new Explainer({
      store,
      prefix: this.#config.prefix,
      left,
      legs: LegMetrics.of(metrics),
      log,
      onExplained: (explained) => this.#keep(explained, false),
      onFailed: (error) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
    // First, so that no cause is told before it is listened for; what is not known by then waits.
    this.#explainer.start();
    this.#following = follow({ store, followed: live, log, steadyMs: this.#clock.nowMs }).subscribe({
      next: (step) => this.#take(step),
      error: (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    });
  }

  #context(): LookupContext {
    if (this.#answering !== undefined) return this.#answering.context();
    const nowMs = this.#clock.nowMs();
    return {
      nowMs,
      leaseDeadlineMs: () => undefined,
      outside: () => ({ addresses: [], validUntilMs: Number.POSITIVE_INFINITY }),
      availability: this.#live.availability(nowMs, this.#config.maxStaleMs),
    };
  }

  async #stop(): Promise<void> {
    // A start that is under way ends first; what it failed with is its caller's.
    await this.#starting?.catch(() => undefined);
    this.#following?.unsubscribe();
    this.#explainer?.stop();
    this.#leases?.stop();
    await this.#listeners?.close();
    this.#answering?.close();
    this.#watch.flush();
    this.#workerAnswers.flush();
    if (this.#zoneJournal === undefined) return;
    this.#take({ type: 'events', events: [{ type: 'ResolverStopped', atMs: Date.now() }], bulk: false });
    this.feed.end();
    await this.#zoneJournal.close();
  }

  /** What was learned goes into the zone and the journal; answers that it affects are made anew. */
  #take(step: FollowStep): void {
    this.#listeners?.step(step);
    if (step.type === 'confirmed') {
      const isNew = !this.#live.isLive;
      this.#live.confirm(step.atMs, this.#clock.nowMs());
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
    const changes: UnansweredChange[] = [];
    const isFirstRead = this.#live.zone.storeId === undefined;
    const changed = this.#live.applyAll(events, (event, made) => {
      if (made.problem !== undefined) this.#problems.add(made.problem, Math.floor(performance.now()));
      this.#sawLease(event);
      const change = step.bulk || isFirstRead ? undefined : unansweredOf(event, made);
      if (change !== undefined) changes.push(change);
    });
    this.#answering?.answerer.changed(changed);
    this.#watch.add(changes);
    this.#keep(events, step.bulk);
    if (!step.bulk) this.#explainer?.take(events);
  }

  #keep(events: readonly ZoneEvent[], isBulk: boolean): void {
    const first = this.#zoneJournal?.record(events, isBulk);
    for (const [at, event] of events.entries()) this.feed.push(event, first === undefined ? undefined : first + at);
  }

  /** No part of the zone: for the journal and who reads it. */
  #keepAnswers(answers: readonly FirstAnswer[]): void {
    this.#keep(answers.map(answeredEvent), false);
    const legs = LegMetrics.of(this.#deps.metrics);
    for (const { key, appliedAtMs, atMs, isLate } of answers) {
      if (!isLate) legs.observe('answered', serviceOfKey(key), appliedAtMs, atMs);
    }
  }

  /** A loss says when the zone was last known to be true, so that the past can be told as it was answered. */
  #dated(event: ZoneEvent): ZoneEvent {
    const { confirmedAtMs } = this.#live;
    return event.type === 'StoreLost' && confirmedAtMs !== undefined ? { ...event, confirmedAtMs } : event;
  }

  #sawLease(event: ZoneEvent): void {
    const leases = this.#leases;
    if (event.type !== 'RecordPut' || event.lease === undefined || leases === undefined) return;
    const { lease, key } = event;
    leases.saw(lease, leases.isLearning(lease) ? ownerOf(key, this.#config.prefix) : undefined);
  }
}
