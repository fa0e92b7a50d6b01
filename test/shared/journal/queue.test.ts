import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AppendQueue } from '../../../shared/journal/writing/queue.ts';

const test = suite('journal/queue');
const LINE = 'x'.repeat(1000);
const filled = (lines: number, octetsMax = 10_000): AppendQueue => {
  const queue = new AppendQueue(octetsMax);
  for (let sequence = 1; sequence <= lines; sequence += 1) assert.ok(queue.push(LINE, sequence));
  return queue;
};

test('hands out lines in order, about as many octets as asked for, and at least one', () => {
  const queue = filled(5);
  assert.equal(
    queue.take(2500).map(({ sequence }) => sequence),
    [1, 2],
  );
  queue.settle(2);
  assert.equal(
    queue.take(1).map(({ sequence }) => sequence),
    [3],
  );
});

test('what did not get into the file is taken again, before what came later', () => {
  const queue = filled(3);
  queue.take(100_000);
  queue.push(LINE, 4);
  assert.equal(
    queue.pending().map(({ sequence }) => sequence),
    [1, 2, 3, 4],
  );
  queue.settle(1);
  assert.equal(
    queue.take(100_000).map(({ sequence }) => sequence),
    [2, 3, 4],
  );
});

test('takes no line beyond its limit, and none until the gap is closed', () => {
  const queue = filled(10);
  assert.not.ok(queue.push(LINE, 11));
  assert.ok(queue.lose(11, 'overflow'), 'opened');
  queue.take(1000);
  queue.settle(1);
  assert.not.ok(queue.push(LINE, 12), 'there is room, but the gap is open');
  assert.not.ok(queue.lose(12, 'overflow'), 'made longer');
  assert.is(queue.lost, 2);
});

test('the gap closes when half is free, and one line says what is missing', () => {
  const queue = filled(10);
  queue.lose(11, 'unwritable');
  queue.lose(12, 'unwritable');
  assert.is(queue.closeGap(77), undefined);
  queue.take(5000);
  queue.settle(5);
  const gap = { atMs: 77, fromSequence: 11, toSequence: 12, lost: 2, reason: 'unwritable' };
  assert.equal(queue.closeGap(77), gap);
  assert.ok(queue.push(LINE, 13));
  const [, , , , , marker, next] = queue.pending();
  assert.equal(JSON.parse(marker?.line ?? '').gap, gap);
  assert.is(next?.sequence, 13);
});

test('counts its octets down to nothing', () => {
  const queue = filled(4);
  assert.is(queue.octets, 4000);
  queue.take(100_000);
  assert.is(queue.octets, 4000, 'in flight is not in the file');
  queue.settle(4);
  assert.is(queue.octets, 0);
  assert.ok(queue.isEmpty);
});

test.run();
