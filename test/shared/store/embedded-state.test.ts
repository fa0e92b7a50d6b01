import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EtcdKey } from '../../../shared/name.ts';
import {
  compareOctets,
  decideCommit,
  decideLeaseEnd,
  REQUEST_OCTETS_MAX,
  type StoreEvent,
  StoreState,
} from '../../../shared/store/embedded/state.ts';
import { type LeaseId, StoreError, type Transaction } from '../../../shared/store.ts';
import fc from '../../support/properties.ts';

const test = suite('store/embedded-state');
const key = (text: string): EtcdKey => text as EtcdKey;
const L1 = '1' as LeaseId;
const put = (name: string, value: string, lease?: LeaseId) =>
  ({ type: 'put', key: key(name), value, ...(lease === undefined ? {} : { lease }) }) as const;
const remove = (name: string) => ({ type: 'delete', key: key(name) }) as const;

/** Decides and takes up a transaction; returns whether it was an event. */
function commit(state: StoreState, transaction: Partial<Transaction>): StoreEvent | undefined {
  const decided = decideCommit(state, { expect: [], writes: [], ...transaction });
  if ('ok' in decided) return undefined;
  const event = { ...decided, atMs: 0 };
  state.evolve(event);
  return event;
}
const dump = (state: StoreState): string => JSON.stringify([...state.lines()]);

test('an empty store is at revision 1, and the first write at 2', () => {
  const state = new StoreState();
  assert.is(state.revision, 1n);
  commit(state, { writes: [put('/a', '1')] });
  assert.is(state.revision, 2n);
});

test('expectations come before leases: a transaction that is refused anyway is not an error', () => {
  const state = new StoreState();
  commit(state, { writes: [put('/a', '1')] });
  const refused = decideCommit(state, { expect: [{ key: key('/a'), absent: true }], writes: [put('/b', '', L1)] });
  assert.ok('ok' in refused && !refused.ok);
});

test('revision 0 means absent, as in etcd', () => {
  const decided = decideCommit(new StoreState(), {
    expect: [{ key: key('/a'), modRevision: 0n }],
    writes: [put('/a', '')],
  });
  assert.not.ok('ok' in decided);
});

test('deletes of what is not there are left out of the event', () => {
  const state = new StoreState();
  const event = commit(state, { writes: [remove('/none'), put('/a', '1')] });
  assert.equal(event?.type === 'Committed' ? event.writes : [], [put('/a', '1')]);
});

test('refuses an empty key and a request that etcd would refuse for its size', () => {
  const refuse = (transaction: Partial<Transaction>): string => {
    try {
      commit(new StoreState(), transaction);
    } catch (error) {
      assert.instance(error, StoreError);
      assert.is((error as StoreError).code, 'invalid');
      return (error as Error).message;
    }
    throw new Error('it was taken');
  };
  assert.match(refuse({ writes: [put('', '')] }), 'empty');
  assert.match(refuse({ writes: [put('/a', 'x'.repeat(REQUEST_OCTETS_MAX))] }), String(REQUEST_OCTETS_MAX));
});

test('the end of a lease takes its keys at one revision, and makes none without keys', () => {
  const state = new StoreState();
  assert.is(decideLeaseEnd(state, L1, 'expired'), undefined);
  state.evolve({ type: 'LeaseGranted', lease: L1, ttlSeconds: 10, atMs: 0 });
  assert.is(decideLeaseEnd(state, L1, 'expired')?.revision, '1');
  commit(state, { writes: [put('/b', '', L1), put('/a', '', L1)] });
  const end = decideLeaseEnd(state, L1, 'expired');
  assert.is(end?.revision, '3');
  const changes = state.evolve({ ...(end as NonNullable<typeof end>), atMs: 0 });
  assert.equal(
    changes.map((change) => change.type === 'delete' && change.key),
    ['/a', '/b'],
  );
  assert.equal(state.select(''), []);
  assert.is(state.ttlSeconds(L1), undefined);
});

test('keys are ordered as their UTF-8 is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), (a, b) => {
      assert.is(Math.sign(compareOctets(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
  assert.ok(compareOctets('\u{1F600}', '\uFB01') > 0);
});

test('for any history: the same events give the same state, and so does a snapshot with the events after it', () => {
  const names = fc.constantFrom('/a', '/a/b', '/b', '/c');
  const leases = fc.constantFrom(L1, '2' as LeaseId);
  const writes = fc.uniqueArray(
    fc.oneof(
      fc.tuple(names, fc.string(), fc.option(leases, { nil: undefined })).map((args) => put(...args)),
      names.map(remove),
    ),
    { maxLength: 4, selector: (write) => write.key },
  );
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('commit' as const), writes }),
      fc.record({ do: fc.constantFrom('grant' as const, 'end' as const), lease: leases }),
    ),
  );
  fc.assert(
    fc.property(steps, fc.nat(), (script, cut) => {
      const state = new StoreState();
      const events: StoreEvent[] = [];
      let snapshot: { lines: string; after: number } | undefined;
      const record = (event: StoreEvent): void => {
        if (events.length === cut % (script.length + 1)) snapshot = { lines: dump(state), after: events.length };
        const before = state.revision;
        const changes = state.evolve(event);
        assert.is(
          state.revision,
          changes.length > 0 ? before + 1n : before,
          'one revision for all changes of an event',
        );
        for (const change of changes) {
          assert.is(change.type === 'put' ? change.entry.modRevision : change.modRevision, state.revision);
        }
        events.push(event);
      };
      for (const step of script) {
        if (step.do === 'grant' && state.ttlSeconds(step.lease) === undefined) {
          record({ type: 'LeaseGranted', lease: step.lease, ttlSeconds: 9, atMs: 0 });
        } else if (step.do === 'end') {
          const end = decideLeaseEnd(state, step.lease, 'revoked');
          if (end !== undefined) record({ ...end, atMs: 0 });
        } else if (step.do === 'commit') {
          try {
            const decided = decideCommit(state, { expect: [], writes: step.writes });
            if (!('ok' in decided)) record({ ...decided, atMs: 0 });
          } catch (error) {
            assert.is((error as StoreError).code, 'lease-gone');
          }
        }
      }
      const replayed = new StoreState();
      for (const event of JSON.parse(JSON.stringify(events))) replayed.evolve(event);
      assert.is(dump(replayed), dump(state));
      if (snapshot === undefined) return;
      const restored = new StoreState();
      for (const line of JSON.parse(snapshot.lines)) restored.restore(line);
      for (const event of events.slice(snapshot.after)) restored.evolve(event);
      assert.equal(restored.select(''), state.select(''));
      assert.is(restored.revision, state.revision);
    }),
  );
});

test.run();
