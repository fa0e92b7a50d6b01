/** Drains on real parts: engine, etcd, announcer, resolver, and an nginx under load while its backends are replaced. */
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/servers/dig.ts';
import { haveDocker } from '../support/servers/docker.ts';
import { skipWithoutEtcd } from '../support/servers/etcd.ts';
import {
  announcerOn,
  clearHost,
  closeHostStage,
  type HostStage,
  openHostStage,
} from '../support/servers/host-stage.ts';
import { haveNginx, type Nginx, startNginx } from '../support/servers/nginx.ts';
import { freePort } from '../support/servers/ports.ts';
import { rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { DOMAIN } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface Context extends HostStage {
  nginx: Nginx;
  port: number;
}

const NAME = `web.${DOMAIN}`;
const TTL_SECONDS = 1;
const RECORD_TTL = ['--record-ttl', String(TTL_SECONDS)];
const MARGIN_SECONDS = 2;
const BACKENDS = 3;
const test = suite<Context>('end-to-end: drain');

test.before(async (context) => {
  await openHostStage(context, { announcerArgs: RECORD_TTL });
  context.port = await freePort();
  const { host, port } = context.resolver.dns;
  // One try for each request, as for those that nginx may not repeat: what a client would see is what is counted.
  context.nginx = await startNginx(
    temporaryDirectory(),
    context.port,
    `  resolver ${host}:${port} ipv6=off;
  server {
    listen 127.0.0.1:${context.port};
    location / {
      set $backend http://${NAME};
      proxy_pass $backend;
      proxy_next_upstream off;
      proxy_connect_timeout 1s;
    }
  }`,
  );
});
test.after(async (context) => {
  await context.nginx?.stop();
  await closeHostStage(context);
});
test.after.each((context) => clearHost(context, NAME));

/** Ends at once on its stop signal, as most servers do, with whatever request it has. */
function startBackend({ docker, image }: Context, name: string): Promise<string> {
  const serve = "trap 'exit 0' TERM; httpd -p 80 -h /www; while true; do sleep 1 & wait $!; done";
  return docker.run([
    ...['--name', name, '-l', 'rollcall.name=web', '-l', 'rollcall.port=80', '-l', 'rollcall.as=container'],
    ...[image, '/bin/sh', '-c', serve],
  ]);
}

const drain = ({ announcer }: Context, ...args: string[]) =>
  rollcall(['drain', ...args, '--http', `127.0.0.1:${announcer.http}`]);
const undrain = ({ announcer }: Context, ...args: string[]) =>
  rollcall(['undrain', ...args, '--http', `127.0.0.1:${announcer.http}`]);

async function addresses({ resolver }: Context): Promise<string[]> {
  return rdataOf(await dig(resolver.dns, NAME), 'A');
}

function answered(context: Context, count: number): Promise<boolean> {
  return until(`${count} addresses`, async () => (await addresses(context)).length === count);
}

/** One request on a connection of its own. @returns its status, 0 when nothing answered */
function request(port: number): Promise<number> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.on('error', () => resolve(0));
    }).once('error', () => resolve(0));
  });
}

/** Replaces three backends one after the other under load. @returns requests made, and those that failed */
async function replaceAll(
  context: Context,
  label: string,
  takeAway: (name: string) => Promise<unknown>,
): Promise<{ made: number; failed: number }> {
  for (let at = 0; at < BACKENDS; at += 1) await startBackend(context, `${label}-old-${at}`);
  await answered(context, BACKENDS);
  await until('the first answer', async () => (await request(context.port)) === 200);
  const counts = { made: 0, failed: 0 };
  let going = true;
  const load = Array.from({ length: 4 }, async () => {
    while (going) {
      const status = await request(context.port);
      counts.made += 1;
      if (status !== 200) counts.failed += 1;
      // Each request takes a port of this machine for a minute; without a pause they run out.
      await wait(10);
    }
  });
  try {
    for (let at = 0; at < BACKENDS; at += 1) {
      await startBackend(context, `${label}-new-${at}`);
      await answered(context, BACKENDS + 1);
      await takeAway(`${label}-old-${at}`);
      await answered(context, BACKENDS);
    }
    const reached = counts.made;
    await until('requests after the last replacement', () => counts.made >= reached + 50);
  } finally {
    going = false;
  }
  await Promise.all(load);
  return counts;
}

test('a rolling replacement of 3 containers with drain --stop fails no request; plain docker stop does', async (context) => {
  const { docker } = context;
  const drained = await replaceAll(context, 'drained', async (name) => {
    const { exit, stdout, stderr } = await drain(context, name, '--stop');
    assert.is(exit, 0, stderr);
    assert.match(stdout, /gone from the store; waiting 3 s: the largest TTL handed out \(1 s\)/);
    assert.match(stdout, new RegExp(`stopped ${name}`));
    assert.is(await docker.cli('inspect', '-f', '{{.State.Running}}', name), 'false');
  });
  await docker.cli('rm', '-f', ...(await docker.cli('ps', '-aq')).split('\n'));
  await until('all names gone', async () => (await dig(context.resolver.dns, NAME)).status === 'NXDOMAIN');
  const plain = await replaceAll(context, 'plain', (name) => docker.cli('stop', name));
  console.log(
    `rolling replacement of ${BACKENDS} under load, with drain: ${drained.failed} of ${drained.made} requests failed`,
  );
  console.log(
    `rolling replacement of ${BACKENDS} under load, docker stop: ${plain.failed} of ${plain.made} requests failed`,
  );
  assert.is(drained.failed, 0);
  assert.ok(plain.failed > 0, 'the load can tell the difference');
});

test('drain waits out the TTL, keeps the container, survives the announcer, and undrain ends it', async (context) => {
  const { docker, announcer } = context;
  await startBackend(context, 'one');
  await startBackend(context, 'two');
  await answered(context, 2);
  const started = performance.now();
  const { exit, stderr } = await drain(context, 'one');
  assert.is(exit, 0, stderr);
  assert.ok(performance.now() - started >= 1000 * (TTL_SECONDS + MARGIN_SECONDS));
  assert.is((await addresses(context)).length, 1);
  assert.is(await docker.cli('inspect', '-f', '{{.State.Running}}', 'one'), 'true');
  const explained = await rollcall(['explain', 'one', '--http', `127.0.0.1:${announcer.http}`]);
  assert.match(explained.stdout, /drained by command; `rollcall undrain` ends it/);
  assert.is(await announcer.end('SIGTERM'), 0);
  context.announcer = await announcerOn(context, RECORD_TTL, announcer.dataDir);
  await answered(context, 1);
  assert.is((await undrain(context, 'one')).exit, 0);
  await answered(context, 2);
});

test('a new run of a drained container is announced', async (context) => {
  const { docker } = context;
  await startBackend(context, 'one');
  await answered(context, 1);
  assert.is((await drain(context, 'one', '--stop')).exit, 0);
  await docker.cli('start', 'one');
  await answered(context, 1);
});

test('an undrain during the wait fails the drain, and nothing is stopped', async (context) => {
  const { docker, announcer } = context;
  await startBackend(context, 'one');
  await answered(context, 1);
  const waiting = startRollcall(['drain', 'one', '--stop', '--http', `127.0.0.1:${announcer.http}`]);
  await until('the wait', () => waiting.stdout().includes('gone from the store'));
  // Not by the command: its start could take longer than the wait.
  const { ok } = await fetch(`http://127.0.0.1:${announcer.http}/v1/undrain?of=one`, { method: 'POST' });
  assert.ok(ok);
  assert.is(await waiting.ended, 1);
  assert.match(waiting.stderr(), /the drain was ended meanwhile/);
  assert.is(await docker.cli('inspect', '-f', '{{.State.Running}}', 'one'), 'true');
});

test('a drained host announces nothing until it is undrained, not even what starts', async (context) => {
  await startBackend(context, 'one');
  await answered(context, 1);
  const { exit, stderr } = await drain(context, '--host');
  assert.is(exit, 0, stderr);
  await startBackend(context, 'two');
  await until('two held', async () => {
    const { stdout } = await rollcall(['ls', 'web', '--http', `127.0.0.1:${context.announcer.http}`]);
    return (stdout.match(/held: draining/g) ?? []).length === 2;
  });
  assert.is((await dig(context.resolver.dns, NAME)).status, 'NXDOMAIN');
  assert.is((await undrain(context, '--host')).exit, 0);
  await answered(context, 2);
});

test('what is not drained is not stopped, and no web page may ask', async (context) => {
  const id = await startBackend(context, 'one');
  await answered(context, 1);
  const base = `http://127.0.0.1:${context.announcer.http}`;
  assert.is((await fetch(`${base}/v1/stop?of=${id}`, { method: 'POST' })).status, 409);
  const page = { method: 'POST', headers: { origin: 'http://example.org' } };
  assert.is((await fetch(`${base}/v1/drain?of=one`, page)).status, 403);
  assert.is((await fetch(`${base}/v1/stop?of=${id}`, page)).status, 403);
  assert.is((await addresses(context)).length, 1);
});

test('wrong arguments are told at once, with exit code 2; an unknown name with 1', async (context) => {
  assert.is((await drain(context)).exit, 2);
  assert.is((await drain(context, 'one', '--host')).exit, 2);
  assert.is((await drain(context, '--host', '--stop')).exit, 2);
  const { exit, stderr } = await drain(context, 'nobody');
  assert.is(exit, 1);
  assert.match(stderr, /neither a container nor a service/);
});

const SUITE = 'end-to-end: drain';
if (!haveNginx()) console.log(`SKIP ${SUITE}: nginx is missing; install the package nginx-light`);
else if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
