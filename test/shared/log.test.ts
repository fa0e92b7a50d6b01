import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { stalledPipe } from '../support/stalled-pipe.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

const LOG = new URL('../../shared/log.js', import.meta.url).href;

/** A program that makes `calls` on a log of this level. */
function programOf(level: string, calls: string): string[] {
  const log = `import { createLog } from ${JSON.stringify(LOG)}; const log = createLog('${level}', 'resolver');`;
  return ['--input-type=module', '-e', `${log} ${calls}`];
}

/** What `calls` on a log of this level write to standard error. */
function written(level: string, calls: string): string[] {
  const { stderr } = spawnSync(process.execPath, programOf(level, calls), { encoding: 'utf8' });
  return linesOf(stderr);
}

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** Of the lines that are the log's: beside them stands what Node says of an uncaught error. */
function eventsOf(text: string): unknown[] {
  return linesOf(text)
    .filter((line) => line.startsWith('{'))
    .map((line) => (JSON.parse(line) as { event: string }).event);
}

/** What a program writes to a file that is its standard error. */
function writtenToFile(args: readonly string[], environment: Record<string, string> = {}, flags = 'w'): string {
  const file = join(temporaryDirectory(), 'log');
  const fd = openSync(file, flags);
  spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', fd], env: { ...process.env, ...environment } });
  closeSync(fd);
  return readFileSync(file, 'utf8');
}

/** More than any pipe or socket holds, and less than may wait. */
const FLOOD = "for (let at = 0; at < 3000; at += 1) log.warn('flood', 'x'.repeat(150), { at });";
/** Turns of the event loop, which come only when nothing waits for the log. */
const GO_ON =
  "for (let turn = 0; turn < 3; turn += 1) await new Promise((go) => setTimeout(go, 1)); console.log('on');";

async function endOf(child: ChildProcess): Promise<unknown> {
  const [code, signal] = await once(child, 'close');
  return code ?? signal;
}

function textOf(stream: ChildProcess['stdout']): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

const test = suite('shared/log');

test('a line is JSON: the level, then sorted keys', () => {
  const [line = ''] = written('info', "log.warn('store-lost', 'etcd is lost', { silentMs: 31200, endpoint: 'x' })");
  const { at, ...rest } = JSON.parse(line) as Record<string, unknown>;
  assert.match(String(at), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.equal(rest, {
    level: 'warn',
    component: 'resolver',
    endpoint: 'x',
    event: 'store-lost',
    message: 'etcd is lost',
    silentMs: 31200,
  });
  assert.equal(Object.keys(JSON.parse(line)), ['level', 'at', 'component', 'endpoint', 'event', 'message', 'silentMs']);
});

test('lines below the level are left out, all of them at silent', () => {
  assert.is(written('warn', "log.info('a', 'a'); log.warn('b', 'b'); log.error('c', 'c')").length, 2);
  assert.is(written('silent', "log.error('c', 'c')").length, 0);
});

test('the last line before an end is there, in a file, a pipe and a socket, however it ends', () => {
  const last = "log.info('a', 'a'); await new Promise(setImmediate); log.info('b', 'b'); log.info('c', 'c');";
  for (const end of ['', 'process.exit(1);', "throw new Error('a bug');"]) {
    const args = programOf('info', last + end);
    assert.equal(eventsOf(writtenToFile(args)), ['a', 'b', 'c'], `file, ${end}`);
    const command = ['-c', '"$@" 2>&1 >/dev/null | cat', 'sh', process.execPath, ...args];
    assert.equal(eventsOf(spawnSync('sh', command, { encoding: 'utf8' }).stdout), ['a', 'b', 'c'], `pipe, ${end}`);
    const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(eventsOf(stderr), ['a', 'b', 'c'], `socket, ${end}`);
  }
});

test('what a thread is late to write at the end stands before what waited behind it', () => {
  // The only thread is held, by the open of a pipe that nobody writes to yet, until the end waits for it or is over.
  const held = join(temporaryDirectory(), 'held');
  execFileSync('mkfifo', [held]);
  const hold = `const { open, openSync } = await import('node:fs'); open('${held}', 'r', () => {});
    const release = () => openSync('${held}', 'r+'); process.once('exit', release);
    const { wait } = Atomics; Atomics.wait = (...args) => { release(); return wait(...args); };`;
  const lines = "log.info('a', 'a'); await new Promise(setImmediate); log.info('b', 'b'); log.info('c', 'c');";
  for (const end of ['process.exit(1);', "throw new Error('a bug');"]) {
    for (const flags of ['w', 'a']) {
      const text = writtenToFile(programOf('info', hold + lines + end), { UV_THREADPOOL_SIZE: '1' }, flags);
      assert.equal(eventsOf(text), ['a', 'b', 'c'], `opened with ${flags}, ${end}`);
    }
  }
});

test('a disk that is full costs the log alone', async () => {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, programOf('info', FLOOD + GO_ON), { stdio: ['ignore', 'pipe', full] });
  const said = textOf(child.stdout);
  assert.is(await endOf(child), 0);
  assert.is(said(), 'on\n');
  closeSync(full);
});

test('a pipe that nobody reads stops nothing, and does not hold up the end', async () => {
  const pipe = stalledPipe();
  const child = spawn(process.execPath, programOf('info', FLOOD + GO_ON), { stdio: ['ignore', 'pipe', pipe.fd] });
  const said = textOf(child.stdout);
  assert.is(await endOf(child), 0);
  assert.is(said(), 'on\n');
  assert.is(pipe.read(), '');
  pipe.close();
});

test('a pipe that is read again gets what waited, and how many lines are missing', async () => {
  const pipe = stalledPipe();
  const wait = "await new Promise((go) => process.stdin.once('data', go)); log.info('end', 'end'); process.exit();";
  const program = programOf('info', FLOOD + FLOOD + FLOOD + GO_ON + wait);
  const child = spawn(process.execPath, program, { stdio: ['pipe', 'pipe', pipe.fd] });
  const said = textOf(child.stdout);
  await until('it to go on', () => said() === 'on\n');
  const eventsNow = (): { event: string; lines?: number }[] =>
    linesOf(pipe.read()).flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
  await until('the count', () => eventsNow().at(-1)?.event === 'log-lines-dropped');
  child.stdin?.write('go\n');
  const ended = endOf(child);
  await until('the last line', () => eventsNow().at(-1)?.event === 'end');
  const events = eventsNow();
  const missing = 9000 - events.filter(({ event }) => event === 'flood').length;
  assert.ok(missing > 0);
  assert.is(events.at(-2)?.lines, missing);
  assert.is(await ended, 0);
  pipe.close();
});

test('a socket that nobody reads stops nothing, also when a child was given it', async () => {
  const share = "const { spawnSync } = await import('node:child_process'); spawnSync('true', { stdio: 'inherit' });";
  const child = spawn(process.execPath, programOf('info', share + FLOOD + GO_ON), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = textOf(child.stdout);
  // Its standard error is read only afterwards.
  await until('it to go on', () => said() === 'on\n');
  assert.is((await once(child, 'exit'))[0], 0);
});

test('a terminal that is stopped stops nothing; lines on it are for people', async () => {
  const file = join(temporaryDirectory(), 'on');
  const goneOn = GO_ON.replace("console.log('on')", `(await import('node:fs')).writeFileSync('${file}', 'on')`);
  const program = programOf('info', `process.stderr.isTTY || process.exit(3); ${FLOOD} ${goneOn}`);
  const command = [process.execPath, ...program].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  // It shows what is on the terminal; nobody looks, so the terminal stops.
  const terminal = spawn('script', ['-qefc', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await until('it to go on', () => existsSync(file) || undefined);
  const shown = textOf(terminal.stdout);
  assert.is(await endOf(terminal), 0);
  assert.match(shown(), /^\S+ WARN: x+\r?$/m);
});

test.run();
