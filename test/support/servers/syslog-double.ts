/** A receiver of syslog over TLS that takes nothing but what RFC 5425 §4.3 allows. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';

export interface SyslogDouble {
  readonly port: number;
  /** Whole messages, in the order in which they came. */
  readonly messages: readonly string[];
  /** Octets that are no frame. */
  readonly breaches: readonly string[];
  /** Common names of the clients, one a connection; empty without a certificate. */
  readonly clients: readonly string[];
  /** What connections from now on are served with. */
  renew(options: TlsOptions): void;
  close(): Promise<void>;
}

/** MSG-LEN is a number without a leading zero, then one space, then so many octets. */
function readFrames(octets: Buffer): { messages: string[]; rest: Buffer } {
  const messages: string[] = [];
  let rest = octets;
  for (;;) {
    const length = /^([1-9]\d*) /.exec(rest.toString('latin1', 0, 12));
    if (length === null) return { messages, rest };
    const begin = length[0].length;
    const end = begin + Number(length[1]);
    if (end > rest.length) return { messages, rest };
    messages.push(rest.toString('utf8', begin, end));
    rest = rest.subarray(end);
  }
}

export async function syslogDouble(options: TlsOptions): Promise<SyslogDouble> {
  const messages: string[] = [];
  const breaches: string[] = [];
  const clients: string[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer(options, (socket) => {
    const chunks: Buffer[] = [];
    const { subject } = socket.getPeerCertificate() as { subject?: { CN?: string } };
    clients.push(subject?.CN ?? '');
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => {
      const read = readFrames(Buffer.concat(chunks));
      messages.push(...read.messages);
      if (read.rest.length > 0) breaches.push(read.rest.toString('latin1'));
    });
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    messages,
    breaches,
    clients,
    renew: (next) => server.setSecureContext(next),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
