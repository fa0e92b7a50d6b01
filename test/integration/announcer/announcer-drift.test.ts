/** What no event told, and a list that would take most of a host away: on the whole announcer and a faulty engine. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AnnouncerOnEngine, announceOn } from '../../support/announcer-on-engine.ts';
import { type FakeContainer, FakeEngine } from '../../support/doubles/fake-engine.ts';
import { until } from '../../support/until.ts';

interface Context {
  engine: FakeEngine;
  on: AnnouncerOnEngine;
}

const test: Test<Context> = suite<Context>('integration/announcer-drift');
const COMPARE_MS = 300;
const LABELS = { 'rollcall.name': 'web', 'rollcall.check': 'none' };
const DROPPED = { dropped: true };

test.before.each(async (context) => {
  context.engine = new FakeEngine();
  await context.engine.start();
  for (let at = 0; at < 8; at += 1) context.engine.run({ labels: { ...LABELS } });
  context.on = await announceOn(context.engine.host, COMPARE_MS);
  await context.on.stands([...context.engine.containers.values()].map(wordOf));
});
test.after.each(async ({ engine, on }) => {
  await on.stop();
  await engine.die();
});

function wordOf({ id, published }: FakeContainer): string {
  return `web/${id.slice(0, 12)} ${published['80/tcp']}`;
}

const allOf = (engine: FakeEngine): string[] => [...engine.containers.values()].map(wordOf);

const drift = ({ metric }: AnnouncerOnEngine, cause: string): Promise<number> =>
  metric(`drift_total{cause="${cause}"}`);

async function comparisons(engine: FakeEngine, count: number): Promise<void> {
  const lists = (): number => engine.calls.filter((call) => call === 'GET /containers/json').length;
  const before = lists();
  await until(`${count} comparisons`, () => lists() >= before + count);
}

test('a start, a change and an end that no event told are repaired by the comparison, each counted by its cause', async ({
  engine,
  on,
}) => {
  const [first, second, third] = [...engine.containers.values()] as [FakeContainer, FakeContainer, FakeContainer];
  engine.run({ labels: { ...LABELS } }, DROPPED);
  await on.stands(allOf(engine));
  assert.is(await drift(on, 'missed-start'), 1);
  engine.exit(first, 0, DROPPED);
  await on.stands(allOf(engine).filter((each) => each !== wordOf(first)));
  assert.is(await drift(on, 'missed-stop'), 1);
  second.published = { '80/tcp': 33_333 };
  await on.stands(allOf(engine).filter((each) => each !== wordOf(first)));
  assert.is(await drift(on, 'missed-change'), 1);
  engine.remove(third, DROPPED);
  await on.stands(allOf(engine).filter((each) => each !== wordOf(first)));
  assert.is(await drift(on, 'missed-stop'), 2);
});

test('what events tell is no drift', async ({ engine, on }) => {
  for (let round = 0; round < 30; round += 1) {
    const container = engine.run({ labels: { ...LABELS } });
    await on.stands(allOf(engine));
    engine.emit(container.id, 'kill', { signal: '9' });
    engine.exit(container, 137);
    engine.remove(container);
    await on.stands(allOf(engine));
  }
  await comparisons(engine, 2);
  for (const cause of ['missed-start', 'missed-stop', 'missed-change', 'key-missing', 'key-edited']) {
    assert.is(await drift(on, cause), 0, cause);
  }
});

test('a list without most of the host is confirmed by inspecting: nothing is withdrawn for an engine that lists nothing', async ({
  engine,
  on,
}) => {
  engine.listsNothing = true;
  await comparisons(engine, 4);
  assert.equal(on.changes, []);
  assert.ok(on.log.of('losses-doubted').length >= 1);
  assert.is(await drift(on, 'missed-stop'), 0);
  engine.listsNothing = false;
  await comparisons(engine, 2);
  assert.equal(on.changes, []);
});

test('most of the host really gone is believed once inspects say so, and the rest stays', async ({ engine, on }) => {
  // The first comparison inspects all that the stream told of at the start, and would find each gone by itself.
  await comparisons(engine, 3);
  const [kept] = [...engine.containers.values()] as [FakeContainer];
  // Just before a list: the inspects of a comparison that is under way would find each gone by itself.
  engine.beforeList = () => {
    for (const container of engine.containers.values()) {
      if (container !== kept) engine.remove(container, DROPPED);
    }
  };
  await on.stands([wordOf(kept)]);
  assert.ok(on.log.of('losses-doubted').length >= 1);
});

test('an engine that comes back without its containers for a while: what still is there is never withdrawn', async ({
  engine,
  on,
}) => {
  await engine.die();
  engine.listsNothing = true;
  await engine.start();
  await until('the doubt', () => on.log.of('losses-doubted').length >= 1);
  engine.listsNothing = false;
  await comparisons(engine, 2);
  assert.equal(on.changes, []);
});

test.run();
