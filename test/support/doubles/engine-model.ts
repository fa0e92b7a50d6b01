/** A Docker engine as a model: containers, what is said of them, and the faults by which it is said wrongly. */

/** A container as the fake keeps it; the rest of its inspect is made from this. */
export interface FakeContainer {
  id: string;
  name: string;
  state: 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead';
  startedAt: string;
  pid: number;
  health?: 'starting' | 'healthy' | 'unhealthy';
  labels: Record<string, string>;
  exitCode: number;
  restartCount: number;
  /** `80/tcp` to the host's port. */
  published: Record<string, number>;
  ipv4: string;
  /** What its process serves, by port as in `published`; what is not in it is closed. */
  serving: Record<string, Serving>;
  /** What a command comes to that is run in it. */
  command: 'passing' | 'failing' | 'hanging';
}

/** A socket that takes requests. */
export interface Serving {
  /** Never another socket's. */
  readonly inode: number;
  /** `badly`: a GET is answered 503. `never`: connections are taken, and nothing is said. `full`: none is taken any more. */
  readonly answers: 'well' | 'badly' | 'never' | 'full';
  readonly isLoopback: boolean;
}

/** How the next lines of the event stream are delivered. */
export interface Delivery {
  /** Each octet in a chunk of its own. */
  readonly split?: boolean;
  readonly times?: number;
  /** Never sent, and not in the ring either: the engine forgot. */
  readonly dropped?: boolean;
  /** In the ring at once, and sent with {@link EngineModel.sendLate}: events then come out of order. */
  readonly late?: boolean;
}

/** An open event stream. */
export interface EventSink {
  write(text: string | Buffer): void;
  /** As a connection that breaks. */
  destroy(): void;
}

/** The engine's own memory of past events, all types together. */
const RING = 256;

export class EngineModel {
  readonly containers = new Map<string, FakeContainer>();
  apiVersion = '1.41';
  /**
   * Whether a new process gets the address and the pid that were freed last, as after a turn through all of them. Never the
   * pid of its own container: nothing tells one run from the next by then, and a turn takes longer than a restart.
   */
  reusesPids = false;
  readonly #addresses: string[] = [];
  /** Each with the container that had it last. */
  readonly #pids: { readonly pid: number; readonly id: string }[] = [];
  readonly #ring: { timeNano: bigint; line: string }[] = [];
  readonly #sinks = new Set<EventSink>();
  readonly #late: string[] = [];
  #events = 0n;
  #nextId = 1;

  /** Open event streams. */
  get streams(): number {
    return this.#sinks.size;
  }

  /** Ends the event streams only, as a proxy does that finds them too quiet. */
  cutStreams(): void {
    for (const sink of this.#sinks) sink.destroy();
  }

  /** Events of other containers push the oldest out of the ring. */
  overrunRing(): void {
    for (let at = 0; at < RING; at += 1) this.emit(idOf(999_999), 'exec_die', {}, { times: 0 });
  }

  /** What a new daemon does not know any more. */
  forgetEvents(): void {
    this.#ring.length = 0;
  }

  /** Creates and starts a container, and says so. */
  run(settings: Partial<FakeContainer> = {}, delivery: Delivery = {}): FakeContainer {
    const at = this.#nextId++;
    const id = settings.id ?? idOf(at);
    const container: FakeContainer = {
      id,
      name: `container-${at}`,
      state: 'running',
      startedAt: this.rfc3339(),
      pid: this.#nextPid(at, id),
      labels: {},
      exitCode: 0,
      restartCount: 0,
      published: { '80/tcp': 30_000 + at },
      ipv4: this.#nextAddress(at),
      serving: {},
      command: 'failing',
      ...settings,
    };
    this.containers.set(container.id, container);
    this.emit(container.id, 'start', {}, delivery);
    return container;
  }

  /** The container's process ends: `die` as it is delivered. */
  exit(container: FakeContainer, exitCode = 0, delivery: Delivery = {}): void {
    Object.assign(container, { state: 'exited', pid: 0, exitCode, serving: {}, command: 'failing' });
    this.emit(container.id, 'die', { exitCode: String(exitCode) }, delivery);
  }

  startAgain(container: FakeContainer, delivery: Delivery = {}): void {
    Object.assign(container, {
      state: 'running',
      pid: this.#nextPid(this.#nextId++, container.id),
      startedAt: this.rfc3339(),
    });
    container.ipv4 = this.#nextAddress(this.#nextId++);
    this.emit(container.id, 'start', {}, delivery);
  }

  remove(container: FakeContainer, delivery: Delivery = {}): void {
    this.containers.delete(container.id);
    this.emit(container.id, 'destroy', {}, delivery);
  }

  /** Sends an event of a container, with the container's labels copied over its attributes, as the engine does. */
  emit(id: string, action: string, attributes: Record<string, string> = {}, delivery: Delivery = {}): string {
    const container = this.containers.get(id);
    const Attributes = { ...attributes, ...container?.labels, image: 'fake', name: container?.name ?? 'other' };
    const nano = this.#now();
    const event = {
      Type: 'container',
      Action: action,
      Actor: { ID: id, Attributes },
      scope: 'local',
      time: Number(nano / 1_000_000_000n),
    };
    // JSON cannot hold the number: it is written in digits, as the engine does.
    const line = `${JSON.stringify(event).slice(0, -1)},"timeNano":${nano}}\n`;
    if (delivery.dropped) return line;
    this.#ring.push({ timeNano: nano, line });
    if (this.#ring.length > RING) this.#ring.shift();
    if (delivery.late) this.#late.push(line);
    else for (let time = 0; time < (delivery.times ?? 1); time += 1) this.write(line, delivery.split);
    return line;
  }

  /** Sends what was held back, the newest first. */
  sendLate(): void {
    for (let line = this.#late.pop(); line !== undefined; line = this.#late.pop()) this.write(line);
  }

  /** Writes to every open event stream as it stands. */
  write(text: string, split = false): void {
    for (const stream of this.#sinks) {
      if (!split) stream.write(text);
      else for (const octet of Buffer.from(text)) stream.write(Buffer.of(octet));
    }
  }

  /** Of the network's pool, from which a container that does not run has none. */
  #nextAddress(at: number): string {
    const used = new Set([...this.containers.values()].flatMap(({ pid, ipv4 }) => (pid > 0 ? [ipv4] : [])));
    const free = this.reusesPids ? this.#addresses.findLastIndex((each) => !used.has(each)) : -1;
    const [address = `172.17.${at >> 8}.${at & 255}`] = free === -1 ? [] : this.#addresses.splice(free, 1);
    this.#addresses.push(address);
    return address;
  }

  #nextPid(at: number, id: string): number {
    const used = new Set([...this.containers.values()].map(({ pid }) => pid));
    const free = this.reusesPids ? this.#pids.findLastIndex((each) => each.id !== id && !used.has(each.pid)) : -1;
    const [{ pid } = { pid: 1_000_000_000 + at }] = free === -1 ? [] : this.#pids.splice(free, 1);
    this.#pids.push({ pid, id });
    return pid;
  }

  /** The engine's clock, which goes back with the machine's. Never twice the same: events are told apart by it. */
  #now(): bigint {
    this.#events += 1n;
    return BigInt(Date.now()) * 1_000_000n + (this.#events % 1_000_000n);
  }

  rfc3339(): string {
    const nano = this.#now();
    const seconds = new Date(Number(nano / 1_000_000n)).toISOString().slice(0, 19);
    return `${seconds}.${String(nano % 1_000_000_000n).padStart(9, '0')}Z`;
  }

  /** Replays the ring into a new stream, then feeds it. @returns the teardown */
  protected open(sink: EventSink, since: string | number | null): () => void {
    const from = since === null ? undefined : BigInt(since) * 1_000_000_000n;
    for (const { timeNano, line } of this.#ring) if (from !== undefined && timeNano >= from) sink.write(line);
    this.#sinks.add(sink);
    return () => this.#sinks.delete(sink);
  }

  /** As `/containers/json?all=1` answers. */
  protected list(): unknown[] {
    return [...this.containers.values()].map(listEntryOf);
  }
}

function idOf(at: number): string {
  // In front, where the short id is taken from.
  return at.toString(16).padStart(12, '0').padEnd(64, '0');
}

function networksOf({ ipv4, state }: FakeContainer): Record<string, unknown> {
  return { bridge: { IPAddress: state === 'exited' ? '' : ipv4, GlobalIPv6Address: '' } };
}

/** Published while it runs only: the engine gives ports back at the end of a run. */
function portsOf({ published, state }: FakeContainer): unknown[] {
  if (state !== 'running' && state !== 'paused') return [];
  return Object.entries(published).map(([port, PublicPort]) => {
    const [number, Type] = port.split('/');
    return { IP: '0.0.0.0', PrivatePort: Number(number), PublicPort, Type };
  });
}

function listEntryOf(container: FakeContainer): unknown {
  const health = container.health === undefined ? '' : ` (${container.health})`;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: 'fake',
    State: container.state,
    Status: `Up 5 minutes${health}`,
    Labels: container.labels,
    Ports: portsOf(container),
    HostConfig: { NetworkMode: 'default' },
    NetworkSettings: { Networks: networksOf(container) },
  };
}

/** As `/containers/{id}/json` answers. */
export function inspectOf(container: FakeContainer): unknown {
  const { id, name, state, pid, startedAt, exitCode, health, labels, published } = container;
  const ports = Object.entries(published);
  return {
    Id: id,
    Name: `/${name}`,
    Image: 'sha256:0',
    RestartCount: container.restartCount,
    State: {
      Status: state,
      Running: ['running', 'paused', 'restarting'].includes(state),
      Paused: state === 'paused',
      Restarting: state === 'restarting',
      OOMKilled: false,
      Pid: pid,
      ExitCode: exitCode,
      StartedAt: startedAt,
      FinishedAt: '0001-01-01T00:00:00Z',
      ...(health === undefined ? {} : { Health: { Status: health } }),
    },
    Config: {
      Image: 'fake',
      Labels: labels,
      Env: [],
      ExposedPorts: Object.fromEntries(ports.map(([port]) => [port, {}])),
      ...(health === undefined ? {} : { Healthcheck: { Test: ['CMD', 'true'] } }),
    },
    HostConfig: { NetworkMode: 'default' },
    NetworkSettings: {
      Networks: networksOf(container),
      Ports: Object.fromEntries(
        ports.map(([port, hostPort]) => [port, [{ HostIp: '0.0.0.0', HostPort: String(hostPort) }]]),
      ),
    },
  };
}
