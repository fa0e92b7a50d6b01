import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Turn, Turns } from '../../../shared/events/turns.ts';

const test = suite('shared/turns');

/** Lets every promise that can go on do so. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('no more than the places at once, in the order in which they came', async () => {
  const turns = new Turns(2);
  const { signal } = new AbortController();
  const began: number[] = [];
  for (let n = 0; n < 5; n += 1) void turns.take(signal).then(() => began.push(n));
  await settled();
  assert.equal(began, [0, 1]);
  turns.give();
  await settled();
  assert.equal(began, [0, 1, 2]);
  for (let n = 0; n < 4; n += 1) turns.give();
  await settled();
  assert.equal(began, [0, 1, 2, 3, 4]);
  assert.is(await turns.take(signal), true, 'all places are free again');
});

test('who goes away while it waits, or has gone before, has no place', async () => {
  const turns = new Turns(1);
  const [stays, leaves] = [new AbortController(), new AbortController()];
  await turns.take(stays.signal);
  const left = turns.take(leaves.signal);
  const next = turns.take(stays.signal);
  leaves.abort();
  assert.is(await left, false);
  turns.give();
  assert.is(await next, true);
  turns.give();
  assert.is(await turns.take(leaves.signal), false);
  assert.is(await turns.take(stays.signal), true);
});

test('a turn that was given back, or never came, is not given twice', async () => {
  const turns = new Turns(1);
  const gone = new AbortController();
  const one = new Turn(turns, new AbortController().signal);
  await one.take();
  const other = new Turn(turns, gone.signal);
  const waits = other.take();
  gone.abort();
  await waits;
  other.give();
  one.give();
  one.give();
  assert.is(await turns.take(new AbortController().signal), true);
  let isSecond = false;
  void turns.take(new AbortController().signal).then(() => {
    isSecond = true;
  });
  await settled();
  assert.is(isSecond, false);
});

test.run();
