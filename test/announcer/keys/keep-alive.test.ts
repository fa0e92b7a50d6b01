import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { keepAlive, LeaseEnded } from '../../../announcer/keys/keep-alive.ts';
import { type LeaseId, type Store, StoreError } from '../../../shared/store.ts';
import { inVirtualTime, seededRandom } from '../../support/doubles/virtual-time.ts';

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

/** Runs until it ends, or has been answered so often. @returns what came of it, and after how long */
function run(store: Store, ttlSeconds: number, answers: number): Promise<{ came: unknown; tookMs: number }> {
  return inVirtualTime(seededRandom(1), async (time) => {
    let answered = 0;
    let end: { came: unknown; tookMs: number } | undefined;
    const ended = (came: unknown): void => {
      end ??= { came, tookMs: time.nowMs };
    };
    const subscription = keepAlive(store, LEASE, ttlSeconds, () => 0.5).subscribe({
      next: () => {
        answered += 1;
        if (answered === answers) ended('answered');
      },
      error: ended,
    });
    while (end === undefined && time.nowMs < 60_000) await time.advance(1);
    subscription.unsubscribe();
    return end ?? { came: 'nothing', tookMs: time.nowMs };
  });
}

const test = suite('announcer/keep-alive');

test('a keepalive goes every third of the TTL', async () => {
  const { store, asked } = answering(1);
  // The first after half a third, the others a twentieth earlier than every third: 2.5 + 3 × 4.75 s.
  assert.equal(await run(store, 15, 4), { came: 'answered', tookMs: 16_750 });
  assert.is(asked(), 4);
});

test('a failure is tried again within the TTL, and costs nothing', async () => {
  const { store, asked } = answering(away, away, 1);
  const { came, tookMs } = await run(store, 15, 1);
  assert.is(came, 'answered');
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
  assert.is(asked(), 3);
});

test('no answer for one TTL ends the lease, whatever the store may say later', async () => {
  const { store } = answering(away);
  const { came, tookMs } = await run(store, 15, 1);
  assert.instance(came, LeaseEnded);
  assert.equal([(came as LeaseEnded).silentMs, tookMs], [15_000, 15_000]);
});

test('a keepalive that never settles does not hide the deadline', async () => {
  const store = { keepAlive: () => new Promise(() => {}) } as unknown as Store;
  const { came, tookMs } = await run(store, 15, 1);
  assert.instance(came, LeaseEnded);
  assert.is(tookMs, 15_000);
});

test('a lease that the store does not know ends at once', async () => {
  const { store, asked } = answering(1, gone);
  const { came, tookMs } = await run(store, 15, 5);
  assert.instance(came, LeaseEnded);
  assert.is(((came as LeaseEnded).cause as StoreError).code, 'lease-gone');
  assert.is(asked(), 2);
  assert.is(tookMs, 7_250, 'with the second keepalive');
});

test.run();
