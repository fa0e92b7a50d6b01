import { type Counter, collectDefaultMetrics, Gauge, Histogram, Counter as PromCounter, Registry } from 'prom-client';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** The metrics of one process. Declared beside the code that counts, help text and all; label values come from closed sets. */
export class Metrics {
  readonly #registry = new Registry();

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
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
   * @param read how many values fell into each bucket (not cumulated), and their sum, since start
   */
  histogramOf(
    name: string,
    help: string,
    bounds: readonly number[],
    read: () => { readonly counts: ArrayLike<number>; readonly sum: number },
  ): void {
    const get = () => {
      const { counts, sum } = read();
      let total = 0;
      const values = [...bounds, '+Inf'].map((le, bucket) => {
        total += counts[bucket] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le }, value: total };
      });
      values.push({ metricName: `${name}_sum`, labels: {} as { le: number }, value: sum });
      values.push({ metricName: `${name}_count`, labels: {} as { le: number }, value: total });
      return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
    };
    // The registry asks a metric for no more than this; prom-client's own histogram can only be told value by value.
    this.#registry.registerMetric({ name, help, get } as unknown as Histogram);
  }

  /** Prometheus text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}
