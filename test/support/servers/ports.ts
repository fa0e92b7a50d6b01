import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Below Linux' range for outgoing connections (32768 and up): nobody is given such a port between our look and its use. */
const FIRST = 10_000;
const LAST = 32_000;
const ATTEMPTS = 50;

/** One file for each port that a test process of this machine has taken, with its process id in it. */
const CLAIMS = join(tmpdir(), 'rollcall-test-ports');

/**
 * A port of 127.0.0.1 that nothing is bound to, neither with UDP nor with TCP. The same one is not given twice, nor to two
 * test files that run side by side: not even a look at a port may happen while the other one's server binds it.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = randomInt(FIRST, LAST);
    if (claim(port) && (await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port;
  }
  throw new Error(`no free port of 127.0.0.1 in ${FIRST} to ${LAST} after ${ATTEMPTS} attempts`);
}

const claimed = new Set<string>();
process.once('exit', () => {
  for (const file of claimed) rmSync(file, { force: true });
});

function claim(port: number): boolean {
  const file = join(CLAIMS, String(port));
  mkdirSync(CLAIMS, { recursive: true });
  try {
    // A test process that was killed left its files behind.
    if (existsSync(file) && !isAlive(Number(readFileSync(file, 'utf8')))) rmSync(file);
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch (error) {
    // Taken, or being given back at this moment: there are others.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
  claimed.add(file);
  return true;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

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
