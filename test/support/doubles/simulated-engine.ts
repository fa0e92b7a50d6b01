import { Readable } from 'node:stream';
import { type EngineClient, EngineError, type ExecResult } from '../../../announcer/docker/engine/engine.ts';
import { type Delivery, EngineModel, inspectOf } from './engine-model.ts';

/** As the real client gives up a call. */
const CALL_TIMEOUT_MS = 30_000;
/** Of an answer, each way. */
const LATENCY_MAX_MS = 40;
/** Between the 200 of an event stream and its subscription. */
const SUBSCRIBE_MAX_MS = 20;

/** A Docker engine without a socket, for virtual time: it answers late, and what it answers may be old by then. */
export class SimulatedEngine extends EngineModel {
  /** Calls are refused at once, as without a socket. */
  isDown = false;
  /** So many of the next inspects fail with 500. */
  failingInspects = 0;
  /** Containers whose inspects are never answered, as of a lock that is never released. */
  readonly hanging = new Set<string>();
  /** As a daemon that has not read its containers yet. */
  listsNothing = false;
  /** More than one answers with, each way. */
  slownessMs = 0;
  /** Called for each death that whoever listens has been told of, at once and in order. */
  onToldDeath: (id: string) => void = () => undefined;
  readonly client: EngineClient;
  readonly #random: () => number;
  readonly #calls = new Set<(error: Error) => void>();
  readonly #subscribed = new Set<Readable>();
  /** Whoever asked for them has them. */
  readonly #answered = new WeakSet<Readable>();
  /** Runs in which a command of ours has not ended, by container. */
  readonly #hangingCommands = new Map<string, string>();
  #stalled: (() => void)[] | undefined;

  constructor(random: () => number) {
    super();
    this.#random = random;
    this.client = {
      // As of this machine: its processes are looked at.
      description: 'unix:///simulated',
      hello: async () => {
        await this.#call(5000, () => undefined);
        return {
          engineVersion: 'simulated',
          apiVersion: this.apiVersion,
          clockMs: Math.floor(Date.now() / 1000) * 1000,
        };
      },
      ping: (timeoutMs) => this.#call(timeoutMs, () => undefined),
      events: async (since) => {
        const stream = await this.#call(CALL_TIMEOUT_MS, () => this.#openStream(since));
        this.#answered.add(stream);
        return stream;
      },
      list: () => this.#call(CALL_TIMEOUT_MS, () => (this.listsNothing ? [] : this.list())),
      inspect: (container) =>
        this.#call(CALL_TIMEOUT_MS, () => this.#inspect(container), { isAnswered: !this.hanging.has(container) }),
      exec: (container, _command, timeoutMs) => this.#exec(container, timeoutMs),
      stop: async () => undefined,
      reset: () => this.#failCalls('the connection was given up'),
    };
  }

  get isStalled(): boolean {
    return this.#stalled !== undefined;
  }

  /** The daemon dies. What containers do meanwhile is told to nobody. */
  die(): void {
    this.isDown = true;
    this.#stalled = undefined;
    this.forgetEvents();
    this.#failCalls('ECONNRESET');
    this.cutStreams();
  }

  comeBack(): void {
    this.isDown = false;
  }

  /** Accepts and says nothing, as a stopped process does. */
  stall(on: boolean): void {
    const waiting = this.#stalled ?? [];
    this.#stalled = on ? waiting : undefined;
    if (!on) for (const go of waiting) go();
  }

  override emit(id: string, action: string, attributes?: Record<string, string>, delivery: Delivery = {}): string {
    const line = super.emit(id, action, attributes, delivery);
    const isHeard = [...this.#subscribed].some((stream) => this.#answered.has(stream));
    const isTold = isHeard && !this.isStalled && !delivery.dropped && !delivery.late;
    if (action === 'die' && isTold) this.onToldDeath(id);
    return line;
  }

  #failCalls(why: string): void {
    for (const fail of [...this.#calls]) fail(new EngineError('unreachable', why));
  }

  #call<T>(timeoutMs: number, answer: () => T, { isAnswered } = { isAnswered: true }): Promise<T> {
    return new Promise((resolve, reject) => {
      const timers: NodeJS.Timeout[] = [];
      const settle = (): void => {
        this.#calls.delete(fail);
        for (const timer of timers) clearTimeout(timer);
      };
      const fail = (error: Error): void => {
        settle();
        reject(error);
      };
      if (this.isDown) return reject(new EngineError('unreachable', 'ENOENT'));
      this.#calls.add(fail);
      const after = (ms: number, then: () => void): void => void timers.push(setTimeout(then, ms));
      const deliver = (given: T): void => {
        settle();
        resolve(given);
      };
      const read = (): void => {
        if (!this.#calls.has(fail)) return;
        try {
          const given = answer();
          after(this.#latencyMs(), () => this.#unlessStalled(() => this.#calls.has(fail) && deliver(given)));
        } catch (error) {
          fail(error as Error);
        }
      };
      after(timeoutMs, () => fail(new EngineError('unreachable', `no answer within ${timeoutMs} ms`)));
      if (isAnswered) after(this.#latencyMs(), () => this.#unlessStalled(read));
    });
  }

  #unlessStalled(go: () => unknown): void {
    if (this.#stalled === undefined) go();
    else this.#stalled.push(() => void go());
  }

  #inspect(id: string): unknown {
    if (this.failingInspects > 0) {
      this.failingInspects -= 1;
      throw new EngineError('failed', 'it answered 500');
    }
    const container = this.containers.get(id);
    return container === undefined ? undefined : structuredClone(inspectOf(container));
  }

  async #exec(id: string, timeoutMs: number): Promise<ExecResult> {
    const began = await this.#call(CALL_TIMEOUT_MS, () => this.#executed(id));
    if (began !== 'hangs') return began;
    const run = this.containers.get(id)?.startedAt ?? '';
    this.#hangingCommands.set(id, run);
    return new Promise((resolve) => setTimeout(resolve, timeoutMs, { type: 'timed-out' }));
  }

  #executed(id: string): ExecResult | 'hangs' {
    const container = this.containers.get(id);
    if (container?.state !== 'running') return { type: 'not-running' };
    if (container.command !== 'hanging') this.#hangingCommands.delete(id);
    else return this.#hangingCommands.get(id) === container.startedAt ? { type: 'busy' } : 'hangs';
    return { type: 'exited', exitCode: container.command === 'passing' ? 0 : 1 };
  }

  #openStream(sinceSeconds: number): Readable {
    const stream = new Readable({ read() {} });
    const sink = {
      write: (text: string | Buffer): void => {
        this.#unlessStalled(() => stream.destroyed || stream.push(text));
      },
      destroy: (): void => void stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
    };
    // What was sent when nobody reads any more is nobody's error.
    stream.on('error', () => undefined);
    const subscribing = setTimeout(() => {
      if (stream.destroyed) return;
      if (this.isDown) return sink.destroy();
      const close = this.open(sink, sinceSeconds);
      this.#subscribed.add(stream);
      stream.once('close', () => {
        this.#subscribed.delete(stream);
        close();
      });
    }, SUBSCRIBE_MAX_MS * this.#random());
    stream.once('close', () => clearTimeout(subscribing));
    return stream;
  }

  #latencyMs(): number {
    return this.slownessMs + LATENCY_MAX_MS * this.#random() ** 3;
  }
}
