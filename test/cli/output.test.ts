import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
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

/** A daemon that tells an event again and again. */
async function withEvents(use: (http: string) => Promise<void>): Promise<void> {
  const events = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const timer = setInterval(() => response.write('data: {"type":"AnnouncerStarted","atMs":0,"host":"a"}\n\n'), 20);
    response.on('close', () => clearInterval(timer));
  }).listen(0, '127.0.0.1');
  await once(events, 'listening');
  await use(`127.0.0.1:${(events.address() as AddressInfo).port}`);
  events.close();
}

test('what follows for ever ends with its reader', () =>
  withEvents(async (http) => {
    assert.equal(await readBriefly('watch', '--json', '--http', http), { code: 0, stderr: '' });
  }));

test('what cannot be printed is said in a sentence, with exit code 1', () => {
  const full = openSync('/dev/full', 'w');
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
  for (const args of [['--help'], ['doctor', '--json', '--data-dir', '/tmp', '--docker', 'unix:///nonexistent.sock']]) {
    const { status, stderr } = run(...args);
    assert.is(stderr, 'rollcall: standard output cannot be written: ENOSPC: no space left on device, write\n');
    assert.is(status, 1);
  }
  closeSync(full);
});

test('a complaint that nobody can be told leaves the exit code as it is', () => {
  const full = openSync('/dev/full', 'w');
  const { status } = spawnSync(process.execPath, [MAIN, 'ls', '--http', 'x'], { stdio: ['ignore', 'pipe', full] });
  assert.is(status, 2);
  closeSync(full);
});

test('what goes on for ever ends when it cannot be printed', async () => {
  const full = openSync('/dev/full', 'w');
  await withEvents(async (http) => {
    const child = spawn(process.execPath, [MAIN, 'watch', '--json', '--http', http], {
      stdio: ['ignore', full, 'pipe'],
    });
    assert.equal(await once(child, 'exit'), [1, null]);
  });
  closeSync(full);
});

test.run();
