import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Comparison } from '../../../announcer/keys/comparison.ts';
import type { EtcdKey } from '../../../shared/name.ts';

const PART = 126;
const test = suite('announcer/keys/comparison');

function keys(count: number): EtcdKey[] {
  return Array.from({ length: count }, (_, at) => `/skydns/${at}` as EtcdKey);
}

function over(count: number): Comparison {
  return new Comparison(function* () {
    yield* keys(count);
    return undefined;
  });
}

/** One comparison, from its begin to its end. */
function compared(comparison: Comparison): EtcdKey[] {
  comparison.begin();
  const all: EtcdKey[] = [];
  for (comparison.next(PART); comparison.part.length > 0; comparison.next(PART)) {
    all.push(...comparison.part);
    comparison.asked(comparison.part.length);
  }
  return all;
}

test('there is nothing to ask for before it begins, and between two', () => {
  const comparison = over(3);
  assert.equal(comparison.next(PART), []);
  assert.equal(compared(comparison), keys(3));
  assert.equal(comparison.next(PART), []);
});

test('each of a few hundred keys is in every comparison', () => {
  const comparison = over(900);
  assert.equal(compared(comparison), keys(900));
  assert.equal(compared(comparison), keys(900));
});

test('of thousands, the next comparison goes on where the last one ended', () => {
  const comparison = over(2300);
  const rounds = [compared(comparison), compared(comparison), compared(comparison)];
  assert.equal(
    rounds.map(({ length }) => length),
    [1008, 1008, 284],
  );
  assert.equal(rounds.flat(), keys(2300));
  assert.equal(compared(comparison), keys(1008));
});

test('what was not asked for stays the part, also when the next comparison begins', () => {
  const comparison = over(200);
  comparison.begin();
  comparison.next(PART);
  comparison.asked(26);
  comparison.begin();
  assert.equal(comparison.next(PART), []);
  assert.equal(comparison.part, keys(200).slice(26, PART));
});

test.run();
