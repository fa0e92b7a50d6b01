/** The calls themselves, made of an engine that would answer anything. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { initialState } from '../../../announcer/decisions/state.ts';
import { dockerClient, dockerEngine } from '../../../announcer/docker/engine/docker.ts';
import type { EngineClient } from '../../../announcer/docker/engine/engine.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { announcerRoutes } from '../../../announcer/report/status.ts';
import type { HttpError } from '../../../shared/http.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { silentLog } from '../../../shared/log.ts';
import { rules } from '../../support/container-facts.ts';
import { FakeEngine } from '../../support/doubles/fake-engine.ts';

const test = suite('integration/docker-client');

async function withClient(work: (client: EngineClient, engine: FakeEngine) => Promise<void>): Promise<void> {
  const engine = new FakeEngine();
  await engine.start();
  const client = dockerClient(engine.host);
  try {
    await client.hello();
    await work(client, engine);
  } finally {
    client.reset();
    await engine.die();
  }
}

test('asks for nothing in the name of what no container can be called', () =>
  withClient(async (client, engine) => {
    const before = [...engine.calls];
    for (const text of ['web/export?', '../images/json?', 'static:web', '', 'web%2Fexport']) {
      assert.is(await client.inspect(text), undefined, text);
      assert.equal(await client.exec(text, ['true'], 1000), { type: 'not-running' }, text);
      await client.stop(text, 0);
    }
    assert.equal(engine.calls, before);
  }));

test('asks for a container by its name as an inspect has it', () =>
  withClient(async (client, engine) => {
    assert.is(await client.inspect('/web-1'), undefined);
    assert.is(engine.calls.at(-1), 'GET /containers/web-1/json');
  }));

test('says that there is no such container to who asks for what would be another call', () =>
  withClient(async (_client, fake) => {
    const engine = dockerEngine({ host: fake.host, log: silentLog, nowMs: Date.now });
    const { prefix, domain } = rules();
    const announce = { writer: { holdings: { runs: () => [] } } };
    const journal = {} as Journal<AnnouncerEvent>;
    const world = { engineLostMs: undefined };
    const running = () => ({ state: initialState, rules: rules(), engine, world, announce, journal });
    const route = announcerRoutes({ prefix, domain, running }).find(({ path }) => path === '/v1/explain');
    const before = [...fake.calls];
    const query = new URLSearchParams('of=web%2Fexport%3F');
    try {
      await route?.handle({ params: {}, query, headers: {}, signal: new AbortController().signal });
      assert.unreachable();
    } catch (error) {
      assert.is((error as HttpError).status, 404);
    }
    assert.equal(fake.calls, before);
  }));

test.run();
