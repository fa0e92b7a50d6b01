import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));
const test = suite('cli/output');

/** Runs a command whose reader leaves after the first octets. */
async function readBriefly(...args: string[]): Promise<{ code: number | null; stderr: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdout.once('data', () => child.stdout.destroy());
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, stderr };
}

test('a reader that leaves before the end is no error', async () => {
  const child = spawn(process.execPath, [MAIN, 'resolver', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // Before anything was written.
  child.stdout.destroy();
  assert.equal(await once(child, 'exit'), [0, null]);
  assert.is(stderr, '');
});

test('what follows for ever ends with its reader', async () => {
  const events = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: {"type":"AnnouncerStarted","atMs":0,"host":"a"}\n\n'), 20);
    response.on('close', () => clearInterval(timer));
  }).listen(0, '127.0.0.1');
  await once(events, 'listening');
  const { port } = events.address() as AddressInfo;
  assert.equal(await readBriefly('watch', '--json', '--http', `127.0.0.1:${port}`), { code: 0, stderr: '' });
  events.close();
});

test.run();
