import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP proxy on loopback that can fail as networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly open: number;
  /** What the server has sent, one buffer a connection, in order of acceptance. Kept only with `record`. */
  readonly recorded: readonly Buffer[];
  /** Resets every connection; new ones are served. */
  cut(): void;
  /** From now on nothing passes and nothing closes, new connections included, until {@link restore}. */
  blackHole(): void;
  /** Ends a black hole: what was held back passes on. */
  restore(): void;
  /**
   * Every connection accepted from now on passes exactly this many octets from server to client, then is closed; with
   * undefined, as many as there are. A function is asked for each connection, counted from 1.
   */
  cutAfter(octets: number | undefined | ((connection: number) => number | undefined)): void;
  close(): Promise<void>;
}

/**
 * @param target `http://127.0.0.1:2379`, `127.0.0.1:2379`, or a port of 127.0.0.1
 * @param options `port` to listen on, else a free one; `record` what the server sends
 */
export async function startTcpProxy(
  target: string | number,
  { record = false, port: listenPort = 0 }: { record?: boolean; port?: number } = {},
): Promise<TcpProxy> {
  const { host, port } = addressOf(target);
  const pairs = new Set<Pair>();
  const recorded: Buffer[][] = [];
  let accepted = 0;
  let limitOf: (connection: number) => number | undefined = () => undefined;
  let black = false;

  const server = createServer((client) => {
    accepted += 1;
    const pair = new Pair(client, connect(port, host), limitOf(accepted));
    if (record) {
      const chunks: Buffer[] = [];
      recorded.push(chunks);
      pair.upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
    }
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    if (black) pair.hold();
  });
  server.listen(listenPort, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');

  const cut = (): void => {
    for (const pair of pairs) pair.reset();
  };
  return {
    port: address.port,
    get accepted() {
      return accepted;
    },
    get open() {
      return pairs.size;
    },
    get recorded() {
      return recorded.map((chunks) => Buffer.concat(chunks));
    },
    cut,
    blackHole: () => {
      black = true;
      for (const pair of pairs) pair.hold();
    },
    restore: () => {
      black = false;
      for (const pair of pairs) pair.release();
    },
    cutAfter: (octets) => {
      limitOf = typeof octets === 'function' ? octets : () => octets;
    },
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}

/** One proxied connection. */
class Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  #left: number | undefined;

  constructor(client: Socket, upstream: Socket, limit: number | undefined) {
    this.client = client;
    this.upstream = upstream;
    this.#left = limit;
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    client.on('data', (chunk: Buffer) => upstream.write(chunk));
    upstream.on('data', (chunk: Buffer) => this.#toClient(chunk));
    for (const socket of [client, upstream]) {
      // A reset by either side is the very thing that is simulated; `close` follows and ends the other side.
      socket.on('error', () => {});
      socket.once('close', () => this.reset());
    }
    if (limit === 0) this.reset();
  }

  #toClient(chunk: Buffer): void {
    if (this.#left === undefined) {
      this.client.write(chunk);
      return;
    }
    if (this.#left === 0) return;
    const part = chunk.subarray(0, this.#left);
    this.#left -= part.length;
    if (this.#left > 0) this.client.write(part);
    // `end` and not a reset behind the last octet: a reset could overtake what the client has not read yet.
    else this.client.end(part, () => this.upstream.resetAndDestroy());
  }

  hold(): void {
    this.client.pause();
    this.upstream.pause();
  }

  release(): void {
    this.client.resume();
    this.upstream.resume();
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.upstream.resetAndDestroy();
  }
}

function addressOf(target: string | number): { host: string; port: number } {
  if (typeof target === 'number') return { host: '127.0.0.1', port: target };
  const { hostname, port } = new URL(target.includes('://') ? target : `tcp://${target}`);
  return { host: hostname, port: Number(port) };
}
