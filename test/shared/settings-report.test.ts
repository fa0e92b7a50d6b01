import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { integerSetting, optionalSetting, readSettings } from '../../shared/settings.ts';
import { allProblems, describeProblems } from '../../shared/settings-report.ts';

const table = {
  reuse: integerSetting({ flag: 'reuse', placeholder: 'N', help: '', default: 1, min: 1, max: 9 }),
  suppress: integerSetting({ flag: 'suppress', placeholder: 'N', help: '', default: 3, min: 1, max: 9 }),
  suppressFile: optionalSetting({ flag: 'suppress-file', placeholder: 'FILE', help: '', defaultText: 'none' }),
};
const TOGETHER = ['--reuse="4": must be below --suppress', '--suppress-file="x": names nothing'];

const test = suite('shared/settings-report');

test('settings that are wrong by themselves and settings that are wrong together are reported at once', () => {
  const read = readSettings(table, { reuse: '0' }, {});
  assert.equal(allProblems(read, ['--suppress-file="x": names nothing']), [
    '--reuse="0": must be a whole number, 1 to 9',
    '--suppress-file="x": names nothing',
  ]);
});

test('what rests on the default of a wrong setting is not reported; a longer flag is another setting', () => {
  const read = readSettings(table, { reuse: '4', suppress: 'x', 'suppress-file': 'x' }, {});
  assert.is(read.values.suppress, 3);
  assert.equal(allProblems(read, TOGETHER), [
    '--suppress="x": must be a whole number, 1 to 9',
    '--suppress-file="x": names nothing',
  ]);
});

test('settings that are right by themselves are reported for what they are together', () => {
  assert.equal(allProblems(readSettings(table, { reuse: '4' }, {}), TOGETHER), TOGETHER);
});

test('the report counts', () => {
  assert.is(describeProblems('up', ['a']), 'up: configuration has 1 problem\n  a');
  assert.is(describeProblems('up', ['a', 'b']), 'up: configuration has 2 problems\n  a\n  b');
});

test.run();
