import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import { type Engine, EngineError } from '../../../announcer/docker/engine/engine.ts';
import type { StandingKey } from '../../../announcer/keys/standing.ts';
import type { Observation } from '../../../announcer/observation.ts';
import { type DrainProgress, drainRoutes } from '../../../announcer/report/drain-routes.ts';
import type { RunKey } from '../../../announcer/run/run-owner.ts';
import { HttpError } from '../../../shared/http.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { facts, ID, rules } from '../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');

/** The routes over one announced container, with an engine that answers a stop with `refusal`, or takes it. */
function stage(refusal?: EngineError) {
  const seen: Observation = {
    type: 'inspected',
    facts: facts({ labels: { 'rollcall.check': 'none' } }),
    atMs: T0,
    cause: 'list',
  };
  let state: AnnouncerState = observe(initialState, seen, RULES)[0];
  const standing = new Map([...state.desired].map(([key, value]) => [key, { value } as StandingKey]));
  const stopped: string[] = [];
  const runs: RunKey[] = [];
  const writer = { isReading: true, holdings: { ours: () => standing.entries(), runs: () => runs } };
  const health: { lostReason: string | undefined } = { lostReason: undefined };
  const engine = {
    description: 'tcp://192.0.2.1:2375',
    stop: async (id: string) => {
      if (refusal !== undefined) throw refusal;
      stopped.push(id);
    },
  } as unknown as Engine;
  const loop = {
    get state() {
      return state;
    },
    observe: (each: Observation) => {
      state = observe(state, each, RULES)[0];
    },
  };
  const view = { loop, engine, health, announce: { writer }, world: { lookAgain: () => undefined } };
  const routes = drainRoutes({ prefix: RULES.prefix, domain: RULES.domain, running: () => view });
  const ask = async (method: string, path: string, query: string): Promise<unknown> => {
    const route = routes.find((each) => each.method === method && each.path === path);
    const signal = new AbortController().signal;
    const answer = await route?.handle({ params: {}, query: new URLSearchParams(query), headers: {}, signal });
    return answer !== undefined && 'json' in answer ? answer.json : undefined;
  };
  return { ask, standing, stopped, writer, health, runs };
}

async function refused(attempt: Promise<unknown>): Promise<HttpError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const test = suite('announcer/drain routes');

test('the progress of a drain is what stands in the store, whatever was decided', async () => {
  const { ask, standing } = stage();
  await ask('POST', '/v1/drain', 'of=web-1');
  assert.equal(await ask('GET', '/v1/drain', `of=${ID}`), { keysStanding: 1, isDraining: true });
  standing.clear();
  assert.equal(await ask('GET', '/v1/drain', `of=${ID}`), { keysStanding: 0, isDraining: true });
  await ask('POST', '/v1/undrain', 'of=web-1');
  assert.is(((await ask('GET', '/v1/drain', `of=${ID}`)) as DrainProgress).isDraining, false);
});

test('what names nothing, or the host and something on it, is refused, and nothing is drained', async () => {
  const { ask } = stage();
  for (const [method, path] of [
    ['POST', '/v1/drain'],
    ['POST', '/v1/undrain'],
    ['GET', '/v1/drain'],
  ] as const) {
    for (const [query, code, says] of [
      ['', 'no-subject', /\?of=.*or \?host=true/],
      ['of=,&host=false', 'no-subject', /\?of=.*or \?host=true/],
      [`host=true&of=${ID}`, 'bad-request', /host=true means everything on it; leave of=".*" out, or host=true/],
    ] as const) {
      if (query.startsWith('of=,') && method === 'POST') continue;
      const { status, code: found, message } = await refused(ask(method, path, query));
      assert.equal([status, found], [400, code], `${method} ${path}?${query}`);
      assert.match(message, says);
    }
  }
  assert.is(((await ask('GET', '/v1/drain', 'host=true')) as DrainProgress).isDraining, false);
});

test('an undrain says what was drained before', async () => {
  const { ask } = stage();
  const before = async (path: string, query: string): Promise<unknown> =>
    ((await ask('POST', path, query)) as { before: unknown }).before;
  assert.equal(await before('/v1/undrain', 'of=web-1'), { host: false, containers: [] });
  assert.equal(await before('/v1/drain', 'of=web-1'), { host: false, containers: [] });
  assert.equal(await before('/v1/drain', 'host=true'), { host: false, containers: [ID] });
  assert.equal(await before('/v1/undrain', 'of=web-1'), { host: true, containers: [ID] });
  assert.equal(await before('/v1/undrain', 'host=true'), { host: true, containers: [] });
});

test('as long as the store was not read, or is away, no progress is believed', async () => {
  const { ask, standing, writer, health } = stage();
  await ask('POST', '/v1/drain', 'of=web-1');
  standing.clear();
  writer.isReading = false;
  assert.match(((await ask('GET', '/v1/drain', `of=${ID}`)) as DrainProgress).waitingFor ?? '', /not been read/);
  writer.isReading = true;
  health.lostReason = 'no answer';
  assert.is(((await ask('GET', '/v1/drain', `of=${ID}`)) as DrainProgress).waitingFor, 'no answer');
});

test('only what is drained, and gone from the store, is stopped', async () => {
  const { ask, standing, stopped } = stage();
  assert.is((await refused(ask('POST', '/v1/stop', `of=${ID}`))).code, 'not-drained');
  await ask('POST', '/v1/drain', 'of=web-1');
  assert.is((await refused(ask('POST', '/v1/stop', `of=${ID}`))).code, 'not-drained');
  standing.clear();
  assert.equal(await ask('POST', '/v1/stop', `of=${ID}`), { stopped: ID });
  assert.equal(stopped, [ID]);
});

test('a proxy that refuses the stop is named, with the call it would have to allow and what to do instead', async () => {
  const { ask, standing } = stage(new EngineError('denied', 'the engine or its proxy refused a call: 403'));
  await ask('POST', '/v1/drain', 'of=web-1');
  standing.clear();
  const { status, code, message } = await refused(ask('POST', '/v1/stop', `of=${ID}`));
  assert.equal([status, code], [502, 'stop-refused']);
  assert.match(message, /tcp:\/\/192\.0\.2\.1:2375/);
  assert.match(message, /POST \/containers\/\{id\}\/stop/);
  assert.match(message, /docker stop web-1/);
});

const RUN: RunKey = {
  key: '/skydns/com/example/prod/s/web/node-1/run-17' as EtcdKey,
  service: 'web',
  instance: 'run-17',
  value: '{"announcedAt":"2026-11-20T12:00:00.000Z","host":"10.0.0.5","owner":"node-1+run/web/run-17/a1"}',
  revision: '7',
};

test('a drain names the processes of `rollcall run` that it does not take away', async () => {
  const { ask, runs } = stage();
  runs.push(RUN, { ...RUN, key: RUN.key.replace('/web/', '/other/') as EtcdKey, service: 'other' });
  const of = async (query: string): Promise<unknown> =>
    ((await ask('POST', '/v1/drain', query)) as { readonly runs: unknown }).runs;
  assert.equal(await of('of=web'), [{ service: 'web', instance: 'run-17' }]);
  assert.is(((await of('host=true')) as unknown[]).length, 2);
  assert.equal(await of('of=web-1'), [], 'a container is meant alone');
});

test('what is announced by `rollcall run` alone is refused, with what to do', async () => {
  const { ask, runs } = stage();
  runs.push({ ...RUN, key: RUN.key.replace('/web/', '/other/') as EtcdKey, service: 'other' });
  const { status, message } = await refused(ask('POST', '/v1/drain', 'of=other'));
  assert.is(status, 409);
  assert.match(message, /run-17 of other is announced by `rollcall run`.*SIGTERM/);
});

test.run();
