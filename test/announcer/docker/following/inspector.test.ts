import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineClient } from '../../../../announcer/docker/engine/engine.ts';
import { Inspector, type Look } from '../../../../announcer/docker/following/inspector.ts';

const test = suite('announcer/docker-inspector');

/** A client whose answers come when the test says so. */
function bench() {
  const asked: { container: string; answer: (raw: unknown) => void; fail: (error: unknown) => void }[] = [];
  const inspect = (container: string): Promise<unknown> =>
    new Promise((answer, fail) => asked.push({ container, answer, fail }));
  const looks: Look[] = [];
  const errors: unknown[] = [];
  const inspector = new Inspector(
    { inspect } as unknown as EngineClient,
    (look) => looks.push(look),
    (error) => void errors.push(error),
  );
  return { asked, looks, errors, inspector };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('has one inspect of a container under way and one waiting, which takes the newest cause', async () => {
  const { asked, looks, inspector } = bench();
  for (const cause of ['one', 'two', 'three']) void inspector.look('a', cause, 'urgent');
  assert.is(asked.length, 1);
  asked[0]?.answer(1);
  await settled();
  assert.is(asked.length, 2);
  asked[1]?.answer(2);
  await settled();
  assert.is(asked.length, 2);
  assert.equal(looks, [
    { container: 'a', cause: 'one', raw: 1 },
    { container: 'a', cause: 'three', raw: 2 },
  ]);
});

test('keeps the cause of an event when a list asks for the same container', async () => {
  const { asked, looks, inspector } = bench();
  void inspector.look('a', 'first', 'urgent');
  void inspector.look('a', 'docker start', 'urgent');
  void inspector.look('a', 'list', 'routine');
  asked[0]?.answer(1);
  await settled();
  asked[1]?.answer(2);
  await settled();
  assert.equal(
    looks.map(({ cause }) => cause),
    ['first', 'docker start'],
  );
});

test('looks at containers of events before those of a list, 16 at once', async () => {
  const { asked, inspector } = bench();
  for (let at = 0; at < 40; at += 1) void inspector.look(`listed-${at}`, 'list', 'routine');
  void inspector.look('started', 'docker start', 'urgent');
  assert.is(asked.length, 16);
  asked[0]?.answer(1);
  await settled();
  assert.is(asked[16]?.container, 'started');
});

test('hands on no answer that may be older than what has happened since', async () => {
  const { asked, looks, inspector } = bench();
  void inspector.look('a', 'docker start', 'urgent');
  inspector.distrust('a');
  void inspector.look('a', 'docker die', 'urgent');
  asked[0]?.answer('running');
  await settled();
  asked[1]?.answer('exited');
  await settled();
  assert.equal(
    looks.map(({ raw }) => raw),
    ['exited'],
  );
});

test('resolves a look only with an inspect that began after it was asked for', async () => {
  const { asked, inspector } = bench();
  void inspector.look('a', 'first', 'urgent');
  let isDone = false;
  void inspector.look('a', 'second', 'routine').then(() => {
    isDone = true;
  });
  asked[0]?.answer(1);
  await settled();
  assert.is(isDone, false);
  asked[1]?.answer(2);
  await settled();
  assert.is(isDone, true);
});

test('goes on after a failure, and says which it was', async () => {
  const { asked, errors, looks, inspector } = bench();
  void inspector.look('a', 'one', 'urgent');
  asked[0]?.fail(new Error('500'));
  await settled();
  assert.is((errors[0] as Error).message, '500');
  void inspector.look('a', 'two', 'urgent');
  asked[1]?.answer(1);
  await settled();
  assert.is(looks.length, 1);
});

test('says nothing after it was closed', async () => {
  const { asked, errors, looks, inspector } = bench();
  void inspector.look('a', 'one', 'urgent');
  void inspector.look('b', 'one', 'urgent');
  inspector.close();
  asked[0]?.answer(1);
  asked[1]?.fail(new Error('reset'));
  await settled();
  assert.equal([looks, errors], [[], []]);
});

test.run();
