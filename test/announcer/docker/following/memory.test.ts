import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SessionMemory } from '../../../../announcer/docker/following/memory.ts';

const test = suite('announcer/docker-memory');

const listed = (count: number) => Array.from({ length: count }, (_, at) => ({ id: `c${at}`, print: `p${at}` }));

function memoryOf(count: number): SessionMemory {
  const memory = new SessionMemory();
  for (const [at, { id, print }] of listed(count).entries()) {
    memory.known.set(id, { startedAt: '', labels: {}, inspectedAtMs: at, networkOwner: undefined, print });
  }
  return memory;
}

test('inspects a tenth when the list says nothing new: those whose inspect is the oldest', () => {
  const due = memoryOf(30).due(listed(30));
  assert.equal(
    due.map(({ id }) => id),
    ['c0', 'c1', 'c2'],
  );
});

test('inspects a hundred of thousands, so that a comparison costs the same however many there are', () => {
  const due = memoryOf(5000).due(listed(5000));
  assert.is(due.length, 100);
  assert.is(due.at(-1)?.id, 'c99');
});

test('inspects all that is new or differs', () => {
  const now = listed(32).map((each) => (each.id === 'c20' ? { ...each, print: 'other' } : each));
  const ids = memoryOf(30)
    .due(now)
    .map(({ id }) => id);
  for (const id of ['c20', 'c30', 'c31']) assert.ok(ids.includes(id), id);
});

test('inspects also what shares the network of what differs, or is gone: its own entry in the list says nothing of that', () => {
  const memory = memoryOf(30);
  const share = (id: string, networkOwner: string, inspectedAtMs: number) =>
    memory.learn(id, { startedAt: '', labels: {}, inspectedAtMs, networkOwner, print: `p${id.slice(1)}` });
  share('c25', 'c20', 25);
  share('c26', 'c21', 26);
  share('c27', 'c22', 27);
  const now = listed(30)
    .filter(({ id }) => id !== 'c21')
    .map((each) => (each.id === 'c20' ? { ...each, print: 'other' } : each));
  memory.retain(new Set(now.map(({ id }) => id)));
  const ids = memory.due(now).map(({ id }) => id);
  assert.equal(ids.filter((id) => Number(id.slice(1)) >= 20).sort(), ['c20', 'c25', 'c26']);
});

test('inspects none twice', () => {
  const ids = memoryOf(5)
    .due(listed(9))
    .map(({ id }) => id);
  assert.is(new Set(ids).size, ids.length);
});

test('forgets what is not there any more', () => {
  const memory = memoryOf(3);
  memory.retain(new Set(['c1']));
  assert.equal([...memory.known.keys()], ['c1']);
});

test('knows who shares whose network, as long as both are known', () => {
  const memory = new SessionMemory();
  const learn = (id: string, networkOwner: string | undefined) =>
    memory.learn(id, { startedAt: '', labels: {}, inspectedAtMs: 1, networkOwner, print: '' });
  learn('pod', undefined);
  learn('a', 'pod');
  learn('a', 'pod');
  learn('b', 'pod');
  assert.equal(memory.sharersOf('pod'), ['a', 'b']);
  learn('b', 'other');
  assert.equal([memory.sharersOf('pod'), memory.sharersOf('other')], [['a'], ['b']]);
  memory.forget('a');
  memory.retain(new Set(['pod']));
  assert.equal([memory.sharersOf('pod'), memory.sharersOf('other')], [[], []]);
});

test.run();
