import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** What a connection is met with. */
export type Behaviour = (socket: Socket, collect: (text: string) => void) => void;

export interface LineServer {
  readonly port: number;
  /** The whole lines that connections have brought, one connection after the other. */
  text(): string;
  connections(): number;
  /** How the connections from now on are met. */
  behave(behaviour: Behaviour): void;
  close(): Promise<void>;
}

/** Reads all, and closes its side when the sender has ended its own. */
export const reads: Behaviour = (socket, collect) => {
  socket.setEncoding('utf8').on('data', collect);
};

export const neverReads: Behaviour = (socket) => {
  socket.pause();
};

/** Takes a part and hangs up. */
export const hangsUp: Behaviour = (socket) => {
  socket.once('data', () => socket.resetAndDestroy());
};

/** A receiver of lines over TCP on loopback that behaves as it is told. */
export async function lineServer(first: Behaviour = reads): Promise<LineServer> {
  let behaviour = first;
  const texts: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const connection = texts.push('') - 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    behaviour(socket, (part) => {
      texts[connection] += part;
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    text: () => texts.map((text) => text.slice(0, text.lastIndexOf('\n') + 1)).join(''),
    connections: () => texts.length,
    behave: (next) => {
      behaviour = next;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
