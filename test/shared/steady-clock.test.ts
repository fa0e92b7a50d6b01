import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SteadyClock } from '../../shared/steady-clock.ts';

const test = suite('shared/steady-clock');

test('begins as the wall clock says, and then passes, whatever that is set to', () => {
  const now = { wall: 1_700_000_000_000, monotonic: 5_000 };
  const sources = { wallMs: () => now.wall, monotonicMs: () => now.monotonic };
  const clock = new SteadyClock(sources);
  assert.is(clock.nowMs(), 1_700_000_000_000);
  now.monotonic += 10;
  now.wall += 3_600_000;
  assert.is(clock.nowMs(), 1_700_000_000_010);
  now.wall -= 7_200_000;
  assert.is(clock.nowMs(), 1_700_000_000_010);
  assert.is(new SteadyClock(sources, clock.baseMs).nowMs(), clock.nowMs(), 'the same in another process');
});

test('two clocks of one base agree, and are near the wall clock', () => {
  const clock = new SteadyClock();
  const other = new SteadyClock({}, clock.baseMs);
  const [before, between, after] = [clock.nowMs(), other.nowMs(), clock.nowMs()];
  assert.ok(before <= between && between <= after, `${between} is not in ${before} to ${after}`);
  const [wallBefore, now, wallAfter] = [Date.now(), clock.nowMs(), Date.now()];
  assert.ok(now > wallBefore - 1_000 && now < wallAfter + 1_000, `${now} is not in ${wallBefore} to ${wallAfter}`);
});

test.run();
