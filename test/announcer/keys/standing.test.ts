import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Standing } from '../../../announcer/keys/standing.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { Entry, LeaseId } from '../../../shared/store.ts';

const KEY = '/skydns/org/example/web/node-1/3f2a' as EtcdKey;
const OURS = '{"host":"192.0.2.1","owner":"node-1/aaaa"}';
const PREDECESSORS = '{"host":"192.0.2.1","owner":"node-1/bbbb"}';
const THEIRS = '{"host":"192.0.2.1","owner":"node-2/cccc"}';
const NOBODYS = '{"host":"192.0.2.66"}';

const entry = (value: string, modRevision: bigint, createRevision = modRevision): Entry => ({
  key: KEY,
  value,
  createRevision,
  modRevision,
  lease: '7' as LeaseId,
});
const knowing = (...entries: Entry[]): Standing => {
  const standing = new Standing('node-1');
  for (const each of entries) standing.learn(KEY, each, each.modRevision);
  return standing;
};

const test = suite('announcer/standing');

test('a key that names this host is ours, whichever announcer of it wrote it', () => {
  assert.is(knowing(entry(OURS, 5n)).get(KEY)?.foreignOwner, undefined);
  assert.is(knowing(entry(PREDECESSORS, 5n)).get(KEY)?.foreignOwner, undefined);
});

test('a host whose name begins like ours is another host', () => {
  const standing = knowing(entry('{"owner":"node-12/aaaa"}', 5n));
  assert.is(standing.get(KEY)?.foreignOwner, 'node-12/aaaa');
  assert.is(standing.isBelowHost('/skydns/org/example/web/node-12/3f2a'), false);
  assert.is(standing.isBelowHost('/skydns/org/example/web/my-node-1/3f2a'), false);
  assert.is(standing.isBelowHost('/skydns/org/example/node-1'), false);
  assert.is(standing.isBelowHost(KEY), true);
});

test("another owner's key is foreign", () => {
  assert.is(knowing(entry(THEIRS, 5n)).get(KEY)?.foreignOwner, 'node-2/cccc');
});

test('a key that names nobody is foreign when we did not create it', () => {
  assert.is(knowing(entry(NOBODYS, 5n)).get(KEY)?.foreignOwner, '');
  assert.is(knowing(entry('not JSON', 5n)).get(KEY)?.foreignOwner, '');
});

test('our own key written over by hand is still ours, and one that was deleted and made anew is not', () => {
  assert.is(knowing(entry(OURS, 5n), entry(NOBODYS, 6n, 5n)).get(KEY)?.foreignOwner, undefined);
  assert.is(knowing(entry(OURS, 5n), entry(NOBODYS, 7n, 7n)).get(KEY)?.foreignOwner, '');
  assert.is(knowing(entry(OURS, 5n), entry(THEIRS, 6n, 5n)).get(KEY)?.foreignOwner, 'node-2/cccc');
});

test('an older fact never replaces a newer one', () => {
  const standing = knowing(entry(OURS, 5n));
  assert.is(standing.learn(KEY, entry(THEIRS, 4n), 4n), undefined);
  assert.is(standing.learn(KEY, undefined, 4n), undefined);
  assert.is(standing.get(KEY)?.value, OURS);
});

test('a put that is told after the delete that followed it brings nothing back', () => {
  const standing = knowing(entry(OURS, 5n));
  standing.learn(KEY, undefined, 8n);
  standing.settle(5n);
  assert.is(standing.learn(KEY, entry(OURS, 6n), 6n), undefined);
  assert.is(standing.get(KEY), undefined);
  standing.settle(8n);
  assert.ok(standing.learn(KEY, entry(OURS, 9n), 9n));
});

test('a repeat teaches nothing', () => {
  const standing = knowing(entry(OURS, 5n));
  assert.is(standing.learn(KEY, entry(OURS, 5n), 5n), undefined);
  standing.learn(KEY, undefined, 6n);
  assert.is(standing.learn(KEY, undefined, 6n), undefined);
});

test('what a snapshot does not hold is gone, unless we wrote it since', () => {
  const standing = knowing(entry(OURS, 5n));
  assert.equal(standing.learnAll([], 4n), []);
  assert.equal(
    standing.learnAll([], 5n).map(({ key, after }) => [key, after]),
    [[KEY, undefined]],
  );
});

test("a snapshot's keys of other hosts are passed over", () => {
  const other = { ...entry(THEIRS, 5n), key: '/skydns/org/example/web/node-2/3f2a' as EtcdKey };
  assert.equal(new Standing('node-1').learnAll([other], 9n), []);
});

test.run();
