import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { StoreHealth } from '../../../announcer/keys/store-health.ts';
import { type LeaseId, type Store, StoreError } from '../../../shared/store.ts';

const LEASE = '7' as LeaseId;

/** Makes a call for each word, one second apart, and returns the events of it. */
async function after(...words: ('answers' | 'away' | 'denied' | 'lease-gone' | 'grants')[]): Promise<AnnouncerEvent[]> {
  let nowMs = 0;
  let word: (typeof words)[number] = 'answers';
  const keepAlive = async (): Promise<number> => {
    if (word === 'answers' || word === 'grants') return 1;
    throw new StoreError(word === 'away' ? 'unavailable' : word, 'as told');
  };
  const grant = async (): Promise<unknown> => ({ lease: LEASE, ttlSeconds: 15 });
  const health = new StoreHealth({ keepAlive, grant, description: 'a store' } as unknown as Store, () => nowMs);
  const events: AnnouncerEvent[] = [];
  health.events$.subscribe((event) => events.push(event));
  for (word of words) {
    nowMs += 1000;
    if (word === 'grants') await health.store.grant(15);
    else await health.store.keepAlive(LEASE).catch(() => {});
  }
  return events;
}

const test = suite('announcer/store-health');

test('an outage is said once, and its end once, with its length', async () => {
  assert.equal(await after('answers', 'away', 'away', 'away', 'answers', 'answers'), [
    { type: 'StoreLost', atMs: 2000, reason: 'as told' },
    { type: 'StoreRegained', atMs: 5000, awayMs: 3000 },
  ]);
});

test('a store that refuses a call is lost as well, and said to be there', async () => {
  assert.equal(await after('denied'), [{ type: 'StoreLost', atMs: 1000, reason: 'as told', denied: true }]);
});

test('a call that is refused for good is said once, however often others succeed', async () => {
  const events = await after('denied', 'grants', 'denied', 'grants', 'denied', 'grants');
  assert.equal(
    events.map(({ type }) => type),
    ['StoreLost'],
  );
  assert.is((await after('denied', 'grants', 'answers')).at(-1)?.type, 'StoreRegained');
});

test('a store that was never there is said with the flag that names it', async () => {
  const [lost] = await after('away', 'away');
  assert.match(lost?.type === 'StoreLost' ? lost.reason : '', /--etcd names it$/);
});

test('a store that says no is there', async () => {
  assert.equal(await after('lease-gone'), []);
  assert.is((await after('away', 'lease-gone')).at(-1)?.type, 'StoreRegained');
});

test.run();
