import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { namesContainer } from '../../shared/container-id.ts';

const test = suite('shared/container-id');

const ID = '3f2a9c01d4e7'.padEnd(64, '0');

for (const [text, id, expected] of [
  [ID, ID, true],
  [ID.slice(0, 12), ID, true],
  [ID.slice(0, 6), ID, true],
  [ID.slice(0, 5), ID, false],
  [`${ID}0`, ID, false],
  ['3F2A9C', ID, false],
  ['2a9c01', ID, false],
  ['', ID, false],
  // What is no id has no beginning: what it is of may be many.
  ['static', 'static:web', false],
  ['static:', 'static:web', false],
  ['static:web', 'static:web-admin', false],
  ['static:web', 'static:web', true],
  ['run:we', 'run:web/1', false],
  ['run:web/1', 'run:web/1', true],
] as const) {
  test(`${JSON.stringify(text)} ${expected ? 'names' : 'does not name'} ${id.slice(0, 16)}`, () => {
    assert.is(namesContainer(text, id), expected);
  });
}

test.run();
