import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Holdings, type LeaseBook } from '../../../announcer/keys/holdings.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { Entry, LeaseId } from '../../../shared/store.ts';

const KEY = '/skydns/org/example/web/node-1/3f2a' as EtcdKey;
const VALUE = '{"host":"192.0.2.1","owner":"node-1/aaaa"}';
const LEASE = '7' as LeaseId;
const FENCE = { key: '/rollcall/hosts/node-1' as EtcdKey, modRevision: 1n };

const book = (...leases: LeaseId[]): LeaseBook => ({
  get: (shard) => leases[shard],
  shardOf: (lease) => (leases.includes(lease) ? leases.indexOf(lease) : undefined),
});
const entry = (modRevision: bigint, over: Partial<Entry> = {}): Entry => ({
  key: KEY,
  value: VALUE,
  createRevision: 5n,
  modRevision,
  lease: LEASE,
  ...over,
});
/** Wants the key, and has written it at revision 5. */
function holding(leases: LeaseBook = book(LEASE)): Holdings {
  const holdings = new Holdings('node-1', leases, []);
  holdings.want({ desired: new Map([[KEY, VALUE]]), changed: [KEY] }, 0);
  holdings.next(FENCE, true);
  holdings.learn(KEY, entry(5n), 5n, 'announced', 0);
  return holdings;
}
const types = (events: readonly { readonly type: string }[]): string[] => events.map(({ type }) => type);

const test = suite('announcer/holdings');

test('a key that was written needs nothing more', () => {
  const holdings = holding();
  assert.equal(holdings.next(FENCE, true).transactions, []);
  assert.is(holdings.dirtyCount, 0);
});

test('our own write, told again by the watch, says nothing', () => {
  assert.equal(holding().learn(KEY, entry(5n), 5n, undefined, 1), []);
});

test('a foreign delete is drift, and the key is written again for that cause', () => {
  const holdings = holding();
  assert.equal(types(holdings.learn(KEY, undefined, 6n, undefined, 1)), ['DriftFound', 'KeyRemoved']);
  assert.is(holdings.next(FENCE, true).transactions.length, 1);
  const [written] = holdings.learn(KEY, entry(7n), 7n, 'announced', 2);
  assert.is(written?.type === 'KeyWritten' && written.cause, 'key-missing');
});

test('a delete that was wished is no drift, also when its answer was lost', () => {
  const holdings = holding();
  holdings.want({ desired: new Map(), changed: [KEY] }, 1);
  const [removed, ...more] = holdings.learn(KEY, undefined, 6n, undefined, 1);
  assert.is(removed?.type === 'KeyRemoved' && removed.cause, 'withdrawn');
  assert.equal(more, []);
});

test('a lease that ended takes its keys with it, and that is no drift', () => {
  let leases: LeaseId[] = [LEASE];
  const holdings = holding({ get: (shard) => leases[shard], shardOf: () => undefined });
  leases = [];
  assert.equal(types(holdings.learn(KEY, undefined, 6n, undefined, 1)), ['KeyRemoved']);
  assert.equal(holdings.next(FENCE, true).waiting, [KEY]);
});

test('a conflict is said when it is met, and ours is planned when it is gone', () => {
  const holdings = holding();
  const theirs = entry(6n, { value: '{"owner":"node-2/b"}' });
  assert.equal(types(holdings.learn(KEY, theirs, 6n, undefined, 1)), ['DriftFound', 'KeyConflicted']);
  assert.equal(holdings.next(FENCE, true).transactions, []);
  assert.equal(types(holdings.learn(KEY, undefined, 7n, undefined, 2)), []);
  assert.is(holdings.next(FENCE, true).transactions.length, 1);
});

test('at the first look a key on a lease of ours stays in its shard, and nothing of it is written', () => {
  const holdings = new Holdings('node-1', book('6' as LeaseId, LEASE), [KEY]);
  holdings.want({ desired: new Map([[KEY, VALUE]]), changed: [KEY] }, 0);
  const events = holdings.learnAll([entry(5n)], 9n, 'found', 0);
  assert.equal(events, [{ type: 'KeyWritten', atMs: 0, key: KEY, shard: 1, revision: '5', cause: 'found' }]);
  assert.equal(holdings.next(FENCE, true).transactions, []);
});

test('a comparison comes to every key that is ours or wanted, once', () => {
  const holdings = new Holdings('node-1', book(LEASE), []);
  const [wanted, theirs] = [`${KEY}2`, `${KEY}3`] as [EtcdKey, EtcdKey];
  const desired = new Map([KEY, wanted, theirs].map((key) => [key, VALUE]));
  holdings.want({ desired, changed: desired.keys() }, 0);
  holdings.learnAll([entry(5n), entry(5n, { key: theirs, value: '{"owner":"node-2/b"}' })], 9n, 'found', 0);
  assert.equal([...holdings.everyKey()], [KEY, wanted, theirs]);
  const some = holdings.everyKey();
  some.next();
  holdings.learn(wanted, entry(10n, { key: wanted }), 10n, undefined, 1);
  assert.equal([...some], [wanted, theirs], 'also when they change meanwhile');
});

test('an unclaimed key is removed as drift, and only when that is allowed', () => {
  const holdings = new Holdings('node-1', book(LEASE), []);
  holdings.learnAll([entry(5n)], 9n, 'found', 0);
  assert.equal(holdings.next(FENCE, false).transactions, []);
  assert.is(holdings.dirtyCount, 0, 'it does not count as waiting to be written');
  holdings.touchAll();
  const [planned] = holdings.next(FENCE, true).transactions;
  assert.is(planned?.writes[0]?.cause, 'unclaimed');
  assert.equal(types(holdings.learn(KEY, undefined, 10n, 'unclaimed', 1)), ['DriftFound', 'KeyRemoved']);
});

test('a key that a predecessor wanted and we do not is withdrawn without waiting', () => {
  const holdings = new Holdings('node-1', book(LEASE), [KEY]);
  holdings.learnAll([entry(5n)], 9n, 'found', 0);
  assert.is(holdings.next(FENCE, false).transactions[0]?.writes[0]?.cause, 'withdrawn');
});

test('a key that a predecessor wanted is no less its own when the wish is told before the first look', () => {
  const holdings = new Holdings('node-1', book(LEASE), [KEY]);
  holdings.want({ desired: new Map(), changed: [KEY] }, 0);
  holdings.learnAll([entry(5n)], 9n, 'found', 0);
  assert.is(holdings.next(FENCE, false).transactions[0]?.writes[0]?.cause, 'withdrawn');
});

test('keys of `rollcall run` on this host are told apart from ours, and from other hosts’', () => {
  const holdings = holding();
  const key = '/skydns/org/example/web/node-1/run-17' as EtcdKey;
  const value = '{"host":"192.0.2.1","owner":"node-1+run/web/run-17/a1"}';
  holdings.learn(key, entry(6n, { key, value }), 6n, undefined, 1);
  const foreign = '/skydns/org/example/web/node-1/other' as EtcdKey;
  holdings.learn(foreign, entry(7n, { key: foreign, value: '{"owner":"node-10+run/web/x/a1"}' }), 7n, undefined, 1);
  assert.equal([...holdings.runs()], [{ key, value, service: 'web', instance: 'run-17', revision: '6' }]);
  assert.equal(
    [...holdings.ours()].map(([each]) => each),
    [KEY],
  );
});

test.run();
