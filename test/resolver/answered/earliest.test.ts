import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EarliestAnswers } from '../../../resolver/answered/earliest.ts';
import { type FirstAnswer, UnansweredChanges } from '../../../resolver/answered/unanswered.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/earliest');

const KEY = '/skydns/org/example/web' as EtcdKey;
const name = parseName('web.example.org');
const answer = (atMs: number, revision = '5'): FirstAnswer => ({
  key: KEY,
  revision,
  name,
  appliedAtMs: 1000,
  isLate: false,
  question: 'web.example.org. A',
  outcome: 'answer',
  atMs,
});

function waiting(): EarliestAnswers {
  const changes = new UnansweredChanges();
  changes.add({ key: KEY, revision: '5', name, addresses: [], stands: true, appliedAtMs: 1000, isLate: false });
  return new EarliestAnswers(changes);
}

test('a report waits for a whole round, in which an earlier answer takes its place', () => {
  const earliest = waiting();
  earliest.report([answer(1010)]);
  assert.equal(earliest.takeRound(), []);
  earliest.report([answer(1005), answer(1020)]);
  assert.equal(earliest.takeRound(), [answer(1005)]);
  assert.is(earliest.isEmpty, true);
});

test('a change that nobody waits for is passed over: an older revision, or one handed on already', () => {
  const earliest = waiting();
  earliest.report([answer(1001, '4')]);
  assert.is(earliest.isEmpty, true);
  earliest.report([answer(1010)]);
  earliest.takeRound();
  earliest.takeRound();
  earliest.report([answer(1001)]);
  assert.is(earliest.isEmpty, true);
});

test('whatever the order of the reports within a round, the earliest is handed on, once', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1000, max: 2000 }), { minLength: 1 }), (times) => {
      const earliest = waiting();
      for (const atMs of times) earliest.report([answer(atMs)]);
      const taken = [...earliest.takeRound(), ...earliest.takeRound(), ...earliest.takeRound()];
      assert.equal(
        taken.map(({ atMs }) => atMs),
        [Math.min(...times)],
      );
    }),
  );
});

test.run();
