import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ContainerBook } from '../../../announcer/sinks/container-book.ts';
import { CONTAINER, EVENTS } from '../../support/sink-events.ts';

const test = suite('announcer/sinks/container-book');

test('of several services the first by name stands for the container', () => {
  const book = new ContainerBook([]);
  for (const service of ['web-9100', 'web', 'web-9200']) book.learn({ ...EVENTS.InstanceHeld, service }, 1);
  assert.is(book.of(CONTAINER).service, 'web');
});

test('a book that was kept is the same book, for the same list', () => {
  const book = new ContainerBook(['org.example.team']);
  book.learn(EVENTS.ContainerStarted, 4);
  book.learn(EVENTS.InstanceAnnounced, 5);
  const kept = JSON.parse(JSON.stringify(book.toJson()));
  const read = ContainerBook.fromJson(kept, ['org.example.team']);
  assert.equal(read?.of(CONTAINER), { service: 'web', labels: { org_example_team: 'payments' } });
  assert.is(read?.sequence, 5);
  assert.is(ContainerBook.fromJson(kept, ['org.example.team', 'other']), undefined);
});

for (const [what, json] of [
  ['nothing', undefined],
  ['null', null],
  ['a text', 'x'],
  ['a book without its number', { allowed: [], containers: {} }],
  ['a book without its containers', { allowed: [], sequence: 1 }],
] as const) {
  test(`${what} is no book`, () => assert.is(ContainerBook.fromJson(json, []), undefined));
}

test('containers that went do not fill the memory', () => {
  const book = new ContainerBook([]);
  for (let at = 0; at < 6_000; at += 1) {
    const container = String(at);
    book.learn({ ...EVENTS.InstanceAnnounced, container }, at);
    book.learn({ ...EVENTS.ContainerRemoved, container }, at);
  }
  assert.is(book.of('0').service, undefined);
  assert.is(book.of('5999').service, 'web');
  assert.equal(book.toJson().containers, {});
});

test('what every object has is no label', () => {
  const book = new ContainerBook(['toString']);
  book.learn({ ...EVENTS.ContainerStarted, labels: {} }, 1);
  assert.equal(book.of(CONTAINER).labels, {});
});

test.run();
