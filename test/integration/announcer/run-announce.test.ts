/** The name of a `rollcall run` beside the host's announcer, on the embedded store. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ProcessAnnouncement } from '../../../announcer/run/process-announcement.ts';
import { owningOf } from '../../../announcer/run/run-owner.ts';
import { causesKeyOf, decodeCauses } from '../../../shared/causes.ts';
import { silentLog } from '../../../shared/log.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { decodeRecord } from '../../../shared/record.ts';
import { openEmbeddedStore } from '../../../shared/store/embedded/embedded.ts';
import type { Store } from '../../../shared/store.ts';
import { DOMAIN_PREFIX, startAnnouncing, storedIn, wishFor } from '../../support/announcing.ts';
import { type RecordingLog, recordingLog } from '../../support/doubles/recording-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const KEY = `${DOMAIN_PREFIX}web/node-1/run-4711` as EtcdKey;
const TTL_SECONDS = 15;

function announcementOf(store: Store, id: string, log: RecordingLog = recordingLog()): ProcessAnnouncement {
  return new ProcessAnnouncement({
    store,
    host: 'node-1',
    service: 'web',
    instance: 'run-4711',
    key: KEY,
    record: { host: '192.0.2.1', port: 8080, protocol: 'tcp', ttl: 5 },
    ttlSeconds: TTL_SECONDS,
    id,
    log,
  });
}

/** What the last transaction of the run said of itself. */
async function causesIn(store: Store): Promise<readonly (readonly [string, string])[]> {
  const { entries } = await store.snapshot(causesKeyOf('node-1+run/web/run-4711'));
  return (decodeCauses(entries[0]?.value ?? '') ?? []).map(({ write, cause }) => [write, cause]);
}

const test = suite<{ store: Store }>('integration: run announces');

test.before.each(async (context) => {
  context.store = await openEmbeddedStore({ directory: temporaryDirectory(), log: silentLog });
});
test.after.each(({ store }) => store.close());

test('is announced while it is ready, and nothing of it is left in the end', async ({ store }) => {
  const announcement = announcementOf(store, 'aaaa');
  announcement.setReady(true, 'listening');
  await until('the key', async () => (await storedIn(store)).has(KEY));
  const decoded = decodeRecord((await storedIn(store)).get(KEY) ?? '');
  assert.is(decoded.ok && decoded.record.owner, 'node-1+run/web/run-4711/aaaa');
  announcement.setReady(false, 'nothing listens');
  await until('no key', async () => !(await storedIn(store)).has(KEY));
  assert.equal(await causesIn(store), [['withdrawn', 'nothing listens']]);
  announcement.setReady(true, 'listening');
  await until('the key again', async () => (await storedIn(store)).has(KEY));
  await announcement.withdraw();
  assert.equal((await store.snapshot('/')).entries, []);
});

test("the host's announcer and a run leave each other's keys alone", async ({ store }) => {
  const announcement = announcementOf(store, 'aaaa');
  announcement.setReady(true, 'listening');
  await until('the key', async () => (await storedIn(store)).has(KEY));
  const announcing = startAnnouncing(store, { desired: wishFor([1, 2]), compareMs: 50, settled: true });
  await announcing.settled();
  // Several comparisons, each of which removes what nobody claims.
  await until('comparisons', () => announcing.announce.writer.isSettled);
  announcing.want(wishFor([1, 2, 3]));
  await announcing.settled();
  announcing.want(wishFor([3]));
  await announcing.settled();
  assert.equal(announcing.of('DriftFound'), []);
  assert.ok((await storedIn(store)).has(KEY), 'the run stands');
  announcement.setReady(false, 'ends');
  await until('no key of the run', async () => !(await storedIn(store)).has(KEY));
  await announcement.withdraw();
  assert.is((await storedIn(store)).size, 1, "the announcer's stands");
  await announcing.withdraw();
});

test('a second run of the same instance does not take the key, and says so when the first one stays', async ({
  store,
}) => {
  const first = announcementOf(store, 'aaaa');
  first.setReady(true, 'listening');
  await until('the key', async () => (await storedIn(store)).has(KEY));
  const value = (await storedIn(store)).get(KEY);
  const log = recordingLog();
  const second = announcementOf(store, 'bbbb', log);
  second.setReady(true, 'listening');
  await until('the complaint', () => log.of('run-not-announced').length === 1);
  assert.match(log.of('run-not-announced')[0]?.message ?? '', /--instance/);
  assert.is((await storedIn(store)).get(KEY), value);
  await second.withdraw();
  assert.is((await storedIn(store)).get(KEY), value, 'and takes nothing along when it ends');
  await first.withdraw();
});

test('a run that was killed leaves the key to its lease, and the next one of the instance takes over', async ({
  store,
}) => {
  const killed = announcementOf(store, 'aaaa');
  killed.setReady(true, 'listening');
  await until('the key', async () => (await storedIn(store)).has(KEY));
  killed.abandon();
  const next = announcementOf(store, 'bbbb');
  next.setReady(true, 'listening');
  await until('the key of the next', async () => (await storedIn(store)).get(KEY)?.includes('/bbbb') === true);
  await next.withdraw();
  assert.equal((await store.snapshot('/')).entries, []);
});

test('what owns the key of a run is no host', () => {
  const owning = owningOf({ host: 'node-1', service: 'web', instance: 'run-1' });
  assert.not.ok(owning.startsWith('node-1/'));
  assert.ok(owning.includes('+'), 'no label of a host holds one');
});

test.run();
