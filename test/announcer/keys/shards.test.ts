import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KEYS_PER_LEASE_MAX, Shards } from '../../../announcer/keys/shards.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const keyAt = (at: number): EtcdKey => `/skydns/org/example/web/node-1/${at}` as EtcdKey;
const filled = (keys: number): Shards => {
  const shards = new Shards();
  for (let at = 0; at < keys; at += 1) shards.place(keyAt(at));
  return shards;
};

const test = suite('announcer/shards');

test('1,000 keys fill 4 shards', () => {
  const shards = filled(1000);
  assert.equal(
    [0, 1, 2, 3, 4].map((shard) => shards.sizeOf(shard)),
    [250, 250, 250, 250, 0],
  );
});

test('a key keeps its shard when others come and go', () => {
  const shards = filled(600);
  shards.remove(keyAt(0));
  assert.is(shards.place(keyAt(599)), 2);
  assert.is(shards.shardOf(keyAt(0)), undefined);
});

test('a new key takes the lowest shard with room, so that the last ones run empty', () => {
  const shards = filled(600);
  shards.remove(keyAt(3));
  assert.is(shards.place(keyAt(1000)), 0);
  assert.is(shards.place(keyAt(1001)), 2);
});

test('an adopted key stays with the lease it was found on, and is refused by a full shard', () => {
  const shards = filled(KEYS_PER_LEASE_MAX);
  assert.is(shards.adopt(keyAt(900), 3), true);
  assert.is(shards.place(keyAt(900)), 3);
  assert.is(shards.adopt(keyAt(901), 0), false);
  assert.is(shards.adopt(keyAt(900), 1), false);
});

test('no shard ever holds more than its limit, and sizes add up, whatever comes and goes', () => {
  const step = fc.tuple(fc.constantFrom('place', 'remove', 'adopt'), fc.nat(700), fc.nat(4));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 2000, size: 'max' }), (steps) => {
      const shards = new Shards();
      const expected = new Map<EtcdKey, number>();
      for (const [what, at, shard] of steps) {
        const key = keyAt(at);
        if (what === 'remove') {
          shards.remove(key);
          expected.delete(key);
        } else if (what === 'place') {
          const placed = shards.place(key);
          assert.is(expected.get(key) ?? placed, placed);
          expected.set(key, placed);
        } else if (shards.adopt(key, shard)) {
          expected.set(key, shard);
        }
      }
      for (let shard = 0; shard < 10; shard += 1) {
        const size = [...expected.values()].filter((each) => each === shard).length;
        assert.is(shards.sizeOf(shard), size);
        assert.ok(size <= KEYS_PER_LEASE_MAX);
      }
    }),
    { numRuns: 50 },
  );
});

test.run();
