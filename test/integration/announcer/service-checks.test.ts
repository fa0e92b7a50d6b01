/** Checks of the services file against real sockets, and through `rollcall up` without an engine. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { BehaviorSubject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { followServiceChecks } from '../../../announcer/services/checks.ts';
import type { StaticService } from '../../../announcer/services/static-services.ts';
import { freePort } from '../../support/servers/ports.ts';
import { ready, rollcall, startRollcall } from '../../support/servers/rollcall.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration: checks of services');

async function serve(port: number, status: () => number): Promise<Server> {
  const server = createServer((_request, response) => response.writeHead(status()).end()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

test('tcp and http are told apart, an entry that goes is told as failing, and nothing is asked any more then', async () => {
  const port = await freePort();
  let asked = 0;
  const server = await serve(port, () => {
    asked += 1;
    return 503;
  });
  const entry = { name: 'web', host: '127.0.0.1', port } satisfies StaticService;
  const services$ = new BehaviorSubject<readonly StaticService[]>([
    { ...entry, check: 'tcp' },
    { ...entry, check: 'http:/healthz' },
    entry,
  ]);
  const said: string[] = [];
  const following = followServiceChecks(services$, () => 0).subscribe((seen) => {
    if (seen.type === 'service-probed') said.push(`${seen.probe} ${seen.passing}: ${seen.detail}`);
  });
  await until('both verdicts', () => said.length === 2);
  assert.equal(said.sort(), [
    `http:/healthz 127.0.0.1:${port} false: GET /healthz answered 503`,
    `tcp 127.0.0.1:${port} true: connect to ${port}/tcp succeeded`,
  ]);
  services$.next([entry]);
  assert.equal(said.slice(2).sort(), [
    `http:/healthz 127.0.0.1:${port} false: not checked any more`,
    `tcp 127.0.0.1:${port} false: not checked any more`,
  ]);
  const before = asked;
  following.unsubscribe();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(asked - before <= 1);
});

test('a check that asks with another secret goes on under the same name, which shows neither; its verdict stands', async () => {
  const port = await freePort();
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(200).end();
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const entry = { name: 'web', host: '127.0.0.1', port } satisfies StaticService;
  const services$ = new BehaviorSubject<readonly StaticService[]>([{ ...entry, check: 'http:/ok?token=one' }]);
  const said: string[] = [];
  const following = followServiceChecks(services$, () => 0).subscribe((seen) => {
    if (seen.type === 'service-probed') said.push(`${seen.probe} ${seen.passing}: ${seen.detail}`);
  });
  const first = `http:/ok?token=*** 127.0.0.1:${port} true: GET /ok?token=*** answered 200`;
  await until('the first verdict', () => said.length === 1);
  services$.next([{ ...entry, check: 'http:/ok?token=two' }]);
  await until('the second', () => said.length === 2);
  assert.equal(said, [first, first]);
  assert.equal([asked[0], asked.at(-1)], ['/ok?token=one', '/ok?token=two']);
  services$.next(['a', 'b'].map((instance) => ({ ...entry, instance, check: `http:/ok?token=${instance}` })));
  await until('those of both', () => said.length === 5);
  assert.equal(said.slice(2).sort(), [
    `http:/ok?token=*** 127.0.0.1:${port} false: not checked any more`,
    `http:/ok?token=*** 127.0.0.1:${port} of a true: GET /ok?token=*** answered 200`,
    `http:/ok?token=*** 127.0.0.1:${port} of b true: GET /ok?token=*** answered 200`,
  ]);
  following.unsubscribe();
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
});

test('up holds a service until its check passes, and withdraws it when it fails', async () => {
  const [port, http, dns] = [await freePort(), await freePort(), await freePort()];
  const directory = temporaryDirectory();
  const file = join(directory, 'services.json');
  const entry = { name: 'web', host: '127.0.0.1', port, check: 'tcp' };
  writeFileSync(file, JSON.stringify({ services: [entry] }));
  const up = startRollcall([
    'up',
    ...[
      '--services',
      file,
      '--docker',
      'unix:///nowhere/docker.sock',
      '--host-name',
      'node-1',
      '--data-dir',
      directory,
    ],
    ...['--http', `127.0.0.1:${http}`, '--listen', `127.0.0.1:${dns}`, '--forward', 'none'],
  ]);
  const ls = async (): Promise<string> => (await rollcall(['ls', '--http', `127.0.0.1:${http}`])).stdout;
  try {
    await ready(http);
    await until('held', async () => /held: probe-failing: connect to \d+\/tcp: connection refused/.test(await ls()));
    const server = await serve(port, () => 200);
    await until('announced', async () => /127\.0\.0\.1:\d+ .*announced/.test(await ls()));
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    await until('held again', async () => /held: probe-failing/.test(await ls()));
  } finally {
    assert.is(await up.end('SIGTERM'), 0, up.stderr());
  }
});

test.run();
