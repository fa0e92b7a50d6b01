import type { Metrics } from '../../shared/metrics.ts';
import type { Pump, PumpCounts } from './pump.ts';
import type { SinkTarget } from './target.ts';

type Read = (pump: Pump) => number;

/** Declares `rollcall_sink_…`, by the kind of a sink and its place among `--sink`, from 0. Read when scraped. */
export function sinkMetrics(metrics: Metrics, sinks: readonly { target: SinkTarget; pump: Pump }[]): void {
  const labels = ['kind', 'index'] as const;
  const rows = (read: Read) => () =>
    sinks.map(({ target, pump }, index) => [[target.kind, String(index)], read(pump)] as const);
  const counter = (name: keyof PumpCounts, help: string): void =>
    metrics.counterOf(
      `rollcall_sink_${name}_total`,
      help,
      labels,
      rows(({ counts }) => counts[name]),
    );
  const gauge = (name: string, help: string, read: Read): void =>
    metrics.gaugesOf(`rollcall_sink_${name}`, help, labels, rows(read));

  counter('sent', 'Records that the receiver took.');
  counter('retried', 'Records sent once more, each time counted: the receiver failed, or refused them for now.');
  counter('dropped', 'Records that the receiver refused for good.');
  counter('gaps', 'Gaps in what was sent: the journal had lost events, or removed them. A record says which.');
  gauge('lag_events', 'Events of the journal that the sink has not passed yet.', ({ lag }) => lag.events);
  gauge('lag_seconds', 'Age of the oldest record that waits for the receiver.', ({ lag }) => lag.ms / 1000);
  gauge('up', '1 while the receiver takes records, 0 while it fails.', ({ isFailing }) => Number(!isFailing));
}
