/**
 * A plain DNS server for tests, in the place of the world's: its own records, both transports on one port, and faults on
 * demand. Written on dns-packet, so that it shares no code with what it tests.
 */
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import type { HostPort } from '../../../shared/address.ts';
import { freePort } from './ports.ts';

export interface SeenQuery {
  readonly transport: 'udp' | 'tcp';
  readonly question: Question;
  readonly id: number;
  readonly port: number;
  readonly packet: Packet;
}

/** What to do with a query instead of answering it from the records. */
export type Fault =
  | { readonly do: 'drop' }
  | { readonly do: 'rcode'; readonly rcode: number }
  /** A header alone, as of a server that did not read the question. */
  | { readonly do: 'bare'; readonly rcode: number }
  /** Over UDP, a cut answer with TC; over TCP, the records. */
  | { readonly do: 'truncate' }
  /** `cut`: with TC, and empty. */
  | { readonly do: 'delay'; readonly ms: number; readonly cut?: boolean; readonly rcode?: number }
  /** These octets first, then the true answer. */
  | { readonly do: 'spoof'; readonly packets: (query: Buffer) => Buffer[] };

export interface DnsUpstream {
  readonly address: HostPort;
  readonly seen: readonly SeenQuery[];
  /** Asked for each query; undefined answers from the records. */
  fault: (query: SeenQuery) => Fault | undefined;
  /** Zone text, one record a line, as for {@link startDnsUpstream}; replaces what there was. */
  setRecords(records: string): void;
  close(): Promise<void>;
}

/**
 * @param records lines as `www.example.org. 300 IN A 192.0.2.80`; A, AAAA, CNAME, TXT, PTR, NS and SOA
 * @param port    0 for a free one
 */
export async function startDnsUpstream(records: string, host = '127.0.0.1', port = 0): Promise<DnsUpstream> {
  let answers = parseRecords(records);
  const seen: SeenQuery[] = [];
  const tcp = createServer();
  // Not one of the system's choice: the same number has to be free for UDP, too.
  tcp.listen(port === 0 ? await freePort() : port, host);
  await once(tcp, 'listening');
  const address = { host, port: (tcp.address() as AddressInfo).port };
  const udp = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  udp.bind(address.port, host);
  await once(udp, 'listening');
  const connections = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();

  const handle = (octets: Buffer, transport: 'udp' | 'tcp', from: number, send: (packet: Buffer) => void): void => {
    const packet = decode(octets);
    const question = packet.questions?.[0];
    if (question === undefined) return;
    const query: SeenQuery = { transport, question, id: packet.id ?? 0, port: from, packet };
    seen.push(query);
    const fault = server.fault(query);
    const reply = (change: { rcode?: number; flags?: number; empty?: boolean } = {}): void => {
      send(responseTo(packet, question, change.empty ? [] : answers, change.rcode, change.flags));
    };
    if (fault === undefined) reply();
    else if (fault.do === 'rcode') reply({ rcode: fault.rcode, empty: true });
    else if (fault.do === 'bare') {
      const header = Buffer.alloc(12);
      header.writeUInt16BE(query.id);
      header.writeUInt16BE(0x8100 | fault.rcode, 2);
      send(header);
    } else if (fault.do === 'truncate') {
      reply(transport === 'udp' ? { flags: TRUNCATED_RESPONSE, rcode: 0, empty: true } : {});
    } else if (fault.do === 'spoof') {
      for (const spoofed of fault.packets(octets)) send(spoofed);
      reply();
    } else if (fault.do === 'delay') {
      const timer = setTimeout(() => {
        timers.delete(timer);
        const { rcode } = fault;
        if (fault.cut) reply({ flags: TRUNCATED_RESPONSE, rcode: 0, empty: true });
        else reply(rcode === undefined ? {} : { rcode, empty: true });
      }, fault.ms);
      timers.add(timer);
    }
  };

  udp.on('message', (octets: Buffer, from: RemoteInfo) => {
    handle(octets, 'udp', from.port, (packet) => udp.send(packet, from.port, from.address));
  });
  tcp.on('connection', (socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
    let received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const octets = received.subarray(2, 2 + received.readUInt16BE(0));
        received = received.subarray(2 + octets.length);
        handle(octets, 'tcp', socket.remotePort ?? 0, (packet) => socket.write(framed(packet)));
      }
    });
  });

  const server: DnsUpstream = {
    address,
    seen,
    fault: () => undefined,
    setRecords: (text) => {
      answers = parseRecords(text);
    },
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of connections) socket.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
      ]);
    },
  };
  return server;
}

function framed(packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 0xff]), packet]);
}

/** Answers, or NODATA, or NXDOMAIN, with the SOA of the records as authority when there is one. */
function responseTo(query: Packet, question: Question, all: readonly Answer[], rcode?: number, flags = 0): Buffer {
  const sameName = (name: string, other: string): boolean => name.toLowerCase() === other.toLowerCase();
  const found: Answer[] = [];
  let name = question.name;
  for (let links = 0; links < 8; links += 1) {
    const own = all.filter((record) => sameName(record.name, name));
    found.push(...own.filter((record) => record.type === question.type));
    const alias = own.find((record) => record.type === 'CNAME');
    if (alias === undefined || question.type === 'CNAME') break;
    found.push(alias);
    name = (alias as { data: string }).data;
  }
  const exists = all.some(
    (record) => sameName(record.name, name) || record.name.toLowerCase().endsWith(`.${name.toLowerCase()}`),
  );
  const soa = all.filter((record) => record.type === 'SOA');
  const code = rcode ?? (exists || found.length > 0 ? 0 : 3);
  const hasOpt = query.additionals?.some((record) => record.type === 'OPT') ?? false;
  return encode({
    type: 'response',
    id: query.id ?? 0,
    flags: RECURSION_AVAILABLE | AUTHORITATIVE_ANSWER | ((query.flags ?? 0) & RECURSION_DESIRED) | flags | code,
    questions: [question],
    answers: found,
    authorities: found.some((record) => record.type === question.type) ? [] : soa,
    additionals: hasOpt
      ? [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: 1232,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [],
          },
        ]
      : [],
  });
}

function parseRecords(text: string): Answer[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [owner = '', ttl = '', , type = '', ...rdata] = line.split(/\s+/);
      const bare = (name = ''): string => (name === '.' ? '.' : name.replace(/\.$/, ''));
      const common = { name: bare(owner), ttl: Number(ttl), class: 'IN' as const };
      switch (type) {
        case 'A':
        case 'AAAA':
          return { ...common, type, data: rdata[0] ?? '' };
        case 'CNAME':
        case 'PTR':
        case 'NS':
          return { ...common, type, data: bare(rdata[0]) };
        case 'TXT':
          return { ...common, type, data: rdata.join(' ').replaceAll('"', '') };
        case 'SOA': {
          const [serial = 0, refresh, retry, expire, minimum] = rdata.slice(2).map(Number);
          const data = { mname: bare(rdata[0]), rname: bare(rdata[1]), serial, refresh, retry, expire, minimum };
          return { ...common, type, data } as Answer;
        }
        default:
          throw new Error(
            `test record ${JSON.stringify(line)}: type ${type} is not one of A, AAAA, CNAME, PTR, NS, TXT, SOA`,
          );
      }
    });
}
