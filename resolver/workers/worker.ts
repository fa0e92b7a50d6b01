/** A process that answers: the program behind `--workers`. It has no store; `pool.ts` keeps its zone in step. */

import { ListenError } from '../../shared/address.ts';
import type { Log } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { EtcdKey } from '../../shared/name.ts';
import { SteadyClock } from '../../shared/steady-clock.ts';
import type { LeaseId } from '../../shared/store.ts';
import { AnswerWatch } from '../answered/answer-watch.ts';
import { type UnansweredChange, UnansweredChanges, unansweredOf } from '../answered/unanswered.ts';
import { Answering } from '../answering.ts';
import type { FollowStep } from '../following/follow.ts';
import { LiveZone } from '../following/live-zone.ts';
import { type DnsServer, SERVER_SETTINGS, serveDns } from '../serving/server.ts';
import { systemCalls } from '../serving/udp/system-calls.ts';
import { eventOf, stateOf, syncOf } from '../zone/lines.ts';
import { type FromWorker, REPORT_EVERY_MS, type ToWorker } from './message.ts';
import { PastOfPrimary } from './past.ts';

/** How often the deadlines of leases that no key is on any more are forgotten. */
const FORGET_EVERY_MS = 60_000;

type Start = Extract<ToWorker, { type: 'start' }>;

const say = (message: FromWorker): void => {
  if (process.connected) process.send?.(message);
};
const logAs =
  (severity: Extract<FromWorker, { type: 'log' }>['severity']): Log['info'] =>
  (event, message, fields = {}) =>
    say({ type: 'log', severity, event, message, fields: { ...fields, pid: process.pid } });
const log: Log = { debug: logAs('debug'), info: logAs('info'), warn: logAs('warn'), error: logAs('error') };

class WorkerProcess {
  readonly #start: Start;
  readonly #clock: SteadyClock;
  readonly #live: LiveZone;
  readonly #metrics = new Metrics({ ofProcess: false });
  readonly #deadlines = new Map<LeaseId, number>();
  readonly #past = new PastOfPrimary((id, name) => say({ type: 'ask-past', id, name }));
  readonly #answering: Answering;
  readonly #watch = new AnswerWatch(new UnansweredChanges(), (answers) => say({ type: 'answered', answers }));
  /** Keys that events named while the zone was on its way: what the parts still say of them is over. Undefined when it is whole. */
  #touched: Set<EtcdKey> | undefined = new Set();
  #server: DnsServer | undefined;

  constructor(start: Start) {
    this.#start = start;
    this.#clock = new SteadyClock({}, start.clockBaseMs);
    this.#live = new LiveZone(start.config.prefix);
    this.#answering = new Answering(start.config, {
      live: this.#live,
      clock: this.#clock,
      leaseDeadlineMs: (lease) => this.#deadlines.get(lease),
      tellPast: (name) => this.#past.tell(name),
      log,
      metrics: this.#metrics,
      version: start.version,
      cookieSecret: start.cookieSecret,
      watch: this.#watch,
    });
    setInterval(() => this.#report(), REPORT_EVERY_MS);
    setInterval(() => this.#forget(), FORGET_EVERY_MS);
  }

  take(message: Exclude<ToWorker, Start>): void {
    switch (message.type) {
      case 'entries':
        for (const line of message.entries) {
          if (this.#touched?.has(line.k)) continue;
          this.#live.apply(eventOf(line, Date.now()));
        }
        return;
      case 'whole':
        void this.#serve(message);
        return;
      case 'step': {
        const { step } = message;
        if (step.type === 'confirmed') {
          this.#live.confirm(step.atMs, this.#clock.nowMs());
          return;
        }
        for (const event of step.events) if ('key' in event) this.#touched?.add(event.key);
        this.#apply(step);
        return;
      }
      case 'lease':
        this.#deadlines.set(message.lease, message.deadlineMs);
        if (message.names.length > 0) this.#answering.answerer.changed({ names: message.names, addresses: [] });
        return;
      case 'past':
        this.#past.told(message.id, message.told);
        return;
      case 'stop':
        void this.#stop();
    }
  }

  #apply(step: Extract<FollowStep, { type: 'events' }>): void {
    const changes: UnansweredChange[] = [];
    const isFirstRead = this.#live.zone.storeId === undefined;
    const changed = this.#live.applyAll(step.events, (event, made) => {
      const change = step.bulk || isFirstRead ? undefined : unansweredOf(event, made);
      if (change !== undefined) changes.push(change);
    });
    this.#answering.answerer.changed(changed);
    this.#watch.add(changes);
  }

  async #serve({ head, isLive, confirmedSteadyMs }: Extract<ToWorker, { type: 'whole' }>): Promise<void> {
    const live = this.#live;
    const sync = syncOf(head, live.zone, Date.now());
    if (sync !== undefined) live.apply(sync);
    live.restore(stateOf(head));
    if (head.confirmedAtMs !== undefined) {
      if (isLive) live.confirm(head.confirmedAtMs, confirmedSteadyMs);
      else live.wasConfirmed(head.confirmedAtMs, confirmedSteadyMs);
    }
    this.#touched = undefined;
    const loaded = systemCalls(this.#start.config.udpBatch);
    const settings = { ...SERVER_SETTINGS, shared: true, systemCalls: loaded.ok ? loaded.calls : undefined };
    try {
      this.#server = await serveDns(this.#start.listen, this.#answering.answerer, settings, log, this.#metrics);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      say({ type: 'failed', message: error.message });
      process.exitCode = 1;
      process.disconnect();
      return;
    }
    say({ type: 'serving' });
  }

  async #stop(): Promise<void> {
    await this.#server?.close();
    this.#answering.close();
    this.#watch.flush();
    await this.#report();
    process.exit(0);
  }

  async #report(): Promise<void> {
    say({ type: 'metrics', metrics: await this.#metrics.records() });
  }

  #forget(): void {
    const inUse = new Set(this.#live.zone.leases());
    for (const lease of this.#deadlines.keys()) if (!inUse.has(lease)) this.#deadlines.delete(lease);
  }
}

let running: WorkerProcess | undefined;
process.on('message', (message: ToWorker) => {
  if (message.type === 'start') running = new WorkerProcess(message);
  else running?.take(message);
});
say({ type: 'loaded' });
// Without the primary nobody keeps the zone true: an answer would be a guess.
process.once('disconnect', () => process.exit());
// Signals to the whole group (Ctrl-C, a closed terminal) are the primary's: it says stop.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR2', 'SIGHUP'] as const) process.on(signal, () => undefined);
