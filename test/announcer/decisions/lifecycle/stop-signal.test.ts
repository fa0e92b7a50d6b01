import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { signalNumber } from '../../../../announcer/decisions/lifecycle/stop-signal.ts';

const test = suite('announcer/stop-signal');

const SIGNALS: readonly (readonly [unknown, number])[] = [
  ['SIGTERM', 15],
  ['TERM', 15],
  ['sigquit', 3],
  ['9', 9],
  [3, 3],
  ['SIGUSR1', 10],
  ['SIGWINCH', 28],
  ['SIGRTMIN', 34],
  ['SIGRTMIN+3', 37],
  ['RTMAX-14', 50],
  ['', 15],
  [undefined, 15],
  ['SIGNONSENSE', 15],
  [0, 15],
  ['99', 15],
  ['RTMAX+1', 15],
];
for (const [value, number] of SIGNALS) {
  test(`${JSON.stringify(value)} is signal ${number}`, () => assert.is(signalNumber(value), number));
}

test.run();
