import { appendFileSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent } from '../../../shared/journal/event.ts';
import { type Journal, JournalOpenError } from '../../../shared/journal/journal.ts';
import { StoredJournal } from '../../../shared/journal/reading/stored.ts';
import { openJournal } from '../../support/journal-files.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const test = suite('shared/journal, stored');

interface Noted extends JournalEvent {
  readonly note: string;
}

async function written(directory: string, count: number): Promise<Journal<Noted>> {
  const journal = await openJournal<Noted>({ directory });
  for (let at = 1; at <= count; at += 1) journal.append({ type: 'Noted', atMs: 1000 + at, note: `n${at}` });
  await journal.flush();
  return journal;
}

const segmentOf = (directory: string): string =>
  join(
    directory,
    readdirSync(directory)
      .filter((name) => /^\d{16}\.jsonl$/.test(name))
      .sort()
      .at(-1) ?? '',
  );

async function faultsOf(directory: string): Promise<string[]> {
  const faults: string[] = [];
  for await (const { type, at } of (await StoredJournal.open(directory)).faults()) {
    faults.push(at === undefined ? type : `${type} ${at}`);
  }
  return faults;
}

test('reads a journal that a process has open, and finds no fault in it', async () => {
  const directory = temporaryDirectory();
  const journal = await written(directory, 50);
  await journal.snapshot(['state']);
  const stored = await StoredJournal.open<Noted>(directory);
  assert.is(stored.kind, 'resolver');
  const notes: string[] = [];
  for await (const entry of stored.entries()) if (entry.kind === 'event') notes.push(entry.event.note);
  assert.is(notes.length, 50);
  assert.is((await stored.newestSnapshot())?.sequence, 50);
  assert.equal(await faultsOf(directory), []);
  await journal.close();
});

test('names a corrupt line and the number that is missing for it', async () => {
  const directory = temporaryDirectory();
  await (await written(directory, 9)).close();
  const path = segmentOf(directory);
  const octets = readFileSync(path);
  const at = octets.indexOf('n5');
  octets[at] = 0x6d;
  writeFileSync(path, octets);
  assert.equal(await faultsOf(directory), [`corrupt-line ${octets.lastIndexOf(0x0a, at) + 1}`, 'gap']);
});

test('names a torn line wherever in it the power went', async () => {
  const directory = temporaryDirectory();
  await (await written(directory, 3)).close();
  const path = segmentOf(directory);
  const whole = readFileSync(path);
  const lastAt = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  for (const cut of [1, 10, whole.length - lastAt - 1]) {
    truncateSync(path, whole.length - cut);
    assert.equal(await faultsOf(directory), [`torn-line ${lastAt}`], `cut by ${cut}`);
    writeFileSync(path, whole);
  }
});

test('a line that is being written is no fault', async () => {
  const directory = temporaryDirectory();
  await (await written(directory, 3)).close();
  const path = segmentOf(directory);
  const whole = readFileSync(path);
  truncateSync(path, whole.length - 10);
  const opening = StoredJournal.open(directory);
  setTimeout(() => appendFileSync(path, whole.subarray(-10)), 50);
  const faults: unknown[] = [];
  for await (const fault of (await opening).faults()) faults.push(fault);
  assert.equal(faults, []);
});

test('names a damaged snapshot', async () => {
  const directory = temporaryDirectory();
  const journal = await written(directory, 3);
  await journal.snapshot(['a', 'b']);
  await journal.close();
  const name = readdirSync(directory).find((each) => each.endsWith('.snapshot.jsonl')) ?? '';
  writeFileSync(join(directory, name), readFileSync(join(directory, name), 'utf8').replace('"b"', '"c"'));
  assert.equal(await faultsOf(directory), ['damaged-snapshot']);
});

test('a directory without a journal is refused, with where one is', async () => {
  for (const directory of [temporaryDirectory(), '/nowhere']) {
    try {
      await StoredJournal.open(directory);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, JournalOpenError);
    }
  }
});

test.run();
