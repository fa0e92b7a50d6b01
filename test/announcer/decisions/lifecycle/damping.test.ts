import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  afterDeaths,
  DAMPING_DEFAULTS,
  type Flaps,
  isSuppressed,
  penaltyAt,
  reuseAtMs,
} from '../../../../announcer/decisions/lifecycle/damping.ts';
import fc from '../../../support/properties.ts';

const settings = DAMPING_DEFAULTS;
const die = (flaps: Flaps | null, atMs: number, deaths = 1) => afterDeaths(flaps, deaths, atMs, settings);

const test = suite('announcer/damping');

test('three quick deaths are borne, the fourth is held down', () => {
  let flaps: Flaps | null = null;
  for (const atMs of [0, 1000, 2000]) flaps = die(flaps, atMs);
  assert.is(flaps?.suppressed, false);
  flaps = die(flaps, 3000);
  assert.is(flaps?.suppressed, true);
  assert.ok(isSuppressed(flaps, 3000, settings));
});

test('the penalty halves in each half-life', () => {
  const flaps = { penalty: 4000, atMs: 0, suppressed: true };
  assert.is(penaltyAt(flaps, 60_000, settings), 2000);
  assert.is(penaltyAt(flaps, 120_000, settings), 1000);
});

test('lets go below the reuse limit, not below the suppress limit', () => {
  const flaps = { penalty: 4000, atMs: 0, suppressed: true };
  assert.ok(isSuppressed(flaps, 100_000, settings), '1260 is below 3000 and held');
  assert.ok(isSuppressed(flaps, 120_000, settings), 'at the limit is not below it');
  assert.not.ok(isSuppressed(flaps, reuseAtMs(flaps, settings), settings));
});

test('once let go, one more death does not hold it down again', () => {
  const flaps = die({ penalty: 4000, atMs: 0, suppressed: true }, 130_000);
  assert.equal(flaps, { penalty: 1891, atMs: 130_000, suppressed: false });
});

test('while held down, a death keeps it held even below the suppress limit', () => {
  const flaps = die({ penalty: 4000, atMs: 0, suppressed: true }, 119_000);
  assert.ok((flaps?.penalty ?? 0) < settings.suppressAbove);
  assert.is(flaps?.suppressed, true);
});

test('a stop that was asked for adds nothing, and no penalty is no record', () => {
  assert.is(die(null, 0, 0), null);
  assert.equal(die({ penalty: 1000, atMs: 0, suppressed: false }, 0, 0), { penalty: 1000, atMs: 0, suppressed: false });
  assert.is(die({ penalty: 1, atMs: 0, suppressed: false }, 600_000, 0), null);
});

test('no hold is longer than the longest', () => {
  let flaps: Flaps | null = null;
  for (let n = 0; n < 10_000; n += 1) flaps = die(flaps, n);
  assert.ok(reuseAtMs(flaps as Flaps, settings) - 9999 <= settings.maxHoldMs + 1);
});

test('a clock that steps back a little stops the decay; a lot drops the penalty', () => {
  const flaps = { penalty: 4000, atMs: 100_000, suppressed: true };
  assert.is(penaltyAt(flaps, 99_000, settings), 4000);
  assert.is(penaltyAt(flaps, 100_000 - 3_600_000, settings), 0);
  assert.not.ok(isSuppressed(flaps, 100_000 - 3_600_000, settings));
});

test('for any sequence of deaths and clocks the penalty is a number from 0 to its ceiling', () => {
  const step = fc.record({
    ms: fc.integer({ min: -4_000_000, max: 4_000_000 }),
    deaths: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let flaps: Flaps | null = null;
      let nowMs = 1_700_000_000_000;
      for (const { ms, deaths } of steps) {
        nowMs += ms;
        flaps = die(flaps, nowMs, deaths);
        const penalty = penaltyAt(flaps, nowMs, settings);
        assert.ok(penalty >= 0 && penalty <= 1_024_000, String(penalty));
        if (flaps !== null) {
          assert.ok(reuseAtMs(flaps, settings) - nowMs <= settings.maxHoldMs + 1);
          assert.not.ok(isSuppressed(flaps, reuseAtMs(flaps, settings), settings));
        }
      }
    }),
  );
});

test.run();
