import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { scaleWeights } from '../../../../resolver/lookup/records/weights.ts';

const test = suite('resolver/weights');

const at = (priority: number, ...weights: number[]) => weights.map((weight) => ({ priority, weight }));

test('percent of the sum over the priority, rounded down', () => {
  const rows: [records: ReturnType<typeof at>, weights: number[]][] = [
    [at(10, 100), [100]],
    [at(10, 100, 100, 100), [33, 33, 33]],
    [at(10, 130, 80, 150), [36, 22, 41]],
    [
      [...at(10, 100, 100), ...at(30, 100)],
      [50, 50, 100],
    ],
    [at(10, 97), [99]],
    [at(10, 1, 10_000), [1, 99]],
    [[], []],
  ];
  for (const [records, weights] of rows) assert.equal(scaleWeights(records, 'percent'), weights);
});

test('raw weights are sent as stored, up to what an SRV can carry', () => {
  assert.equal(scaleWeights(at(10, 1, 97, 70_000), 'raw'), [1, 97, 65535]);
});

test.run();
