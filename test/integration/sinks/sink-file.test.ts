import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileReceiver } from '../../../announcer/sinks/receivers/file.ts';
import { numbers, type Pumping, pumping, sequencesOf } from '../../support/pumping.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/sink-file');
const open: Pumping[] = [];
let path = '';

test.before.each(() => {
  path = join(temporaryDirectory(), 'audit.jsonl');
});
test.after.each(async () => {
  for (const each of open.splice(0)) await each.stop();
});

async function pumped(receiver = new FileReceiver(path)): Promise<Pumping> {
  const found = await pumping(receiver);
  open.push(found);
  return found;
}

const read = (from = path): string => readFileSync(from, 'utf8');

test('lines are appended to what is there, for its group to read and for nobody else', async () => {
  const { record, allTaken } = await pumped();
  record(600);
  await allTaken();
  assert.equal(sequencesOf(read()), numbers(600));
  assert.is(statSync(path).mode & 0o007, 0);
  const again = await pumped();
  again.record(1);
  await again.allTaken();
  assert.equal(sequencesOf(read()), [...numbers(600), 1]);
});

test('a file that is renamed, as logrotate does it, is followed by a new one', async () => {
  const { record, allTaken } = await pumped();
  record(2);
  await allTaken();
  renameSync(path, `${path}.1`);
  record(2);
  await allTaken();
  assert.equal(
    [sequencesOf(read(`${path}.1`)), sequencesOf(read())],
    [
      [1, 2],
      [3, 4],
    ],
  );
});

test('a file that is renamed and made anew by logrotate is followed, too', async () => {
  const { record, allTaken } = await pumped();
  record(1);
  await allTaken();
  renameSync(path, `${path}.1`);
  writeFileSync(path, '');
  record(1);
  await allTaken();
  assert.equal([sequencesOf(read(`${path}.1`)), sequencesOf(read())], [[1], [2]]);
});

test('on a reopen it goes on in the file of that name', async () => {
  const receiver = new FileReceiver(path);
  const { record, allTaken } = await pumped(receiver);
  record(1);
  await allTaken();
  rmSync(path);
  receiver.reopen();
  record(1);
  await allTaken();
  assert.equal(sequencesOf(read()), [2]);
});

test('half a line of ours, from a process that was ended by force, is cut off', async () => {
  const whole = '{"@timestamp":"2026-11-20T14:32:00.125Z","sequence":41}\n';
  writeFileSync(path, `${whole}{"@timestamp":"2026-11-20T14:3`);
  const { record, allTaken } = await pumped();
  record(1);
  await allTaken();
  assert.equal(sequencesOf(read()), [41, 1]);
});

test('half a line of someone else stays, and ends', async () => {
  writeFileSync(path, 'first\nsecond');
  const { record, allTaken } = await pumped();
  record(1);
  await allTaken();
  assert.ok(read().startsWith('first\nsecond\n{"@timestamp"'));
});

test('a directory that is missing, or a pipe, is said, and the records wait', async () => {
  path = join(temporaryDirectory(), 'later', 'audit.jsonl');
  const { record, allTaken, log } = await pumped();
  record(1);
  await until('a failure', () => log.of('sink-failing').length > 0);
  assert.match(log.of('sink-failing')[0]?.message ?? '', 'ENOENT');
  mkdirSync(join(path, '..'));
  await allTaken();
  assert.equal(sequencesOf(read()), [1]);
  const pipe = join(temporaryDirectory(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const piped = await pumped(new FileReceiver(pipe));
  piped.record(1);
  await until('a failure', () => piped.log.of('sink-failing').length > 0);
  assert.match(piped.log.of('sink-failing')[0]?.message ?? '', 'is no regular file');
});

test('a full disk leaves no half line, and when there is room everything is there once', async () => {
  const directory = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=768k', 'rollcall-test', directory], { stdio: 'pipe' });
  } catch (error) {
    console.log(`SKIP a full disk: no tmpfs can be mounted here (${(error as Error).message.trim()})`);
    return;
  }
  let filled: Pumping | undefined;
  try {
    path = join(directory, 'audit.jsonl');
    const ballast = join(directory, 'ballast');
    writeFileSync(ballast, Buffer.alloc(640 * 1024));
    filled = await pumping(new FileReceiver(path));
    const { record, allTaken, log } = filled;
    record(600, 'x'.repeat(100));
    await until('a full disk', () => log.of('sink-failing').length > 0);
    assert.match(log.of('sink-failing')[0]?.message ?? '', 'ENOSPC');
    assert.ok(read() === '' || read().endsWith('\n'));
    rmSync(ballast);
    appendFileSync(path, ''); // someone else who uses the file is in nobody's way
    await allTaken();
    assert.equal(sequencesOf(read()), numbers(600));
  } finally {
    await filled?.stop();
    execFileSync('umount', ['-l', directory]);
    assert.ok(existsSync(directory));
  }
});

test.run();
