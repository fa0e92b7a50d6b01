import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CheckTiming } from '../../../announcer/checks/check-setting.ts';
import {
  isNews,
  nextDelayMs,
  PACES,
  settle,
  UNSETTLED,
  type Verdict,
} from '../../../announcer/checks/probe-verdict.ts';
import fc from '../../support/properties.ts';

const test = suite('announcer/probe-verdict');

const timing: CheckTiming = { intervalMs: 5000, timeoutMs: 2000, rise: 2, fall: 3 };
const after = (...passings: boolean[]): Verdict =>
  passings.reduce((verdict, passing) => settle(verdict, { passing, detail: String(passing) }, timing), UNSETTLED);
const [up, down] = [true, false];

const ROWS: readonly [what: string, attempts: boolean[], passing: boolean | undefined][] = [
  ['nothing yet', [], undefined],
  ['fewer successes than rise', [up], undefined],
  ['rise successes', [up, up], true],
  ['fewer failures than fall at first', [down, down], undefined],
  ['fall failures at first', [down, down, down], false],
  ['a mixed beginning', [up, down, up, down], undefined],
  ['fewer failures than fall after passing', [up, up, down, down], true],
  ['failures that a success interrupts', [up, up, down, down, up, down, down], true],
  ['fall failures after passing', [up, up, down, down, down], false],
  ['rise successes after failing', [down, down, down, up, up], true],
];

for (const [what, attempts, passing] of ROWS) {
  test(`${what}: ${passing === undefined ? 'not settled' : passing ? 'passes' : 'fails'}`, () => {
    assert.is(after(...attempts).passing, passing);
  });
}

test('keeps the newest detail of a verdict that stands', () => {
  const stands = settle(after(up, up), { passing: true, detail: 'still' }, timing);
  assert.is(stands.detail, 'still');
  assert.is(settle(stands, { passing: false, detail: 'once' }, timing).detail, 'still');
});

test('takes another reason of a failure once it was so as many times in a row as the verdict takes', () => {
  const reasons = (...details: string[]): string =>
    details.reduce((verdict, detail) => settle(verdict, { passing: false, detail }, timing), after(down, down, down))
      .detail;
  assert.is(reasons('503', '503'), 'false');
  assert.is(reasons('503', '503', '503'), '503');
  assert.is(reasons('503', '504', '503', '504', '503', '504'), 'false', 'now so, now so');
  assert.is(reasons('503', '503', 'false', '503'), 'false', 'interrupted by the old one');
  const passed = settle(
    settle(after(down, down, down), { passing: false, detail: '503' }, timing),
    { passing: true, detail: 'once' },
    timing,
  );
  assert.is(
    settle(settle(passed, { passing: false, detail: '503' }, timing), { passing: false, detail: '503' }, timing).detail,
    'false',
    'interrupted by a success',
  );
});

test('another reason is news of a failure, not of a success', () => {
  const verdict = (passing: boolean, detail: string) => ({ passing, detail });
  assert.is(isNews(undefined, verdict(true, '200')), true);
  assert.is(isNews(verdict(true, '200'), verdict(true, '204')), false);
  assert.is(isNews(verdict(false, '503'), verdict(false, '503')), false);
  assert.is(isNews(verdict(false, '503'), verdict(false, '504')), true);
  assert.is(isNews(verdict(false, '503'), verdict(true, '200')), true);
});

test('turns only after as many contrary results in a row, for every sequence', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (attempts) => {
      let verdict = UNSETTLED;
      for (const [at, passing] of attempts.entries()) {
        const next = settle(verdict, { passing, detail: '' }, timing);
        if (next.passing !== verdict.passing) {
          const needed = passing ? timing.rise : timing.fall;
          const last = attempts.slice(Math.max(0, at + 1 - needed), at + 1);
          assert.is(last.length === needed && last.every((each) => each === passing), true);
        }
        verdict = next;
      }
    }),
  );
});

test('looks often at a start, less often later, and never less often than the interval', () => {
  const delay = (ageMs: number): number => nextDelayMs(UNSETTLED, ageMs, PACES.listening, timing);
  assert.equal([delay(0), delay(4_999), delay(5_000), delay(60_000), delay(1e9)], [50, 50, 200, 1000, 1000]);
  const quick = { ...timing, intervalMs: 30 };
  assert.is(nextDelayMs(UNSETTLED, 1e9, PACES.exec, quick), 30);
});

test('looks at the interval while it passes, and soon when that is in doubt', () => {
  assert.is(nextDelayMs(after(up, up), 0, PACES.http, timing), 5000);
  assert.is(nextDelayMs(after(up, up, down), 1e9, PACES.http, timing), 1000);
});

test('an attempt that could not be made changes nothing, whatever it says', () => {
  for (const verdict of [UNSETTLED, after(up), after(up, up), after(up, up, down, down), after(down, down, down)]) {
    for (const passing of [up, down]) {
      assert.equal(settle(verdict, { passing, detail: 'no descriptors', isUnknown: true }, timing), verdict);
    }
  }
});

test.run();
