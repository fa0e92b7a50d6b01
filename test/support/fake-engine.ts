/** The Docker API on a Unix socket, for faults that a real engine will not give on demand. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary.ts';

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
  /** `80/tcp` to the host's port. */
  published: Record<string, number>;
  ipv4: string;
}

/** How the next lines of the event stream are delivered. */
export interface Delivery {
  /** Each octet in a chunk of its own. */
  readonly split?: boolean;
  readonly times?: number;
  /** Never sent, and not in the ring either: the engine forgot. */
  readonly dropped?: boolean;
}

/** The engine's own memory of past events, all types together. */
const RING = 256;

export class FakeEngine {
  readonly socketPath: string;
  readonly containers = new Map<string, FakeContainer>();
  /** Every request, as `GET /events`; container ids as `{id}`. */
  readonly calls: string[] = [];
  apiVersion = '1.41';
  /** Runs before an inspect is answered, with what will be answered already read. */
  beforeInspectAnswer: (id: string) => Promise<void> = async () => undefined;
  /** Status to answer instead, by call as in {@link calls}. */
  readonly refusals = new Map<string, number>();
  readonly #ring: { timeNano: bigint; line: string }[] = [];
  readonly #streams = new Set<ServerResponse>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #stalled: (() => void)[] | undefined;
  #lastNano = 0n;
  #nextId = 1;

  constructor(socketPath = join(temporaryDirectory(), 'docker.sock')) {
    this.socketPath = socketPath;
  }

  get host(): string {
    return `unix://${this.socketPath}`;
  }

  /** Open event streams. */
  get streams(): number {
    return this.#streams.size;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
  }

  /** The daemon dies: connections are reset, the socket's path goes away, the ring is lost. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#stalled = undefined;
    this.#ring.length = 0;
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await closed;
  }

  /** Accepts connections and says nothing, as a stopped process does; `false` lets everything through that waited. */
  stall(on: boolean): void {
    const waiting = this.#stalled ?? [];
    this.#stalled = on ? waiting : undefined;
    if (!on) for (const go of waiting) go();
  }

  /** Ends the event streams only, as a proxy does that finds them too quiet. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  /** Events of other containers push the oldest out of the ring. */
  overrunRing(): void {
    for (let at = 0; at < RING; at += 1) this.emit(idOf(999_999), 'exec_die', {}, { times: 0 });
  }

  /** Creates and starts a container, and says so. */
  run(settings: Partial<FakeContainer> = {}, delivery: Delivery = {}): FakeContainer {
    const at = this.#nextId++;
    const container: FakeContainer = {
      id: idOf(at),
      name: `container-${at}`,
      state: 'running',
      startedAt: this.#rfc3339(),
      pid: 1_000_000_000 + at,
      labels: {},
      exitCode: 0,
      published: { '80/tcp': 30_000 + at },
      ipv4: `172.17.${at >> 8}.${at & 255}`,
      ...settings,
    };
    this.containers.set(container.id, container);
    this.emit(container.id, 'start', {}, delivery);
    return container;
  }

  /** The container's process ends: `die` as it is delivered. */
  exit(container: FakeContainer, exitCode = 0, delivery: Delivery = {}): void {
    Object.assign(container, { state: 'exited', pid: 0, exitCode });
    this.emit(container.id, 'die', { exitCode: String(exitCode) }, delivery);
  }

  startAgain(container: FakeContainer, delivery: Delivery = {}): void {
    Object.assign(container, { state: 'running', pid: 1_000_000_000 + this.#nextId++, startedAt: this.#rfc3339() });
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
    for (let time = 0; time < (delivery.times ?? 1); time += 1) this.write(line, delivery.split);
    return line;
  }

  /** Writes to every open event stream as it stands. */
  write(text: string, split = false): void {
    for (const stream of this.#streams) {
      if (!split) stream.write(text);
      else for (const octet of Buffer.from(text)) stream.write(Buffer.of(octet));
    }
  }

  /** Never twice the same: events are told apart by it. */
  #now(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n;
    this.#lastNano = now > this.#lastNano ? now : this.#lastNano + 1n;
    return this.#lastNano;
  }

  #rfc3339(): string {
    const nano = this.#now();
    const seconds = new Date(Number(nano / 1_000_000n)).toISOString().slice(0, 19);
    return `${seconds}.${String(nano % 1_000_000_000n).padStart(9, '0')}Z`;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = url.pathname.replace(/^\/v\d+\.\d+/, '');
    const id = /^\/containers\/([0-9a-f]{64})\/json$/.exec(path)?.[1];
    const call = `${request.method} ${path.replace(/[0-9a-f]{64}/, '{id}')}`;
    this.calls.push(call);
    const go = (): void => {
      const refusal = this.refusals.get(call);
      if (refusal !== undefined) json(response, refusal, { message: 'refused by the test' });
      else if (path === '/_ping') response.setHeader('api-version', this.apiVersion).end('OK');
      else if (path === '/version')
        json(response, 200, { Version: 'fake', ApiVersion: this.apiVersion, MinAPIVersion: '1.12' });
      else if (path === '/events') this.#openStream(response, url.searchParams.get('since'));
      else if (path === '/containers/json') json(response, 200, [...this.containers.values()].map(listEntryOf));
      else if (id !== undefined) void this.#answerInspect(response, id);
      else json(response, 404, { message: 'page not found' });
    };
    if (this.#stalled === undefined) go();
    else this.#stalled.push(go);
  }

  async #answerInspect(response: ServerResponse, id: string): Promise<void> {
    const container = this.containers.get(id);
    const answer = container === undefined ? undefined : JSON.stringify(inspectOf(container));
    await this.beforeInspectAnswer(id);
    if (answer === undefined) json(response, 404, { message: `No such container: ${id}` });
    else response.setHeader('content-type', 'application/json').end(answer);
  }

  #openStream(response: ServerResponse, since: string | null): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const from = since === null ? undefined : BigInt(since) * 1_000_000_000n;
    for (const { timeNano, line } of this.#ring) if (from !== undefined && timeNano >= from) response.write(line);
    this.#streams.add(response);
    response.once('close', () => this.#streams.delete(response));
  }
}

function idOf(at: number): string {
  return at.toString(16).padStart(64, '0');
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function networksOf({ ipv4, state }: FakeContainer): Record<string, unknown> {
  return { bridge: { IPAddress: state === 'exited' ? '' : ipv4, GlobalIPv6Address: '' } };
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
    Ports: [],
    HostConfig: { NetworkMode: 'default' },
    NetworkSettings: { Networks: networksOf(container) },
  };
}

function inspectOf(container: FakeContainer): unknown {
  const { id, name, state, pid, startedAt, exitCode, health, labels, published } = container;
  const ports = Object.entries(published);
  return {
    Id: id,
    Name: `/${name}`,
    Image: 'sha256:0',
    RestartCount: 0,
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
