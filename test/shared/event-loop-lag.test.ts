import { syncBuiltinESMExports } from 'node:module';
import perfHooks from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Metrics } from '../../shared/metrics.ts';

const test = suite('shared/event-loop-lag');

const { monitorEventLoopDelay } = perfHooks;
test.after.each(() => {
  perfHooks.monitorEventLoopDelay = monitorEventLoopDelay;
  syncBuiltinESMExports();
});

async function lags(metrics: Metrics): Promise<Record<string, number>> {
  const values = (await metrics.text()).matchAll(/^nodejs_eventloop_lag_(\w+)_seconds (\S+)$/gm);
  return Object.fromEntries([...values].map(([, statistic, value]) => [statistic, Number(value)]));
}

function holdUp(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}

test('nothing of the metrics wakes the process more than ten times a second', () => {
  const resolutions: (number | undefined)[] = [];
  perfHooks.monitorEventLoopDelay = (options) => {
    resolutions.push(options?.resolution);
    return monitorEventLoopDelay(options);
  };
  syncBuiltinESMExports();
  new Metrics();
  assert.is(resolutions.length, 2, 'of prom-client and of ours');
  for (const resolution of resolutions) assert.ok(resolution !== undefined && resolution >= 100, String(resolution));
});

test('what holds the event loop up is seen, without the time between two looks', async () => {
  const metrics = new Metrics();
  // The first look after a scrape only begins to count.
  await setTimeout(150);
  holdUp(450);
  await setTimeout(150);
  const { max } = await lags(metrics);
  assert.ok(max !== undefined && max >= 0.2, `${max} s`);
});

test('without a look since the last scrape, every value is 0 and none is missing', async () => {
  const metrics = new Metrics();
  const { min, max, mean, stddev, p50, p90, p99 } = await lags(metrics);
  assert.equal([min, max, mean, stddev, p50, p90, p99], [0, 0, 0, 0, 0, 0, 0]);
});

test.run();
