import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SilenceCheck } from '../../../resolver/workers/silence.ts';

const test = suite('resolver/silence');

const SETTINGS = { everyMs: 1000, silentMaxMs: 15_000 };

/** Checks every second up to and including `untilMs`. @returns the members found, and when */
function checks(check: SilenceCheck, members: readonly { heardAtMs: number }[], fromMs: number, untilMs: number) {
  const found: number[] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += SETTINGS.everyMs) {
    for (const member of check.silent(members, nowMs)) found.push(nowMs, members.indexOf(member));
  }
  return found;
}

test('finds who has said nothing for so long, and nobody else', () => {
  const members = [{ heardAtMs: 500 }, { heardAtMs: 0 }];
  const check = new SilenceCheck(SETTINGS, 0);
  assert.equal(checks(check, members, 1000, 14_000), []);
  members[0] = { heardAtMs: 14_500 };
  assert.equal(checks(check, members, 15_000, 15_000), [15_000, 1]);
});

test('a process that stood still hears everyone anew: what they said meanwhile is not read yet', () => {
  const members = [{ heardAtMs: 900 }, { heardAtMs: 950 }];
  const check = new SilenceCheck(SETTINGS, 0);
  assert.equal(checks(check, members, 1000, 1000), []);
  assert.equal(checks(check, members, 60_000, 74_000), []);
  members[0] = { heardAtMs: 74_500 };
  assert.equal(checks(check, members, 75_000, 75_000), [75_000, 1], 'who is silent from then on is found');
});

test('a check that is a little late, as under load, counts as any other', () => {
  const members = [{ heardAtMs: 0 }];
  const check = new SilenceCheck(SETTINGS, 14_000);
  assert.is(check.silent(members, 15_900).length, 1);
});

test.run();
