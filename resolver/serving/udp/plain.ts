import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type HostPort, ListenError } from '../../../shared/address.ts';
import { type Answerer, ASK_SLOWLY, type ClientInfo } from '../answerer.ts';
import { reusePort } from '../reuse-port.ts';
import { RESPONSE_OCTETS_MAX, SOCKET_BUFFER_OCTETS } from './limits.ts';
import type { UdpListener } from './udp-listener.ts';

/**
 * DNS over UDP on one address by Node's sockets alone, a datagram a system call. libuv reads at most 32 datagrams before
 * it looks at other sockets and timers, so a flood of queries does not keep the watch from its turn.
 *
 * The socket's own address lookup is replaced: by default each send asks for a name's address, even of an address, and
 * answers from a later turn of the event loop (measured: 1.4 µs a query of 10). One buffer holds every response, and
 * its views by length are kept, so that sending makes no object of ours; should the kernel refuse a datagram for the
 * moment, libuv holds on to that memory, and we go on with another buffer.
 */
export class PlainListener implements UdpListener {
  readonly #answerer: Answerer;
  readonly #shared: boolean;
  readonly #onError: (error: Error) => void;
  readonly #onSent: (error: Error | null) => void;
  #socket: Socket | undefined;
  #out = Buffer.alloc(RESPONSE_OCTETS_MAX);
  #views: (Buffer | undefined)[] = [];
  readonly #client: { address: string; port: number; readonly transport: 'udp' } = {
    address: '',
    port: 0,
    transport: 'udp',
  };

  /** @param shared other workers listen on the same address */
  constructor(answerer: Answerer, onError: (error: Error) => void, shared: boolean) {
    this.#answerer = answerer;
    this.#shared = shared;
    this.#onError = onError;
    this.#onSent = (error) => {
      if (error !== null) answerer.counts.unsent += 1;
    };
  }

  /** @throws {ListenError} */
  async listen(address: HostPort): Promise<HostPort> {
    const socket = createSocket({
      ...reusePort(this.#shared),
      ...(isIPv6(address.host) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' }),
      recvBufferSize: SOCKET_BUFFER_OCTETS,
      sendBufferSize: SOCKET_BUFFER_OCTETS,
      lookup: (host, _options, callback) => callback(null, host, 0),
    });
    await new Promise<void>((resolve, reject) => {
      const refused = (cause: NodeJS.ErrnoException): void => {
        socket.close();
        reject(new ListenError('DNS over UDP', address, '--listen', cause));
      };
      socket.once('error', refused);
      socket.bind({ address: address.host, port: address.port }, () => {
        socket.off('error', refused);
        resolve();
      });
    });
    socket.on('error', this.#onError);
    socket.on('message', (query, { address: from, port }) => this.#take(query, from, port));
    this.#socket = socket;
    return { host: address.host, port: socket.address().port };
  }

  close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined) return Promise.resolve();
    this.#socket = undefined;
    return new Promise((resolve) => socket.close(() => resolve()));
  }

  #take(query: Buffer, address: string, port: number): void {
    const answerer = this.#answerer;
    // Nobody can be answered there, and Node throws when told to.
    if (port === 0) {
      answerer.counts.ignored['port-0'] += 1;
      return;
    }
    const startedMs = performance.now();
    const client = this.#client;
    client.address = address;
    client.port = port;
    const length = answerer.answer(query, query.length, client, this.#out);
    if (length === ASK_SLOWLY) {
      this.#takeSlowly(query, { address, port, transport: 'udp' }, startedMs);
      return;
    }
    if (length > 0) this.#send(length, port, address);
    answerer.counts.durationSeconds.observe((performance.now() - startedMs) / 1000);
  }

  #takeSlowly(query: Buffer, client: ClientInfo, startedMs: number): void {
    const answerer = this.#answerer;
    answerer.answerSlowly(query, client).then((response) => {
      answerer.counts.durationSeconds.observe((performance.now() - startedMs) / 1000);
      if (response !== undefined) this.#socket?.send(response, client.port, client.address, this.#onSent);
    });
  }

  #send(length: number, port: number, address: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    let view = this.#views[length];
    if (view === undefined) {
      view = this.#out.subarray(0, length);
      this.#views[length] = view;
    }
    socket.send(view, port, address, this.#onSent);
    if (socket.getSendQueueCount() === 0) return;
    this.#out = Buffer.alloc(RESPONSE_OCTETS_MAX);
    this.#views = [];
  }
}
