import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unansweredMetrics } from '../../resolver/answered/metrics.ts';
import { UnansweredChanges } from '../../resolver/answered/unanswered.ts';
import { resolverSettings } from '../../resolver/config.ts';
import { LiveZone } from '../../resolver/following/live-zone.ts';
import { UpstreamForwarder } from '../../resolver/forwarding/forward.ts';
import { zoneMetrics } from '../../resolver/report/metrics.ts';
import { workerMetrics } from '../../resolver/workers/metrics.ts';
import { silentLog } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';

const test = suite('docs: resolver');
// Tests run from the root of the repository.
const manual = readFileSync('docs/resolver.md', 'utf8');

for (const { flag } of Object.values(resolverSettings)) {
  test(`the manual has --${flag}`, () => assert.ok(manual.includes(`\`--${flag}`)));
}

test('the manual has every metric, and no other', async () => {
  const metrics = new Metrics();
  zoneMetrics(metrics, new LiveZone('/skydns'), { size: 0 }, Date.now);
  unansweredMetrics(metrics, new UnansweredChanges());
  workerMetrics(metrics, { serving: () => 2, replaced: () => 0 });
  new UpstreamForwarder({ upstreams: [], stubs: [] }, { log: silentLog, metrics }).close();
  const declared = [...(await metrics.text()).matchAll(/^# TYPE (rollcall_\w+)/gm)].map(([, name]) => name as string);
  assert.ok(declared.length > 15);
  const named = [...manual.matchAll(/`(rollcall_(?:resolver|forward|cache)_\w+)/g)].map(([, name]) => name as string);
  const listed = [
    ...named,
    ...['misses_total', 'evictions_total', 'entries', 'octets'].map((end) => `rollcall_cache_${end}`),
  ];
  for (const name of declared) assert.ok(listed.includes(name), name);
  for (const name of listed) assert.ok(declared.includes(name) || name.startsWith('rollcall_resolver_journal_'), name);
});

test.run();
