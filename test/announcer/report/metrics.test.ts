import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { AnnouncerMetrics } from '../../../announcer/report/metrics.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';

const KEY = '/skydns/org/example/web/node-1/3f2a' as EtcdKey;
const about = {
  container: 'c',
  containerName: 'web_1',
  image: 'web',
  cause: 'docker kill 15',
  key: KEY,
  service: 'web',
};

/** The metrics after these events; a line each. */
async function after(...events: AnnouncerEvent[]): Promise<string[]> {
  const registry = new Metrics();
  const metrics = new AnnouncerMetrics(registry, {
    keysDesired: () => 2,
    keysStanding: () => 1,
    keysConflicted: () => 1,
    keysPending: () => 0,
    leases: () => 1,
    keepalives: () => 7,
    storeUp: () => true,
    engineUp: () => false,
  });
  for (const event of events) metrics.count(event, () => true);
  return (await registry.text()).split('\n').filter((line) => /^rollcall_(?:announcer|leg)_/.test(line));
}

const test = suite('announcer/metrics');

test('the latency of a withdrawal runs from the decision to the delete', async () => {
  const lines = await after(
    { type: 'InstanceWithdrawn', atMs: 1000, ...about, reason: 'stopping', detail: '' },
    { type: 'KeyRemoved', atMs: 1004, key: KEY, revision: '9', cause: 'withdrawn' },
  );
  assert.ok(lines.includes('rollcall_announcer_withdraw_seconds_sum 0.004'));
  assert.ok(lines.includes('rollcall_announcer_writes_total{op="delete"} 1'));
});

test('what another did to our keys is no write of ours', async () => {
  const lines = await after(
    { type: 'KeyRemoved', atMs: 1004, key: KEY, revision: '9', cause: 'key-missing' },
    { type: 'KeyWritten', atMs: 1005, key: KEY, shard: 0, revision: '9', cause: 'found' },
    { type: 'DriftFound', atMs: 1004, cause: 'key-missing', detail: '' },
  );
  assert.not(lines.some((line) => line.startsWith('rollcall_announcer_writes_total{')));
  assert.ok(lines.includes('rollcall_announcer_drift_total{cause="key-missing"} 1'));
});

test('leases lost, conflicts and the gauges are there', async () => {
  const lines = await after(
    { type: 'LeaseLost', atMs: 1, lease: '7' as LeaseId, shard: 0, silentMs: 15_000 },
    { type: 'KeyConflicted', atMs: 1, key: KEY, foundOwner: 'node-2/x' },
  );
  for (const line of [
    'rollcall_announcer_lease_lost_total 1',
    'rollcall_announcer_conflicts_total 1',
    'rollcall_announcer_keepalives_total 7',
    'rollcall_announcer_store_up 1',
    'rollcall_announcer_engine_up 0',
    'rollcall_announcer_keys 1',
  ]) {
    assert.ok(lines.includes(line), line);
  }
});

test('the legs of a change are counted by service: from its cause to the decision, and from there to the store', async () => {
  const lines = await after(
    { type: 'InstanceWithdrawn', atMs: 1004, causedAtMs: 1000, ...about, reason: 'stopping', detail: '' },
    { type: 'KeyRemoved', atMs: 1010, key: KEY, revision: '9', cause: 'withdrawn' },
    // Found by a comparison: nobody knows since when.
    { type: 'InstanceAnnounced', atMs: 2000, ...about, cause: 'comparison', value: '{}' },
    // An engine whose clock is ahead of ours.
    { type: 'InstanceAnnounced', atMs: 3000, causedAtMs: 3500, ...about, service: 'api', value: '{}' },
  );
  assert.ok(lines.includes('rollcall_leg_seconds_sum{leg="decided",service="web"} 0.004'));
  assert.ok(lines.includes('rollcall_leg_seconds_count{leg="decided",service="web"} 1'));
  assert.ok(lines.includes('rollcall_leg_seconds_sum{leg="stored",service="web"} 0.006'));
  assert.ok(lines.includes('rollcall_leg_seconds_sum{leg="decided",service="api"} 0'));
});

test.run();
