import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readMoment } from '../../shared/moment.ts';

const test = suite('shared/moment');
const NOW = Date.parse('2026-11-20T14:32:00Z');

for (const [text, expected] of [
  ['2026-11-20T14:00:00Z', NOW - 32 * 60_000],
  ['2026-11-20T15:00:00+01:00', NOW - 32 * 60_000],
  ['2026-11-20', Date.parse('2026-11-20')],
  ['1795185120000', 1_795_185_120_000],
  ['1970-01-01T00:00:00.000Z', 0],
  ['+010000-01-01T00:00:00.000Z', 253_402_300_800_000],
  ['90s', NOW - 90_000],
  ['15m', NOW - 900_000],
  ['2h', NOW - 7_200_000],
  ['1d', NOW - 86_400_000],
  ['yesterday', undefined],
  ['', undefined],
  ['15', undefined],
  ['2026-13-45', undefined],
  ['8640000000000001', undefined],
  ['99999999999d', undefined],
] as const) {
  test(`${JSON.stringify(text)} is ${expected === undefined ? 'no moment' : new Date(expected).toISOString()}`, () => {
    assert.is(readMoment(text, NOW), expected);
  });
}

test('a time of day is the last one, on this machine’s clock', () => {
  const now = new Date(2026, 10, 20, 14, 30, 0);
  const of = (text: string): Date => new Date(readMoment(text, now.getTime()) ?? Number.NaN);
  assert.equal(of('14:29'), new Date(2026, 10, 20, 14, 29, 0));
  assert.equal(of('14:30'), now);
  assert.equal(of('14:30:01'), new Date(2026, 10, 19, 14, 30, 1));
  assert.equal(of('9:05'), new Date(2026, 10, 20, 9, 5, 0));
  assert.equal(of('23:59'), new Date(2026, 10, 19, 23, 59, 0));
  for (const text of ['24:00', '12:60', '12:3', '12:30:61'])
    assert.is(readMoment(text, now.getTime()), undefined, text);
});

test.run();
