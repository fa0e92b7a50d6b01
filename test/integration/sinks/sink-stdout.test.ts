import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { StdoutReceiver } from '../../../announcer/sinks/receivers/stdout.ts';
import { numbers, pumping, sequencesOf } from '../../support/pumping.ts';
import { freePort } from '../../support/servers/ports.ts';
import { ready, startRollcall } from '../../support/servers/rollcall.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/sink-stdout');

test('a reader that does not read stops nothing; when it reads it gets whole lines, and all of them', async () => {
  const pipe = join(temporaryDirectory(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const { pump, record, allTaken, taken, log, stop } = await pumping(new StdoutReceiver(pipe, 100));
  record(1_000, 'x'.repeat(100)); // more than a pipe holds
  await until('a failure', () => log.of('sink-failing').length > 0);
  assert.match(log.of('sink-failing')[0]?.message ?? '', 'its reader took nothing for 100 ms');
  // Again and again, also in the middle of a line.
  await until('more failures', () => pump.counts.retried > 900);
  assert.ok(taken() < 1_000);
  let text = '';
  const buffer = Buffer.alloc(16 * 1024);
  const reading = setInterval(() => {
    try {
      text += buffer.toString('utf8', 0, readSync(reader, buffer));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }, 1);
  await allTaken();
  await until('the last line', () => text.includes('"sequence":1000,'));
  clearInterval(reading);
  assert.equal(
    [...new Set(sequencesOf(text))].sort((a, b) => a - b),
    numbers(1_000),
  );
  await stop();
  closeSync(reader);
});

test('`--sink stdout:` writes records to standard output, and nothing else does', async () => {
  const port = await freePort();
  const rollcall = startRollcall([
    ...['up', '--sink', 'stdout:', '--services', 'examples/services.json', '--docker', 'unix:///nonexistent.sock'],
    ...['--http', `127.0.0.1:${port}`, '--listen', '127.0.0.1:0', '--forward', 'none'],
    ...['--data-dir', temporaryDirectory(), '--host-name', 'node-1'],
  ]);
  await ready(port);
  assert.is(await rollcall.end('SIGTERM'), 0);
  const actions = rollcall
    .stdout()
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { action: string }).action);
  assert.equal(actions, [...Array(3).fill('announced'), ...Array(3).fill('withdrawn')]);
});

test('standard output that is a file keeps its place in it', async () => {
  const file = join(temporaryDirectory(), 'out');
  const script = `
    const { StdoutReceiver } = await import(${JSON.stringify(new URL('../../../announcer/sinks/receivers/stdout.js', import.meta.url).href)});
    process.stdout.write('before\\n');
    const receiver = new StdoutReceiver();
    await receiver.deliver([{ '@timestamp': 'x', sequence: 1 }], new AbortController().signal);
    process.stdout.write('after\\n');
    await receiver.close();`;
  const out = openSync(file, 'w');
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', out, 'inherit'] });
  const [code] = await once(child, 'exit');
  closeSync(out);
  assert.is(code, 0);
  assert.is(readFileSync(file, 'utf8'), 'before\n{"@timestamp":"x","sequence":1}\nafter\n');
});

test.run();
