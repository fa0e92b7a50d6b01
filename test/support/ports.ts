import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below Linux' range for outgoing connections (32768 and up): nobody is given such a port between our look and its use. */
const FIRST = 10_000;
const LAST = 32_000;
const ATTEMPTS = 50;

/** A port of 127.0.0.1 that nothing is bound to, neither with UDP nor with TCP. The same one is not given twice. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (given.has(port)) continue;
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port of 127.0.0.1 in ${FIRST} to ${LAST} after ${ATTEMPTS} attempts`);
}

const given = new Set<number>();

async function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return true;
  } catch {
    return false;
  }
}

async function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    socket.close();
    return true;
  } catch {
    return false;
  }
}
