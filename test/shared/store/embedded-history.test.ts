import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EtcdKey } from '../../../shared/name.ts';
import { ChangeHistory } from '../../../shared/store/embedded/history.ts';
import type { Change } from '../../../shared/store.ts';

const test = suite('store/embedded-history');
const gone = (key: string, modRevision: bigint): Change => ({ type: 'delete', key: key as EtcdKey, modRevision });
const filled = (to: bigint, changesMax = 1000): ChangeHistory => {
  const history = new ChangeHistory(changesMax, 0n);
  for (let revision = 2n; revision <= to; revision += 1n) history.add(revision, [gone(`/${revision}`, revision)]);
  return history;
};
const revisions = (history: ChangeHistory, from: bigint, prefix = '/'): bigint[] | undefined =>
  history.read(prefix, from)?.changes.map((change) => (change.type === 'delete' ? change.modRevision : 0n));

test('gives what happened from a revision on, that one included', () => {
  const history = filled(6n);
  assert.equal(revisions(history, 1n)?.map(String), ['2', '3', '4', '5', '6']);
  assert.equal(revisions(history, 5n)?.map(String), ['5', '6']);
  assert.equal(revisions(history, 7n), []);
});

test('gives only what begins with the prefix, with the revision of the last of it', () => {
  const history = filled(20n);
  assert.equal(revisions(history, 1n, '/1')?.map(String), ['10', '11', '12', '13', '14', '15', '16', '17', '18', '19']);
  assert.is(history.read('/1', 1n)?.revision, 19n);
});

test('keeps at least its limit and not much more, and knows what it has forgotten', () => {
  const history = new ChangeHistory(100, 0n);
  for (let revision = 2n; revision <= 1000n; revision += 1n) {
    history.add(revision, [gone('/a', revision)]);
    history.trim();
    const kept = revision - (history.compacted < 1n ? 1n : history.compacted);
    assert.ok(kept >= (revision < 101n ? revision - 1n : 100n) && kept <= 113n, `${kept} at ${revision}`);
    assert.is(revisions(history, history.compacted), undefined);
    assert.is(revisions(history, history.compacted + 1n)?.length, Number(kept));
  }
});

test('forgets up to a revision when told to, also one that is not kept', () => {
  const history = filled(10n);
  history.compact(4n);
  assert.is(revisions(history, 4n), undefined);
  assert.equal(revisions(history, 5n)?.map(String), ['5', '6', '7', '8', '9', '10']);
  history.compact(500n);
  assert.is(revisions(history, 500n), undefined);
  assert.equal(revisions(history, 501n), []);
});

test.run();
