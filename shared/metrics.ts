import {
  AggregatorRegistry,
  type Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Counter as PromCounter,
  Registry,
} from 'prom-client';
import { eventLoopLag } from './event-loop-lag.ts';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** The longest that a timer of Node waits: prom-client's own looks at the event loop cannot be turned off. */
const NEVER_MS = 2 ** 31 - 1;
const LAG_AT_SCRAPE = 'nodejs_eventloop_lag_seconds';

/** The metrics of one process. Declared beside the code that counts, help text and all; label values come from closed sets. */
export class Metrics {
  readonly #registry = new Registry();
  #included: MetricsSum | undefined;

  /** @param ofProcess CPU, memory, event loop and the like too */
  constructor({ ofProcess = true }: { readonly ofProcess?: boolean } = {}) {
    if (!ofProcess) return;
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: NEVER_MS });
    for (const name of this.#registry.getMetricsAsArray().map((metric) => metric.name)) {
      if (name.startsWith('nodejs_eventloop_lag_') && name !== LAG_AT_SCRAPE) this.#registry.removeSingleMetric(name);
    }
    eventLoopLag(this);
  }

  /** Adds what other processes count to what this one does. */
  include(sum: MetricsSum): void {
    this.#included = sum;
  }

  /** As they stand now, to be sent to another process. */
  async records(): Promise<readonly MetricsRecord[]> {
    return recordsOf(this.#registry);
  }

  counter<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Counter<L> {
    return new PromCounter({ name, help, labelNames, registers: [this.#registry] });
  }

  gauge<L extends string = never>(name: string, help: string, labelNames: readonly L[] = []): Gauge<L> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  /** A gauge that is read when scraped: the hot path pays nothing for it. */
  gaugeOf(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read());
      },
    });
  }

  /** As {@link gaugeOf}, by label values; labels by position of `labelNames`. */
  gaugesOf<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => Iterable<readonly [labelValues: readonly string[], value: number]>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [values, value] of read()) {
          const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? '']));
          this.set(labels as Record<L, string>, value);
        }
      },
    });
  }

  /**
   * A counter that the code keeps as plain numbers and hands over when scraped (a prom-client call costs about 2 µs).
   * @param read total by label values since start, never falling; labels by position of `labelNames`
   */
  counterOf<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    read: () => Iterable<readonly [labelValues: readonly string[], total: number]>,
  ): void {
    new PromCounter({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        this.reset();
        for (const [values, total] of read()) {
          const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? '']));
          this.inc(labels as Record<L, string>, total);
        }
      },
    });
  }

  histogram<L extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly L[] = [],
  ): Histogram<L> {
    return new Histogram({ name, help, buckets: [...buckets], labelNames, registers: [this.#registry] });
  }

  /**
   * A histogram that the code keeps as plain numbers and hands over when scraped.
   * @param bounds upper bounds, ascending; one bucket more is for what is above them all
   * @param read since start
   */
  histogramOf(name: string, help: string, bounds: readonly number[], read: () => BucketCounts): void {
    this.#histogramOf(name, help, () => bucketValues(name, bounds, {}, read()));
  }

  /** As {@link histogramOf}, a row of buckets for each value of one label. */
  histogramsOf<L extends string>(
    name: string,
    help: string,
    bounds: readonly number[],
    label: L,
    read: () => Iterable<readonly [value: string, counts: BucketCounts]>,
  ): void {
    this.#histogramOf(name, help, () =>
      [...read()].flatMap(([value, counts]) => bucketValues(name, bounds, { [label]: value }, counts)),
    );
  }

  #histogramOf(name: string, help: string, values: () => readonly BucketValue[]): void {
    const get = () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: values() });
    // The registry asks a metric for no more than this; prom-client's own histogram can only be told value by value.
    this.#registry.registerMetric({ name, help, get } as unknown as Histogram);
  }

  /** Prometheus text format. */
  async text(): Promise<string> {
    if (this.#included === undefined) return this.#registry.metrics();
    const others = await this.#included.all();
    const shared = new Set(others.flat().map(({ name }) => name));
    // What no other process counts goes out as it is: prom-client leaves some metrics of a process out of sums.
    const names = this.#registry.getMetricsAsArray().map(({ name }) => name);
    const own = names.filter((name) => !shared.has(name)).map((name) => this.#registry.getSingleMetricAsString(name));
    const summed = (await this.records()).filter(({ name }) => shared.has(name));
    return [...(await Promise.all(own)), await aggregated([summed, ...others]).metrics()].join('\n\n');
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

/** How many values fell into each bucket (not cumulated), and their sum. */
export interface BucketCounts {
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

interface BucketValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

function bucketValues(
  name: string,
  bounds: readonly number[],
  labels: Readonly<Record<string, string>>,
  { counts, sum }: BucketCounts,
): readonly BucketValue[] {
  let total = 0;
  const values: BucketValue[] = [...bounds, '+Inf'].map((le, bucket) => {
    total += counts[bucket] ?? 0;
    return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: total };
  });
  values.push({ metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: total });
  return values;
}

/** One metric with its values, as prom-client hands it from process to process. */
export interface MetricsRecord {
  readonly name: string;
  readonly type: string;
}

/** Metrics of other processes, to be summed. What a process counted stays counted when it is gone; its gauges go with it. */
export class MetricsSum {
  readonly #byProcess = new Map<number, readonly MetricsRecord[]>();
  #gone: Promise<readonly MetricsRecord[]> = Promise.resolve([]);

  /** @param id of the process, never used for another */
  set(id: number, records: readonly MetricsRecord[]): void {
    this.#byProcess.set(id, records);
  }

  end(id: number): void {
    const counted = (this.#byProcess.get(id) ?? []).filter(({ type }) => type !== 'gauge');
    this.#byProcess.delete(id);
    this.#gone = this.#gone.then((gone) => recordsOf(aggregated([gone, counted])));
  }

  async all(): Promise<readonly (readonly MetricsRecord[])[]> {
    return [await this.#gone, ...this.#byProcess.values()];
  }
}

async function recordsOf(registry: Registry): Promise<readonly MetricsRecord[]> {
  return (await registry.getMetricsAsJSON()) as unknown as readonly MetricsRecord[];
}

function aggregated(records: readonly (readonly MetricsRecord[])[]): Registry {
  return AggregatorRegistry.aggregate(records as unknown as object[]);
}
