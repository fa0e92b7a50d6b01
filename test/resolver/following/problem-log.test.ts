import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProblemLog } from '../../../resolver/following/problem-log.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';

const test = suite('resolver/problem-log');

test('a store full of bad values costs a few lines a minute, and the rest are counted', () => {
  const log = recordingLog();
  const problems = new ProblemLog(log);
  const add = (n: number, nowMs: number): void =>
    problems.add({ key: `/skydns/${n}` as EtcdKey, reason: 'value is not JSON' }, nowMs);
  for (let n = 0; n < 1000; n += 1) add(n, n);
  assert.is(log.of('record-bad').length, 20);
  assert.match(log.of('record-bad')[0]?.message ?? '', /\/skydns\/0 answers nothing: value is not JSON/);
  add(1000, 60_000);
  assert.match(log.of('records-bad')[0]?.message ?? '', /^980 more keys/);
  assert.is(log.of('record-bad').length, 21);
});

test.run();
