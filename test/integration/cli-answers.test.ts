/** What the commands make of a daemon's answers, and what they ask it: of a daemon that says what a test gives it. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type HttpRequest, type Route, serveHttp } from '../../shared/http.ts';
import { silentLog } from '../../shared/log.ts';
import { rollcall, startRollcall } from '../support/servers/rollcall.ts';
import { until } from '../support/until.ts';

interface Told {
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
  /** Parameters of the last request. */
  readonly asked: Readonly<Record<string, string>>;
}

/** Runs a command against a daemon that says `json` on every path that the commands ask. */
async function tell(json: object, args: readonly string[], environment: Record<string, string> = {}): Promise<Told> {
  let asked: Readonly<Record<string, string>> = {};
  const handle = ({ query }: HttpRequest): { json: object } => {
    asked = Object.fromEntries(query);
    return { json };
  };
  const paths = ['/v1/services', '/v1/services/:name', '/v1/explain', '/v1/history', '/v1/at'];
  const routes = paths.map((path): Route => ({ method: 'GET', path, handle }));
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, routes, silentLog);
  const told = await rollcall([...args, '--http', `127.0.0.1:${server.address.port}`], environment);
  await server.close();
  return { ...told, asked };
}

const test = suite('integration/cli-answers');

test('an answer that lacks the half of one of the two says so', async () => {
  const incomplete = ['2 histories are being read; ask again when they are done'];
  for (const args of [['explain', 'web'], ['ls'], ['ls', 'web'], ['history', 'web']]) {
    const { exit, stdout } = await tell({ of: 'web', services: [], containers: [], history: [], incomplete }, args);
    assert.ok(stdout.endsWith(`incomplete: ${incomplete[0]}\n`), stdout);
    assert.is(exit, args[0] === 'history' ? 1 : 0);
  }
});

test('ls says of a resolver that does not follow its store what its list is worth', async () => {
  const instance = { service: 'web', name: 'web.example.org.', state: 'announced', host: '192.0.2.1' };
  const services = [{ service: 'web', name: 'web.example.org.', instances: [instance] }];
  const live = await tell({ services, standing: 'live' }, ['ls']);
  assert.equal([live.exit, live.stdout.split('\n').length], [0, 3]);
  assert.equal((await tell({ services: [], standing: 'live' }, ['ls'])).stdout, 'nothing is announced\n');
  for (const [standing, text] of [
    ['stale', 'stale: the store is away'],
    ['too-stale', 'too stale: the store has been away'],
  ] as const) {
    const told = await tell({ services, standing }, ['ls']);
    assert.is(told.exit, 0);
    assert.ok(told.stdout.startsWith(live.stdout), told.stdout);
    assert.match(told.stdout, text);
  }
  for (const listed of [[], services]) {
    const never = await tell({ services: listed, standing: 'never-synced' }, ['ls']);
    assert.is(never.exit, 1);
    assert.match(never.stdout, 'what is announced is not known: the store has never been read');
    assert.not.match(never.stdout, 'nothing is announced');
    assert.is((await tell({ services: listed, standing: 'never-synced' }, ['ls', '--json'])).exit, 1);
  }
});

test('a time of day is that of whoever asks, in each command, whatever zone the daemon is in', async () => {
  // 14:32 of a zone that is as far from this machine's as can be.
  const zone = new Date().getTimezoneOffset() > 0 ? 'Pacific/Kiritimati' : 'Pacific/Pago_Pago';
  const hours = zone === 'Pacific/Kiritimati' ? 14 : -11;
  const minuteOf = (text: string | undefined): number => {
    const moment = text === undefined || /\D/.test(text) ? Date.parse(text ?? '') : Number(text);
    return ((moment / 60_000 + hours * 60) % 1440) as number;
  };
  const environment = { TZ: zone };
  const json = { history: [], records: [], question: {} };
  for (const flag of ['at', 'since']) {
    const { asked } = await tell(json, ['history', 'web', `--${flag}`, '14:32', '--json'], environment);
    assert.is(minuteOf(asked[flag]), 14 * 60 + 32, flag);
  }
  const { asked } = await tell(json, ['at', '14:32', 'web', '--json'], environment);
  assert.is(minuteOf(asked.time), 14 * 60 + 32);
});

test('watch ends at once when it is told to, also while the daemon hangs', async () => {
  let isWaiting = false;
  const daemon = createServer((request, response) => {
    if (request.url?.startsWith('/v1/events')) response.writeHead(200).end('data: {"type":"x","atMs":0}\n\n');
    else isWaiting = true; // and never an answer
  }).listen(0, '127.0.0.1');
  await once(daemon, 'listening');
  const { port } = daemon.address() as AddressInfo;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    isWaiting = false;
    const watching = startRollcall(['watch', '--http', `127.0.0.1:${port}`]);
    await until('it to wait for the daemon', () => isWaiting);
    watching.child.kill(signal);
    await until('its end', () => watching.child.exitCode !== null);
    assert.is(watching.child.exitCode, 0);
  }
  daemon.closeAllConnections();
  daemon.close();
});

test('watch gives up on a daemon that does not begin to answer, and waits for one that stops answering', async () => {
  let requests = 0;
  const daemon = createServer((_request, response) => {
    requests += 1;
    if (requests === 1) response.writeHead(200).end(': \n\n');
  }).listen(0, '127.0.0.1');
  await once(daemon, 'listening');
  const http = `127.0.0.1:${(daemon.address() as AddressInfo).port}`;
  const patient = startRollcall(['watch', '--http', http]);
  await until('it to ask again', () => requests === 2);
  const { exit, stderr } = await rollcall(['watch', '--http', http]);
  assert.equal([exit, stderr.startsWith(`watch: ${http} did not answer within 10 s; `)], [1, true]);
  await until('the other to ask once more', () => requests > 3);
  assert.is(await patient.end('SIGTERM'), 0);
  daemon.closeAllConnections();
  daemon.close();
});

test('watch asks on any port, also one that browsers keep from web pages', async () => {
  const daemon = await onOneOf([10080, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6697]);
  const { port } = daemon.address() as AddressInfo;
  const watching = startRollcall(['watch', '--json', '--http', `127.0.0.1:${port}`]);
  await until('the event', () => watching.stdout() !== '');
  assert.is(await watching.end('SIGTERM'), 0);
  daemon.closeAllConnections();
  daemon.close();
});

/** A daemon with an event on the first of these ports that is free. */
async function onOneOf(ports: readonly number[]): Promise<Server> {
  for (const port of ports) {
    const daemon = createServer((_request, response) => {
      response.writeHead(200).write('data: {"type":"x","atMs":0}\n\n');
    }).listen(port, '127.0.0.1');
    const isFree = await once(daemon, 'listening').then(
      () => true,
      () => false,
    );
    if (isFree) return daemon;
  }
  throw new Error(`each of ${ports.join(', ')} is taken`);
}

test.run();
