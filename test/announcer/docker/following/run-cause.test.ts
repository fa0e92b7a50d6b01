import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { causeOfRun } from '../../../../announcer/docker/following/run-cause.ts';

const test = suite('announcer/run-cause');

const startedAt = '2026-11-20T14:32:00.123456789Z';
const STARTED_MS = Date.parse('2026-11-20T14:32:00.123Z');
const running = { state: 'running', startedAt } as const;

test('what an inspect for a network finds running came of the start', () => {
  for (const cause of ['docker network connect', 'docker network disconnect']) {
    const expected = { cause: 'docker start', causedAtMs: STARTED_MS };
    assert.equal(causeOfRun({ cause, causedAtMs: STARTED_MS - 600 }, running), expected);
    assert.equal(causeOfRun({ cause, causedAtMs: STARTED_MS }, running), expected);
  }
});

for (const [rule, why, facts] of [
  ['a network of later', { cause: 'docker network connect', causedAtMs: STARTED_MS + 1 }, running],
  ['a network of no time', { cause: 'docker network connect' }, running],
  ['another event', { cause: 'docker die', causedAtMs: STARTED_MS - 600 }, running],
  ['a list', { cause: 'list' }, running],
  ['no run', { cause: 'docker network connect', causedAtMs: 0 }, { ...running, state: 'exited' }],
  ['a run of no time', { cause: 'docker network connect', causedAtMs: 1 }, { ...running, startedAt: '' }],
] as const) {
  test(`${rule} stays the cause`, () => assert.equal(causeOfRun(why, facts), why));
}

test.run();
