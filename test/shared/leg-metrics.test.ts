import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LegMetrics } from '../../shared/leg-metrics.ts';
import { Metrics } from '../../shared/metrics.ts';

const test = suite('shared/leg-metrics');

test('announcer and resolver of one process count into one histogram, within one bound of services', async () => {
  const metrics = new Metrics({ ofProcess: false });
  LegMetrics.of(metrics).observe('decided', 'web', 1000, 1004);
  LegMetrics.of(metrics).observe('changed', 'web', 1000, 1012);
  for (let at = 0; at < 150; at += 1) LegMetrics.of(metrics).observe('stored', `s${at}`, 0, 1);
  const lines = (await metrics.text()).split('\n');
  assert.ok(lines.includes('rollcall_leg_seconds_sum{leg="decided",service="web"} 0.004'));
  assert.ok(lines.includes('rollcall_leg_seconds_bucket{le="0.025",leg="changed",service="web"} 1'));
  assert.ok(lines.includes('rollcall_leg_seconds_count{leg="stored",service="other"} 51'));
  assert.is(lines.filter((line) => line.startsWith('rollcall_leg_seconds_count{leg="stored"')).length, 100);
});

test.run();
