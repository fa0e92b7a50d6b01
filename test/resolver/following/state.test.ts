import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  eventsOfBatch,
  evolveFollow,
  type FollowState,
  holdUntilMs,
  initialFollowState,
  isChosenAnew,
  isReplaced,
  type RecordEvent,
  stillStands,
} from '../../../resolver/following/state.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { Change } from '../../../shared/store.ts';

const test = suite('resolver/follow-state');
const KEY = '/skydns/org/example/web/a' as EtcdKey;
const synced = (revision: number, storeId = 'one'): ZoneEvent => ({
  type: 'ZoneSynced',
  atMs: 0,
  revision: String(revision),
  storeId,
  records: 0,
});
const put = (revision: number): RecordEvent => ({
  type: 'RecordPut',
  atMs: 0,
  key: KEY,
  value: '',
  revision: String(revision),
});
const deleted = (revision: number): RecordEvent => ({
  type: 'RecordDeleted',
  atMs: 0,
  key: KEY,
  revision: String(revision),
});
const given = (...past: ZoneEvent[]): FollowState => past.reduce(evolveFollow, initialFollowState);

test('the revision goes forward with records, and back only with a replaced store', () => {
  assert.is(given(synced(5), put(7)).revision, 7n);
  assert.is(given(synced(5), put(7), put(6)).revision, 7n, 'a late event may be older');
  assert.is(given(synced(5), put(7), { type: 'StoreReplaced', atMs: 9, storeId: 'two', revision: '2' }).revision, 2n);
});

test('another id or a lower revision is another store; nothing is before the first sync', () => {
  const state = given(synced(5), put(7));
  assert.not(isReplaced(state, { storeId: 'one', revision: 7n }));
  assert.not(isReplaced(state, { storeId: 'one', revision: 99n }));
  assert.ok(isReplaced(state, { storeId: 'one', revision: 6n }));
  assert.ok(isReplaced(state, { storeId: 'two', revision: 99n }));
  assert.not(isReplaced(initialFollowState, { storeId: 'one', revision: 0n }));
});

test('a store is another by choice when the one that is named is not the one that was synced with', () => {
  const started = (store?: string): ZoneEvent => ({
    type: 'ResolverStarted',
    atMs: 0,
    version: '',
    ...(store !== undefined && { store }),
  });
  assert.not(isChosenAnew(given(started('a'), synced(5), started('a'))));
  assert.ok(isChosenAnew(given(started('a'), synced(5), started('b'))));
  assert.not(isChosenAnew(given(started('a'), synced(5), started('b'), synced(1))), 'until the next sync');
  assert.not(isChosenAnew(given(started(), synced(5), started('b'))), 'a journal that does not say');
  assert.not(isChosenAnew(given(started('a'))), 'never synced');
});

test('an outage lasts from its loss to its return, over restarts', () => {
  const lost: ZoneEvent = { type: 'StoreLost', atMs: 50, reason: '' };
  assert.is(given(synced(5), lost).lostAtMs, 50);
  assert.is(
    given(lost, { type: 'ResolverStopped', atMs: 60 }, { type: 'ResolverStarted', atMs: 70, version: '' }).lostAtMs,
    50,
  );
  assert.is(given(lost, { type: 'StoreRegained', atMs: 80, awayMs: 30 }).lostAtMs, undefined);
});

test('absences are held for a time after a replacement, and only then', () => {
  assert.is(holdUntilMs(given(synced(5)), 1000), Number.NEGATIVE_INFINITY);
  assert.is(holdUntilMs(given({ type: 'StoreReplaced', atMs: 50, storeId: 'two', revision: '2' }), 1000), 1050);
});

test('a batch becomes events: late ones marked, those that a read has overtaken left out', () => {
  const entry = (key: string, modRevision: bigint) => ({
    key: key as EtcdKey,
    value: 'v',
    createRevision: 1n,
    modRevision,
  });
  const changes: Change[] = [
    { type: 'put', entry: entry('/skydns/a', 5n) },
    { type: 'delete', key: '/skydns/b' as EtcdKey, modRevision: 6n },
    { type: 'put', entry: { ...entry('/skydns/b', 8n), lease: '7' as never } },
  ];
  const repaired = new Map([['/skydns/b' as EtcdKey, 7n]]);
  assert.equal(eventsOfBatch({ revision: 8n, changes }, 9, 5n, repaired), [
    { type: 'RecordPut', atMs: 9, key: '/skydns/a', revision: '5', value: 'v', late: true },
    { type: 'RecordPut', atMs: 9, key: '/skydns/b', revision: '8', value: 'v', lease: '7' },
  ]);
});

test('a difference falls when the watch has brought something newer meanwhile', () => {
  assert.ok(stillStands(put(5), undefined, 9n));
  assert.ok(stillStands(put(5), 4n, 9n), 'the read is newer than what the watch brought');
  assert.not(stillStands(put(5), 5n, 9n));
  assert.not(stillStands(put(5), 12n, 9n));
  assert.ok(stillStands(deleted(9), 9n, 9n), 'absent at the read, though the watch had written it before');
  assert.not(stillStands(deleted(9), 10n, 9n), 'written after the read');
});

test.run();
