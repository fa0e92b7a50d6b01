import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { joinRoutes } from '../../cli/joined-routes.ts';
import { HttpError, type HttpRequest, type Route } from '../../shared/http.ts';

const request: HttpRequest = {
  params: {},
  query: new URLSearchParams(),
  headers: {},
  signal: new AbortController().signal,
};

function says(path: string, json: unknown): Route {
  return { method: 'GET', path, handle: () => ({ json }) };
}

function refuses(path: string, status: number, code: string): Route {
  return {
    method: 'GET',
    path,
    handle: () => {
      throw new HttpError(status, code, code);
    },
  };
}

async function ask(announcer: Route[], resolver: Route[], path: string): Promise<unknown> {
  const routes = joinRoutes(announcer, resolver).filter((route) => route.path === path);
  assert.is(routes.length, 1, 'each path has one route');
  const answer = await routes[0]?.handle(request);
  return answer !== undefined && 'json' in answer ? answer.json : undefined;
}

const test = suite('cli/joined-routes');

test('services: what is answered, and what the announcer holds back', async () => {
  const announced = { state: 'announced', key: 'a' };
  const held = { state: 'held', key: 'b' };
  const resolver = [
    says('/v1/services', { revision: '7', services: [{ service: 'web', name: 'web.', instances: [announced] }] }),
  ];
  const announcer = [
    says('/v1/services', {
      services: [
        { service: 'web', name: 'web.', instances: [announced, held] },
        { service: 'db', name: 'db.', instances: [held] },
      ],
    }),
  ];
  assert.equal(await ask(announcer, resolver, '/v1/services'), {
    revision: '7',
    services: [
      { service: 'db', name: 'db.', instances: [held] },
      { service: 'web', name: 'web.', instances: [announced, held] },
    ],
  });
});

test('a name that only one of them knows is answered by that one; one that neither knows is the resolver’s error', async () => {
  const path = '/v1/services/:name';
  const one = { service: 'web', name: 'web.', instances: [{ state: 'held' }] };
  const unknown = refuses(path, 404, 'no-such-service');
  assert.equal(await ask([says(path, one)], [unknown], path), { services: [one] });
  try {
    await ask([refuses(path, 404, 'announcer')], [unknown], path);
    assert.unreachable();
  } catch (error) {
    assert.is((error as HttpError).code, 'no-such-service');
  }
});

test('histories come in the order of time, with the gaps of both', async () => {
  const path = '/v1/history';
  const announcer = [says(path, { history: [{ atMs: 1 }, { atMs: 4 }], gaps: [{ atMs: 3 }], isCut: true })];
  const resolver = [says(path, { history: [{ atMs: 2 }], gaps: [], isCut: false, resolved: { name: 'web.' } })];
  assert.equal(await ask(announcer, resolver, path), {
    history: [{ atMs: 1 }, { atMs: 2 }, { atMs: 4 }],
    gaps: [{ atMs: 3 }],
    isCut: true,
    resolved: { name: 'web.' },
  });
});

test('explain of a container leaves out that the resolver knows no such name', async () => {
  const path = '/v1/explain';
  const container = { of: 'one', containers: [{ container: 'x' }], instances: [] };
  assert.equal(await ask([says(path, container)], [says(path, { of: 'one', keys: [] })], path), container);
  const keys = { of: 'web', keys: [{ key: 'k' }] };
  assert.equal(await ask([refuses(path, 404, 'unknown')], [says(path, keys)], path), { resolver: keys });
});

test('when one of them cannot say, the answer says so', async () => {
  const path = '/v1/history';
  const answer = await ask([says(path, { history: [], gaps: [] })], [refuses(path, 429, 'busy')], path);
  assert.equal((answer as { incomplete: string[] }).incomplete, ['busy']);
});

test('a path of one side alone is that side’s', async () => {
  assert.equal(await ask([], [says('/v1/at', { at: 1 })], '/v1/at'), { at: 1 });
});

test.run();
