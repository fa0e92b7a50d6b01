import { createServer, type Server, type Socket } from 'node:net';
import { type HostPort, ListenError } from '../../shared/address.ts';
import { MESSAGE_OCTETS_MAX } from '../wire/message.ts';
import type { Answerer, ClientInfo } from './answerer.ts';
import { reusePort } from './reuse-port.ts';
import { type ClosedBecause, Connection, type Connections, LENGTH_OCTETS, type TcpSettings } from './tcp-connection.ts';

export interface TcpCounts {
  connections: number;
  readonly closed: Record<ClosedBecause, number>;
}

/** At shutdown, for the answers under way. */
const SHUTDOWN_MS = 1_000;

/** DNS over TCP on one address: pipelining, answers in the order in which they are ready, and the bounds of its settings. */
export class TcpListener implements Connections {
  readonly counts: TcpCounts = {
    connections: 0,
    closed: {
      client: 0,
      idle: 0,
      'slow-query': 0,
      'unread-answers': 0,
      room: 0,
      octets: 0,
      error: 0,
      shutdown: 0,
    },
  };
  readonly settings: TcpSettings;
  readonly answerer: Answerer;
  readonly out = Buffer.alloc(MESSAGE_OCTETS_MAX);
  readonly batch = Buffer.alloc(2 * (MESSAGE_OCTETS_MAX + LENGTH_OCTETS));
  readonly #server: Server;
  readonly #shared: boolean;
  /** In the order of their last whole query, or of connecting. */
  readonly #connections = new Set<Connection>();
  readonly #byClient = new Map<string, Set<Connection>>();

  /** @param shared other workers listen on the same address */
  constructor(answerer: Answerer, settings: TcpSettings, shared = false) {
    this.answerer = answerer;
    this.#shared = shared;
    this.settings = settings;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** @throws {ListenError} */
  listen(address: HostPort): Promise<HostPort> {
    return new Promise((resolve, reject) => {
      const refused = (cause: NodeJS.ErrnoException): void =>
        reject(new ListenError('DNS over TCP', address, '--listen', cause));
      this.#server.once('error', refused);
      const where = { host: address.host, port: address.port, ipv6Only: true, ...reusePort(this.#shared) };
      this.#server.listen(where, () => {
        this.#server.off('error', refused);
        // Accepting can fail later for want of file descriptors: the connection is lost, the server stays.
        this.#server.on('error', () => {
          this.counts.closed.error += 1;
        });
        const bound = this.#server.address();
        resolve({ host: address.host, port: typeof bound === 'object' && bound !== null ? bound.port : address.port });
      });
    });
  }

  /** Cuts the connections whose time is over. To be called several times a second. */
  sweep(nowMs: number): void {
    for (const connection of this.#connections) connection.cutIfDue(nowMs);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.finish('shutdown');
    const late = setTimeout(() => {
      for (const connection of this.#connections) connection.cut('shutdown');
    }, SHUTDOWN_MS);
    await closed;
    clearTimeout(late);
  }

  /** A whole query arrived: the connection moves behind the others. */
  touch(connection: Connection): void {
    for (const connections of [this.#connections, this.#byClient.get(connection.client.address)]) {
      if (connections?.delete(connection)) connections.add(connection);
    }
  }

  gone(connection: Connection, reason: ClosedBecause): void {
    if (!this.#connections.delete(connection)) return;
    const { address } = connection.client;
    const ofClient = this.#byClient.get(address);
    ofClient?.delete(connection);
    if (ofClient?.size === 0) this.#byClient.delete(address);
    this.counts.connections -= 1;
    this.counts.closed[reason] += 1;
  }

  #accept(socket: Socket): void {
    const address = socket.remoteAddress;
    // Closed again before we came to it.
    if (address === undefined) {
      socket.destroy();
      return;
    }
    let ofClient = this.#byClient.get(address);
    if (ofClient !== undefined && ofClient.size >= this.settings.connectionsPerClientMax) makeRoom(ofClient);
    else if (this.#connections.size >= this.settings.connectionsMax) makeRoom(this.#connections);
    const client: ClientInfo = { address, port: socket.remotePort ?? 0, transport: 'tcp' };
    const connection = new Connection(this, socket, client);
    ofClient = this.#byClient.get(address);
    if (ofClient === undefined) this.#byClient.set(address, new Set([connection]));
    else ofClient.add(connection);
    this.#connections.add(connection);
    this.counts.connections += 1;
  }
}

/** Closes the connection that has been without a whole query for longest, rather one that waits for no answer. */
function makeRoom(connections: ReadonlySet<Connection>): void {
  let chosen: Connection | undefined;
  for (const connection of connections) {
    chosen ??= connection;
    if (connection.isWaiting) continue;
    chosen = connection;
    break;
  }
  chosen?.cut('room');
}
