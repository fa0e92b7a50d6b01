import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepAlive, LeaseEnded } from '../../../announcer/keys/keep-alive.ts';
import { type LeaseId, type Store, StoreError } from '../../../shared/store.ts';

const LEASE = '7' as LeaseId;

/** A store of which only keepalives are asked, answered one after the other as told; then for good as the last. */
function answering(...answers: (number | StoreError)[]): { store: Store; asked: () => number } {
  let asked = 0;
  const keepAliveOnce = async (): Promise<number> => {
    const answer = answers[Math.min(asked, answers.length - 1)] as number | StoreError;
    asked += 1;
    if (answer instanceof StoreError) throw answer;
    return answer;
  };
  return { store: { keepAlive: keepAliveOnce } as unknown as Store, asked: () => asked };
}
const away = new StoreError('unavailable', 'away');
const gone = new StoreError('lease-gone', 'gone');

/** Runs until it ends, or has been answered so often. */
function run(store: Store, ttlSeconds: number, answers: number): Promise<unknown> {
  return new Promise((resolve) => {
    let answered = 0;
    const subscription = keepAlive(store, LEASE, ttlSeconds, () => 0.5).subscribe({
      next: () => {
        answered += 1;
        if (answered < answers) return;
        resolve('answered');
        setImmediate(() => subscription.unsubscribe());
      },
      error: resolve,
    });
  });
}

const test = suite('announcer/keep-alive');

test('a keepalive goes every third of the TTL', async () => {
  const { store, asked } = answering(1);
  const before = performance.now();
  assert.is(await run(store, 0.3, 4), 'answered');
  const tookMs = performance.now() - before;
  assert.is(asked(), 4);
  // No sooner than 50 + 3 × 95 ms; how much later is the machine's business.
  assert.ok(tookMs > 250, `${tookMs} ms`);
});

test('a failure is tried again within the TTL, and costs nothing', async () => {
  const { store, asked } = answering(away, away, 1);
  assert.is(await run(store, 3, 1), 'answered');
  assert.is(asked(), 3);
});

test('no answer for one TTL ends the lease, whatever the store may say later', async () => {
  const { store } = answering(away);
  const before = performance.now();
  const error = await run(store, 0.5, 1);
  assert.instance(error, LeaseEnded);
  assert.ok((error as LeaseEnded).silentMs >= 490);
  assert.ok(performance.now() - before < 5_000);
});

test('a keepalive that never settles does not hide the deadline', async () => {
  const store = { keepAlive: () => new Promise(() => {}) } as unknown as Store;
  assert.instance(await run(store, 0.3, 1), LeaseEnded);
});

test('a lease that the store does not know ends at once', async () => {
  const { store, asked } = answering(1, gone);
  const error = await run(store, 0.3, 5);
  assert.instance(error, LeaseEnded);
  assert.is(((error as LeaseEnded).cause as StoreError).code, 'lease-gone');
  assert.is(asked(), 2);
});

test.run();
