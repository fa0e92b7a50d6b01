import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ListenError } from '../../shared/address.ts';
import { HttpError, type HttpServer, type Route, serveHttp } from '../../shared/http.ts';
import { silentLog } from '../../shared/log.ts';

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

const test = suite<{ server: HttpServer; url: string }>('shared/http');
test.before(async (context) => {
  context.server = await serveHttp({ host: '127.0.0.1', port: 0 }, routes, silentLog);
  context.url = `http://127.0.0.1:${context.server.address.port}`;
});
test.after(({ server }) => server.close());

test('answers JSON with sorted keys, path parameters decoded', async ({ url }) => {
  const response = await fetch(`${url}/v1/services/web%2F1?z=2`);
  assert.is(response.headers.get('content-type'), 'application/json');
  assert.is(await response.text(), '{"name":"web/1","z":"2"}\n');
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
