/** A DNS client for tests: raw datagrams and streams, and questions that dns-packet writes and reads. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type DecodedPacket, decode } from 'dns-packet';
import type { HostPort } from '../../../shared/address.ts';
import { RrType, type RrTypeName } from '../../../shared/rrset.ts';
import { until } from '../until.ts';

export interface Edns {
  readonly udp?: number;
  readonly version?: number;
  readonly dnssecOk?: boolean;
  /** The 16 bits behind the version, DO included when given here. */
  readonly flags?: number;
  readonly options?: readonly { readonly code: number; readonly data?: Uint8Array | string }[];
}

export interface Ask {
  readonly name: string;
  readonly type?: RrTypeName | number;
  readonly class?: number;
  readonly id?: number;
  /** The header's flags; RD by default. */
  readonly flags?: number;
  readonly edns?: Edns;
}

/** A query's octets, written by hand so that nothing of it can be refused for us. Names without escapes. */
export function queryOctets({ name, type = 'A', class: rrClass = 1, id = 0x1234, flags = 0x0100, edns }: Ask): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(edns === undefined ? 0 : 1, 10);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(typeof type === 'number' ? type : RrType[type], 0);
  tail.writeUInt16BE(rrClass, 2);
  return Buffer.concat([header, wireName(name), tail, edns === undefined ? Buffer.alloc(0) : optOctets(edns)]);
}

export function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

export function optOctets({ udp = 1232, version = 0, dnssecOk = false, flags, options = [] }: Edns): Buffer {
  const rdata = Buffer.concat(
    options.map(({ code, data = '' }) => {
      const octets = Buffer.from(data as string, 'latin1');
      const head = Buffer.alloc(4);
      head.writeUInt16BE(code, 0);
      head.writeUInt16BE(octets.length, 2);
      return Buffer.concat([head, octets]);
    }),
  );
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(udp, 3);
  opt[6] = version;
  opt.writeUInt16BE(flags ?? (dnssecOk ? 0x8000 : 0), 7);
  opt.writeUInt16BE(rdata.length, 9);
  return Buffer.concat([opt, rdata]);
}

/** A TSIG (RFC 8945 §4.2) of a key that nobody has, whose MAC is no better. */
export function tsigOctets({
  key = 'key.example.org',
  mac = Buffer.alloc(32, 0xab),
  other = '',
  id = 0x1234,
} = {}): Buffer {
  const head = Buffer.alloc(10);
  // Time signed, 48 bits; fudge; MAC size.
  head.writeUIntBE(1_795_185_121, 0, 6);
  head.writeUInt16BE(300, 6);
  head.writeUInt16BE(mac.length, 8);
  const tail = Buffer.alloc(6);
  tail.writeUInt16BE(id, 0);
  tail.writeUInt16BE(other.length, 4);
  const rdata = Buffer.concat([wireName('hmac-sha256'), head, mac, tail, Buffer.from(other, 'latin1')]);
  const fixed = Buffer.from('00fa00ff000000000000', 'hex');
  fixed.writeUInt16BE(rdata.length, 8);
  return Buffer.concat([wireName(key), fixed, rdata]);
}

/** Sends one datagram and gives the first that comes back; undefined when none does in time. */
export async function sendUdp(server: HostPort, octets: Uint8Array, timeoutMs = 20_000): Promise<Buffer | undefined> {
  const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
  try {
    const response = once(socket, 'message', { signal: AbortSignal.timeout(timeoutMs) });
    socket.send(octets, server.port, server.host);
    return (await response)[0] as Buffer;
  } catch (error) {
    if ((error as Error).name === 'AbortError') return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

/** Sends one datagram, whatever comes back; resolves when it is with the kernel. */
export async function sendDatagram(server: HostPort, octets: Uint8Array): Promise<void> {
  const socket = createSocket(server.host.includes(':') ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.send(octets, server.port, server.host, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    socket.close();
  }
}

export async function askUdp(server: HostPort, ask: Ask): Promise<DecodedPacket> {
  const response = await sendUdp(server, queryOctets(ask));
  if (response === undefined) throw new Error(`no answer to ${ask.name} from ${server.host}:${server.port}`);
  return decode(response);
}

/** One TCP connection to a DNS server. */
export class TcpClient {
  readonly socket: Socket;
  /** Messages in the order of arrival, without their length. */
  readonly messages: Buffer[] = [];
  isClosed = false;
  #octets = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.#octets = Buffer.concat([this.#octets, chunk]);
      while (this.#octets.length >= 2 && this.#octets.length >= 2 + this.#octets.readUInt16BE(0)) {
        const end = 2 + this.#octets.readUInt16BE(0);
        this.messages.push(this.#octets.subarray(2, end));
        this.#octets = this.#octets.subarray(end);
      }
    });
    // A connection that the server resets is closed; the tests look at `isClosed`.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static async connect(server: HostPort): Promise<TcpClient> {
    const socket = connect({ host: server.host, port: server.port, noDelay: true });
    await once(socket, 'connect');
    return new TcpClient(socket);
  }

  send(...queries: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(queries.map(withLength)));
  }

  async receive(count: number): Promise<Buffer[]> {
    await until(`${count} messages over TCP (${this.messages.length} came)`, () => this.messages.length >= count);
    return this.messages;
  }

  close(): void {
    this.socket.destroy();
  }
}

export async function askTcp(server: HostPort, ask: Ask): Promise<DecodedPacket> {
  const client = await TcpClient.connect(server);
  try {
    client.send(queryOctets(ask));
    return decode((await client.receive(1))[0] as Buffer);
  } finally {
    client.close();
  }
}

export function withLength(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}

/** `web.example.org A 192.0.2.1`, one a record, in the order of the message; OPT left out. */
export function recordTexts(records: readonly object[] | undefined): string[] {
  return (records ?? [])
    .map((record) => record as { name: string; type: string; data: unknown })
    .filter(({ type }) => type !== 'OPT')
    .map(({ name, type, data }) => `${name} ${type} ${textOf(data)}`);
}

function textOf(data: unknown): string {
  if (Buffer.isBuffer(data)) return data.toString('latin1');
  if (Array.isArray(data)) return data.map(textOf).join(' ');
  if (typeof data !== 'object' || data === null) return String(data);
  return Object.values(data).map(textOf).join(' ');
}
