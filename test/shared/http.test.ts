import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ListenError } from '../../shared/address.ts';
import {
  HttpError,
  type HttpServer,
  Limit,
  limited,
  momentParameter,
  type Route,
  serveHttp,
} from '../../shared/http.ts';
import { silentLog } from '../../shared/log.ts';
import { until } from '../support/until.ts';

const routes: Route[] = [
  {
    method: 'GET',
    path: '/v1/services/:name',
    handle: ({ params, query }) => ({ json: { z: query.get('z'), name: params.name } }),
  },
  { method: 'GET', path: '/metrics', handle: () => ({ text: 'up 1\n', contentType: 'text/plain' }) },
  {
    method: 'GET',
    path: '/missing',
    handle: () => {
      throw new HttpError(404, 'no-such-service', 'service "x" is not announced');
    },
  },
  {
    method: 'GET',
    path: '/broken',
    handle: async () => {
      throw new Error('a secret detail');
    },
  },
];

const waiting: (() => void)[] = [];
routes.push({
  method: 'GET',
  path: '/wide',
  handle: limited(1, 'wide answers', async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { json: {} };
  }),
});

const signals: AbortSignal[] = [];
routes.push({
  method: 'GET',
  path: '/endless',
  handle: ({ signal }) => {
    signals.push(signal);
    return { headers: { 'content-type': 'text/plain' }, stream: (response) => void response.write('x\n') };
  },
});

const test = suite<{ server: HttpServer; url: string }>('shared/http');
test.before(async (context) => {
  context.server = await serveHttp({ host: '127.0.0.1', port: 0 }, routes, silentLog);
  context.url = `http://127.0.0.1:${context.server.address.port}`;
});
test.after(({ server }) => server.close());

test('a trace may ask for a hundred long keys', async ({ url }) => {
  const query = new URLSearchParams({ z: '1' });
  for (let at = 0; at < 100; at += 1) query.append('key', `${at}:/skydns/${'label/'.repeat(40)}${at}`);
  const response = await fetch(`${url}/v1/services/web?${query}`);
  assert.is(response.status, 200);
});

test('answers JSON with sorted keys, path parameters decoded', async ({ url }) => {
  const response = await fetch(`${url}/v1/services/web%2F1?z=2`);
  assert.is(response.headers.get('content-type'), 'application/json');
  assert.is(await response.text(), '{"name":"web/1","z":"2"}\n');
});

test('past its limit a handler says to come again', async ({ url }) => {
  const first = fetch(`${url}/wide`);
  await until('the first to be under way', () => waiting.length === 1);
  assert.is((await fetch(`${url}/wide`)).status, 429);
  waiting[0]?.();
  assert.is((await first).status, 200);
});

test('a limit holds for all its handlers together', async () => {
  const limit = new Limit(1, 'histories');
  let release = (): void => undefined;
  const slow = limit.on(async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return { json: {} };
  });
  const quick = limit.on(() => ({ json: {} }));
  const request = {} as Parameters<typeof quick>[0];
  const first = slow(request);
  assert.is(limit.isReached, true);
  try {
    await quick(request);
    assert.unreachable();
  } catch (error) {
    assert.is((error as HttpError).status, 429);
    assert.match((error as HttpError).message, '1 histories are being read');
  }
  release();
  await first;
  assert.equal(await quick(request), { json: {} });
});

test('a moment must be one, and have been', () => {
  const nowMs = Date.parse('2026-11-20T14:32:00Z');
  const asked = (at: string) => momentParameter(new URLSearchParams({ at }), 'at', nowMs);
  assert.is(asked(''), undefined);
  assert.is(asked('15m'), nowMs - 15 * 60_000);
  assert.is(asked(String(nowMs)), nowMs);
  for (const [text, code, says] of [
    ['noon', 'bad-time', /at="noon" is no moment; write 14:32/],
    ['2026-11-20T14:32:01Z', 'future', /still to come: it is 2026-11-20T14:32:00.000Z here/],
    [String(nowMs + 3_600_000), 'future', /is 2026-11-20T15:32:00.000Z, which is still to come/],
  ] as const) {
    try {
      asked(text);
      assert.unreachable(text);
    } catch (error) {
      assert.ok(error instanceof HttpError, text);
      assert.equal([error.status, error.code], [400, code]);
      assert.match(error.message, says);
    }
  }
});

test('answers text with its content type', async ({ url }) => {
  assert.is(await (await fetch(`${url}/metrics`)).text(), 'up 1\n');
});

for (const [path, method, status, code] of [
  ['/none', 'GET', 404, 'not-found'],
  ['/metrics', 'POST', 405, 'method-not-allowed'],
  ['/missing', 'GET', 404, 'no-such-service'],
  ['/broken', 'GET', 500, 'internal'],
  ['/v1/services/%zz', 'GET', 400, 'bad-path'],
] as const) {
  test(`${method} ${path} is ${status} ${code}`, async ({ url }) => {
    const response = await fetch(url + path, { method });
    const body = (await response.json()) as { error: { code: string; message: string } };
    assert.is(response.status, status);
    assert.is(body.error.code, code);
    assert.not.match(body.error.message, /secret/);
  });
}

/** Status of a raw request line and headers, as no client library would send them. */
function rawStatus({ address }: HttpServer, head: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host, () => socket.write(`${head}\r\nConnection: close\r\n\r\n`));
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    socket.once('end', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1])));
    socket.once('error', reject);
  });
}

for (const [rule, head, status] of [
  ['a request line that is no path is the client’s fault', 'GET // HTTP/1.1\r\nHost: localhost', 400],
  [
    'a page that calls loopback by a name of its own is refused',
    'GET /metrics HTTP/1.1\r\nHost: evil.example.org',
    403,
  ],
  ['localhost is called by its names', 'GET /metrics HTTP/1.1\r\nHost: localhost:8053', 200],
  ['and by its addresses', 'GET /metrics HTTP/1.1\r\nHost: [::1]:8053', 200],
  [
    'a form of a web page changes nothing',
    'POST /metrics HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example.org',
    403,
  ],
] as const) {
  test(rule, async ({ server }) => {
    assert.is(await rawStatus(server, head), status);
  });
}

/** All that comes back for these octets. */
function rawAnswer({ address }: HttpServer, octets: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(address.port, address.host, () => socket.write(octets));
    let text = '';
    socket.setEncoding('latin1').on('data', (part: string) => {
      text += part;
    });
    socket.once('end', () => resolve(text));
    socket.once('error', reject);
  });
}

for (const [rule, octets, status, code] of [
  ['what is no request', 'GARBAGE\r\n\r\n', 400, 'bad-request'],
  ['a method that is none', 'FOO /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n', 400, 'bad-request'],
  ['a path that is too long', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431, 'too-large'],
] as const) {
  test(`${rule} is told as every other error is`, async ({ server }) => {
    const [head = '', body = ''] = (await rawAnswer(server, octets)).split('\r\n\r\n');
    assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
    assert.is((JSON.parse(body) as { error: { code: string } }).error.code, code);
    assert.match(head, `content-length: ${body.length}`);
  });
}

test('who is told so and keeps its own side open is let go of', async ({ server }) => {
  let closed: Promise<unknown> | undefined;
  const onAccepted = (message: unknown): void => {
    // Sooner than Node itself looks for requests that are too slow.
    closed = once((message as { socket: Socket }).socket, 'close', { signal: AbortSignal.timeout(5000) });
  };
  subscribe('net.server.socket', onAccepted);
  const client = connect({ port: server.address.port, host: server.address.host, allowHalfOpen: true });
  try {
    client.resume().write('GARBAGE\r\n\r\n');
    await once(client, 'end');
    assert.ok(closed !== undefined);
    await closed;
  } finally {
    unsubscribe('net.server.socket', onAccepted);
    client.destroy();
  }
});

test('what cannot be read behind a request that is being answered ends the connection, and is no part of the answer', async ({
  server,
}) => {
  const answered = rawAnswer(server, 'GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n').catch(() => '');
  await until('it to be asked', () => signals.length === 1);
  assert.not.match(await answered, /bad-request/);
  await until('it to be gone', () => signals.at(-1)?.aborted === true);
  signals.length = 0;
});

test('whoever asked many things at once and left is gone for each of them, also for what had not its turn', async ({
  server,
}) => {
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warn);
  const socket = connect(server.address.port, server.address.host);
  socket.write('GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20));
  await until('all to be asked', () => signals.length === 20);
  assert.is(signals.filter(({ aborted }) => aborted).length, 0);
  socket.destroy();
  await until('all to be gone', () => signals.every(({ aborted }) => aborted));
  process.off('warning', warn);
  assert.equal(warnings, []);
});

test('a client that only asks whether there is a stream is answered, without it', async ({ url }) => {
  const response = await fetch(`${url}/endless`, { method: 'HEAD' });
  assert.equal([response.status, response.headers.get('content-type')], [200, 'text/plain']);
  assert.is(await response.text(), '');
});

test('a taken port is an error that names it', async ({ server }) => {
  try {
    await serveHttp(server.address, [], silentLog);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, ListenError);
    assert.match((error as Error).message, `127.0.0.1:${server.address.port}: the port is already in use; set --http`);
  }
});

test.run();
