import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEntry, JournalEvent } from '../../../shared/journal/event.ts';
import { Journal, type JournalOpenError, type JournalSettings } from '../../../shared/journal/journal.ts';
import type { OpenFile } from '../../../shared/journal/writing/segment-writer.ts';
import { type RecordingLog, recordingLog } from '../../support/doubles/recording-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('journal/disk');
const noted = (at: number): JournalEvent => ({ type: 'Noted', atMs: at });
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

interface Opened {
  readonly journal: Journal<JournalEvent>;
  readonly log: RecordingLog;
}

async function opened(directory: string, settings: Partial<JournalSettings> = {}): Promise<Opened> {
  const log = recordingLog();
  const journal = await Journal.open({ directory, kind: 'announcer', log, retryMs: 20, ...settings });
  return { journal, log };
}

async function brief(journal: Journal<JournalEvent>): Promise<(number | string)[]> {
  const entries: JournalEntry<JournalEvent>[] = [];
  for await (const entry of journal.entries()) entries.push(entry);
  return entries.map((entry) =>
    entry.kind === 'event' ? entry.sequence : `${entry.gap.reason} ${entry.gap.fromSequence}-${entry.gap.toSequence}`,
  );
}

async function failure(opening: Promise<Opened>): Promise<JournalOpenError> {
  try {
    await opening;
  } catch (error) {
    return error as JournalOpenError;
  }
  throw new Error('it was opened');
}

function reasonOf(journal: Journal<JournalEvent>): string {
  return journal.status.reason ?? '';
}

/** What the next process reads. */
async function readAgain(directory: string): Promise<(number | string)[]> {
  const { journal } = await opened(directory);
  const entries = await brief(journal);
  assert.is(journal.status.corruptLines, 0);
  await journal.close();
  return entries;
}

/** A disk that can be told to fail, as disks do. */
class FaultyDisk {
  /** Octets that still fit; the write that passes it is short, the next one fails. */
  room = Number.POSITIVE_INFINITY;
  failFsync = false;
  failTruncate = false;
  hang: Promise<void> | undefined;
  writes = 0;

  readonly open: OpenFile = async (path, flags) => {
    const handle = await open(path, flags);
    return new Proxy(handle, {
      get: (target, name) => {
        if (name === 'write') return (buffer: Buffer, offset = 0) => this.#write(target, buffer, offset);
        if (name === 'datasync') return () => (this.failFsync ? this.#fail('EIO') : target.datasync());
        if (name === 'truncate')
          return (octets: number) => (this.failTruncate ? this.#fail('EIO') : target.truncate(octets));
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  };

  async #write(handle: FileHandle, buffer: Buffer, offset: number): Promise<{ bytesWritten: number }> {
    this.writes += 1;
    await this.hang;
    const fits = Math.min(this.room, buffer.length - offset);
    if (fits <= 0) return this.#fail('ENOSPC');
    this.room -= fits;
    return handle.write(buffer, offset, fits);
  }

  #fail(code: string): Promise<never> {
    return Promise.reject(Object.assign(new Error(`${code}: the disk says no`), { code }));
  }
}

test('a disk that fills up within any octet of a write loses nothing that was kept in memory, and leaves no torn line', async () => {
  for (let room = 1; room < 400; room += 13) {
    const directory = temporaryDirectory();
    const disk = new FaultyDisk();
    const { journal, log } = await opened(directory, { openFile: disk.open });
    disk.room = room;
    for (const at of range(1, 6)) journal.append(noted(at));
    if (await journal.written()) {
      assert.is(journal.status.state, 'writing');
    } else {
      assert.is(journal.status.state, 'stopped');
      assert.match(journal.status.reason ?? '', 'ENOSPC');
      assert.equal(await brief(journal), range(1, 6), 'readable all the same');
      for (const name of readdirSync(directory).filter((each) => each.endsWith('.jsonl'))) {
        assert.match(readFileSync(join(directory, name), 'utf8'), /\n$|^$/, `room for ${room}: whole lines`);
      }
      await until('a second failed try', () => disk.writes > 4);
      assert.is(log.of('journal-stopped').length, 1, 'said once');
    }
    disk.room = Number.POSITIVE_INFINITY;
    await until('writing again', () => journal.status.state === 'writing');
    journal.append(noted(7));
    await journal.close();
    assert.is(journal.status.lost, 0);
    assert.equal(await readAgain(directory), range(1, 7), `room for ${room} octets`);
  }
});

test('while the disk is full events wait in memory up to the limit, then are lost; a gap says how many', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const regained: number[] = [];
  const onRegained = (lost: number): void => void regained.push(lost);
  const { journal, log } = await opened(directory, { openFile: disk.open, queueOctetsMax: 5000, onRegained });
  disk.room = 0;
  for (const at of range(1, 500)) journal.append(noted(at));
  await journal.flush(); // resolves although nothing is written
  assert.is(journal.status.state, 'stopped');
  const { lost, queuedOctets } = journal.status;
  assert.ok(lost > 300 && lost < 500, `${lost}`);
  assert.ok(queuedOctets <= 5000);
  assert.is(log.of('journal-queue-full').length, 1);
  disk.room = Number.POSITIVE_INFINITY;
  await until('writing again', () => journal.status.state === 'writing');
  assert.equal(regained, [lost]);
  assert.match(log.of('journal-writing-again')[0]?.message ?? '', `${lost} events were lost`);
  journal.append(noted(501));
  await journal.close();
  const kept = 500 - lost;
  assert.equal(await readAgain(directory), [...range(1, kept), `overflow ${kept + 1}-500`, 501]);
});

test('events that are lost during an outage are marked so, without any event after it', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const { journal } = await opened(directory, { openFile: disk.open, queueOctetsMax: 1000 });
  disk.room = 0;
  journal.append(noted(1));
  await journal.written();
  for (const at of range(2, 100)) journal.append(noted(at));
  disk.room = Number.POSITIVE_INFINITY;
  await until('writing again', () => journal.status.state === 'writing');
  await journal.flush();
  const kept = 100 - journal.status.lost;
  assert.equal(await brief(journal), [...range(1, kept), `unwritable ${kept + 1}-100`]);
  await journal.close();
  assert.equal(await readAgain(directory), [...range(1, kept), `unwritable ${kept + 1}-100`]);
});

test('a disk that hangs makes nobody wait: events queue up, then are lost, and are marked when it goes on', async () => {
  const disk = new FaultyDisk();
  const { journal } = await opened(temporaryDirectory(), { openFile: disk.open, queueOctetsMax: 2000 });
  let goOn = (): void => undefined;
  disk.hang = new Promise((resolve) => {
    goOn = resolve;
  });
  journal.append(noted(1));
  await until('the write that hangs', () => disk.writes > 1);
  for (const at of range(2, 200)) journal.append(noted(at));
  assert.ok(journal.status.lost > 100);
  disk.hang = undefined;
  goOn();
  await journal.flush();
  const kept = 200 - journal.status.lost;
  assert.equal(await brief(journal), [...range(1, kept), `overflow ${kept + 1}-200`]);
  await journal.close();
});

test('a line that could not be cut back is passed over; the event in it is written again', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const { journal } = await opened(directory, { openFile: disk.open });
  disk.failTruncate = true;
  disk.room = 100;
  journal.append(noted(1));
  journal.append(noted(2));
  await journal.written();
  disk.room = Number.POSITIVE_INFINITY;
  await until('writing again', () => journal.status.state === 'writing');
  await journal.close();
  const { journal: again } = await opened(directory);
  assert.equal(await brief(again), [1, 2]);
  await again.close();
});

test('after a failed fsync the file is not written any more, and what is in it is not lost', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const { journal, log } = await opened(directory, { openFile: disk.open, fsyncMs: 1 });
  journal.append(noted(1));
  await journal.flush();
  disk.failFsync = true;
  journal.append(noted(2));
  await until('the failed fsync', () => journal.status.fsyncFailures === 1);
  assert.is(log.of('journal-fsync-failed').length, 1);
  assert.match(log.of('journal-fsync-failed')[0]?.message ?? '', 'its last 1 lines may not survive');
  disk.failFsync = false;
  const [first = ''] = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  const { size } = statSync(join(directory, first));
  journal.append(noted(3));
  await journal.close();
  assert.is(statSync(join(directory, first)).size, size);
  assert.equal(
    readdirSync(directory).filter((name) => name.endsWith('.jsonl')),
    ['0000000000000001.jsonl', '0000000000000003.jsonl'],
  );
  assert.equal(await readAgain(directory), [1, 2, 3]);
});

for (const [what, takeAway] of [
  ['its directory is removed', (directory: string) => rmSync(directory, { recursive: true })],
  ['its directory is moved away', (directory: string) => renameSync(directory, `${directory}-moved`)],
  [
    'everything in its directory is removed',
    (directory: string) => {
      for (const name of readdirSync(directory)) rmSync(join(directory, name));
    },
  ],
] as const) {
  test(`when ${what} that is noticed, said and counted, and the journal goes on in a new one`, async () => {
    const directory = join(temporaryDirectory(), 'journal');
    const regained: number[] = [];
    const onRegained = (lost: number): void => void regained.push(lost);
    const { journal, log } = await opened(directory, { fsyncMs: 1, onRegained });
    journal.append(noted(1));
    await journal.flush();
    takeAway(directory);
    journal.append(noted(2));
    await until('it to be noticed', () => regained.length > 0);
    assert.equal(regained, [2]);
    assert.is(journal.status.lost, 2);
    assert.match(log.of('journal-stopped')[0]?.message ?? '', 'was removed, or moved away, while it was being written');
    assert.is(journal.status.state, 'writing');
    journal.append(noted(3));
    await journal.flush();
    assert.equal(await brief(journal), ['corrupt 1-2', 3]);
    const other = await failure(opened(directory));
    assert.is(other.code, 'locked', 'the new directory is locked, too');
    await journal.close();
    assert.equal(await readAgain(directory), [3]);
  });
}

test('a new segment is not begun in a directory that it has no lock of any more', async () => {
  const directory = join(temporaryDirectory(), 'journal');
  // No fsync by itself: the end of a segment comes first.
  const { journal } = await opened(directory, { fsyncMs: 60_000, segmentOctets: 500 });
  journal.append(noted(1));
  await journal.flush();
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  for (let at = 2; at <= 20; at += 1) {
    journal.append(noted(at));
    await journal.written();
  }
  assert.is((await failure(opened(directory))).code, 'locked');
  await journal.close();
});

test('a directory that came in place of its own is not written to when another process has been there', async () => {
  const directory = join(temporaryDirectory(), 'journal');
  const { journal } = await opened(directory, { fsyncMs: 1 });
  journal.append(noted(1));
  await journal.flush();
  renameSync(directory, `${directory}-moved`);
  const other = await opened(directory);
  for (let at = 1; at <= 3; at += 1) other.journal.append(noted(at));
  await other.journal.close();
  const before = readdirSync(directory).filter((name) => name.endsWith('.jsonl'));
  renameSync(join(directory, before[0] as string), join(directory, '0000000000000005.jsonl'));
  journal.append(noted(2));
  await until('the stop', () => journal.status.state === 'stopped');
  await until('the reason', () => /another process has written/.test(reasonOf(journal)) || undefined);
  await journal.close();
  assert.equal(
    readdirSync(directory).filter((name) => name.endsWith('.jsonl')),
    ['0000000000000005.jsonl'],
  );
});

/** Has the name of a segment, and cannot be read. */
const UNREADABLE = '0000000000000009.jsonl';

for (const [where, name] of [
  ['a directory', 'journal'],
  ['one whose path is longer than a socket address', 'j'.repeat(120)],
]) {
  test(`${where} that came in place of its own and cannot be looked through yet is locked once it was`, async () => {
    const directory = join(temporaryDirectory(), name as string);
    // No fsync by itself: the end of a segment looks whether the directory is still locked.
    const { journal } = await opened(directory, { fsyncMs: 60_000, segmentOctets: 500 });
    const write = async (from: number, to: number): Promise<void> => {
      for (let at = from; at <= to; at += 1) {
        journal.append(noted(at));
        await journal.written();
      }
    };
    journal.append(noted(1));
    await journal.flush();
    rmSync(directory, { recursive: true });
    mkdirSync(join(directory, UNREADABLE), { recursive: true });
    const foreign = join(directory, '0000000000000050.jsonl');
    writeFileSync(foreign, '');
    await write(2, 20);
    await until('the first reason', () => reasonOf(journal).includes('EISDIR'));
    rmSync(join(directory, UNREADABLE), { recursive: true });
    await until('the second reason', () => reasonOf(journal).includes('another process has written'));
    rmSync(foreign);
    await until('writing again', () => journal.status.state === 'writing');
    assert.is((await failure(opened(directory))).code, 'locked');
    await journal.close();
  });
}

test('closed when its file was taken away after the last look: says that events are lost, and is not marked as closed', async () => {
  const directory = temporaryDirectory();
  const { journal, log } = await opened(directory, { fsyncMs: 60_000 });
  journal.append(noted(1));
  assert.is(await journal.written(), true);
  rmSync(join(directory, '0000000000000001.jsonl'));
  await journal.close();
  assert.is(log.of('journal-incomplete').length, 1);
  assert.is(readdirSync(directory).includes('closed.json'), false);
  assert.is(journal.status.lost, 1);
});

test('closed when its file was found gone, before anyone was told what is lost: is not marked as closed', async () => {
  const directory = temporaryDirectory();
  const regained: number[] = [];
  const onRegained = (lost: number): void => void regained.push(lost);
  const { journal, log } = await opened(directory, { fsyncMs: 1, retryMs: 1_000_000, onRegained });
  journal.append(noted(1));
  assert.is(await journal.written(), true);
  rmSync(join(directory, '0000000000000001.jsonl'));
  journal.append(noted(2));
  await until('the stop', () => journal.status.state === 'stopped');
  assert.equal(regained, []);
  journal.append(noted(3));
  await journal.close();
  assert.is(log.of('journal-incomplete').length, 1);
  const { journal: again } = await opened(directory);
  const next = again.append(noted(4));
  assert.equal(await brief(again), [3, `crash 4-${next - 1}`, next]);
  await again.close();
});

test('closed while a timed retry begins a segment: it is begun once, and the events are in it', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  let opening = 0;
  let atOnce = 0;
  let isSlow = false;
  const openFile: OpenFile = async (path, flags) => {
    opening += 1;
    atOnce = Math.max(atOnce, opening);
    if (isSlow) await new Promise((resolve) => setTimeout(resolve, 1_000));
    opening -= 1;
    return disk.open(path, flags);
  };
  const { journal } = await opened(directory, { openFile });
  disk.room = 0;
  journal.append(noted(1));
  await until('the stop', () => journal.status.state === 'stopped');
  disk.room = Number.POSITIVE_INFINITY;
  isSlow = true;
  atOnce = 0;
  await until('the retry', () => opening > 0, { everyMs: 1 });
  await journal.close();
  assert.is(atOnce, 1);
  assert.equal(await readAgain(directory), [1]);
});

test('closed while the disk is full: says that events are lost, and the next start skips their numbers', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const { journal, log } = await opened(directory, { openFile: disk.open });
  journal.append(noted(1));
  await journal.flush();
  disk.room = 0;
  journal.append(noted(2));
  await journal.written();
  await journal.close();
  assert.is(log.of('journal-incomplete').length, 1);
  assert.is(log.of('journal-incomplete')[0]?.level, 'error');
  const { journal: again } = await opened(directory);
  const next = again.append(noted(3));
  assert.ok(next > 2);
  assert.equal(await brief(again), [1, `crash 2-${next - 1}`, next]);
  await again.close();
});

test('closing tries once more', async () => {
  const directory = temporaryDirectory();
  const disk = new FaultyDisk();
  const { journal } = await opened(directory, { openFile: disk.open, retryMs: 1_000_000 });
  disk.room = 0;
  journal.append(noted(1));
  await journal.written();
  disk.room = Number.POSITIVE_INFINITY;
  await journal.close();
  assert.equal(await readAgain(directory), [1]);
});

test('a full file system: stops, goes on when there is room, and every event is there or in a gap', async () => {
  const directory = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'rollcall-test', directory], { stdio: 'pipe' });
  } catch (error) {
    console.log(`SKIP a full file system: no tmpfs can be mounted here (${(error as Error).message.trim()})`);
    return;
  }
  try {
    const path = join(directory, 'journal');
    const ballast = join(directory, 'ballast');
    writeFileSync(ballast, Buffer.alloc(900 * 1024));
    const { journal, log } = await opened(path, { queueOctetsMax: 50_000, segmentOctets: 20_000 });
    let at = 0;
    await until('a full disk', async () => {
      for (const _ of range(1, 100)) {
        at += 1;
        journal.append({ ...noted(at), text: 'x'.repeat(200) } as JournalEvent);
      }
      // Not its own limit alone, on a slow disk; nor between two tries.
      return journal.status.lost > 0 && reasonOf(journal).includes('ENOSPC');
    });
    assert.is(log.of('journal-stopped').length, 1);
    try {
      await journal.snapshot(range(1, 100_000));
      assert.unreachable('there was room for a snapshot');
    } catch (error) {
      assert.is((error as { code?: string }).code, 'unwritable');
    }
    assert.equal(
      readdirSync(path).filter((name) => name.includes('snapshot')),
      [],
      'no trace of it',
    );
    rmSync(ballast);
    await until('writing again', () => journal.status.state === 'writing');
    await journal.close();
    const again = await opened(path);
    const entries = await brief(again.journal);
    const numbers = entries.flatMap((entry) => {
      if (typeof entry === 'number') return [entry];
      const [, from = '', to = ''] = /(\d+)-(\d+)$/.exec(entry) ?? [];
      return range(Number(from), Number(to));
    });
    assert.equal(numbers, range(1, at));
    assert.is(again.journal.status.corruptLines, 0);
    await again.journal.close();
  } finally {
    execFileSync('umount', ['-l', directory]);
  }
});

test('starts with a disk that is full already, and with one that it may not write to', async () => {
  const directory = temporaryDirectory();
  await (await opened(directory)).journal.close();
  const asRoot = process.geteuid?.() === 0;
  chmodSync(directory, 0o555);
  if (asRoot) process.seteuid?.(65534); // root may write everywhere
  const { journal, log } = await opened(directory);
  try {
    assert.is(journal.status.state, 'stopped');
    assert.match(journal.status.reason ?? '', 'EACCES');
    assert.is(log.of('journal-stopped').length, 1);
    assert.is(log.of('journal-stopped')[0]?.level, 'error');
    journal.append(noted(1));
    assert.equal(await brief(journal), [1]);
    if (asRoot) process.seteuid?.(0);
    chmodSync(directory, 0o755);
    await until('writing again', () => journal.status.state === 'writing');
  } finally {
    if (asRoot) process.seteuid?.(0);
    await journal.close();
  }
  assert.equal(await readAgain(directory), [1]);
});

test('a directory that may not be read is a clear error', async () => {
  const directory = temporaryDirectory();
  const asRoot = process.geteuid?.() === 0;
  chmodSync(directory, 0o000);
  if (asRoot) process.seteuid?.(65534);
  try {
    await opened(directory);
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: string }).code, 'unreadable');
    assert.match((error as Error).message, 'EACCES');
  } finally {
    if (asRoot) process.seteuid?.(0);
    chmodSync(directory, 0o755);
  }
});

test('a journal that comes late to its lock does not write over another process', async () => {
  if (process.geteuid?.() !== 0) {
    console.log(
      'SKIP a journal that comes late to its lock: needs root, to open a directory that others may not write',
    );
    return;
  }
  const directory = temporaryDirectory();
  await (await opened(directory)).journal.close();
  chmodSync(directory, 0o555);
  process.seteuid?.(65534);
  const late = await opened(directory, { retryMs: 1_000_000 });
  process.seteuid?.(0);
  assert.is(late.journal.append(noted(1)), 1);
  const other = await opened(directory);
  assert.is(other.journal.append(noted(2)), 1);
  await other.journal.close();
  await late.journal.close(); // tries once more
  assert.match(late.journal.status.reason ?? '', 'another process has written');
  assert.is(late.log.of('journal-incomplete').length, 1);
  chmodSync(directory, 0o755);
  assert.equal(await readAgain(directory), [1]);
});

test('a journal that comes late to its lock, and cannot look through its directory yet, comes to it once it can', async () => {
  if (process.geteuid?.() !== 0) {
    console.log('SKIP a journal that comes late to its lock: needs root');
    return;
  }
  const directory = temporaryDirectory();
  await (await opened(directory)).journal.close();
  chmodSync(directory, 0o555);
  process.seteuid?.(65534);
  const { journal } = await opened(directory, { retryMs: 20 });
  process.seteuid?.(0);
  mkdirSync(join(directory, UNREADABLE));
  chmodSync(directory, 0o755);
  await until('the reason', () => reasonOf(journal).includes('EISDIR'));
  rmSync(join(directory, UNREADABLE), { recursive: true });
  await until('writing', () => journal.status.state === 'writing');
  await journal.close();
});

test('events that may wait for each other are written together; who waits for them does not wait', async () => {
  const disk = new FaultyDisk();
  const { journal } = await opened(temporaryDirectory(), { openFile: disk.open, gatherMs: 60_000 });
  const before = disk.writes;
  for (let at = 1; at <= 20; at += 1) {
    journal.append(noted(at));
    await nextTurn();
  }
  assert.is(disk.writes, before, 'nothing is written while all may wait');
  assert.equal(await brief(journal), range(1, 20), 'readers see what waits');
  assert.is(await journal.written(), true);
  assert.is(disk.writes, before + 1);
  journal.append(noted(21));
  await journal.close();
  assert.is(disk.writes, before + 2);
  assert.is(journal.lastSequence, 21);
});

test('what fills a write waits for no others', async () => {
  const { journal } = await opened(temporaryDirectory(), { gatherMs: 60_000 });
  for (let at = 1; at <= 2000; at += 1) journal.append(noted(at));
  await until('the write', () => journal.status.queuedOctets < 64 * 1024);
  await journal.close();
});

test.run();
