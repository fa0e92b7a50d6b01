import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Turns } from '../../../../announcer/docker/following/turns.ts';

const test = suite('announcer/turns');

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('lets so many work at once, and the next in order as each ends', async () => {
  const turns = new Turns(2);
  const ends: (() => void)[] = [];
  const began: number[] = [];
  for (let n = 0; n < 5; n += 1) {
    void turns.take(() => {
      began.push(n);
      return new Promise<void>((resolve) => ends.push(resolve));
    });
  }
  await settled();
  assert.equal(began, [0, 1]);
  ends[1]?.();
  await settled();
  assert.equal(began, [0, 1, 2]);
  ends[0]?.();
  ends[2]?.();
  await settled();
  assert.equal(began, [0, 1, 2, 3, 4]);
});

test('passes a failure on, and its turn too', async () => {
  const turns = new Turns(1);
  const failing = turns.take(() => Promise.reject(new Error('no')));
  const following = turns.take(async () => 'done');
  assert.is(await failing.catch((error: Error) => error.message), 'no');
  assert.is(await following, 'done');
});

test.run();
