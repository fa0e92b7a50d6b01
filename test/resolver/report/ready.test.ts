import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../../resolver/following/live-zone.ts';
import { notReadyReasons } from '../../../resolver/report/ready.ts';
import { keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/ready');
const T0 = 1_700_000_000_000;
const reasons = (live: LiveZone, nowMs: number) => notReadyReasons(live, nowMs, 60_000, 'etcd http://192.0.2.5:2379');

test('a zone that was never read says so, one that is followed nothing, and one that is too old how old it is', () => {
  const live = new LiveZone(PREFIX);
  assert.match(reasons(live, T0)[0] ?? '', 'has no zone yet: etcd http://192.0.2.5:2379 has not been read');
  live.apply({ ...put(keyFor('web.example.org'), '{"host":"192.0.2.1"}', 1), atMs: T0 });
  live.apply({ type: 'ZoneSynced', atMs: T0, revision: '1', storeId: 'a', records: 1 });
  live.confirm(T0, T0);
  assert.equal(reasons(live, T0), []);
  live.apply({ type: 'StoreLost', atMs: T0 + 1000, reason: 'gone' });
  assert.equal(reasons(live, T0 + 59_000), []);
  assert.match(reasons(live, T0 + 61_000)[0] ?? '', /^the zone is 61 s old and etcd .* past --max-stale \(60 s\)/);
});

test.run();
