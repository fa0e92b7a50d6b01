/** A container in another one's network (`--network container:…`, Compose's `network_mode: service:…`), on a real engine. */
import { suite } from 'uvu';
import { type AnnouncerOnEngine, announceOn } from '../../support/announcer-on-engine.ts';
import { buildBusybox, type DockerHost, haveDocker, startDocker } from '../../support/servers/docker.ts';
import { freePort } from '../../support/servers/ports.ts';

const test = suite('integration/shared-network');

const IMAGE = 'rollcall-test';
let docker: DockerHost;
let running: AnnouncerOnEngine;

test.before(async () => {
  docker = await startDocker();
  await buildBusybox(docker);
  // What a comparison would repair, must not be left to it.
  running = await announceOn(docker.host, 600_000);
});
test.after(async () => {
  await running?.stop();
  await docker?.stop();
});

test('is announced at the addresses and ports of that one, for as long as it is in its network', async () => {
  const port = await freePort();
  const pod = await docker.run([
    ...['--name', 'pod', '-p', `${port}:9999`, '-l', 'rollcall.announce=false'],
    ...[IMAGE, 'sleep', '100000'],
  ]);
  const app = await docker.run([
    ...['--network', 'container:pod', '-l', 'rollcall.name=app', '-l', 'rollcall.port=9999'],
    ...[IMAGE, 'httpd', '-f', '-p', '9999', '-h', '/www'],
  ]);
  const name = `app/${app.slice(0, 12)} ${port}`;
  await running.stands([name]);
  await docker.cli('network', 'disconnect', 'bridge', pod);
  await running.stands([]);
  await docker.cli('network', 'connect', 'bridge', pod);
  await running.stands([name]);
  await docker.cli('restart', '-t', '0', pod);
  // It runs and serves on, in a network that is no more.
  await running.stands([]);
  await docker.cli('restart', '-t', '0', app);
  await running.stands([name]);
  await docker.cli('kill', pod);
  await running.stands([]);
});

if (haveDocker('integration/shared-network')) test.run();
