import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { joinRoutes } from '../../../cli/daemon/joined-routes.ts';
import { HttpError, type HttpRequest, type Route } from '../../../shared/http.ts';

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
    await ask([refuses(path, 404, 'unknown')], [unknown], path);
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

test('what is asked wrongly is refused, though one of them does not see it', async () => {
  const path = '/v1/explain';
  for (const routes of [
    [[says(path, {})], [refuses(path, 400, 'bad-type')]],
    [[refuses(path, 400, 'bad-time')], [says(path, {})]],
  ] as const) {
    try {
      await ask([...routes[0]], [...routes[1]], path);
      assert.unreachable();
    } catch (error) {
      assert.is((error as HttpError).status, 400);
    }
  }
});

test('a container whose name is none in DNS, or a name with too much below it, is explained by who can', async () => {
  const path = '/v1/explain';
  const containers = [says(path, { containers: [{ container: 'x' }] })];
  for (const code of ['bad-name', 'too-wide']) {
    assert.equal(await ask(containers, [refuses(path, 400, code)], path), {
      containers: [{ container: 'x' }],
      incomplete: [code],
    });
  }
});

test('a journal that does not reach back so far is no name that is not known', async () => {
  const path = '/v1/history';
  const tooOld = refuses(path, 404, 'too-old');
  const known = says(path, { history: [], gaps: [] });
  for (const [announcer, resolver] of [
    [tooOld, known],
    [known, tooOld],
  ] as const) {
    const answer = await ask([announcer], [resolver], path);
    assert.equal((answer as { incomplete: string[] }).incomplete, ['too-old']);
  }
  try {
    await ask([tooOld], [refuses(path, 404, 'no-such-service')], path);
    assert.unreachable();
  } catch (error) {
    assert.is((error as HttpError).code, 'too-old');
  }
});

test('a path of one side alone is that side’s', async () => {
  assert.equal(await ask([], [says('/v1/at', { at: 1 })], '/v1/at'), { at: 1 });
});

const TRACE = '/v1/trace';
const KEY = '/skydns/org/example/web/node-1/a';
const part = (events: readonly object[]) => ({ events, gaps: [], isCut: false });

/** A program's part, by whether it was asked for the key. @returns what it was asked */
function partRoute(program: string, found: readonly object[], ofKey: readonly object[], asked: string[]): Route {
  return {
    method: 'GET',
    path: TRACE,
    handle: ({ query }) => {
      asked.push(query.getAll('key').join());
      return { json: { [program]: part(query.has('key') ? ofKey : found) } };
    },
  };
}

const written = { type: 'KeyWritten', atMs: 1002, sequence: 2, key: KEY, revision: '7', cause: 'announced' };
const decided = { type: 'InstanceAnnounced', atMs: 1000, sequence: 1, key: KEY, cause: 'docker start' };

test('traces: a container that only the announcer knows is traced through the resolver by its key', async () => {
  const asked: string[] = [];
  const put = { type: 'RecordPut', atMs: 1003, sequence: 9, key: KEY, revision: '7' };
  const [route] = joinRoutes(
    [partRoute('announcer', [decided, written], [decided, written], [])],
    [partRoute('resolver', [], [put], asked)],
  );
  const answer = await route?.handle({ ...request, query: new URLSearchParams('of=web-1') });
  const { traces } = (answer as { json: { traces: { revision: string; legs: object }[] } }).json;
  assert.equal(asked, ['', `7:${KEY}`]);
  assert.equal(
    traces.map(({ revision, legs }) => [revision, legs]),
    [['7', { stored: 2, applied: 3 }]],
  );
});

test('traces: one that cannot say is named, and a wrong request is an error', async () => {
  const [route] = joinRoutes(
    [partRoute('announcer', [decided, written], [], [])],
    [refuses(TRACE, 503, 'not-started')],
  );
  const of = (query: string) => route?.handle({ ...request, query: new URLSearchParams(query) });
  const answer = (await of('of=web')) as { json: { incomplete: string[]; traces: object[] } };
  assert.equal(answer.json.incomplete, ['not-started']);
  assert.is(answer.json.traces.length, 1);
  let status = 0;
  try {
    await of('last=1');
  } catch (error) {
    status = (error as HttpError).status;
  }
  assert.is(status, 400);
});

test.run();
