import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ChangeExplanations, type ToldCauses, WAITING_MAX } from '../../../resolver/following/change-explanations.ts';
import type { RecordEvent } from '../../../resolver/following/state.ts';
import type { ChangeCause } from '../../../shared/causes.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const KEY = '/skydns/org/example/web/node-1/a' as EtcdKey;
const OTHER = '/skydns/org/example/web/node-1/b' as EtcdKey;

const put = (revision: number, key = KEY, over: Partial<RecordEvent> = {}): RecordEvent =>
  ({ type: 'RecordPut', atMs: 1000 + revision, revision: String(revision), key, value: '{}', ...over }) as RecordEvent;
const gone = (revision: number, key = KEY, late = false): RecordEvent => ({
  type: 'RecordDeleted',
  atMs: 1000 + revision,
  revision: String(revision),
  key,
  ...(late && { late: true }),
});
const causeOf = (key: EtcdKey, write: string, cause: string): ChangeCause => ({ key, write, cause, decidedAtMs: 7 });
const told = (revision: number, ...changes: ChangeCause[]): ToldCauses => ({
  revision: BigInt(revision),
  host: 'node-1',
  changes,
});
const started = causeOf(KEY, 'announced', 'docker start');
const killed = causeOf(KEY, 'withdrawn', 'docker kill 15');
const brief = (explained: ReturnType<ChangeExplanations['told']>): string[] =>
  explained.map(({ event: { revision, cause }, isLate }) => `${revision} ${cause}${isLate ? ', late' : ''}`);

const test = suite('resolver/change-explanations');

test('a change and its cause meet, whichever comes first, and the event has the time of the change', () => {
  const explanations = new ChangeExplanations('/skydns');
  assert.equal(explanations.changed([put(5)]), []);
  assert.equal(explanations.told([told(5, { ...started, causedAtMs: 3, container: 'c', containerName: 'web-1' })]), [
    {
      event: {
        type: 'ChangeExplained',
        atMs: 1005,
        revision: '5',
        key: KEY,
        host: 'node-1',
        write: 'announced',
        cause: 'docker start',
        causedAtMs: 3,
        decidedAtMs: 7,
        container: 'c',
        containerName: 'web-1',
      },
      isLate: false,
    },
  ]);
  assert.equal(explanations.told([told(6, killed)]), []);
  assert.equal(brief(explanations.changed([gone(6)])), ['6 docker kill 15']);
});

test('what the process before ours left without a cause is explained when that is told again', () => {
  const explanations = new ChangeExplanations('/skydns', [put(5), gone(9, OTHER, true)]);
  assert.equal(brief(explanations.told([told(5, started), told(8, causeOf(OTHER, 'withdrawn', 'docker die'))])), [
    '5 docker start',
    '9 docker die, late',
  ]);
  assert.equal(brief(explanations.told([told(5, started)])), [], 'once');
});

test('another revision of the key, and another key of the revision, are something else', () => {
  const explanations = new ChangeExplanations('/skydns');
  explanations.changed([put(5), put(6, OTHER)]);
  assert.equal(explanations.told([told(6, started), told(5, causeOf(OTHER, 'announced', 'x'))]), []);
});

test('nothing is explained twice', () => {
  const explanations = new ChangeExplanations('/skydns');
  explanations.changed([put(5)]);
  assert.is(explanations.told([told(5, started)]).length, 1);
  assert.is(explanations.told([told(5, started)]).length, 0);
  // As after a read that repeats what the watch had told.
  assert.is(explanations.changed([put(5)]).length, 1);
});

test('causes of keys that are not below the prefix are passed over', () => {
  const explanations = new ChangeExplanations('/names');
  explanations.changed([put(5)]);
  assert.equal(explanations.told([told(5, started)]), []);
});

test('whatever the order in which two watches tell it, each change has its own cause', () => {
  const revisions = fc.uniqueArray(fc.nat(60), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(revisions, fc.infiniteStream(fc.boolean()), (all, turns) => {
      const ordered = [...all].sort((one, other) => one - other);
      const explanations = new ChangeExplanations('/skydns');
      const [changes, causes] = [[...ordered], [...ordered]];
      const seen: string[] = [];
      while (changes.length + causes.length > 0) {
        const isChange = causes.length === 0 || (changes.length > 0 && turns.next().value);
        const revision = (isChange ? changes : causes).shift() as number;
        const event = revision % 3 === 0 ? gone(revision) : put(revision);
        const cause = causeOf(KEY, revision % 3 === 0 ? 'withdrawn' : 'announced', `cause ${revision}`);
        seen.push(...brief(isChange ? explanations.changed([event]) : explanations.told([told(revision, cause)])));
      }
      assert.equal(seen.sort(), ordered.map((revision) => `${revision} cause ${revision}`).sort());
    }),
  );
});

test('a key that was found gone is explained by its removal, though nobody saw at which revision', () => {
  const explanations = new ChangeExplanations('/skydns');
  explanations.told([told(8, killed)]);
  assert.equal(brief(explanations.changed([gone(20, KEY, true)])), ['20 docker kill 15, late']);
  explanations.changed([gone(20, OTHER, true)]);
  assert.equal(brief(explanations.told([told(9, causeOf(OTHER, 'withdrawn', 'docker die'))])), ['20 docker die, late']);
});

test('a key that went with its lease is not explained by what was told of it before', () => {
  const lost = gone(20, KEY, true);
  // It came again behind that removal, told and not seen, seen and not told, or both.
  for (const again of ['told', 'seen', 'both'] as const) {
    const explanations = new ChangeExplanations('/skydns');
    explanations.told([told(8, killed)]);
    if (again !== 'told') explanations.changed([put(12)]);
    if (again !== 'seen') explanations.told([told(12, started)]);
    assert.equal(explanations.changed([lost]), [], again);
  }
  const explanations = new ChangeExplanations('/skydns');
  explanations.changed([lost]);
  assert.equal(explanations.told([told(8, killed), told(12, started)]), []);
  assert.equal(explanations.told([told(21, killed)]), []);
});

test('what waits is bounded: the oldest is forgotten', () => {
  const explanations = new ChangeExplanations('/skydns');
  for (let revision = 1; revision <= WAITING_MAX + 1; revision += 1) explanations.changed([put(revision)]);
  assert.equal(explanations.told([told(1, started)]), []);
  const half = WAITING_MAX / 2;
  assert.equal(brief(explanations.told([told(half, started)])), [`${half} docker start`]);
});

test.run();
