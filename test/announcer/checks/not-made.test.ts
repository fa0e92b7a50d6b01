import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotMade } from '../../../announcer/checks/not-made.ts';
import { facts, OTHER_ID } from '../../support/container-facts.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';

const test = suite('announcer/not-made');

const OTHER = facts({ id: OTHER_ID, name: 'db-1' });
const tooMany = (path: string): Error =>
  Object.assign(new Error(`EMFILE: too many open files, open '${path}'`), { code: 'EMFILE', syscall: 'open' });

test('names the container, its check and why, once for all that fail so', () => {
  const log = recordingLog();
  const notMade = new NotMade(log);
  notMade.say(facts(), 'tcp', tooMany('/proc/1/stat'), 0);
  notMade.say(OTHER, 'http', tooMany('/proc/2/stat'), 1000);
  notMade.say(facts(), 'tcp', tooMany('/proc/1/stat'), 60_000);
  assert.is(log.lines.length, 1);
  assert.match(log.lines[0]?.message ?? '', /tcp check of container web-1 cannot be made: EMFILE: too many open files/);
  assert.is(log.lines[0]?.level, 'warn');
});

test('says it again once it was over', () => {
  const log = recordingLog();
  const notMade = new NotMade(log);
  for (const atMs of [0, 30_000, 60_000, 120_000]) notMade.say(facts(), 'tcp', 'no turn', atMs);
  assert.is(log.lines.length, 2);
});

test('an error of our own making is told with its stack, beside whatever else fails', () => {
  const log = recordingLog();
  const notMade = new NotMade(log);
  notMade.say(facts(), 'tcp', 'no turn', 0);
  notMade.say(OTHER, 'exec', new TypeError('x is undefined'), 0);
  assert.equal(
    log.lines.map(({ level, fields }) => [level, fields.container, typeof fields.stack]),
    [
      ['warn', facts().id, 'undefined'],
      ['error', OTHER_ID, 'string'],
    ],
  );
});

test.run();
