import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

/** Between two looks. Each wakes the process: a hundred a second, as many as prom-client takes, cost more than 5,000 containers at rest. */
const LOOK_MS = 100;
const NANOSECONDS = 1e9;

/** The lag at nanoseconds between two looks. */
const lagOf = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS - LOOK_MS / 1000);

const STATISTICS: readonly (readonly [suffix: string, help: string, read: (looks: IntervalHistogram) => number])[] = [
  ['min', 'The minimum', ({ min }) => lagOf(min)],
  ['max', 'The maximum', ({ max }) => lagOf(max)],
  ['mean', 'The mean', ({ mean }) => lagOf(mean)],
  ['stddev', 'The standard deviation', ({ stddev }) => stddev / NANOSECONDS],
  ['p50', 'The 50th percentile', (looks) => lagOf(looks.percentile(50))],
  ['p90', 'The 90th percentile', (looks) => lagOf(looks.percentile(90))],
  ['p99', 'The 99th percentile', (looks) => lagOf(looks.percentile(99))],
];

/**
 * `nodejs_eventloop_lag_min_seconds` and the like: how much later than it should the event loop came to a timer, since the
 * last scrape. Named as prom-client's are, which have the time between two looks in them; an event loop that nothing holds
 * up has a lag of 0 here.
 */
export function eventLoopLag(metrics: Metrics): void {
  const looks = monitorEventLoopDelay({ resolution: LOOK_MS });
  looks.enable();
  let values: readonly number[] = [];
  const takeAll = (): void => {
    values = STATISTICS.map(([, , read]) => (looks.count === 0 ? 0 : read(looks)));
    looks.reset();
  };
  for (const [at, [suffix, statistic]] of STATISTICS.entries()) {
    const help = `${statistic} of the event loop's lag since the last scrape.`;
    metrics.gaugeOf(`nodejs_eventloop_lag_${suffix}_seconds`, help, () => {
      // A scrape reads them in this order.
      if (at === 0) takeAll();
      return values[at] ?? 0;
    });
  }
}
