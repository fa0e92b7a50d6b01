import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { rangeOfPrefix } from '../../../shared/store/etcd/convert.ts';
import { RpcError, STATUS, storeErrorOf } from '../../../shared/store/etcd/errors.ts';
import type { KeyValue, RangeRequest, RangeResponse } from '../../../shared/store/etcd/member.ts';
import { readSnapshot } from '../../../shared/store/etcd/snapshot.ts';
import { StoreError } from '../../../shared/store.ts';
import fc from '../../support/properties.ts';

const test = suite('shared/store/etcd-snapshot');

const kv = (key: string, octets: number): KeyValue => ({
  key: Buffer.from(key),
  value: Buffer.alloc(octets, 'x'),
  create_revision: '1',
  mod_revision: '1',
  lease: '0',
});

const tooLarge = (): StoreError =>
  storeErrorOf(
    new RpcError(STATUS.resourceExhausted, 'Received message larger than max (5 vs 4)'),
    'http://a',
    'reading',
  );

/** Answers from `kvs` as etcd does, refusing a response over `octetsMax`; keeps what it was asked. */
class Range {
  readonly asked: RangeRequest[] = [];
  refused = 0;
  readonly #kvs: readonly KeyValue[];
  readonly #octetsMax: number;

  constructor(kvs: readonly KeyValue[], octetsMax = Number.POSITIVE_INFINITY) {
    this.#kvs = kvs;
    this.#octetsMax = octetsMax;
  }

  #indexOf(key: Buffer): number {
    let [low, high] = [0, this.#kvs.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare((this.#kvs[middle] as KeyValue).key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  readonly answer = async (request: RangeRequest): Promise<RangeResponse> => {
    this.asked.push(request);
    const rest = this.#kvs.slice(this.#indexOf(request.key));
    const kvs = rest.slice(0, request.limit);
    const octets = kvs.reduce((sum, each) => sum + each.value.length, 0);
    if (octets > this.#octetsMax) {
      this.refused += 1;
      throw tooLarge();
    }
    return {
      header: { cluster_id: '7', revision: '9' },
      kvs,
      more: rest.length > kvs.length,
      count: String(rest.length),
    };
  };
}

test('every page after the first is read at the revision of the first', async () => {
  const range = new Range(Array.from({ length: 5_000 }, (_, at) => kv(`/a/${String(at).padStart(5, '0')}`, 10)));
  const snapshot = await readSnapshot('/a/', range.answer);
  assert.is(snapshot.entries.length, 5_000);
  assert.is(snapshot.revision, 9n);
  assert.is(snapshot.storeId, '7');
  assert.ok(range.asked.length > 1 && range.asked.length < 5, `${range.asked.length} pages`);
  assert.equal(
    range.asked.map(({ revision }) => revision),
    [undefined, ...range.asked.slice(1).map(() => '9')],
  );
});

test('a large range is read in about a hundred pages, a small one in pages of a megabyte at most', async () => {
  for (const [count, octets, pagesMax] of [
    [300_000, 60, 110],
    [20_000, 400, 20],
  ] as const) {
    const range = new Range(Array.from({ length: count }, (_, at) => kv(`/a/${String(at).padStart(6, '0')}`, octets)));
    await readSnapshot('/a/', range.answer);
    assert.ok(range.asked.length <= pagesMax, `${range.asked.length} pages of ${count} keys`);
    const largest = Math.max(...range.asked.map(({ limit }) => limit ?? 0)) * (octets + 50);
    assert.ok(largest < (count > 100_000 ? 3 << 20 : 1.1 * (1 << 20)), `a page of ${largest} octets`);
  }
});

test('whatever the sizes and the limit of a message, each key is read once and in order', async () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 500 }), fc.constant(50_000)), { maxLength: 600 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 50_000, max: 400_000 }), async (octets, max) => {
      const kvs = octets.map((size, at) => kv(`/a/${String(at).padStart(4, '0')}`, size));
      const range = new Range(kvs, max);
      const { entries } = await readSnapshot('/a/', range.answer);
      assert.equal(
        entries.map(({ key }) => key),
        kvs.map(({ key }) => key.toString()),
      );
    }),
    { numRuns: 40 },
  );
});

test('one value that fits no message is an error, not a loop', async () => {
  const range = new Range([kv('/a/1', 100)], 50);
  try {
    await readSnapshot('/a/', range.answer);
    assert.unreachable();
  } catch (error) {
    assert.is((error as StoreError).code, 'invalid');
  }
  assert.ok(range.refused < 10);
});

test('begins again when history is compacted away in the middle, or another cluster answers; gives up in the end', async () => {
  const kvs = Array.from({ length: 600 }, (_, at) => kv(`/a/${String(at).padStart(3, '0')}`, 1));
  const compacted = new StoreError('compacted', 'gone');
  const failing = (times: number, how: 'compacted' | 'cluster') => {
    const range = new Range(kvs);
    let left = times;
    return async (request: RangeRequest): Promise<RangeResponse> => {
      const response = await range.answer(request);
      if (request.revision === undefined || left === 0) return response;
      left -= 1;
      if (how === 'compacted') throw compacted;
      return { ...response, header: { ...response.header, cluster_id: '8' } };
    };
  };
  for (const how of ['compacted', 'cluster'] as const) {
    assert.is((await readSnapshot('/a/', failing(2, how))).entries.length, 600);
    try {
      await readSnapshot('/a/', failing(3, how));
      assert.unreachable();
    } catch (error) {
      assert.is((error as StoreError).code, 'compacted');
    }
  }
});

test('the range of a prefix holds what begins with it, and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), (prefix, other) => {
      const { key, range_end } = rangeOfPrefix(prefix);
      const within = (text: string): boolean => {
        const octets = Buffer.from(text);
        return Buffer.compare(octets, key) >= 0 && Buffer.compare(octets, range_end) < 0;
      };
      assert.ok(within(prefix) && within(prefix + other));
      assert.is(within(other), other.startsWith(prefix));
    }),
  );
});

test.run();
