import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FakeEngine } from '../../support/doubles/fake-engine.ts';
import { type Followed, follow } from '../../support/followed.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/docker-faults');

/**
 * Times short enough for a test. A ping that is not answered ends the session, and on a busy machine, with engine and
 * follower in one process, an answer takes its time: only the test of a silent engine waits for less than a user would.
 */
const QUICK = { pingMs: 100, pingTimeoutMs: 5_000, resyncMs: 60_000, renewMs: 60_000, overlapMs: 50 };

async function following(
  scenario: (engine: FakeEngine, followed: Followed) => Promise<void>,
  settings: Partial<typeof QUICK> = {},
  prepare: (engine: FakeEngine) => void = () => undefined,
): Promise<void> {
  const engine = new FakeEngine();
  prepare(engine);
  await engine.start();
  const followed = follow({ host: engine.host, ...QUICK, ...settings });
  try {
    await isSynced(followed);
    await scenario(engine, followed);
  } finally {
    followed.close();
    engine.stall(false);
    await engine.die();
  }
}

const isSynced = (followed: Followed): Promise<true> =>
  until(
    'the first list',
    () => {
      const status = followed.statuses.at(-1);
      return status?.up === true && status.synced;
    },
    { timeoutMs: 60_000 },
  );

const isState = (followed: Followed, container: string, state: string): Promise<true> =>
  until(`${container.slice(-4)} ${state}`, () => followed.stateOf(container) === state, { timeoutMs: 50_000 });

test('inspects every listed container before it says synced, thousands in a few seconds', () =>
  following(
    async (_engine, followed) => {
      const inspected = followed.observations.flatMap((each) => (each.type === 'inspected' ? [each.facts.id] : []));
      assert.is(new Set(inspected).size, 2000);
      assert.is(followed.observations[0]?.type, 'listed');
    },
    {},
    (engine) => {
      for (let at = 0; at < 2000; at += 1) engine.run({}, { dropped: true });
    },
  ));

test('opens the stream before it reads the list', () =>
  following(async (engine) => {
    const of = (call: string): number => engine.calls.indexOf(call);
    assert.ok(of('GET /_ping') < of('GET /events'));
    assert.ok(of('GET /events') < of('GET /containers/json'));
  }));

test('reads events whose lines are split at every octet, names of several octets included', () =>
  following(async (engine, followed) => {
    const web = engine.run({ labels: { owner: 'Zoë ☂' } }, { split: true });
    await isState(followed, web.id, 'running');
    engine.exit(web, 1, { split: true });
    await isState(followed, web.id, 'exited');
  }));

test('says a hint once, though the engine repeats the event', () =>
  following(async (engine, followed) => {
    const web = engine.run({}, { times: 3 });
    await isState(followed, web.id, 'running');
    engine.emit(web.id, 'kill', { signal: '15' }, { times: 3 });
    engine.exit(web, 0, { times: 2 });
    await isState(followed, web.id, 'exited');
    assert.is(followed.said(web.id).filter((word) => word === 'hinted kill 15').length, 1);
    assert.is(followed.said(web.id).filter((word) => word === 'hinted die').length, 1);
  }));

test('hints at a stop signal before any inspect answers', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    let answer = (): void => undefined;
    engine.beforeInspectAnswer = () => new Promise<void>((resolve) => (answer = resolve));
    const from = followed.observations.length;
    engine.emit(web.id, 'kill', { signal: '15' });
    await until('the hint', () => followed.said(web.id, from).includes('hinted kill 15'));
    assert.equal(followed.said(web.id, from), ['hinted kill 15']);
    engine.beforeInspectAnswer = async () => undefined;
    answer();
  }));

test('drops an inspect that was answered before the death it did not know of', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    let answer = (): void => undefined;
    engine.beforeInspectAnswer = () => new Promise<void>((resolve) => (answer = resolve));
    const asked = engine.calls.length;
    const from = followed.observations.length;
    engine.emit(web.id, 'update');
    await until('an inspect', () => engine.calls.slice(asked).includes('GET /containers/{id}/json'));
    engine.beforeInspectAnswer = async () => undefined;
    engine.exit(web);
    await until('the hint', () => followed.said(web.id, from).includes('hinted die'));
    answer();
    await isState(followed, web.id, 'exited');
    assert.equal(followed.said(web.id, from), ['hinted die', 'inspected exited']);
  }));

test('never believes the signal of a container that has a label of that name', () =>
  following(async (engine, followed) => {
    const web = engine.run({ labels: { signal: '15' } });
    await isState(followed, web.id, 'running');
    const from = followed.observations.length;
    engine.emit(web.id, 'kill', { signal: '1' });
    await until('an inspect', () => followed.said(web.id, from).length > 0);
    assert.equal(followed.said(web.id, from), ['inspected running']);
  }));

test('asks for one inspect more, not hundreds, when events of one container pour in', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    const asked = engine.calls.length;
    engine.beforeInspectAnswer = () => sleep(50);
    for (let at = 0; at < 500; at += 1) engine.emit(web.id, 'update');
    await sleep(300);
    assert.ok(engine.calls.slice(asked).length <= 8, `${engine.calls.slice(asked).length} calls`);
  }));

test('finds a death of which no event came, at the next comparison', () =>
  following(
    async (engine, followed) => {
      const web = engine.run();
      await isState(followed, web.id, 'running');
      engine.exit(web, 1, { dropped: true });
      await isState(followed, web.id, 'exited');
    },
    { resyncMs: 200 },
  ));

test('finds a removal of which no event came, at the next comparison', () =>
  following(
    async (engine, followed) => {
      const web = engine.run();
      await isState(followed, web.id, 'running');
      engine.remove(web, { dropped: true });
      await isState(followed, web.id, 'gone');
    },
    { resyncMs: 200 },
  ));

test('inspects a tenth at a comparison when nothing changed', () =>
  following(
    async (engine, followed) => {
      for (let at = 0; at < 50; at += 1) engine.run();
      await until('all', () => followed.observations.filter(({ type }) => type === 'inspected').length >= 50);
      const lists = (): number => engine.calls.filter((call) => call === 'GET /containers/json').length;
      const comparisons = async (count: number): Promise<void> => {
        const before = lists();
        await until(`${count} comparisons`, () => lists() >= before + count);
      };
      // The first one after the starts inspects them all; it is over when the next but one begins.
      await comparisons(3);
      const asked = engine.calls.length;
      await comparisons(3);
      const inspects = engine.calls.slice(asked).filter((call) => call === 'GET /containers/{id}/json').length;
      assert.ok(inspects <= 20, `${inspects} inspects in three comparisons of 50 containers`);
    },
    { resyncMs: 400 },
  ));

test('withdraws nothing while the engine is away, and reads all when it is back', () =>
  following(async (engine, followed) => {
    const [kept, lost] = [engine.run(), engine.run()];
    await isState(followed, kept.id, 'running');
    await isState(followed, lost.id, 'running');
    const from = followed.observations.length;
    await engine.die();
    await until('the loss', () => followed.statuses.at(-1)?.up === false);
    engine.exit(lost);
    const added = engine.run();
    await sleep(500);
    assert.is(followed.observations.length, from);
    await engine.start();
    await isState(followed, lost.id, 'exited');
    await isState(followed, added.id, 'running');
    assert.is(followed.stateOf(kept.id), 'running');
  }));

test('hears how containers end of a daemon that closes its socket first, and of those alone', () =>
  following(async (engine, followed) => {
    const [first, second, third] = [engine.run(), engine.run(), engine.run()];
    for (const { id } of [first, second, third]) await isState(followed, id, 'running');
    engine.closeSocket();
    engine.emit(first.id, 'kill', { signal: '15' });
    await until('the loss', () => followed.statuses.at(-1)?.up === false);
    const from = followed.observations.length;
    engine.emit(second.id, 'kill', { signal: '15' });
    engine.exit(second, 137);
    await until('the last words', () => followed.said(second.id, from).length === 2);
    assert.equal(followed.said(second.id, from), ['hinted kill 15', 'hinted die']);
    assert.equal(followed.said(third.id, from), []);
    assert.is(followed.lines.filter((line) => line.startsWith('engine-unreachable')).length, 1);
  }));

test('says once that no engine is reachable, and what to do, and once that it is back', () =>
  following(async (engine, followed) => {
    await engine.die();
    await until('the loss', () => followed.statuses.at(-1)?.up === false);
    await sleep(1500);
    const losses = followed.lines.filter((line) => line.startsWith('engine-unreachable'));
    assert.is(losses.length, 1);
    assert.match(losses[0] ?? '', engine.host);
    assert.match(losses[0] ?? '', '--docker');
    await engine.start();
    await until('the return', () => followed.statuses.at(-1)?.up === true);
    assert.is(followed.lines.filter((line) => line.startsWith('engine-regained')).length, 1);
  }));

test('starts without an engine, and follows it once it comes', async () => {
  const engine = new FakeEngine();
  const web = engine.run();
  const followed = follow({ host: engine.host, ...QUICK });
  try {
    await until('the absence', () => followed.statuses.at(-1)?.up === false);
    assert.is(followed.observations.length, 0);
    await engine.start();
    await isState(followed, web.id, 'running');
  } finally {
    followed.close();
    await engine.die();
  }
});

test('notices an engine that accepts and says nothing, and catches up when it speaks again', () =>
  following(
    async (engine, followed) => {
      const web = engine.run();
      await isState(followed, web.id, 'running');
      engine.stall(true);
      await until('the loss', () => followed.statuses.at(-1)?.up === false);
      engine.exit(web);
      engine.stall(false);
      await isState(followed, web.id, 'exited');
    },
    { pingTimeoutMs: 200 },
  ));

test('takes a stream that was cut for no outage, and misses nothing of the moment between', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    await sleep(5_000); // a session that has settled
    engine.cutStreams();
    engine.exit(web);
    await isState(followed, web.id, 'exited');
    assert.is(
      followed.statuses.some(({ up }) => !up),
      false,
    );
    assert.equal(
      followed.lines.filter((line) => line.startsWith('engine-unreachable')),
      [],
    );
  }));

test('renews its stream without a gap and without a repeat', () =>
  following(
    async (engine, followed) => {
      const web = engine.run();
      await isState(followed, web.id, 'running');
      const expected: string[] = [];
      for (let at = 0; at < 40; at += 1) {
        engine.emit(web.id, 'kill', { signal: String(20 + at) });
        expected.push(`hinted kill ${20 + at}`);
        await sleep(20);
      }
      await until('the last hint', () => followed.said(web.id).includes(expected.at(-1) ?? ''));
      assert.equal(
        followed.said(web.id).filter((word) => word.startsWith('hinted')),
        expected,
      );
      assert.ok(engine.calls.filter((call) => call === 'GET /events').length >= 4);
      assert.ok(engine.streams <= 2);
      assert.is(
        followed.statuses.some(({ up }) => !up),
        false,
      );
    },
    { renewMs: 200 },
  ));

test('reads all anew after a line that it cannot read, or that is too long', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    engine.exit(web, 0, { dropped: true });
    engine.write('{"Type":"container","Action":\n');
    await isState(followed, web.id, 'exited');
    const other = engine.run({}, { dropped: true });
    engine.write(`{"Type":"${'x'.repeat(1_200_000)}"}\n`);
    await isState(followed, other.id, 'running');
  }));

test('inspects over kept connections, and holds one that the engine closed for no outage', () =>
  following(
    async (engine, followed) => {
      assert.ok(engine.requestsOnKept > 0);
      engine.cutsKeptConnections = true;
      const before = engine.requestsOnKept;
      const web = engine.run();
      await isState(followed, web.id, 'running');
      engine.exit(web);
      await isState(followed, web.id, 'exited');
      assert.ok(engine.requestsOnKept > before);
      assert.equal(
        followed.statuses.filter(({ up }) => !up),
        [],
      );
    },
    {},
    (engine) => {
      for (let at = 0; at < 40; at += 1) engine.run({}, { dropped: true });
    },
  ));

test('holds no container for gone that started while the list was on its way', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    const from = followed.observations.length;
    // The list is read by the engine before the start, and arrives after the inspect.
    const removed = engine.containers.get(web.id);
    engine.containers.delete(web.id);
    followed.engine.resync('test');
    await until('the list', () => engine.calls.filter((call) => call === 'GET /containers/json').length >= 2);
    if (removed !== undefined) engine.containers.set(web.id, removed);
    engine.emit(web.id, 'start');
    await until('what was listed', () => followed.observations.slice(from).some(({ type }) => type === 'listed'));
    await isState(followed, web.id, 'running');
  }));

test('keeps asking for a container whose inspect fails, and stays up', () =>
  following(async (engine, followed) => {
    engine.refusals.set('GET /containers/{id}/json', 500);
    const web = engine.run();
    await until('the refusal', () => followed.lines.some((line) => line.startsWith('engine-inspect-failed')));
    engine.refusals.clear();
    await isState(followed, web.id, 'running');
    assert.is(
      followed.statuses.some(({ up }) => !up),
      false,
    );
  }));

test('holds an inspect that breaks its connection for that container’s fault, and follows the others', () => {
  let broken = '';
  return following(
    async (engine, followed) => {
      assert.match(followed.lines.join('\n'), 'engine-inspect-failed');
      const web = engine.run();
      await isState(followed, web.id, 'running');
      assert.is(followed.stateOf(broken), undefined);
      engine.breaking.clear();
      await isState(followed, broken, 'running');
      assert.is(
        followed.statuses.some(({ up }) => !up),
        false,
      );
    },
    { resyncMs: 500 },
    (engine) => {
      broken = engine.run().id;
      engine.breaking.add(broken);
    },
  );
});

test('does without /version where a proxy refuses it, and speaks the version of the ping', () =>
  following(
    async (_engine, followed) => {
      assert.match(followed.lines.join('\n'), 'API 1.41');
    },
    {},
    (engine) => engine.refusals.set('GET /version', 403),
  ));

test('names the call that a proxy refuses', () =>
  following(async (engine, followed) => {
    engine.refusals.set('GET /containers/json', 403);
    followed.engine.resync('test');
    const status = await until('the refusal', () => followed.statuses.find(({ up }) => !up));
    assert.match(status.up ? '' : status.reason, /refused a call \(GET \/containers\/json\).*403/);
  }));

test('says of a list that is none that it is none, and goes on once there is one', () =>
  following(async (engine, followed) => {
    for (const wrong of [{}, { message: 'x' }, 'x', 7]) {
      const from = followed.statuses.length;
      engine.listed = wrong;
      followed.engine.resync('test');
      const isDown = () => followed.statuses.slice(from).find(({ up }) => !up);
      const status = await until('the loss', isDown);
      assert.match(status.up ? '' : status.reason, 'its list of containers is no JSON array');
      engine.listed = undefined;
      await isSynced(followed);
    }
  }));

test('leaves out of a list what is no container', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    engine.listed = [null, 7, 'x', [], {}, { Id: web.id }];
    followed.engine.resync('test');
    await until('the list', () =>
      followed.observations.some((each) => each.type === 'listed' && each.containers.includes(web.id)),
    );
    await isState(followed, web.id, 'running');
  }));

test('asks only what it needs: ping, version, events, list, inspect', () =>
  following(async (engine, followed) => {
    const web = engine.run();
    await isState(followed, web.id, 'running');
    assert.equal([...new Set(engine.calls)].sort(), [
      'GET /_ping',
      'GET /containers/json',
      'GET /containers/{id}/json',
      'GET /events',
      'GET /version',
    ]);
  }));

test.run();
