/**
 * Thousands of histories in virtual time: containers start, stop, die, pause and are renamed while the engine drops,
 * repeats, reorders, splits and stalls what it says, is restarted, and the clock is set; the store goes away, and the
 * announcer crashes. Once quiet, keys = what inspect says is ready; never a key for what never was.
 *
 * `ROLLCALL_HISTORY_SEED=17` runs one history and prints it, with the announcer's journal; `ROLLCALL_HISTORIES=20000` runs more of them.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONVERGED_WITHIN_MS, type HistoryResult, runHistory } from '../../support/history.ts';

const test = suite('integration/histories');
const only = process.env.ROLLCALL_HISTORY_SEED;
const count = Number(process.env.ROLLCALL_HISTORIES ?? 2000);

function told(seed: number, { problems, trace }: HistoryResult): string {
  return [`history ${seed} (ROLLCALL_HISTORY_SEED=${seed} replays it):`, ...problems, ...trace].join('\n  ');
}

test(`${only ?? count} histories: once quiet, keys = what inspect says is ready, and none for what never was`, async () => {
  const seeds = only === undefined ? Array.from({ length: count }, (_, at) => at + 1) : [Number(only)];
  const convergedMs: number[] = [];
  const failed: number[] = [];
  let puts = 0;
  let message = '';
  const began = performance.now();
  for (const seed of seeds) {
    const result = await runHistory(seed);
    convergedMs.push(result.convergedMs);
    puts += result.puts;
    if (only !== undefined) {
      console.log(told(seed, result));
      for (const event of result.events) console.log(JSON.stringify(event));
    }
    if (result.problems.length === 0) continue;
    failed.push(seed);
    message ||= told(seed, result);
  }
  convergedMs.sort((one, other) => one - other);
  const at = (share: number): string =>
    ((convergedMs[Math.floor(share * (convergedMs.length - 1))] ?? 0) / 1000).toFixed(0);
  console.log(
    `${seeds.length} histories, ${puts} keys written, in ${((performance.now() - began) / 1000).toFixed(1)} s; quiet to keys = truth: p50 ${at(0.5)} s, p99 ${at(0.99)} s, max ${at(1)} s (bound ${CONVERGED_WITHIN_MS / 1000} s)`,
  );
  assert.is(failed.length, 0, `${failed.length} failed: ${failed.slice(0, 20).join(', ')}\n${message}`);
  // One alone may well announce nothing.
  assert.ok(only !== undefined || puts >= seeds.length, 'the histories announce next to nothing');
});

test('the same seed gives the same history', async () => {
  const [one, other] = [await runHistory(7), await runHistory(7)];
  assert.equal(one, other);
});

test.run();
