import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { descendantsOf, parentOf } from '../../../announcer/run/process-tree.ts';

const test = suite('announcer/process-tree');

test("reads the parent behind the command's name, whatever that holds", () => {
  assert.is(parentOf('12 (sh) S 1 12 12 0 -1'), 1);
  assert.is(parentOf('13 (a) b (c) R 12 13 12 0 -1'), 12);
  assert.is(parentOf(''), undefined, 'a process that ended meanwhile');
});

test('finds every process below one, and no other', () => {
  const parents = new Map([
    [2, 1],
    [10, 1],
    [11, 10],
    [12, 11],
    [13, 10],
    [20, 2],
  ]);
  assert.equal([...descendantsOf(10, parents)].sort(), [10, 11, 12, 13]);
  assert.equal(descendantsOf(20, parents), [20]);
});

test('ends on a circle, as of pids that were reused while they were read', () => {
  assert.equal(
    [
      ...descendantsOf(
        1,
        new Map([
          [1, 2],
          [2, 1],
        ]),
      ),
    ].sort(),
    [1, 2],
  );
});

test.run();
