import type { Subscription } from 'rxjs';
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { EtcdKey } from '../../shared/name.ts';
import {
  type Change,
  type ChangeBatch,
  type CommitResult,
  type Entry,
  type LeaseId,
  type Revision,
  type Store,
  StoreError,
  type StoreErrorCode,
  TRANSACTION_OPS_MAX,
} from '../../shared/store.ts';
import { until } from './until.ts';

// uvu shows differences as JSON, which has no bigint: without this a difference in a revision hides behind a TypeError.
Object.defineProperty(BigInt.prototype, 'toJSON', {
  configurable: true,
  value(this: bigint) {
    return `${this}n`;
  },
});

export interface StoreUnderTest {
  readonly store: Store;
  dispose(): Promise<void>;
  /** Forgets the history before `revision`; a backend that cannot be asked to leaves it out. */
  compact?(revision: Revision): Promise<void>;
}

/** One subscription to `changes`, and all that it has given so far. */
export interface Follower {
  readonly batches: readonly ChangeBatch[];
  readonly changes: readonly Change[];
  readonly error: unknown;
  /** The revision to subscribe from anew. */
  readonly next: Revision;
  /** Resolves once the watch stands. */
  live(): Promise<void>;
  /** Resolves once there are so many changes. */
  count(changes: number): Promise<void>;
  stop(): void;
}

export function follow(store: Store, prefix: string, from: Revision): Follower {
  const batches: ChangeBatch[] = [];
  let error: unknown;
  let count = 0;
  const subscription: Subscription = store.changes(prefix, from).subscribe({
    next: (batch) => {
      batches.push(batch);
      count += batch.changes.length;
    },
    error: (reason: unknown) => {
      error = reason;
    },
    complete: () => {
      error = new Error('changes completed by itself');
    },
  });
  const reached = async (what: string, condition: () => boolean): Promise<void> => {
    await until(what, () => condition() || error !== undefined);
    if (!condition()) throw error;
  };
  return {
    batches,
    get changes() {
      return batches.flatMap((batch) => batch.changes);
    },
    get error() {
      return error;
    },
    get next() {
      return (batches.at(-1)?.revision ?? from - 1n) + 1n;
    },
    live: () => reached(`the watch of ${prefix} to stand`, () => batches.length > 0),
    count: (changes) => reached(`${changes} changes of ${prefix}`, () => count >= changes),
    stop: () => subscription.unsubscribe(),
  };
}

/** Writes one key. @returns its revision */
export async function put(store: Store, key: string, value: string, lease?: LeaseId): Promise<Revision> {
  const write = { type: 'put', key: key as EtcdKey, value, ...(lease === undefined ? {} : { lease }) } as const;
  return (await store.commit({ expect: [], writes: [write] })).revision;
}

export async function remove(store: Store, key: string): Promise<Revision> {
  return (await store.commit({ expect: [], writes: [{ type: 'delete', key: key as EtcdKey }] })).revision;
}

/** Asserts that `action` fails with a {@link StoreError} of this code. @returns the error */
export async function failsWith(code: StoreErrorCode, action: () => Promise<unknown>): Promise<StoreError> {
  try {
    await action();
  } catch (error) {
    assert.instance(error, StoreError);
    const failure = error as StoreError;
    assert.is(failure.code, code, failure.message);
    return failure;
  }
  throw new Error(`expected a StoreError ${code}, but it succeeded`);
}

/** What a change says, without the entry's other fields: `+key@revision=value` or `-key@revision`. */
export function brief(change: Change): string {
  return change.type === 'put'
    ? `+${change.entry.key}@${change.entry.modRevision}=${change.entry.value}`
    : `-${change.key}@${change.modRevision}`;
}

const keysOf = (entries: readonly Entry[]): string[] => entries.map((entry) => entry.key);
const key = (text: string): EtcdKey => text as EtcdKey;

/**
 * A suite that states what `shared/store.ts` promises. The caller ends its file with `test.run();`.
 *
 * `open` is called once; every test keeps to a prefix of its own.
 */
export function storeContract(name: string, open: () => Promise<StoreUnderTest>): Test {
  const test = suite(`store contract: ${name}`);
  let under: StoreUnderTest | undefined;
  let store: Store;
  test.before(async () => {
    under = await open();
    store = under.store;
  });
  test.after(async () => {
    await under?.dispose();
  });
  const parts = { test, store: () => store, under: () => under as StoreUnderTest };
  snapshots(parts);
  transactions(parts);
  changes(parts);
  leases(parts);
  return test;
}

interface Parts {
  readonly test: Test;
  readonly store: () => Store;
  readonly under: () => StoreUnderTest;
}

function snapshots({ test, store }: Parts): void {
  test('has a description for messages', () => {
    assert.ok(store().description.length > 0);
  });

  test('an empty prefix range has no entries, but a revision and a store id', async () => {
    const snapshot = await store().snapshot('/nothing/');
    assert.equal(snapshot.entries, []);
    assert.is(typeof snapshot.revision, 'bigint');
    assert.ok(snapshot.storeId.length > 0);
  });

  test('the store id stays the same', async () => {
    const before = await store().snapshot('/id/');
    await put(store(), '/id/a', '1');
    assert.is((await store().snapshot('/id/')).storeId, before.storeId);
  });

  test('every write advances the revision by one', async () => {
    const first = await put(store(), '/revision/a', '1');
    assert.is(await put(store(), '/revision/b', '1'), first + 1n);
    assert.is(await remove(store(), '/revision/a'), first + 2n);
    assert.is((await store().snapshot('/revision/')).revision, first + 2n);
  });

  test('an entry holds its value, and the revisions that created and last wrote it', async () => {
    const created = await put(store(), '/entry/a', 'one');
    const written = await put(store(), '/entry/a', 'zwei ü 二');
    const { entries } = await store().snapshot('/entry/');
    assert.equal(entries, [
      { key: key('/entry/a'), value: 'zwei ü 二', createRevision: created, modRevision: written },
    ]);
  });

  test('a key that was deleted is created anew', async () => {
    await put(store(), '/again/a', '1');
    await remove(store(), '/again/a');
    const revision = await put(store(), '/again/a', '2');
    const [entry] = (await store().snapshot('/again/')).entries;
    assert.is(entry?.createRevision, revision);
    assert.is(entry?.modRevision, revision);
  });

  test('entries come in the order of their keys, octet by octet', async () => {
    const keys = [
      '/order/b',
      '/order/a',
      '/order/a/b',
      '/order/a-b',
      '/order/B',
      '/order/é',
      '/order/z',
      '/order/\u{1F600}',
      '/order/\uFB01',
    ];
    for (const each of keys) await put(store(), each, '');
    const byOctets = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.equal(keysOf((await store().snapshot('/order/')).entries), byOctets);
  });

  test('a prefix is a plain string prefix: it knows no segments', async () => {
    for (const each of ['/plain/web', '/plain/web/a', '/plain/web2', '/plain/we', '/plaio'])
      await put(store(), each, '');
    assert.equal(keysOf((await store().snapshot('/plain/web')).entries), ['/plain/web', '/plain/web/a', '/plain/web2']);
  });

  test('an empty prefix selects every key', async () => {
    await put(store(), '/every', '');
    await put(store(), 'no-slash', '');
    const keys = keysOf((await store().snapshot('')).entries);
    assert.ok(keys.includes('/every') && keys.includes('no-slash'));
  });

  test('keeps empty and long values', async () => {
    const long = 'x'.repeat(100_000);
    await put(store(), '/values/empty', '');
    await put(store(), '/values/long', long);
    assert.equal(
      (await store().snapshot('/values/')).entries.map((entry) => entry.value.length),
      [0, long.length],
    );
  });
}

function transactions({ test, store }: Parts): void {
  const found = (result: CommitResult): readonly Entry[] => {
    if (result.ok) throw new Error('the transaction was applied');
    return result.found;
  };

  test('applies all writes at one revision', async () => {
    await put(store(), '/txn/gone', '');
    const result = await store().commit({
      expect: [],
      writes: [
        { type: 'put', key: key('/txn/a'), value: '1' },
        { type: 'put', key: key('/txn/b'), value: '2' },
        { type: 'delete', key: key('/txn/gone') },
      ],
    });
    assert.ok(result.ok);
    const { revision, entries } = await store().snapshot('/txn/');
    assert.is(revision, result.revision);
    assert.equal(
      entries.map((entry) => [entry.key, entry.modRevision]),
      [
        ['/txn/a', result.revision],
        ['/txn/b', result.revision],
      ],
    );
  });

  test('writes when an expected key is absent, and not a second time', async () => {
    const transaction = {
      expect: [{ key: key('/absent/a'), absent: true }],
      writes: [{ type: 'put', key: key('/absent/a'), value: '1' }],
    } as const;
    const first = await store().commit(transaction);
    assert.ok(first.ok);
    const second = await store().commit(transaction);
    assert.not.ok(second.ok);
    assert.equal(found(second), [
      { key: key('/absent/a'), value: '1', createRevision: first.revision, modRevision: first.revision },
    ]);
    assert.is(second.revision, first.revision, 'a refused transaction makes no revision');
  });

  test('writes when a key was last written at the expected revision, and not at another', async () => {
    const old = await put(store(), '/expect/a', '1');
    const current = await put(store(), '/expect/a', '2');
    const write = [{ type: 'put', key: key('/expect/a'), value: '3' }] as const;
    const refused = await store().commit({ expect: [{ key: key('/expect/a'), modRevision: old }], writes: write });
    assert.equal(
      found(refused).map((entry) => [entry.value, entry.modRevision]),
      [['2', current]],
    );
    assert.ok((await store().commit({ expect: [{ key: key('/expect/a'), modRevision: current }], writes: write })).ok);
  });

  test('a key that is absent meets no expected revision, and is left out of what was found', async () => {
    const result = await store().commit({
      expect: [{ key: key('/expect/none'), modRevision: 1n }],
      writes: [{ type: 'put', key: key('/expect/none'), value: '' }],
    });
    assert.equal(found(result), []);
  });

  test('one unmet expectation keeps every write back', async () => {
    await put(store(), '/all/taken', 'theirs');
    const result = await store().commit({
      expect: [
        { key: key('/all/free'), absent: true },
        { key: key('/all/taken'), absent: true },
      ],
      writes: [
        { type: 'put', key: key('/all/free'), value: 'ours' },
        { type: 'put', key: key('/all/taken'), value: 'ours' },
      ],
    });
    assert.equal(
      found(result).map((entry) => entry.value),
      ['theirs'],
    );
    assert.equal(
      (await store().snapshot('/all/')).entries.map((entry) => entry.value),
      ['theirs'],
    );
  });

  test('deleting what is not there is no change and makes no revision', async () => {
    const before = await store().snapshot('/missing/');
    assert.is(await remove(store(), '/missing/a'), before.revision);
  });

  test(`takes ${TRANSACTION_OPS_MAX} expectations and writes together, and refuses one more`, async () => {
    const of = (writes: number) => ({
      expect: [{ key: key('/limit/0'), absent: true }] as const,
      writes: Array.from(
        { length: writes },
        (_, at) => ({ type: 'put', key: key(`/limit/${at}`), value: '' }) as const,
      ),
    });
    const refusal = await failsWith('invalid', () => store().commit(of(TRANSACTION_OPS_MAX)));
    assert.match(refusal.message, String(TRANSACTION_OPS_MAX + 1));
    assert.match(refusal.message, String(TRANSACTION_OPS_MAX));
    assert.ok((await store().commit(of(TRANSACTION_OPS_MAX - 1))).ok);
  });

  test('refuses two writes of one key', async () => {
    const write = { type: 'put', key: key('/twice/a'), value: '' } as const;
    await failsWith('invalid', () => store().commit({ expect: [], writes: [write, write] }));
    assert.equal((await store().snapshot('/twice/')).entries, []);
  });
}

function changes({ test, store, under }: Parts): void {
  test('a watch says that it stands with an empty batch, which misses nothing before its start', async () => {
    const { revision } = await store().snapshot('/live/');
    const follower = follow(store(), '/live/', revision + 1n);
    await follower.live();
    assert.equal(follower.batches, [{ revision, changes: [] }]);
    follower.stop();
  });

  test('gives puts and deletes of its prefix, and no others', async () => {
    const { revision } = await store().snapshot('/seen/');
    const follower = follow(store(), '/seen/', revision + 1n);
    await follower.live();
    const first = await put(store(), '/seen/a', '1');
    await put(store(), '/seem', 'other');
    const second = await remove(store(), '/seen/a');
    await follower.count(2);
    assert.equal(follower.changes, [
      { type: 'put', entry: { key: key('/seen/a'), value: '1', createRevision: first, modRevision: first } },
      { type: 'delete', key: key('/seen/a'), modRevision: second },
    ]);
    assert.is(follower.batches.at(-1)?.revision, second);
    follower.stop();
  });

  test('gives what happened from its first revision on, the first one included', async () => {
    const first = await put(store(), '/past/a', '1');
    const second = await put(store(), '/past/a', '2');
    const whole = follow(store(), '/past/', first);
    const later = follow(store(), '/past/', second);
    await whole.count(2);
    await later.count(1);
    assert.equal(whole.changes.map(brief), [`+/past/a@${first}=1`, `+/past/a@${second}=2`]);
    assert.equal(later.changes.map(brief), [`+/past/a@${second}=2`]);
    assert.equal(whole.batches[0]?.changes, [], 'the first batch is empty');
    whole.stop();
    later.stop();
  });

  test('a batch holds whole revisions', async () => {
    const { revision } = await store().snapshot('/whole/');
    for (let round = 0; round < 20; round += 1) {
      const writes = Array.from({ length: 25 }, (_, at) => ({
        type: 'put' as const,
        key: key(`/whole/${at}`),
        value: String(round),
      }));
      await store().commit({ expect: [], writes });
    }
    const follower = follow(store(), '/whole/', revision + 1n);
    await follower.count(500);
    const ends = follower.batches.flatMap(({ changes }) => [...new Set(changes.map(revisionOf))]);
    assert.is(new Set(ends).size, ends.length, 'a revision stands in two batches');
    assert.is(follower.changes.length, 500);
    follower.stop();
  });

  test('a caller that comes again from its last revision + 1 misses nothing and sees nothing twice', async () => {
    const { revision } = await store().snapshot('/resume/');
    const expected: string[] = [];
    const write = async (at: number): Promise<void> => {
      const value = String(at);
      expected.push(`+/resume/a@${await put(store(), '/resume/a', value)}=${value}`);
    };
    const seen: string[] = [];
    let next = revision + 1n;
    for (let round = 0; round < 10; round += 1) {
      await write(round * 3);
      const follower = follow(store(), '/resume/', next);
      await write(round * 3 + 1);
      await follower.count(round === 0 ? 1 : 2);
      follower.stop();
      await write(round * 3 + 2);
      seen.push(...follower.changes.map(brief));
      next = follower.next;
    }
    const last = follow(store(), '/resume/', next);
    await last.count(expected.length - seen.length);
    seen.push(...last.changes.map(brief));
    last.stop();
    assert.equal(seen, expected);
  });

  test('two followers see the same', async () => {
    const { revision } = await store().snapshot('/both/');
    const followers = [follow(store(), '/both/', revision + 1n), follow(store(), '/both/', revision + 1n)];
    for (let at = 0; at < 10; at += 1) await put(store(), '/both/a', String(at));
    for (const follower of followers) await follower.count(10);
    assert.equal(followers[0]?.changes, followers[1]?.changes);
    for (const follower of followers) follower.stop();
  });

  test('the changes after a snapshot, applied to it, give the next snapshot', async () => {
    await put(store(), '/sum/kept', '1');
    await put(store(), '/sum/gone', '1');
    const before = await store().snapshot('/sum/');
    const follower = follow(store(), '/sum/', before.revision + 1n);
    await put(store(), '/sum/kept', '2');
    await put(store(), '/sum/new', '1');
    await remove(store(), '/sum/gone');
    await follower.count(3);
    follower.stop();
    const state = new Map(before.entries.map((entry) => [entry.key, entry]));
    for (const change of follower.changes) {
      if (change.type === 'put') state.set(change.entry.key, change.entry);
      else state.delete(change.key);
    }
    const after = await store().snapshot('/sum/');
    assert.equal(
      after.entries,
      [...state.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
  });

  test('a revision that is no longer kept is an error: read anew', async () => {
    const { compact } = under();
    if (compact === undefined) return;
    const first = await put(store(), '/compact/a', '1');
    const last = await put(store(), '/compact/a', '2');
    await compact(last);
    const behind = follow(store(), '/compact/', first);
    await until('the error', () => behind.error !== undefined);
    assert.instance(behind.error, StoreError);
    assert.is((behind.error as StoreError).code, 'compacted');
    const level = follow(store(), '/compact/', last + 1n);
    await level.live();
    await put(store(), '/compact/a', '3');
    await level.count(1);
    level.stop();
    assert.is((await store().snapshot('/compact/')).entries.length, 1, 'what stands now is still there');
  });
}

const revisionOf = (change: Change): Revision =>
  change.type === 'put' ? change.entry.modRevision : change.modRevision;

/** Nobody keeps this lease, and nobody has had it. */
const NO_LEASE = '4242424242' as LeaseId;

function leases({ test, store }: Parts): void {
  test('grants a lease of at least the seconds asked for', async () => {
    const { lease, ttlSeconds } = await store().grant(30);
    assert.match(lease, /^[1-9]\d*$/);
    assert.ok(ttlSeconds >= 30);
    const left = await store().timeToLive(lease);
    assert.is(left?.grantedSeconds, ttlSeconds);
    assert.ok(left !== undefined && left.remainingSeconds <= ttlSeconds && left.remainingSeconds >= ttlSeconds - 5);
    await store().revoke(lease);
  });

  test('two leases are different', async () => {
    const [one, two] = [await store().grant(30), await store().grant(30)];
    assert.is.not(one.lease, two.lease);
    await store().revoke(one.lease);
    assert.ok((await store().timeToLive(two.lease)) !== undefined);
    await store().revoke(two.lease);
  });

  test('an entry names its lease, in snapshots, changes and what a transaction found', async () => {
    const { lease } = await store().grant(30);
    const revision = await put(store(), '/leased/a', '1', lease);
    const entry = { key: key('/leased/a'), value: '1', createRevision: revision, modRevision: revision, lease };
    assert.equal((await store().snapshot('/leased/')).entries, [entry]);
    const follower = follow(store(), '/leased/', revision);
    await follower.count(1);
    follower.stop();
    assert.equal(follower.changes, [{ type: 'put', entry }]);
    const refused = await store().commit({ expect: [{ key: key('/leased/a'), absent: true }], writes: [] });
    assert.equal(refused.ok ? undefined : refused.found, [entry]);
    await store().revoke(lease);
  });

  test('revoking a lease deletes its keys, at one revision, and no others', async () => {
    const { lease } = await store().grant(30);
    await put(store(), '/revoked/a', '1', lease);
    await put(store(), '/revoked/b', '1', lease);
    const kept = await put(store(), '/revoked/c', '1');
    const follower = follow(store(), '/revoked/', kept + 1n);
    await follower.live();
    await store().revoke(lease);
    await follower.count(2);
    follower.stop();
    assert.equal(follower.changes.map(brief).sort(), [`-/revoked/a@${kept + 1n}`, `-/revoked/b@${kept + 1n}`]);
    assert.equal(keysOf((await store().snapshot('/revoked/')).entries), ['/revoked/c']);
    assert.is(await store().timeToLive(lease), undefined);
  });

  test('a key that was written without the lease, or with another, is no longer on it', async () => {
    const [one, two] = [await store().grant(30), await store().grant(30)];
    await put(store(), '/moved/a', '1', one.lease);
    await put(store(), '/moved/b', '1', one.lease);
    await put(store(), '/moved/a', '2');
    await put(store(), '/moved/b', '2', two.lease);
    await store().revoke(one.lease);
    assert.equal(keysOf((await store().snapshot('/moved/')).entries), ['/moved/a', '/moved/b']);
    await store().revoke(two.lease);
    assert.equal(keysOf((await store().snapshot('/moved/')).entries), ['/moved/a']);
  });

  test('a deleted key is no longer on its lease: created anew without one, it outlives it', async () => {
    const { lease } = await store().grant(30);
    await put(store(), '/reborn/a', '1', lease);
    await remove(store(), '/reborn/a');
    await put(store(), '/reborn/a', '2');
    await store().revoke(lease);
    assert.equal(keysOf((await store().snapshot('/reborn/')).entries), ['/reborn/a']);
  });

  test('a lease that nobody keeps expires and takes its keys; one that is kept stays', async () => {
    const started = performance.now();
    const [left, kept] = [await store().grant(2), await store().grant(2)];
    await put(store(), '/expiry/left', '1', left.lease);
    const revision = await put(store(), '/expiry/kept', '1', kept.lease);
    const follower = follow(store(), '/expiry/', revision + 1n);
    await until(
      'the expiry of the lease that nobody keeps',
      async () => {
        assert.is(await store().keepAlive(kept.lease), kept.ttlSeconds);
        return follower.changes.length > 0;
      },
      { everyMs: 200 },
    );
    follower.stop();
    const afterSeconds = (performance.now() - started) / 1000;
    assert.ok(afterSeconds > left.ttlSeconds - 0.5, `gone after ${afterSeconds} s, before its ${left.ttlSeconds} s`);
    assert.ok(afterSeconds < left.ttlSeconds + 10, `gone only after ${afterSeconds} s of ${left.ttlSeconds} s`);
    assert.equal(keysOf((await store().snapshot('/expiry/')).entries), ['/expiry/kept']);
    assert.is(await store().timeToLive(left.lease), undefined);
    await store().revoke(kept.lease);
  });

  test('a lease that is gone cannot be kept, read or written with, and revoking it is no error', async () => {
    const gone = (await store().grant(30)).lease;
    await store().revoke(gone);
    for (const lease of [gone, NO_LEASE]) {
      const refusal = await failsWith('lease-gone', () => store().keepAlive(lease));
      assert.match(refusal.message, /lease/);
      assert.is(await store().timeToLive(lease), undefined);
      await failsWith('lease-gone', () => put(store(), '/gone/a', '1', lease));
      await store().revoke(lease);
    }
    assert.equal((await store().snapshot('/gone/')).entries, []);
  });

  test('with a lease that is gone, none of the writes is applied', async () => {
    await failsWith('lease-gone', () =>
      store().commit({
        expect: [],
        writes: [
          { type: 'put', key: key('/half/a'), value: '1' },
          { type: 'put', key: key('/half/b'), value: '1', lease: NO_LEASE },
        ],
      }),
    );
    assert.equal((await store().snapshot('/half/')).entries, []);
  });

  test('refuses a lease of less than a second', async () => {
    await failsWith('invalid', () => store().grant(0));
  });
}
