import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DirectoryLock } from '../../../shared/journal/writing/lock.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const test = suite('journal/lock');
const children = new Set<ChildProcess>();
test.after.each(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
});

const LOCK_MODULE = new URL('../../../shared/journal/writing/lock.js', import.meta.url).href;

/** A process that takes the lock, says what came of it, and then does nothing. */
function otherProcess(directory: string): { child: ChildProcess; said: Promise<string> } {
  const code = `
    const { DirectoryLock } = await import(${JSON.stringify(LOCK_MODULE)});
    await DirectoryLock.acquire(${JSON.stringify(directory)}).then(
      () => console.log('locked'), (error) => console.log(error.message));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const said = once(createInterface(child.stdout), 'line').then(([line]) => line as string);
  return { child, said };
}

async function refusal(directory: string): Promise<string> {
  try {
    await (await DirectoryLock.acquire(directory)).release();
  } catch (error) {
    assert.is((error as { code?: string }).code, 'locked');
    return (error as Error).message;
  }
  throw new Error('the lock was given twice');
}

test('is given once, and again after its release', async () => {
  const directory = temporaryDirectory();
  for (let round = 0; round < 3; round += 1) {
    const lock = await DirectoryLock.acquire(directory);
    assert.match(await refusal(directory), `process ${process.pid};`);
    await lock.release();
  }
  assert.equal(
    readdirSync(directory).filter((name) => name.startsWith('lock')),
    ['lock-3'],
    'nothing piles up',
  );
});

test('names the live process that has it', async () => {
  const directory = temporaryDirectory();
  const { child, said } = otherProcess(directory);
  assert.is(await said, 'locked');
  const message = await refusal(directory);
  assert.match(message, `${directory} is in use by process ${child.pid};`);
});

test('is free at once when its holder was killed', async () => {
  const directory = temporaryDirectory();
  const { child, said } = otherProcess(directory);
  assert.is(await said, 'locked');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await DirectoryLock.acquire(directory)).release();
});

test('stays with a holder that is stopped and cannot answer', async () => {
  const directory = temporaryDirectory();
  const { child, said } = otherProcess(directory);
  assert.is(await said, 'locked');
  child.kill('SIGSTOP');
  assert.match(await refusal(directory), 'does not say its pid');
});

test('of several processes that find a dead one at the same time, one gets it', async () => {
  const directory = temporaryDirectory();
  const dead = otherProcess(directory);
  assert.is(await dead.said, 'locked');
  dead.child.kill('SIGKILL');
  await once(dead.child, 'exit');
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => otherProcess(directory).said));
  assert.is(outcomes.filter((outcome) => outcome === 'locked').length, 1, outcomes.join('\n'));
});

test('of many attempts within one process, one gets it', async () => {
  const directory = temporaryDirectory();
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => DirectoryLock.acquire(directory)));
  const locks = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  for (const lock of locks) await lock.release();
  assert.is(locks.length, 1);
  assert.equal(readdirSync(directory), ['lock-1']);
});

test('works in a directory whose path is longer than a socket address', async () => {
  const directory = join(temporaryDirectory(), 'd'.repeat(200));
  mkdirSync(directory);
  const lock = await DirectoryLock.acquire(directory);
  assert.match(await refusal(directory), `process ${process.pid};`);
  await lock.release();
});

test('says what the file system says when it cannot hold a lock', async () => {
  try {
    await DirectoryLock.acquire(join(temporaryDirectory(), 'missing'));
    assert.unreachable();
  } catch (error) {
    assert.is((error as NodeJS.ErrnoException).code, 'ENOENT');
  }
});

test.run();
