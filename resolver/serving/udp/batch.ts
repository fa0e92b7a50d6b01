import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { type HostPort, ListenError } from '../../../shared/address.ts';
import { type Answerer, ASK_SLOWLY, type ClientInfo } from '../answerer.ts';
import { AddressTexts } from './address-texts.ts';
import { bindUdp, refuseSharing } from './bind.ts';
import { DatagramVector } from './datagram-vector.ts';
import { KnownNames } from './known-names.ts';
import { RESPONSE_OCTETS_MAX, SOCKET_BUFFER_OCTETS } from './limits.ts';
import { IPV4_NAME_OCTETS, IPV6_NAME_OCTETS, NAME_WORDS, portOf } from './socket-address.ts';
import type { SystemCalls } from './system-calls.ts';
import type { UdpListener } from './udp-listener.ts';

/** Queries read by one system call. With them the first answer of a batch waits for the last: some 30 µs. */
const BATCH_QUERIES = 32;
/** No UDP datagram is larger: none is cut. Of each slot only the pages that were written to take memory. */
const QUERY_OCTETS_MAX = 65_536;
/** After so many, or so long, the others have their turn: timers, connections, the watch. */
const TURN_QUERIES_MAX = 256;
const TURN_MS = 5;

/**
 * DNS over UDP on one address, many datagrams a system call.
 *
 * The socket is made here and given to Node, which watches it, reads the first query of a turn and says so. The others
 * that wait by then are read from the socket directly, into memory that is kept, and all of them are answered by one
 * call. What is not read so, because the turn has lasted long enough, Node brings one by one: 32 at most before it looks
 * at other sockets and timers; they are answered together at the end of the turn.
 *
 * An answer that the kernel does not take is lost and counted (`unsent`); the client asks again. Waiting until it would
 * take it would keep memory for whoever floods us.
 */
export class BatchListener implements UdpListener {
  readonly #answerer: Answerer;
  readonly #onError: (error: Error) => void;
  readonly #shared: boolean;
  readonly #calls: SystemCalls;
  readonly #texts = new AddressTexts();
  readonly #names: KnownNames;
  readonly #client: { address: string; port: number; readonly transport: 'udp' } = {
    address: '',
    port: 0,
    transport: 'udp',
  };
  #bound: Bound | undefined;
  /** Of the batch: when its queries were read, and how many are answered or ignored. */
  #readAtMs = 0;
  #done = 0;
  /** Answers in the slots of `bound.answers`. */
  #unsent = 0;
  #turnStartedMs = 0;
  /** Queries in this turn of the event loop; 0 before the first. */
  #turnQueries = 0;

  /** @param shared other workers listen on the same address */
  constructor(answerer: Answerer, onError: (error: Error) => void, shared: boolean, calls: SystemCalls) {
    this.#answerer = answerer;
    this.#onError = onError;
    this.#shared = shared;
    this.#calls = calls;
    this.#names = new KnownNames((name) => calls.interfaceIndex(name));
  }

  /** @param beside listens on every address, and leaves this one to us */
  async listen(address: HostPort, beside?: BatchListener): Promise<HostPort> {
    const calls = this.#calls;
    const isIpv6 = isIPv6(address.host);
    const nameOctets = isIpv6 ? IPV6_NAME_OCTETS : IPV4_NAME_OCTETS;
    const addressOf = (memory: ArrayBuffer): number => calls.addressOf(memory);
    const queries = new DatagramVector(BATCH_QUERIES, QUERY_OCTETS_MAX, nameOctets, addressOf);
    const answers = new DatagramVector(BATCH_QUERIES + 1, RESPONSE_OCTETS_MAX, nameOctets, addressOf);
    try {
      const fd = bindUdp(calls, address, this.#shared, beside === undefined ? undefined : beside.#bound?.fd);
      const socket = await watched(calls, fd, isIpv6);
      this.#bound = { fd, socket, queries, answers };
      refuseSharing(calls, fd);
      socket.on('error', this.#onError);
      socket.on('message', (query, from) => this.#take(query, from));
      return { host: address.host, port: socket.address().port };
    } catch (error) {
      await this.close();
      throw new ListenError('DNS over UDP', address, '--listen', error as NodeJS.ErrnoException);
    }
  }

  close(): Promise<void> {
    const bound = this.#bound;
    if (bound === undefined) return Promise.resolve();
    this.#send(bound);
    // From here on the descriptor may be another's.
    this.#bound = undefined;
    return new Promise((resolve) => bound.socket.close(() => resolve()));
  }

  /** The first query that waits, as Node gives it. */
  #take(query: Buffer, { address, port }: RemoteInfo): void {
    const bound = this.#bound;
    if (bound === undefined) return;
    const nowMs = performance.now();
    if (this.#done === 0) this.#readAtMs = nowMs;
    if (this.#turnQueries === 0) {
      this.#turnStartedMs = nowMs;
      setImmediate(this.#endTurn);
    }
    this.#turnQueries += 1;
    this.#client.address = address;
    this.#client.port = port;
    this.#answer(bound, query, query.length, this.#names.of(address, port), 0);
    if (!this.#isTurnOver) this.#drain(bound);
    else if (this.#unsent === bound.answers.count) this.#send(bound);
  }

  get #isTurnOver(): boolean {
    return this.#turnQueries >= TURN_QUERIES_MAX || this.#readAtMs - this.#turnStartedMs >= TURN_MS;
  }

  readonly #endTurn = (): void => {
    this.#turnQueries = 0;
    if (this.#bound !== undefined) this.#send(this.#bound);
  };

  /** Reads and answers what waits, and sends what was answered. */
  #drain(bound: Bound): void {
    const { fd, queries } = bound;
    do {
      // A fault is not looked at here: Node comes to it next, and says it.
      const received = this.#calls.receive(fd, queries.headersFrom(0), BATCH_QUERIES);
      for (let at = 0; at < received; at += 1) {
        const nameAt = at * NAME_WORDS;
        this.#client.address = this.#texts.of(queries.names, nameAt);
        this.#client.port = portOf(queries.names, nameAt);
        this.#answer(bound, queries.slots[at] as Buffer, queries.octetsAt(at), queries.names, nameAt);
      }
      this.#send(bound);
      if (received <= 0) return;
      this.#turnQueries += received;
    } while (!this.#isTurnOver);
  }

  /** Answers the query of `#client`. @param names holds its socket address at `nameAt` */
  #answer({ answers }: Bound, query: Buffer, queryLength: number, names: Int32Array, nameAt: number): void {
    const answerer = this.#answerer;
    const client = this.#client;
    // Nobody can be answered there.
    if (client.port === 0) {
      answerer.counts.ignored['port-0'] += 1;
      return;
    }
    const length = answerer.answer(query, queryLength, client, answers.slots[this.#unsent] as Buffer);
    if (length === ASK_SLOWLY) {
      const whole = Buffer.from(query.subarray(0, queryLength));
      const name = Int32Array.from(names.subarray(nameAt, nameAt + NAME_WORDS));
      this.#answerSlowly(whole, { ...client }, name, this.#readAtMs);
      return;
    }
    this.#done += 1;
    if (length === 0) return;
    answers.setName(this.#unsent, names, nameAt);
    answers.setOctets(this.#unsent, length);
    this.#unsent += 1;
  }

  #answerSlowly(query: Buffer, client: ClientInfo, name: Int32Array, readAtMs: number): void {
    const answerer = this.#answerer;
    answerer.answerSlowly(query, client).then((response) => {
      answerer.counts.durationSeconds.observe((performance.now() - readAtMs) / 1000);
      const bound = this.#bound;
      if (response === undefined || bound === undefined) return;
      const { answers } = bound;
      if (this.#unsent === answers.count) this.#send(bound);
      answers.slots[this.#unsent]?.set(response);
      answers.setName(this.#unsent, name, 0);
      answers.setOctets(this.#unsent, response.length);
      this.#unsent += 1;
      this.#send(bound);
    });
  }

  /** Hands the answers to the kernel; one that it refuses costs itself alone. */
  #send({ fd, answers }: Bound): void {
    const count = this.#unsent;
    let at = 0;
    while (at < count) {
      const sent = this.#calls.send(fd, answers.headersFrom(at), count - at);
      if (sent <= 0) this.#answerer.counts.unsent += 1;
      at += Math.max(1, sent);
    }
    this.#unsent = 0;
    const nowMs = performance.now();
    this.#answerer.counts.durationSeconds.observe((nowMs - this.#readAtMs) / 1000, this.#done);
    this.#done = 0;
    // The next of the turn are read now.
    this.#readAtMs = nowMs;
  }
}

interface Bound {
  readonly fd: number;
  readonly socket: Socket;
  readonly queries: DatagramVector;
  readonly answers: DatagramVector;
}

/** Lets Node watch the socket; from then on it is Node's to close. */
function watched(calls: SystemCalls, fd: number, isIpv6: boolean): Promise<Socket> {
  const socket = createSocket({
    type: isIpv6 ? 'udp6' : 'udp4',
    recvBufferSize: SOCKET_BUFFER_OCTETS,
    sendBufferSize: SOCKET_BUFFER_OCTETS,
  });
  return new Promise((resolve, reject) => {
    const refused = (cause: unknown): void => {
      if (!hasDescriptor(socket)) calls.close(fd);
      socket.close();
      reject(cause);
    };
    socket.once('error', refused);
    try {
      // Exclusive: else `node:cluster` would send the descriptor to the primary.
      socket.bind({ fd, exclusive: true }, () => {
        socket.off('error', refused);
        resolve(socket);
      });
    } catch (cause) {
      refused(cause);
    }
  });
}

/** Whether Node has taken the descriptor, so that closing the socket closes it. */
function hasDescriptor(socket: Socket): boolean {
  try {
    socket.address();
    return true;
  } catch {
    return false;
  }
}
