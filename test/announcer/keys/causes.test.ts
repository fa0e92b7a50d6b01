import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withCauses } from '../../../announcer/keys/causes.ts';
import { Holdings } from '../../../announcer/keys/holdings.ts';
import { KEYS_PER_TRANSACTION } from '../../../announcer/keys/plan.ts';
import { decodeCauses } from '../../../shared/causes.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { encodeRecord } from '../../../shared/record.ts';
import { type LeaseId, TRANSACTION_OPS_MAX } from '../../../shared/store.ts';

const LEASE = '7' as LeaseId;
const CLAIM_LEASE = '8' as LeaseId;
const FENCE = { key: '/rollcall/hosts/node-1' as EtcdKey, modRevision: 1n };
const keyAt = (at: number): EtcdKey => `/skydns/org/example/web/node-1/${at}` as EtcdKey;
const VALUE = encodeRecord({ host: '192.0.2.1', owner: 'node-1/aaaa', container: 'c1' });
const started = { cause: 'docker start', causedAtMs: 90, decidedAtMs: 100, container: 'c1', containerName: 'web-1' };
const killed = { cause: 'docker kill 15', causedAtMs: 190, decidedAtMs: 200, container: 'c1', containerName: 'web-1' };

/** Nothing stands yet. */
function looking(): Holdings {
  const holdings = new Holdings('node-1', { get: () => LEASE, shardOf: () => 0 }, []);
  holdings.learnAll([], 1n, 'found', 0);
  return holdings;
}

/** The next transaction, with its causes. */
function next(holdings: Holdings, nowMs = 500) {
  const [planned] = holdings.next(FENCE, true).transactions;
  if (planned === undefined) return undefined;
  const transaction = withCauses(planned, { owning: 'node-1', lease: CLAIM_LEASE }, holdings, nowMs);
  const put = transaction.writes.at(-1);
  return { transaction, put, causes: put?.type === 'put' ? decodeCauses(put.value) : undefined };
}

function write(holdings: Holdings, at: number, revision: bigint, lease = LEASE): void {
  const entry = { key: keyAt(at), value: VALUE, createRevision: revision, modRevision: revision, lease };
  holdings.learn(keyAt(at), entry, revision, 'announced', 0);
}

const test = suite('announcer/causes');

test('a transaction says of each of its keys why it is written, in one key under the lease of the claim', () => {
  const holdings = looking();
  holdings.want(
    { desired: new Map([[keyAt(1), VALUE]]), changed: [keyAt(1)], reasons: new Map([[keyAt(1), started]]) },
    0,
  );
  const made = next(holdings);
  assert.is(made?.put?.key, '/rollcall/causes/node-1');
  assert.is(made?.put?.type === 'put' && made.put.lease, CLAIM_LEASE);
  assert.equal(made?.causes, [{ key: keyAt(1), write: 'announced', ...started }]);
  write(holdings, 1, 5n);
  holdings.want({ desired: new Map(), changed: [keyAt(1)], reasons: new Map([[keyAt(1), killed]]) }, 0);
  assert.equal(next(holdings)?.causes, [{ key: keyAt(1), write: 'withdrawn', ...killed }]);
});

test('where nothing is to be written there are no causes to write', () => {
  const holdings = looking();
  const wish = { desired: new Map([[keyAt(1), VALUE]]), changed: [keyAt(1)], reasons: new Map([[keyAt(1), started]]) };
  holdings.want(wish, 0);
  write(holdings, 1, 5n);
  assert.is(next(holdings), undefined);
  holdings.touchAll();
  assert.is(next(holdings), undefined);
});

test('a reason explains the write that it led to, and no later one', () => {
  const holdings = looking();
  holdings.want(
    { desired: new Map([[keyAt(1), VALUE]]), changed: [keyAt(1)], reasons: new Map([[keyAt(1), started]]) },
    0,
  );
  write(holdings, 1, 5n);
  next(holdings);
  // Another writer takes the key away.
  holdings.learn(keyAt(1), undefined, 6n, undefined, 0);
  assert.equal(next(holdings)?.causes, [
    { key: keyAt(1), write: 'announced', cause: 'key-missing', decidedAtMs: 500, container: 'c1' },
  ]);
  write(holdings, 1, 7n);
  next(holdings);
  write(holdings, 1, 8n, '66' as LeaseId);
  assert.equal(next(holdings)?.causes, [
    {
      ...{ key: keyAt(1), write: 'moved', cause: 'lease lost or replaced; written again' },
      ...{ decidedAtMs: 500, container: 'c1' },
    },
  ]);
});

test('the newest reason counts, as the newest wish does', () => {
  const holdings = looking();
  const again = { ...started, cause: 'docker unpause', decidedAtMs: 300 };
  for (const reason of [started, again]) {
    holdings.want(
      { desired: new Map([[keyAt(1), VALUE]]), changed: [keyAt(1)], reasons: new Map([[keyAt(1), reason]]) },
      0,
    );
  }
  assert.equal(next(holdings)?.causes, [{ key: keyAt(1), write: 'announced', ...again }]);
});

test('with the causes, the largest transaction stays within what etcd takes at once', () => {
  const holdings = looking();
  const desired = new Map(Array.from({ length: 500 }, (_each, at) => [keyAt(at), VALUE]));
  holdings.want({ desired, changed: desired.keys() }, 0);
  const { transaction, causes } = next(holdings) ?? {};
  assert.is(causes?.length, KEYS_PER_TRANSACTION);
  assert.is(KEYS_PER_TRANSACTION, 63);
  assert.ok((transaction?.expect.length ?? 0) + (transaction?.writes.length ?? 0) <= TRANSACTION_OPS_MAX);
});

test.run();
