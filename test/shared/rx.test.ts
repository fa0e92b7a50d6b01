import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backoffMs, conflateMap } from '../../shared/rx.ts';

const test = suite('shared/rx');

test('conflateMap runs one at a time and keeps only the newest waiting', () => {
  const source = new Subject<number>();
  const inners = new Map<number, Subject<string>>();
  const seen: string[] = [];
  source
    .pipe(
      conflateMap((value) => {
        const inner = new Subject<string>();
        inners.set(value, inner);
        return inner;
      }),
    )
    .subscribe((result) => seen.push(result));
  source.next(1);
  source.next(2);
  source.next(3);
  assert.equal([...inners.keys()], [1]);
  inners.get(1)?.next('one');
  inners.get(1)?.complete();
  assert.equal([...inners.keys()], [1, 3], '2 was overtaken by 3');
  inners.get(3)?.next('three');
  assert.equal(seen, ['one', 'three']);
});

test('conflateMap completes after the last inner one', () => {
  const source = new Subject<number>();
  const inner = new Subject<string>();
  let done = false;
  source.pipe(conflateMap(() => inner)).subscribe({ complete: () => (done = true) });
  source.next(1);
  source.complete();
  assert.not.ok(done);
  inner.complete();
  assert.ok(done);
});

test('conflateMap hands on an error of the projection, thrown or emitted', () => {
  const thrown = new Error('thrown');
  let seen: unknown;
  const source = new Subject<number>();
  source
    .pipe(
      conflateMap(() => {
        throw thrown;
      }),
    )
    .subscribe({ error: (error) => (seen = error) });
  source.next(1);
  assert.is(seen, thrown);
});

test('conflateMap ends the inner one when it is unsubscribed', () => {
  const source = new Subject<number>();
  const inner = new Subject<string>();
  const subscription = source.pipe(conflateMap(() => inner)).subscribe();
  source.next(1);
  assert.ok(inner.observed);
  subscription.unsubscribe();
  assert.not.ok(inner.observed);
});

test('backoff doubles to its ceiling, between half of it and the whole', () => {
  const settings = { baseMs: 100, maxMs: 1000 };
  assert.equal(
    [1, 2, 3, 4, 5, 40].map((attempt) => backoffMs({ ...settings, random: () => 1 }, attempt)),
    [100, 200, 400, 800, 1000, 1000],
  );
  assert.is(backoffMs({ ...settings, random: () => 0 }, 1), 50);
});

test.run();
