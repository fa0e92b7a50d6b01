import type { Socket } from 'node:net';
import { type Answerer, ASK_SLOWLY, type ClientInfo } from './answerer.ts';

/** The bounds of DNS over TCP (RFC 7766 §6, §7). Each bounds what one client can hold of ours. */
export interface TcpSettings {
  /** A connection without a query under way is closed after this. Higher saves clients the handshake, lower frees memory. */
  readonly idleMs: number;
  /** A query must be whole this long after its first octet: who drips octets is cut. */
  readonly queryMs: number;
  /** Connections in all, and of one address. Past it the one that has been without a whole query for longest is closed for the new one. */
  readonly connectionsMax: number;
  readonly connectionsPerClientMax: number;
  /** Received on one connection, after which it is closed: a client with more to ask connects again. */
  readonly octetsMax: number;
  /** Queries of one connection that wait for an upstream; past it we read no more from it until one is answered. */
  readonly slowQueriesMax: number;
  /** Octets that a client has not taken yet; past it we read no more from it until it has. */
  readonly unsentOctetsMax: number;
}

export const TCP_SETTINGS: TcpSettings = {
  idleMs: 10_000,
  queryMs: 5_000,
  connectionsMax: 1_000,
  connectionsPerClientMax: 200,
  octetsMax: 64 * 1024 * 1024,
  slowQueriesMax: 100,
  unsentOctetsMax: 256 * 1024,
};

export type ClosedBecause =
  | 'client'
  | 'idle'
  | 'slow-query'
  | 'unread-answers'
  | 'room'
  | 'octets'
  | 'error'
  | 'shutdown';

/** Two octets of length before each message (RFC 1035 §4.2.2). */
export const LENGTH_OCTETS = 2;
/** Messages of one connection answered before others get their turn. */
const MESSAGES_PER_TURN = 32;
const PARTIAL_OCTETS = 512;

const nothing = Buffer.alloc(0);

/** What the connections of one listener share. */
export interface Connections {
  readonly answerer: Answerer;
  readonly settings: TcpSettings;
  /** One answer; answers on their way into one write. No connection keeps anything here. */
  readonly out: Buffer;
  readonly batch: Buffer;
  /** A whole query arrived. */
  touch(connection: Connection): void;
  /** To be told once, and then without effect. */
  gone(connection: Connection, reason: ClosedBecause): void;
}

/** One client over TCP: its queries as they come, its answers in the order in which they are ready, and its bounds. */
export class Connection {
  readonly client: ClientInfo;
  readonly #listener: Connections;
  readonly #socket: Socket;
  /** Octets that have arrived and are not dealt with. */
  #unread: Buffer = nothing;
  /** The beginning of a query, its length octets included, in the first `#partialOctets` of `#partial`. */
  #partial: Buffer = nothing;
  #partialOctets = 0;
  #octets = 0;
  #slowQueries = 0;
  #isBlocked = false;
  #isReading = false;
  /** The client sends no more, or we take no more from it. */
  #isLast = false;
  #deadlineMs: number;
  #dueReason: ClosedBecause = 'idle';
  /** Counted when the socket closes by itself. */
  #closedBecause: ClosedBecause = 'client';

  constructor(listener: Connections, socket: Socket, client: ClientInfo) {
    this.#listener = listener;
    this.#socket = socket;
    this.client = client;
    this.#deadlineMs = performance.now() + listener.settings.idleMs;
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('drain', () => this.#unblock());
    socket.on('end', () => {
      this.#isLast = true;
      this.#endIfDone();
    });
    socket.on('error', () => listener.gone(this, 'error'));
    socket.on('close', () => listener.gone(this, this.#closedBecause));
  }

  /** An answer is on its way to it from an upstream. */
  get isWaiting(): boolean {
    return this.#slowQueries > 0;
  }

  cut(reason: ClosedBecause): void {
    this.#listener.gone(this, reason);
    this.#unread = nothing;
    this.#socket.resetAndDestroy();
  }

  cutIfDue(nowMs: number): void {
    if (nowMs < this.#deadlineMs || (this.isWaiting && !this.#isBlocked)) return;
    if (this.#dueReason !== 'idle') this.cut(this.#dueReason);
    // What has not been taken in all this time would keep the socket open.
    else if (this.#socket.writableLength > 0) this.cut('unread-answers');
    else this.finish('idle');
  }

  /** Takes no more queries; ends when the last answer is out. */
  finish(reason: ClosedBecause): void {
    this.#closedBecause = reason;
    this.#isLast = true;
    this.#unread = nothing;
    this.#socket.pause();
    this.#endIfDone();
  }

  #take(chunk: Buffer): void {
    if (this.#isLast) return;
    this.#octets += chunk.length;
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    // After a pause at most the chunk that was under way can come, so `#unread` is bounded by two chunks.
    if (!this.#isReading) this.#read();
    if (this.#octets > this.#listener.settings.octetsMax) this.finish('octets');
  }

  /** Answers what has arrived, some messages a turn. */
  #read(): void {
    this.#isReading = false;
    const { batch } = this.#listener;
    let batched = 0;
    let messages = 0;
    while (messages < MESSAGES_PER_TURN && !this.#isBlocked && this.#mayAskSlowly) {
      const query = this.#next();
      if (query === undefined) break;
      messages += 1;
      const length = this.#answer(query);
      if (length === 0) continue;
      if (batched + LENGTH_OCTETS + length > batch.length) {
        this.#write(Buffer.from(batch.subarray(0, batched)));
        batched = 0;
      }
      batched = appendFramed(batch, batched, this.#listener.out, length);
    }
    if (batched > 0) this.#write(Buffer.from(batch.subarray(0, batched)));
    if (messages > 0) this.#listener.touch(this);
    this.#setDeadline(messages > 0);
    const isHeld = this.#isBlocked || !this.#mayAskSlowly;
    if (this.#unread.length > 0 && !isHeld) {
      this.#isReading = true;
      this.#socket.pause();
      setImmediate(() => this.#read());
    } else if (isHeld) this.#socket.pause();
    else if (!this.#isLast) this.#socket.resume();
    this.#endIfDone();
  }

  get #mayAskSlowly(): boolean {
    return this.#slowQueries < this.#listener.settings.slowQueriesMax;
  }

  /** @returns octets in the listener's `out`; 0 when there is nothing to send now */
  #answer(query: Buffer): number {
    const { answerer, out } = this.#listener;
    const startedMs = performance.now();
    const length = answerer.answer(query, query.length, this.client, out);
    if (length !== ASK_SLOWLY) {
      answerer.counts.durationSeconds.observe((performance.now() - startedMs) / 1000);
      return length;
    }
    this.#slowQueries += 1;
    // The query may lie in a buffer that the next one is read into.
    answerer.answerSlowly(Buffer.from(query), this.client).then((response) => {
      this.#slowQueries -= 1;
      answerer.counts.durationSeconds.observe((performance.now() - startedMs) / 1000);
      if (this.#socket.destroyed) return;
      if (response !== undefined) this.#write(framed(response));
      this.#setDeadline(true);
      if (!this.#isReading && !this.#isBlocked) this.#read();
    });
    return 0;
  }

  #write(octets: Buffer): void {
    this.#socket.write(octets);
    if (this.#isBlocked || this.#socket.writableLength <= this.#listener.settings.unsentOctetsMax) return;
    this.#isBlocked = true;
    this.#deadlineMs = performance.now() + this.#listener.settings.idleMs;
    this.#dueReason = 'unread-answers';
  }

  #unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#setDeadline(true);
    if (!this.#isReading) this.#read();
  }

  /** A query that has begun must be whole in time, counted from its first octet; else the connection may idle. */
  #setDeadline(isProgress: boolean): void {
    if (this.#isBlocked) return;
    const { idleMs, queryMs } = this.#listener.settings;
    const isBegun = this.#partialOctets > 0;
    const reason: ClosedBecause = isBegun ? 'slow-query' : 'idle';
    if (reason === this.#dueReason && !isProgress) return;
    this.#dueReason = reason;
    this.#deadlineMs = performance.now() + (isBegun ? queryMs : idleMs);
  }

  #endIfDone(): void {
    if (!this.#isLast || this.isWaiting || this.#isBlocked || this.#unread.length > 0) return;
    this.#socket.destroySoon();
  }

  /** The next whole query; what has come of one that is not whole goes into `#partial`. */
  #next(): Buffer | undefined {
    const unread = this.#unread;
    if (this.#partialOctets === 0) {
      const end = unread.length < LENGTH_OCTETS ? Number.POSITIVE_INFINITY : LENGTH_OCTETS + unread.readUInt16BE(0);
      if (end <= unread.length) {
        this.#unread = end === unread.length ? nothing : unread.subarray(end);
        return unread.subarray(LENGTH_OCTETS, end);
      }
    }
    if (unread.length === 0) return undefined;
    if (this.#partialOctets < LENGTH_OCTETS) this.#move(LENGTH_OCTETS);
    if (this.#partialOctets < LENGTH_OCTETS) return undefined;
    const whole = LENGTH_OCTETS + this.#partial.readUInt16BE(0);
    this.#move(whole);
    if (this.#partialOctets < whole) return undefined;
    const query = this.#partial.subarray(LENGTH_OCTETS, whole);
    this.#partialOctets = 0;
    if (this.#partial.length > PARTIAL_OCTETS) this.#partial = nothing;
    return query;
  }

  /** Moves octets from `#unread` until `#partial` has `octets`. Grows with what has come, not with what is claimed. */
  #move(octets: number): void {
    const taken = Math.min(octets - this.#partialOctets, this.#unread.length);
    const needed = this.#partialOctets + taken;
    if (needed > this.#partial.length) {
      const grown = Buffer.alloc(Math.max(PARTIAL_OCTETS, 2 * needed));
      this.#partial.copy(grown, 0, 0, this.#partialOctets);
      this.#partial = grown;
    }
    this.#unread.copy(this.#partial, this.#partialOctets, 0, taken);
    this.#partialOctets = needed;
    this.#unread = taken === this.#unread.length ? nothing : this.#unread.subarray(taken);
  }
}

function appendFramed(batch: Buffer, at: number, octets: Buffer, length: number): number {
  batch.writeUInt16BE(length, at);
  octets.copy(batch, at + LENGTH_OCTETS, 0, length);
  return at + LENGTH_OCTETS + length;
}

function framed(octets: Uint8Array): Buffer {
  const message = Buffer.allocUnsafe(LENGTH_OCTETS + octets.length);
  message.writeUInt16BE(octets.length, 0);
  message.set(octets, LENGTH_OCTETS);
  return message;
}
