/** `rollcall run` with real commands and a real etcd. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord } from '../../shared/record.ts';
import { type Etcd, haveProgram, skipWithoutEtcd, startEtcd } from '../support/servers/etcd.ts';
import { freePort } from '../support/servers/ports.ts';
import { type RollcallProcess, rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface Context {
  etcd: Etcd;
}

const test = suite<Context>('end-to-end: run');

test.before(async (context) => {
  context.etcd = await startEtcd();
});
test.after(({ etcd }) => etcd?.stop());
test.after.each(async ({ etcd }) => {
  assert.is(await etcd.ctl('get', '--prefix', '/', '--keys-only'), '', 'nothing is left in etcd');
});

const args = ({ etcd }: Context, ...more: string[]): string[] => [
  'run',
  ...['--etcd', etcd.url, '--host-name', 'node-1', '--private-ip', '127.0.0.1', '--lease-ttl', '15', '--name', 'web'],
  ...more,
];
const keys = async ({ etcd }: Context): Promise<string[]> =>
  (await etcd.ctl('get', '--prefix', '/skydns/', '--keys-only')).split('\n').filter((line) => line !== '');
const announced = (context: Context): Promise<string> => until('the key', async () => (await keys(context))[0]);
const gone = (context: Context): Promise<boolean> => until('no key', async () => (await keys(context)).length === 0);
const httpd = (port: number): string => `busybox httpd -f -p 127.0.0.1:${port} -h ${temporaryDirectory()}`;

function isAlive(run: RollcallProcess): boolean {
  return run.child.exitCode === null && run.child.signalCode === null;
}

test('a command is announced once it serves its port, also when a child of it does, and its exit code is kept', async (context) => {
  const port = await freePort();
  const go = join(temporaryDirectory(), 'go');
  const script = `trap 'kill $!; exit 7' TERM; while [ ! -e ${go} ]; do sleep 0.1; done; ${httpd(port)} & wait $!`;
  const run = startRollcall(args(context, '--port', String(port), '--', 'sh', '-c', script));
  await until('the claim', async () => (await context.etcd.ctl('get', '--prefix', '/rollcall/', '--keys-only')) !== '');
  assert.equal(await keys(context), [], 'nothing listens yet');
  writeFileSync(go, '');
  const key = await announced(context);
  assert.is(key, `/skydns/com/example/prod/s/web/node-1/run-${run.pid}`);
  const decoded = decodeRecord((await context.etcd.ctl('get', key, '--print-value-only')).trim());
  assert.is(
    decoded.ok && `${decoded.record.host}:${decoded.record.port}/${decoded.record.protocol}`,
    `127.0.0.1:${port}/tcp`,
  );
  assert.is(await run.end('SIGTERM'), 7, run.stderr());
  await gone(context);
});

test('SIGTERM takes the name away before the command hears of it', async (context) => {
  const port = await freePort();
  const run = startRollcall(
    args(context, '--port', String(port), '--drain', '8', '--', 'sh', '-c', `exec ${httpd(port)}`),
  );
  await announced(context);
  run.child.kill('SIGTERM');
  await gone(context);
  assert.ok(isAlive(run));
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    }).once('error', reject);
  });
  assert.is(await run.ended, 128 + 15, 'ended by the signal');
});

/** A command that creates the file `seen` at this signal, and ends at SIGTERM; once it is announced. */
async function startTrapping(signal: 'HUP' | 'INT', context: Context) {
  const seen = join(temporaryDirectory(), 'seen');
  const script = `trap 'touch ${seen}' ${signal}; trap 'exit 0' TERM; while true; do sleep 0.1; done`;
  const run = startRollcall(args(context, '--', 'sh', '-c', script));
  await announced(context);
  return { run, seen };
}

test('a signal that does not end the command is forwarded, and the name stays', async (context) => {
  const { run, seen } = await startTrapping('HUP', context);
  run.child.kill('SIGHUP');
  await until('the signal', () => existsSync(seen));
  assert.is((await keys(context)).length, 1);
  assert.is(await run.end('SIGTERM'), 0, run.stderr());
});

test('a command that outlives its signal runs on without a name, which is said', async (context) => {
  const { run, seen } = await startTrapping('INT', context);
  run.child.kill('SIGINT');
  assert.match(String((await run.logged('stopping')).message), /^SIGINT: taking the name of web away/);
  await until('the signal', () => existsSync(seen));
  assert.match(
    String((await run.logged('run-without-name')).message),
    /runs on 10 s after SIGINT, and web stays without/,
  );
  assert.equal(await keys(context), []);
  assert.ok(isAlive(run));
  assert.is(await run.end('SIGTERM'), 0, run.stderr());
});

test('a command that stops serving is withdrawn while it runs, and announced again', async (context) => {
  const port = await freePort();
  const stop = join(temporaryDirectory(), 'stop');
  const script = `trap 'kill $!; exit 0' TERM; ${httpd(port)} & while [ ! -e ${stop} ]; do sleep 0.1; done; kill $!; while [ -e ${stop} ]; do sleep 0.1; done; ${httpd(port)} & wait $!`;
  const run = startRollcall(args(context, '--port', String(port), '--', 'sh', '-c', script));
  await announced(context);
  writeFileSync(stop, '');
  await gone(context);
  assert.ok(isAlive(run));
  rmSync(stop);
  await announced(context);
  assert.is(await run.end('SIGTERM'), 0, run.stderr());
});

test('a port that another process serves is not the command’s', async (context) => {
  const port = await freePort();
  const other = startRollcall(
    args(context, '--instance', 'other', '--port', String(port), '--', 'sh', '-c', `exec ${httpd(port)}`),
  );
  await announced(context);
  const run = startRollcall(args(context, '--instance', 'idle', '--port', String(port), '--', 'sleep', '60'));
  await until('both claims', async () =>
    (await context.etcd.ctl('get', '--prefix', '/rollcall/', '--keys-only')).includes('/idle'),
  );
  const { message } = await run.logged('process-held');
  assert.match(String(message), /served by another process/);
  assert.equal(await keys(context), ['/skydns/com/example/prod/s/web/node-1/other']);
  assert.is(await run.end('SIGTERM'), 128 + 15);
  assert.is(await other.end('SIGTERM'), 128 + 15);
});

test('an http check decides by the answer', async (context) => {
  const port = await freePort();
  const directory = temporaryDirectory();
  const run = startRollcall(
    args(
      context,
      '--port',
      String(port),
      '--check',
      'http:/ready',
      '--',
      'busybox',
      'httpd',
      '-f',
      '-p',
      `127.0.0.1:${port}`,
      '-h',
      directory,
    ),
  );
  await until('the claim', async () => (await context.etcd.ctl('get', '--prefix', '/rollcall/', '--keys-only')) !== '');
  assert.equal(await keys(context), []);
  writeFileSync(join(directory, 'ready'), 'yes');
  await announced(context);
  await run.end('SIGTERM');
});

test('exit codes: the command’s own, 127 when there is none, 126 when it cannot be run, 2 for wrong settings', async (context) => {
  assert.is((await rollcall(args(context, '--', 'sh', '-c', 'exit 42'))).exit, 42);
  const absent = await rollcall(args(context, '--', '/nowhere/command'));
  assert.equal([absent.exit, /no such command/.test(absent.stderr)], [127, true]);
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, 'no program', { mode: 0o644 });
  assert.is((await rollcall(args(context, '--', file))).exit, 126);
  const wrong = await rollcall(args(context, '--check', 'http:/x', '--drain', 'x', '--', 'true'));
  assert.is(wrong.exit, 2);
  assert.match(wrong.stderr, /--drain/);
  const noPort = await rollcall(args(context, '--check', 'tcp', '--', 'true'));
  assert.equal([noPort.exit, /needs a --port/.test(noPort.stderr)], [2, true]);
});

const SUITE = 'end-to-end: run';
if (!haveProgram('busybox')) console.log(`SKIP ${SUITE}: busybox is missing; install the package busybox-static`);
else if (!skipWithoutEtcd(SUITE)) test.run();
