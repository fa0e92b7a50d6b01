import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KEYS_PER_TRANSACTION, plan, type Wishes } from '../../../announcer/keys/plan.ts';
import { Standing } from '../../../announcer/keys/standing.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import {
  type Entry,
  type Expectation,
  type LeaseId,
  TRANSACTION_OPS_MAX,
  type Transaction,
} from '../../../shared/store.ts';
import fc from '../../support/properties.ts';

const LEASES = ['1', '2'] as LeaseId[];
const FENCE: Expectation = { key: '/rollcall/hosts/node-1' as EtcdKey, modRevision: 1n };
const keyAt = (at: number): EtcdKey => `/skydns/org/example/web/node-1/${at}` as EtcdKey;
const valueAt = (at: number, owner = 'node-1/a'): string => JSON.stringify({ host: `192.0.2.${at}`, owner });
const leaseOf = (key: EtcdKey): LeaseId => LEASES[Number(key.at(-1)) % 2] as LeaseId;

function standingOf(entries: readonly Entry[]): Standing {
  const standing = new Standing('node-1');
  standing.learnAll(entries, 100n);
  return standing;
}
const entryAt = (at: number, over: Partial<Entry> = {}): Entry => ({
  key: keyAt(at),
  value: valueAt(at),
  createRevision: 2n,
  modRevision: 3n,
  lease: leaseOf(keyAt(at)),
  ...over,
});
const wishesOf = (desired: ReadonlyMap<EtcdKey, string>, over: Partial<Wishes> = {}): Wishes => ({
  desired,
  leaseOf,
  isClaimed: () => true,
  removeUnclaimed: true,
  ...over,
});
const wanting = (...ats: number[]): Map<EtcdKey, string> => new Map(ats.map((at) => [keyAt(at), valueAt(at)]));
const planFor = (standing: Standing, wishes: Wishes, atMost?: number) => {
  const keys = new Set([...wishes.desired.keys(), ...[...standing.entries()].map(([key]) => key)]);
  return plan(keys, standing, wishes, FENCE, atMost);
};
const causes = (made: ReturnType<typeof plan>): string[] =>
  made.transactions.flatMap(({ writes }) =>
    writes.map(({ write, cause }) => `${write.type} ${write.key.split('/').at(-1)} ${cause}`),
  );

const test = suite('announcer/plan');

test('nothing is written when the store is as wished', () => {
  const { transactions, done } = planFor(standingOf([entryAt(1)]), wishesOf(wanting(1)));
  assert.equal(transactions, []);
  assert.equal(done, [keyAt(1)]);
});

test('what a predecessor left and nobody has seen is kept where it stands, and not written where it does not', () => {
  const wishes = wishesOf(wanting(1, 2, 3), { isUnseen: () => true });
  const made = planFor(standingOf([entryAt(1), entryAt(2, { lease: '9' as LeaseId })]), wishes);
  assert.equal(causes(made), ['put 2 moved']);
  assert.equal([...made.done].sort(), [keyAt(1), keyAt(3)]);
  const unleased = planFor(standingOf([]), { ...wishes, leaseOf: () => undefined });
  assert.equal(unleased.waiting, [], 'nor is a lease wanted for it');
});

test('a delete goes before every put, and expects the revision that we saw', () => {
  const made = planFor(standingOf([entryAt(9)]), wishesOf(wanting(1, 2)));
  assert.equal(causes(made), ['delete 9 withdrawn', 'put 1 announced', 'put 2 announced']);
  assert.equal(made.transactions[0]?.transaction.expect, [
    FENCE,
    { key: keyAt(9), modRevision: 3n },
    { key: keyAt(1), absent: true },
    { key: keyAt(2), absent: true },
  ]);
});

test('a key under a lease that is not its shard’s is written again', () => {
  const made = planFor(standingOf([entryAt(1, { lease: '66' as LeaseId })]), wishesOf(wanting(1)));
  assert.equal(causes(made), ['put 1 moved']);
});

test("another owner's key is neither overwritten nor removed", () => {
  const theirs = { value: valueAt(1, 'node-2/b') };
  assert.equal(planFor(standingOf([entryAt(1, theirs)]), wishesOf(wanting(1))).transactions, []);
  assert.equal(planFor(standingOf([entryAt(1, theirs)]), wishesOf(wanting())).transactions, []);
});

test('an unclaimed key stays until the world has been looked at as a whole', () => {
  const standing = standingOf([entryAt(1)]);
  const early = { isClaimed: () => false, removeUnclaimed: false };
  assert.equal(planFor(standing, wishesOf(wanting(), early)).transactions, []);
  assert.equal(causes(planFor(standing, wishesOf(wanting(), { ...early, removeUnclaimed: true }))), [
    'delete 1 unclaimed',
  ]);
});

test('a key whose shard has no lease yet waits, and keeps nothing else waiting', () => {
  const made = planFor(
    standingOf([]),
    wishesOf(wanting(1, 2), { leaseOf: (key) => (key === keyAt(1) ? undefined : LEASES[0]) }),
  );
  assert.equal(made.waiting, [keyAt(1)]);
  assert.equal(causes(made), ['put 2 announced']);
});

test('no transaction goes over the limit of the store', () => {
  const many = Array.from({ length: 1000 }, (_, at) => at);
  const { transactions } = planFor(standingOf([]), wishesOf(wanting(...many)));
  assert.is(transactions.length, Math.ceil(1000 / KEYS_PER_TRANSACTION));
  for (const { transaction } of transactions) {
    assert.ok(transaction.expect.length + transaction.writes.length <= TRANSACTION_OPS_MAX);
  }
  assert.is(planFor(standingOf([]), wishesOf(wanting(...many)), 1).transactions.length, 1);
});

test('applied in order, the transactions make the store equal to the wish, and leave what is not ours', () => {
  const at = fc.nat(200);
  const stands = fc.tuple(at, fc.constantFrom('same', 'other-value', 'other-lease', 'foreign'));
  fc.assert(
    fc.property(
      fc.array(stands, { maxLength: 150 }),
      fc.uniqueArray(at, { maxLength: 150 }),
      (standingAts, wantedAts) => {
        const world = new Map<EtcdKey, Entry>();
        for (const [each, how] of standingAts) {
          const over: Record<typeof how, Partial<Entry>> = {
            same: {},
            'other-value': { value: valueAt(250) },
            'other-lease': { lease: '66' as LeaseId },
            foreign: { value: valueAt(each, 'node-2/b') },
          };
          world.set(keyAt(each), entryAt(each, over[how]));
        }
        const foreign = new Map([...world].filter(([, { value }]) => value.includes('node-2')));
        const standing = standingOf([...world.values()]);
        const desired = wanting(...wantedAts);
        for (const { transaction } of planFor(standing, wishesOf(desired)).transactions) apply(world, transaction);
        const expected = new Map([...desired].filter(([key]) => !foreign.has(key)));
        for (const [key, entry] of world) {
          if (foreign.has(key)) continue;
          assert.is(entry.value, expected.get(key));
          assert.is(entry.lease, leaseOf(key));
        }
        assert.is(world.size, new Set([...expected.keys(), ...foreign.keys()]).size);
        for (const [key, entry] of foreign) assert.equal(world.get(key), entry);
      },
    ),
  );
});

/** As etcd would: all or, when an expectation does not hold, a failed test. */
function apply(world: Map<EtcdKey, Entry>, { expect, writes }: Transaction): void {
  for (const each of expect) {
    if (each.key === FENCE.key) continue;
    assert.is(world.get(each.key)?.modRevision, 'absent' in each ? undefined : each.modRevision);
  }
  for (const write of writes) {
    if (write.type === 'delete') world.delete(write.key);
    else world.set(write.key, { ...entryAt(0), ...write, modRevision: 200n });
  }
}

test.run();
