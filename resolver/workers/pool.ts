import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HostPort } from '../../shared/address.ts';
import { StartError } from '../../shared/component.ts';
import type { Log } from '../../shared/log.ts';
import { type Metrics, MetricsSum } from '../../shared/metrics.ts';
import type { OwnerName } from '../../shared/name.ts';
import type { SteadyClock } from '../../shared/steady-clock.ts';
import type { LeaseId } from '../../shared/store.ts';
import type { FirstAnswer } from '../answered/unanswered.ts';
import type { ResolverConfig } from '../config.ts';
import type { FollowStep } from '../following/follow.ts';
import type { LiveZone } from '../following/live-zone.ts';
import type { PastTold } from '../wire/past.ts';
import { type EntryLine, type HeadLine, linesOf } from '../zone/lines.ts';
import type { FromWorker, ToWorker } from './message.ts';
import { workerMetrics } from './metrics.ts';
import { type Heard, SilenceCheck } from './silence.ts';

export interface PoolSettings {
  readonly config: ResolverConfig;
  /** With the ports that were found for port 0. */
  readonly listen: readonly HostPort[];
  readonly version: string;
  readonly cookieSecret: Uint8Array;
  readonly clock: SteadyClock;
  readonly live: LiveZone;
  /** The leases whose time is known. */
  readonly deadlines: () => Iterable<readonly [LeaseId, number]>;
  /** Never rejects. */
  readonly tellPast: (name: OwnerName) => Promise<PastTold>;
  /** What a worker was the first to answer, as far as it knows: another may have been before it. */
  readonly onAnswered: (answers: readonly FirstAnswer[]) => void;
  readonly log: Log;
  readonly metrics: Metrics;
}

const PROGRAM = fileURLToPath(new URL('./worker.js', import.meta.url));
/** A part of the zone that a worker gets at once; between two, it and the primary do other things. */
const ENTRIES_MAX = 2000;
/** A worker that has said nothing for so long hangs: it is ended, and what waits for it with it. */
const SILENT_MAX_MS = 15_000;
const CHECK_EVERY_MS = 1000;
/** Before a worker is replaced that died younger than {@link YOUNG_MS}: a fault that each has must not become a loop. */
const REPLACE_AFTER_MS = 1000;
const YOUNG_MS = 10_000;
/** Workers tried for one place before the first start fails: one that was killed meanwhile is no fault that each has. */
const FIRST_TRIES_MAX = 3;
/** At a stop; then it is ended as it is. */
const STOP_TIMEOUT_MS = 2000;

/** A worker that ended before it answered, and did not say why. */
class WorkerEnded extends StartError {}

interface Member extends Heard {
  readonly worker: Worker;
  readonly startedAtMs: number;
  isLoaded: boolean;
  isServing: boolean;
}

/**
 * The processes that answer, and how they are kept in step: each gets the zone as it stands and then what the follower
 * learns, over one channel in one order. Only this process follows the store. A worker that dies is replaced; the
 * others answer meanwhile. Metrics are summed over all, those that are gone included.
 */
export class WorkerPool {
  readonly #settings: PoolSettings;
  readonly #members = new Set<Member>();
  readonly #sum = new MetricsSum();
  readonly #replacing = new Set<NodeJS.Timeout>();
  #timer: NodeJS.Timeout | undefined;
  #replaced = 0;
  #isStarted = false;
  #isStopping = false;

  constructor(settings: PoolSettings) {
    this.#settings = settings;
    const { metrics } = settings;
    metrics.include(this.#sum);
    workerMetrics(metrics, { serving: () => this.pids.length, replaced: () => this.#replaced });
  }

  /** Process ids of the workers that answer. */
  get pids(): readonly number[] {
    return [...this.#members].flatMap(({ isServing, worker }) => (isServing ? [worker.process.pid ?? 0] : []));
  }

  /**
   * Resolves when every worker answers. One that ends before it does is replaced, up to {@link FIRST_TRIES_MAX} for a place.
   *
   * @throws {StartError} when one cannot
   */
  async start(): Promise<void> {
    // Connections are accepted by whoever has time, not handed out by this process one by one.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: PROGRAM, args: [], serialization: 'advanced' });
    const check = new SilenceCheck({ everyMs: CHECK_EVERY_MS, silentMaxMs: SILENT_MAX_MS }, performance.now());
    this.#timer = setInterval(() => this.#endSilent(check), CHECK_EVERY_MS);
    this.#timer.unref();
    await Promise.all(Array.from({ length: this.#settings.config.workers }, () => this.#startFirst()));
    this.#isStarted = true;
  }

  step(step: FollowStep): void {
    this.#sendAll({ type: 'step', step });
  }

  lease(lease: LeaseId, deadlineMs: number, names: readonly OwnerName[]): void {
    this.#sendAll({ type: 'lease', lease, deadlineMs, names });
  }

  #sendAll(message: ToWorker): void {
    for (const { worker, isLoaded } of this.#members) if (isLoaded) void send(worker, message);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#timer);
    for (const timer of this.#replacing) clearTimeout(timer);
    await Promise.all(
      [...this.#members].map(async ({ worker }) => {
        if (worker.isDead()) return;
        const ended = once(worker, 'exit');
        const late = setTimeout(() => worker.process.kill('SIGKILL'), STOP_TIMEOUT_MS);
        send(worker, { type: 'stop' });
        await ended;
        clearTimeout(late);
      }),
    );
  }

  async #startFirst(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#startOne();
        return;
      } catch (error) {
        if (!(error instanceof WorkerEnded) || tries === FIRST_TRIES_MAX || this.#isStopping) throw error;
      }
    }
  }

  /** Resolves when it answers; rejects when it ends or fails before. */
  #startOne(): Promise<void> {
    const { log } = this.#settings;
    const worker = cluster.fork();
    const nowMs = performance.now();
    const member: Member = { worker, startedAtMs: nowMs, heardAtMs: nowMs, isLoaded: false, isServing: false };
    this.#members.add(member);
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        member.heardAtMs = performance.now();
        if (message.type === 'metrics') this.#sum.set(worker.id, message.metrics);
        else if (message.type === 'log') log[message.severity](message.event, message.message, message.fields);
        else if (message.type === 'answered') this.#settings.onAnswered(message.answers);
        else if (message.type === 'loaded') void this.#bringInStep(member);
        else if (message.type === 'ask-past') void this.#tellPast(worker, message);
        else if (message.type === 'failed') reject(new StartError(message.message));
        else {
          member.isServing = true;
          resolve();
        }
      });
      // Of the channel: the process is gone or going, and `exit` says so.
      worker.on('error', (error) => log.debug('worker-channel', error.message));
      worker.once('exit', (code, signal) => {
        const how = signal === null ? `exit code ${code}` : signal;
        reject(new WorkerEnded(`worker ${worker.id} ended while it started: ${how}`));
        this.#ended(member, how);
      });
    });
  }

  async #tellPast(worker: Worker, { id, name }: Extract<FromWorker, { type: 'ask-past' }>): Promise<void> {
    void send(worker, { type: 'past', id, told: await this.#settings.tellPast(name) });
  }

  async #bringInStep(member: Member): Promise<void> {
    const { worker } = member;
    member.isLoaded = true;
    const { config, listen, version, cookieSecret, clock, live } = this.#settings;
    await send(worker, { type: 'start', config, listen, version, cookieSecret, clockBaseMs: clock.baseMs });
    let entries: EntryLine[] = [];
    for (const entry of this.#entryLines()) {
      entries.push(entry);
      if (entries.length < ENTRIES_MAX) continue;
      await send(worker, { type: 'entries', entries });
      entries = [];
    }
    await send(worker, { type: 'entries', entries });
    for (const [lease, deadlineMs] of this.#settings.deadlines()) {
      send(worker, { type: 'lease', lease, deadlineMs, names: [] });
    }
    const [head] = linesOf(live.zone, live.state, live);
    const nowMs = clock.nowMs();
    const confirmedSteadyMs = nowMs - live.unconfirmedMs(nowMs);
    await send(worker, { type: 'whole', head: head as HeadLine, isLive: live.isLive, confirmedSteadyMs });
  }

  *#entryLines(): Generator<EntryLine> {
    const { live } = this.#settings;
    let isHead = true;
    for (const line of linesOf(live.zone, live.state, live)) {
      if (!isHead) yield line as EntryLine;
      isHead = false;
    }
  }

  #ended(member: Member, how: string): void {
    const { log } = this.#settings;
    const { worker } = member;
    this.#members.delete(member);
    this.#sum.end(worker.id);
    if (this.#isStopping) return;
    const ageMs = performance.now() - member.startedAtMs;
    const waitMs = ageMs < YOUNG_MS ? REPLACE_AFTER_MS : 0;
    this.#replaced += 1;
    log.error('worker-died', `worker ${worker.id} (pid ${worker.process.pid}) ended: ${how}; another takes its place`, {
      aliveMs: Math.round(ageMs),
      others: this.#members.size,
    });
    // The first start tries again by itself, and fails in the end; afterwards nobody gives up.
    if (!this.#isStarted && !member.isServing) return;
    const timer = setTimeout(() => {
      this.#replacing.delete(timer);
      this.#startOne().then(
        () => log.info('worker-replaced', `the worker in the place of ${worker.id} answers`),
        (error: unknown) => log.warn('worker-not-replaced', (error as Error).message),
      );
    }, waitMs);
    this.#replacing.add(timer);
  }

  #endSilent(check: SilenceCheck): void {
    for (const { worker } of check.silent(this.#members, performance.now())) {
      this.#settings.log.error(
        'worker-silent',
        `worker ${worker.id} (pid ${worker.process.pid}) has said nothing for ${SILENT_MAX_MS / 1000} s; it is ended`,
      );
      worker.process.kill('SIGKILL');
    }
  }
}

/** Resolves when it is in the channel, or when there is none any more: then `exit` comes, and with it the replacement. */
function send(worker: Worker, message: ToWorker): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isConnected()) worker.send(message, () => resolve());
    else resolve();
  });
}
