import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { observe } from '../../../announcer/decisions/decider.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import { type Engine, EngineError } from '../../../announcer/docker/engine/engine.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { announcerRoutes, type Explained } from '../../../announcer/report/status.ts';
import { HttpError } from '../../../shared/http.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { facts, ID, rules } from '../../support/container-facts.ts';

const RULES = rules();
const T0 = Date.parse('2026-11-20T12:00:01Z');
const LOST = T0 + 5000;

/** `/v1/explain` over `state`, of an announcer whose engine is away. */
async function explain(of: string, state: AnnouncerState): Promise<Explained> {
  const engine = {
    description: 'unix:///var/run/docker.sock',
    inspect: async () => {
      throw new EngineError('unreachable', 'connect ENOENT');
    },
  } as unknown as Engine;
  const routes = announcerRoutes({
    prefix: RULES.prefix,
    domain: RULES.domain,
    running: () => ({
      state,
      rules: RULES,
      journal: {} as Journal<AnnouncerEvent>,
      engine,
      world: { engineLostMs: LOST },
      announce: { writer: { holdings: { runs: () => [] } } },
    }),
  });
  const route = routes.find(({ path }) => path === '/v1/explain');
  const signal = new AbortController().signal;
  const answer = await route?.handle({ params: {}, query: new URLSearchParams({ of }), headers: {}, signal });
  if (answer === undefined || !('json' in answer)) throw new Error('no JSON');
  return answer.json as Explained;
}

const seen = (container = facts({ labels: { 'rollcall.check': 'none' } })): AnnouncerState =>
  observe(initialState, { type: 'inspected', facts: container, atMs: T0, cause: 'list' }, RULES)[0];

const test = suite('announcer/status');

test('while the engine is away, explain tells what was known, why it knows no more, and since when', async () => {
  for (const of of ['web-1', ID.slice(0, 12), 'web']) {
    const { containers, instances, lastKnown } = await explain(of, seen());
    assert.equal(containers, [], of);
    assert.is(instances.length, 1, of);
    assert.is(lastKnown?.sinceMs, LOST, of);
    assert.match(lastKnown?.reason ?? '', 'unix:///var/run/docker.sock does not say: connect ENOENT');
    assert.equal(
      lastKnown?.containers.map(({ container, name, state }) => [container, name, state]),
      [[ID, 'web-1', 'running']],
      of,
    );
  }
});

test('an entry of the services file is explained by its name or its whole id, and no other with it', async () => {
  const services = ['web', 'web-admin', 'static'].map((name) => ({ name, host: '192.0.2.10', port: 8080 }));
  const [state] = observe(initialState, { type: 'services-read', services, atMs: T0 }, RULES);
  for (const of of ['static:web', 'web']) {
    const { instances } = await explain(of, state);
    assert.equal(
      instances.map(({ container }) => container),
      ['static:web'],
      of,
    );
  }
  assert.equal(
    (await explain('static', state)).instances.map(({ container }) => container),
    ['static:static'],
  );
});

test('of a container that was never seen only the engine could tell: 503', async () => {
  try {
    await explain('nobody', seen());
    assert.unreachable();
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    assert.equal([error.status, error.code], [503, 'engine-unavailable']);
  }
});

test.run();
