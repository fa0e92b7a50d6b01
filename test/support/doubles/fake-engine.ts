/** The Docker API on a Unix socket, for faults that a real engine will not give on demand. */
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '../temporary.ts';
import { EngineModel, inspectOf } from './engine-model.ts';

export type { Delivery, FakeContainer } from './engine-model.ts';

export class FakeEngine extends EngineModel {
  readonly socketPath: string;
  /** Every request, as `GET /events`; container ids as `{id}`. */
  readonly calls: string[] = [];
  /** As a daemon that has not read its containers yet: inspects are answered all the same. */
  listsNothing = false;
  /** What is answered in place of the list. */
  listed: unknown;
  /** Runs before the list is read. */
  beforeList: () => void = () => undefined;
  /** Closes a connection when something is asked over it again. */
  cutsKeptConnections = false;
  /** Requests over connections that had one before. */
  requestsOnKept = 0;
  /** Runs before an inspect is answered, with what will be answered already read. */
  beforeInspectAnswer: (id: string) => Promise<void> = async () => undefined;
  /** Containers of which an inspect breaks its connection, as after a fault inside the engine. */
  readonly breaking = new Set<string>();
  /** Status to answer instead, by call as in {@link calls}. */
  readonly refusals = new Map<string, number>();
  readonly #sockets = new Set<Socket>();
  readonly #used = new WeakSet<Socket>();
  #server: Server | undefined;
  #stalled: (() => void)[] | undefined;

  constructor(socketPath = join(temporaryDirectory(), 'docker.sock')) {
    super();
    this.socketPath = socketPath;
  }

  get host(): string {
    return `unix://${this.socketPath}`;
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
    this.forgetEvents();
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await closed;
  }

  /** As a daemon that begins to stop: nobody new is let in, and the streams that are open go on. */
  closeSocket(): void {
    this.#server?.close();
    rmSync(this.socketPath, { force: true });
  }

  /** Accepts connections and says nothing, as a stopped process does; `false` lets everything through that waited. */
  stall(on: boolean): void {
    const waiting = this.#stalled ?? [];
    this.#stalled = on ? waiting : undefined;
    if (!on) for (const go of waiting) go();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = url.pathname.replace(/^\/v\d+\.\d+/, '');
    const id = /^\/containers\/([0-9a-f]{64})\/json$/.exec(path)?.[1];
    const call = `${request.method} ${path.replace(/[0-9a-f]{64}/, '{id}')}`;
    this.calls.push(call);
    if (this.#used.has(request.socket)) {
      this.requestsOnKept += 1;
      if (this.cutsKeptConnections) {
        request.socket.destroy();
        return;
      }
    }
    this.#used.add(request.socket);
    if (id !== undefined && this.breaking.has(id)) {
      request.socket.destroy();
      return;
    }
    const go = (): void => {
      const refusal = this.refusals.get(call);
      if (refusal !== undefined) json(response, refusal, { message: 'refused by the test' });
      else if (path === '/_ping') response.setHeader('api-version', this.apiVersion).end('OK');
      else if (path === '/version')
        json(response, 200, { Version: 'fake', ApiVersion: this.apiVersion, MinAPIVersion: '1.12' });
      else if (path === '/events') this.#openStream(response, url.searchParams.get('since'));
      else if (path === '/containers/json') this.#answerList(response);
      else if (id !== undefined) void this.#answerInspect(response, id);
      else json(response, 404, { message: 'page not found' });
    };
    if (this.#stalled === undefined) go();
    else this.#stalled.push(go);
  }

  #answerList(response: ServerResponse): void {
    this.beforeList();
    json(response, 200, this.listed ?? (this.listsNothing ? [] : this.list()));
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
    const close = this.open(response, since);
    response.once('close', close);
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
