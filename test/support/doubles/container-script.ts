/** What happens to containers, and how wrongly it is told: drawn from seeded randomness, on any engine model. */
import type { Check } from '../../../announcer/checks/check.ts';
import { factsOf } from '../../../announcer/docker/inspect.ts';
import { candidatesOf } from '../../../announcer/naming/candidates.ts';
import type { AnnounceRules } from '../../../announcer/rules.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { decodeRecord, encodeRecord } from '../../../shared/record.ts';
import { type Delivery, type EngineModel, type FakeContainer, inspectOf } from './engine-model.ts';

/** A value without what depends on the announcer and the moment. */
export function comparable(value: string): string {
  const decoded = decodeRecord(value);
  if (!decoded.ok) return value;
  const { announcedAt: _announcedAt, owner: _owner, ...record } = decoded.record;
  return encodeRecord(record);
}

/** By key, the {@link comparable} values that are true: several when containers want the same key. */
export type TrueKeys = ReadonlyMap<EtcdKey, ReadonlySet<string>>;

/** The keys that are true when everything is as the engine's inspects say, and every check finds what is served. */
export function trueKeys(engine: EngineModel, rules: AnnounceRules): TrueKeys {
  const keys = new Map<EtcdKey, Set<string>>();
  for (const container of engine.containers.values()) {
    const facts = factsOf(inspectOf(container));
    if (facts.state !== 'running' || facts.pid === 0) continue;
    for (const { key, value, check } of candidatesOf(facts, rules).candidates) {
      if (!isPassing(check, container)) continue;
      const values = keys.get(key) ?? new Set();
      keys.set(key, values.add(comparable(value)));
    }
  }
  return keys;
}

/** What a check that looks now must find. */
function isPassing(check: Check, { health, serving, command }: FakeContainer): boolean {
  switch (check.kind) {
    case 'none':
      return true;
    case 'healthcheck':
      return health === 'healthy';
    case 'listening':
      return serving[check.port]?.isLoopback === false;
    case 'tcp':
      return ['well', 'badly', 'never'].includes(serving[check.port]?.answers ?? 'closed');
    case 'http':
      return serving[check.port]?.answers === 'well';
    case 'exec':
      return command === 'passing';
  }
}

/** What differs between what stands and what is true; empty when nothing does. */
export function differences(stored: ReadonlyMap<EtcdKey, string>, truth: TrueKeys): string[] {
  const told: string[] = [];
  for (const [key, value] of stored) {
    const values = truth.get(key);
    if (values === undefined) told.push(`stands and is not true: ${key}`);
    else if (!values.has(comparable(value))) told.push(`stands with what is not true: ${key} ${value}`);
  }
  for (const key of truth.keys()) if (!stored.has(key)) told.push(`is true and does not stand: ${key}`);
  return told;
}

/** A container's configuration; it never changes. */
interface Kind {
  readonly labels: Record<string, string>;
  readonly ports: readonly string[];
  /** Another port of the host each time it starts, as `-p 80` gives. */
  readonly isEphemeral?: boolean;
  readonly hasHealthcheck?: boolean;
  /** `--restart=always`: the engine starts it again after a death that nobody asked for. */
  readonly restarts?: boolean;
  /** It serves its ports a while after its start, and well or badly from then on. */
  readonly serves?: boolean;
}

const NONE = { 'rollcall.check': 'none' };
const KINDS: readonly Kind[] = [
  { labels: { ...NONE, 'rollcall.name': 'web' }, ports: ['80/tcp'] },
  { labels: { ...NONE, 'rollcall.name': 'api' }, ports: ['80/tcp'], isEphemeral: true },
  { labels: { ...NONE, 'rollcall.name': 'loop' }, ports: ['80/tcp'], isEphemeral: true, restarts: true },
  { labels: { ...NONE, 'rollcall.name': 'pair' }, ports: ['80/tcp', '53/udp'], restarts: true },
  { labels: { 'rollcall.name': 'sick' }, ports: ['80/tcp'], hasHealthcheck: true },
  { labels: { ...NONE, SERVICE_NAME: 'same', SERVICE_ID: 'one' }, ports: ['80/tcp'] },
];

/** Each run has ports of the host of its own, so that a value tells which run it was true of. */
const CHECKED = { isEphemeral: true, serves: true } as const;
/** Those with an active check: what looks into them must be simulated, too. */
const CHECKED_KINDS: readonly Kind[] = [
  { ...CHECKED, labels: { 'rollcall.name': 'auto' }, ports: ['80/tcp'], restarts: true },
  { ...CHECKED, labels: { 'rollcall.name': 'both', 'rollcall.check': 'listening' }, ports: ['80/tcp', '53/udp'] },
  {
    ...CHECKED,
    labels: {
      'rollcall.name': 'connected',
      'rollcall.check': 'tcp',
      'rollcall.check.interval': '2s',
      'rollcall.check.timeout': '1s',
      'rollcall.check.rise': '2',
      'rollcall.check.fall': '1',
    },
    ports: ['80/tcp'],
    restarts: true,
  },
  {
    ...CHECKED,
    labels: { 'rollcall.name': 'asked', 'rollcall.check': 'http:/health', 'rollcall.check.port': '81' },
    ports: ['80/tcp', '81/tcp'],
  },
  {
    ...CHECKED,
    labels: {
      'rollcall.name': 'ran',
      'rollcall.check': 'exec:["/check"]',
      'rollcall.check.interval': '3s',
      'rollcall.check.rise': '3',
      'rollcall.check.fall': '2',
    },
    ports: ['80/tcp'],
  },
];

/** Longest that an operation of the script goes on by itself: a slow stop, a restart back-off. */
export const OPERATION_MAX_MS = 12_000;

export interface ScriptSettings {
  readonly engine: EngineModel;
  readonly random: () => number;
  /** Whether the daemon runs: otherwise containers end without a word. */
  readonly isUp: () => boolean;
  /** After each change of a container. */
  readonly onChange: () => void;
  /** Whether a process may take no notice of its stop signal: what is held for that is held for 30 s. */
  readonly ignoresStops: boolean;
  /** Whether there are containers with active checks among them. */
  readonly hasChecks: boolean;
  /** Scales the times of an operation: 1 for real ones, less for tests in real time. */
  readonly pace: number;
}

/** Draws operations on containers, and keeps what a container is configured to be. */
export class ContainerScript {
  /** What was done, for a failure's message. */
  readonly trace: string[] = [];
  readonly #settings: ScriptSettings;
  readonly #kinds = new Map<string, Kind>();
  readonly #timers = new Set<NodeJS.Timeout>();
  /** From here on nothing is told wrongly. */
  isHonest = false;
  #port = 31_000;
  #inode = 1000;

  constructor(settings: ScriptSettings) {
    this.#settings = settings;
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  /** A number from 0 to `below` - 1. */
  pick(below: number): number {
    return Math.floor(this.#settings.random() * below);
  }

  /** One operation on one container, or a new one. */
  step(): void {
    const { engine } = this.#settings;
    const containers = [...engine.containers.values()];
    const container = containers[this.pick(containers.length)];
    if (container === undefined || (containers.length < 7 && this.pick(5) === 0)) this.#create();
    else this.#act(container);
    this.#settings.onChange();
  }

  /** The end of every container, as a daemon without live-restore brings about; nobody is told. */
  endAll(): void {
    for (const container of this.#settings.engine.containers.values()) {
      if (container.state === 'running' || container.state === 'paused') this.#end(container, 0, { dropped: true });
    }
    this.#settings.onChange();
  }

  /** `docker kill` of all that run. */
  killAll(): void {
    for (const container of this.#settings.engine.containers.values()) {
      if (container.state === 'running') this.#end(container, 137, {});
    }
    this.#settings.onChange();
  }

  /** As when somebody gave the daemon another data directory; nobody is told. */
  removeAll(): void {
    this.trace.push('all are removed');
    this.#settings.engine.containers.clear();
    this.#settings.onChange();
  }

  /** Containers with a restart policy come back with the daemon. */
  startRestarting(): void {
    for (const container of this.#settings.engine.containers.values()) {
      if (this.#kind(container).restarts && container.state !== 'running') this.#start(container, this.#delivery());
    }
    this.#settings.onChange();
  }

  #create(): void {
    const kinds = this.#settings.hasChecks ? [...KINDS, ...CHECKED_KINDS] : KINDS;
    const kind = kinds[this.pick(kinds.length)] as Kind;
    const published = this.#publish(kind);
    const container = this.#settings.engine.run(
      {
        labels: { ...kind.labels },
        published,
        ...(kind.hasHealthcheck ? { health: 'starting' as const } : {}),
      },
      this.#delivery(),
    );
    this.#kinds.set(container.id, kind);
    this.#note('run', container);
    this.#grow(container, kind);
  }

  #act(container: FakeContainer): void {
    const { engine } = this.#settings;
    const isRunning = container.state === 'running';
    if (this.#kind(container).serves && this.pick(3) === 0) {
      this.#serve(container, this.pick(3) > 0);
      return;
    }
    switch (this.pick(12)) {
      case 0:
      case 1:
        if (isRunning) this.#stop(container, this.pick(4) === 0);
        else this.#start(container, this.#delivery());
        return;
      case 2:
        if (isRunning) this.#die(container, 1 + this.pick(2));
        return;
      case 3:
        // A signal that means a reload; or the stop signal, which the process takes no notice of.
        if (isRunning)
          this.#emit(container, 'kill', { signal: this.pick(3) === 0 && this.#settings.ignoresStops ? '15' : '1' });
        return;
      case 4:
        if (isRunning) this.#kill(container);
        return;
      case 5:
      case 6:
        if (isRunning) this.#set(container, { state: 'paused' }, 'pause');
        else if (container.state === 'paused') this.#set(container, { state: 'running' }, 'unpause');
        return;
      case 7:
        this.#set(container, { name: `renamed-${this.pick(1000)}` }, 'rename');
        return;
      case 8:
        if (isRunning) this.#stop(container, false, () => this.#start(container, this.#delivery()));
        return;
      case 9:
        if (isRunning) this.#emit(container, 'kill', { signal: '9' });
        engine.containers.delete(container.id);
        this.#emitOf(container, 'die', { exitCode: '137' });
        this.#emitOf(container, 'destroy', {});
        return;
      case 10:
        if (container.health !== undefined && isRunning) {
          this.#setHealth(container, container.health === 'healthy' ? 'unhealthy' : 'healthy');
        }
        return;
      default:
        // Two deaths and starts so fast that no inspect sees what is between.
        if (isRunning) this.#die(container, 1);
        this.#start(container, this.#delivery());
    }
  }

  /** `docker stop`: the signal, a drain, the death. */
  #stop(container: FakeContainer, isSlow: boolean, then?: () => void): void {
    const { startedAt } = container;
    this.#emit(container, 'kill', { signal: '15' });
    this.#later(isSlow ? 9000 : 300, () => {
      if (container.startedAt !== startedAt || container.pid === 0) return;
      if (!this.#settings.engine.containers.has(container.id)) return;
      this.#end(container, 143, this.#delivery());
      this.#emit(container, 'stop', {});
      then?.();
    });
  }

  #kill(container: FakeContainer): void {
    this.#emit(container, 'kill', { signal: '9' });
    this.#end(container, 137, this.#delivery());
  }

  /** A death that nobody asked for; with a restart policy a back-off follows, in which inspect says that it runs. */
  #die(container: FakeContainer, exitCode: number): void {
    this.#end(container, exitCode, this.#delivery());
    if (!this.#kind(container).restarts) return;
    container.state = 'restarting';
    const { startedAt } = container;
    this.#later(2000, () => {
      if (container.state !== 'restarting' || container.startedAt !== startedAt) return;
      container.restartCount += 1;
      this.#start(container, this.#delivery());
    });
    // Stopped during the back-off: neither `kill` nor `die`.
    if (this.pick(4) === 0) this.#later(1000, () => this.#stopInBackOff(container));
  }

  #stopInBackOff(container: FakeContainer): void {
    if (container.state === 'restarting') this.#set(container, { state: 'exited' }, 'stop');
  }

  #end(container: FakeContainer, exitCode: number, delivery: Delivery): void {
    this.#note(`exit ${exitCode}`, container);
    this.#settings.engine.exit(container, exitCode, this.#unlessDown(delivery));
  }

  #start(container: FakeContainer, delivery: Delivery): void {
    const kind = this.#kind(container);
    if (container.state === 'running' || container.state === 'paused') return;
    if (!this.#settings.engine.containers.has(container.id)) return;
    if (kind.isEphemeral) container.published = this.#publish(kind);
    if (kind.hasHealthcheck) container.health = 'starting';
    this.#note('start', container);
    this.#settings.engine.startAgain(container, this.#unlessDown(delivery));
    this.#grow(container, kind);
  }

  /** What becomes of a run by itself. */
  #grow(container: FakeContainer, { hasHealthcheck, serves }: Kind): void {
    const { startedAt } = container;
    if (hasHealthcheck) this.#later(3000, () => this.#setHealth(container, 'healthy'));
    if (!serves) return;
    const delayMs = [10, 500, 8000][this.pick(3)] as number;
    this.#later(delayMs, () => container.startedAt === startedAt && this.#serve(container, this.pick(4) === 0));
  }

  /** Its ports are served, or its command ends, in another way from now on. @param isAny else well */
  #serve(container: FakeContainer, isAny: boolean): void {
    if (container.state !== 'running' || !this.#settings.engine.containers.has(container.id)) return;
    const { ports } = this.#kind(container);
    for (const port of ports) {
      const answers = isAny ? (['well', 'badly', 'never', 'full', undefined] as const)[this.pick(5)] : 'well';
      this.#inode += 1;
      if (answers === undefined) delete container.serving[port];
      else container.serving[port] = { inode: this.#inode, answers, isLoopback: isAny && this.pick(4) === 0 };
    }
    container.command = isAny ? ((['passing', 'failing', 'hanging'] as const)[this.pick(3)] ?? 'failing') : 'passing';
    this.#note(`serves ${JSON.stringify(container.serving)}, command ${container.command}`, container);
  }

  #setHealth(container: FakeContainer, health: 'healthy' | 'unhealthy'): void {
    if (container.state !== 'running' || !this.#settings.engine.containers.has(container.id)) return;
    this.#set(container, { health }, `health_status: ${health}`);
  }

  #set(container: FakeContainer, change: Partial<FakeContainer>, action: string): void {
    Object.assign(container, change);
    this.#emit(container, action, {});
  }

  #emit(container: FakeContainer, action: string, attributes: Record<string, string>): void {
    this.#emitOf(container, action, attributes);
  }

  #emitOf(container: FakeContainer, action: string, attributes: Record<string, string>): void {
    this.#note(action, container);
    this.#settings.engine.emit(container.id, action, attributes, this.#unlessDown(this.#delivery()));
  }

  #publish({ ports }: Kind): Record<string, number> {
    return Object.fromEntries(ports.map((port) => [port, this.#port++]));
  }

  #kind(container: FakeContainer): Kind {
    return this.#kinds.get(container.id) as Kind;
  }

  /** Most events are told well. */
  #delivery(): Delivery {
    if (this.isHonest) return {};
    switch (this.pick(12)) {
      case 0:
      case 1:
        return { dropped: true };
      case 2:
        return { times: 2 + this.pick(2) };
      case 3:
        return { split: true };
      case 4:
      case 5:
        return { late: true };
      default:
        return {};
    }
  }

  #unlessDown(delivery: Delivery): Delivery {
    return this.#settings.isUp() ? delivery : { dropped: true };
  }

  #later(maxMs: number, then: () => void): void {
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        then();
        this.#settings.onChange();
      },
      maxMs * this.#settings.pace * (0.2 + 0.8 * this.#settings.random()),
    );
    this.#timers.add(timer);
  }

  #note(what: string, { id, state }: FakeContainer): void {
    this.trace.push(`${what} ${Number.parseInt(id.slice(0, 12), 16)} (${state})`);
  }
}
