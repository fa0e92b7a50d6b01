import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatAge, formatTable } from '../../../cli/text/table.ts';

const test = suite('cli/table');

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  assert.is(
    formatTable(
      ['SERVICE', 'AGE', 'STATE'],
      [
        ['web', '5 s', 'announced'],
        ['a-long-service', '12 min', ''],
      ],
    ),
    ['SERVICE         AGE     STATE', 'web             5 s     announced', 'a-long-service  12 min'].join('\n'),
  );
});

for (const [ms, expected] of [
  [-5_000, '0 s'],
  [999, '0 s'],
  [119_999, '119 s'],
  [120_000, '2 min'],
  [7_199_000, '119 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
] as const) {
  test(`an age of ${ms} ms reads ${expected}`, () => {
    assert.is(formatAge(ms), expected);
  });
}

test.run();
