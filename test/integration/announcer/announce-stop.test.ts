/** A stop at the worst moments: while a lease is granted, adopted, or the claim is written. And what the store refuses for good. */
import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import { StartError } from '../../../shared/component.ts';
import { type LeaseId, type Store, StoreError } from '../../../shared/store.ts';
import { type Announcing, storedIn, upTo, wishFor } from '../../support/announcing.ts';
import { closeFaultyStage, type FaultyStage, openFaultyStage } from '../../support/announcing-stage.ts';
import type { FaultyStore, StoreCall } from '../../support/doubles/faulty-store.ts';
import { until } from '../../support/until.ts';

const test: Test<FaultyStage> = suite('integration/announce-stop') as Test<FaultyStage>;

test.before.each(async (context) => {
  Object.assign(context, await openFaultyStage());
});
test.after.each(closeFaultyStage);

/** Holds the next calls of this name until it is opened. */
function gate(store: FaultyStore, call: StoreCall): { readonly reached: () => boolean; open(): void } {
  let open = (): void => {};
  let isReached = false;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  store.before[call] = () => {
    isReached = true;
    return opened;
  };
  return { reached: () => isReached, open };
}

async function living(store: Store, leases: readonly LeaseId[]): Promise<LeaseId[]> {
  const times = await Promise.all(leases.map((lease) => store.timeToLive(lease)));
  return leases.filter((_, at) => times[at] !== undefined);
}

/** A predecessor that handed over: its leases, with two names on one of them. */
async function handedOver(start: FaultyStage['start']): Promise<ReadonlyMap<number, LeaseId>> {
  const first = start({ desired: wishFor([1, 2]) });
  await first.settled();
  first.abandon();
  return first.leases();
}

async function nothingIsLeft({ backend, store }: Pick<FaultyStage, 'backend' | 'store'>): Promise<void> {
  assert.equal((await backend.snapshot('/')).entries, []);
  assert.equal(await living(backend, store.granted), []);
  const { keepAlive } = store.calls;
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.is(store.calls.keepAlive, keepAlive, 'nothing is kept alive');
}

for (const call of ['grant', 'commit', 'snapshot'] as const) {
  for (const nth of [1, 2, 3]) {
    test(`SIGTERM during ${call} ${nth} of a start leaves nothing, and keeps nothing alive`, async (context) => {
      const { start, store } = context;
      let calls = 0;
      let announcing: Announcing | undefined;
      let withdrawn: Promise<readonly string[]> | undefined;
      store.before[call] = () => {
        calls += 1;
        if (calls !== nth) return;
        withdrawn = announcing?.withdraw();
        return new Promise((resolve) => setTimeout(resolve, 20));
      };
      announcing = start({ desired: wishFor(upTo(300)), ttlSeconds: 2 });
      await until('the call', () => withdrawn !== undefined || (announcing?.announce.writer.isSettled ?? false));
      assert.equal(await (withdrawn ?? announcing.withdraw()), []);
      await nothingIsLeft(context);
    });
  }
}

test('SIGTERM while a predecessor’s leases are adopted takes its names away', async (context) => {
  const { start, store } = context;
  const leases = await handedOver(start);
  const adopting = gate(store, 'timeToLive');
  const second = start({ desired: wishFor([1, 2]), leases, startedAt: '2026-11-20T00:00:00Z' });
  await until('the adoption', adopting.reached);
  const withdrawn = second.withdraw();
  adopting.open();
  assert.equal(await withdrawn, []);
  await nothingIsLeft(context);
});

test('SIGTERM before the host is claimed takes a predecessor’s names and claim away', async (context) => {
  const { start, store } = context;
  const leases = await handedOver(start);
  const asking = gate(store, 'snapshot');
  const second = start({ desired: wishFor([1, 2]), leases, startedAt: '2026-11-20T00:00:00Z' });
  await until('the question for the claim', asking.reached);
  const withdrawn = second.withdraw();
  asking.open();
  assert.equal(await withdrawn, []);
  await nothingIsLeft(context);
});

test('SIGTERM with the store away says each lease of the predecessor, and the claim', async ({ start, store }) => {
  const leases = await handedOver(start);
  store.down();
  const second = start({ desired: wishFor([1, 2]), leases });
  const failures = await second.withdraw();
  assert.equal(
    failures.map((failure) => failure.split(':')[0]),
    [`lease ${leases.get(0)}`, 'the claim'],
  );
});

test('a hand-over while leases are adopted leaves them, with every name', async ({ start, store, backend }) => {
  const leases = await handedOver(start);
  const adopting = gate(store, 'timeToLive');
  const second = start({ desired: wishFor([1, 2]), leases, startedAt: '2026-11-20T00:00:00Z' });
  await until('the adoption', adopting.reached);
  second.abandon();
  const left = second.announce.leave();
  adopting.open();
  await left;
  assert.equal(await storedIn(backend), wishFor([1, 2]));
  assert.equal(await living(backend, [...leases.values()]), [...leases.values()]);
});

test('another announcer’s claim and names stay when the one that waits is stopped', async ({ start, backend }) => {
  const first = start({ desired: wishFor([1]) });
  await first.settled();
  const second = start({ announcer: 'bbbbbbbbbbbb' });
  await until('the second to wait', () => second.claim.state === 'waiting');
  assert.equal(await second.withdraw(), []);
  assert.equal(await storedIn(backend), wishFor([1]));
  assert.is((await backend.snapshot('/rollcall/hosts/')).entries.length, 1);
});

test('a role that may not claim ends the start, says which permission is wanting, and leaks no lease', async (context) => {
  const { start, store, backend } = context;
  store.beforeCommit = () => {
    throw new StoreError('denied', 'etcdserver: permission denied');
  };
  const announcing = start({ desired: wishFor([1]) });
  const error = await until('the end', () => announcing.error);
  assert.instance(error, StartError);
  assert.match((error as Error).message, /grant-permission ROLE --prefix=true readwrite \/rollcall\/hosts\//);
  assert.is(store.granted.length, 1);
  assert.equal(await living(backend, store.granted), []);
});

test('an announcer that waits for its claim does not collect what changes meanwhile', async ({ start, store }) => {
  const first = start({ desired: wishFor([1]) });
  await first.settled();
  const { changes } = store.calls;
  const second = start({ announcer: 'bbbbbbbbbbbb' });
  await until('the second to wait', () => second.claim.state === 'waiting');
  first.want(wishFor(upTo(50)));
  await first.settled();
  assert.is(store.calls.changes, changes);
  assert.not(second.announce.writer.isReading);
});

test('a store with a lower --max-txn-ops gets smaller transactions', async ({ start, store, backend }) => {
  store.opsMax = 20;
  const announcing = start({ desired: wishFor(upTo(300)), compareMs: 100 });
  await announcing.settled();
  assert.equal(await storedIn(backend), wishFor(upTo(300)));
  const { commit } = store.calls;
  await until('a comparison', () => store.calls.commit > commit + 10);
  announcing.want(new Map());
  await until('the names to go', async () => (await storedIn(backend)).size === 0);
});

test('what the store calls wrong is said once, shown, and over when it is taken', async ({ start, store, backend }) => {
  const announcing = start();
  await announcing.settled();
  const said: string[] = [];
  announcing.announce.refusals$.subscribe((reason) => said.push(reason));
  let refused = 0;
  store.beforeCommit = () => {
    refused += 1;
    throw new StoreError('invalid', 'etcdserver: request is too large');
  };
  announcing.want(wishFor([1]));
  await until('four tries', () => refused >= 4);
  assert.equal(said, ['etcdserver: request is too large']);
  assert.is(announcing.announce.refusal, 'etcdserver: request is too large');
  store.beforeCommit = () => {};
  await announcing.settled();
  assert.is(announcing.announce.refusal, undefined);
  assert.equal(await storedIn(backend), wishFor([1]));
});

test.run();
