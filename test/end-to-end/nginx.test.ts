/** The main user: nginx that finds its backend by name, while backends come and go. */
import { get } from 'node:http';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dig, rdataOf } from '../support/servers/dig.ts';
import { haveDocker } from '../support/servers/docker.ts';
import { skipWithoutEtcd } from '../support/servers/etcd.ts';
import { closeHostStage, type HostStage, openHostStage } from '../support/servers/host-stage.ts';
import { haveNginx, type Nginx, startNginx } from '../support/servers/nginx.ts';
import { freePort } from '../support/servers/ports.ts';
import { DOMAIN } from '../support/servers/stage.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

interface Context extends HostStage {
  nginx: Nginx;
  port: number;
}

const NAME = `web.${DOMAIN}`;
const test = suite<Context>('end-to-end: nginx');

test.before(async (context) => {
  await openHostStage(context, { announcerArgs: ['--record-ttl', '1'] });
  context.port = await freePort();
});
test.after(async (context) => {
  await context.nginx?.stop();
  await closeHostStage(context);
});

/** A backend on the container's own address, so that its port is the same wherever it runs; its page is its name. */
function startBackend({ docker, image }: Context, name: string): Promise<string> {
  const serve = `mkdir -p /www; echo ${name} > /www/index.html; trap 'sleep 2; exit 0' TERM; httpd -p 80 -h /www; while true; do sleep 1 & wait $!; done`;
  return docker.run([
    ...['-l', 'rollcall.name=web', '-l', 'rollcall.port=80', '-l', 'rollcall.as=container'],
    ...[image, '/bin/sh', '-c', serve],
  ]);
}

/** One request on a connection of its own: nginx closes kept ones after 1000 requests, which is no fault of a name. */
function request(port: number): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).once('error', reject);
  });
}

test('requests keep succeeding while the backend is replaced by one on another address; nginx is not reloaded', async (context) => {
  const { docker, resolver, port } = context;
  const first = await startBackend(context, 'first');
  await until('the first backend', async () => rdataOf(await dig(resolver.dns, NAME), 'A').length === 1);
  context.nginx = await startNginx(
    temporaryDirectory(),
    port,
    `  resolver ${resolver.dns.host}:${resolver.dns.port} ipv6=off;
  server {
    listen 127.0.0.1:${port};
    location / {
      set $backend http://${NAME};
      proxy_pass $backend;
      proxy_connect_timeout 2s;
    }
  }`,
  );
  const pid = context.nginx.pid;
  const bodies: string[] = [];
  const failures: string[] = [];
  let going = true;
  const requests = (async () => {
    while (going) {
      const { status, body } = await request(port).catch((error: Error) => ({ status: error.message, body: '' }));
      if (status === 200) bodies.push(body.trim());
      else if (going) failures.push(`${status} after ${bodies.length}`);
    }
  })();
  let before = 0;
  try {
    await until('answers of the first', () => bodies.includes('first'));
    await startBackend(context, 'second');
    await until('two addresses', async () => rdataOf(await dig(resolver.dns, NAME), 'A').length === 2);
    // The first drains for 2 s after its stop signal: longer than the record's TTL of 1 s, so nginx has asked again by then.
    await docker.cli('stop', '-t', '5', first);
    before = bodies.length;
    await until('20 more answers', () => bodies.length >= before + 20);
  } finally {
    going = false;
    await requests;
  }
  assert.equal(failures, []);
  assert.equal([...new Set(bodies.slice(before))], ['second']);
  assert.is(context.nginx.pid, pid);
  console.log(`${bodies.length} requests through nginx while the backend was replaced, none failed`);
});

test('nginx finds another port through SRV-less names: a backend published elsewhere answers after a replacement', async (context) => {
  const { docker, image, resolver } = context;
  const [published, port] = [await freePort(), await freePort()];
  await docker.run(['-p', `127.0.0.2:${published}:80`, '-l', 'rollcall.name=api', image]);
  const find = async (): Promise<string> =>
    rdataOf(await dig(resolver.dns, `api.${DOMAIN}`, 'SRV'), 'SRV')[0]?.split(' ')[2] ?? '';
  // 127.0.0.2 is not the host's given address: a port bound to it is loopback, and must not be announced to others.
  await until('the refusal', async () => (await dig(resolver.dns, `api.${DOMAIN}`)).status === 'NXDOMAIN');
  await docker.run(['-p', `127.0.0.1:${published}:80`, '-l', 'rollcall.name=api', image]);
  await until('the port', async () => (await find()) === String(published));
  const nginx = await startNginx(
    temporaryDirectory(),
    port,
    `  resolver ${resolver.dns.host}:${resolver.dns.port} ipv6=off;
  server {
    listen 127.0.0.1:${port};
    location / {
      set $backend http://api.${DOMAIN}:${published};
      proxy_pass $backend;
    }
  }`,
  );
  assert.is((await request(port)).status, 200);
  await nginx.stop();
});

const SUITE = 'end-to-end: nginx';
if (!haveNginx()) console.log(`SKIP ${SUITE}: nginx is missing; install the package nginx-light`);
else if (!skipWithoutEtcd(SUITE) && haveDocker(SUITE)) test.run();
