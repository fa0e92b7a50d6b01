import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
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

test('names what has gone from the end of a journal that was closed', async () => {
  const directory = temporaryDirectory();
  await (await written(directory, 3)).close();
  const path = segmentOf(directory);
  const whole = readFileSync(path);
  const lastAt = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  truncateSync(path, lastAt);
  const faults: string[] = [];
  for await (const { detail } of (await StoredJournal.open(directory)).faults()) faults.push(detail);
  assert.is(faults.length, 1);
  assert.match(faults[0] ?? '', '1 event missing at the end, numbers 3 to 3');
  const again = await written(directory, 0);
  assert.equal(await faultsOf(directory), [], 'while it is open nobody knows yet');
  await again.close();
});

/** A journal of three segments or more, and the paths of these. */
async function inSegments(directory: string): Promise<readonly [string, string, string]> {
  const journal = await openJournal<Noted>({ directory, segmentOctets: 500 });
  for (let at = 1; at <= 12; at += 1) {
    journal.append({ type: 'Noted', atMs: 1000 + at, note: `n${at}` });
    await journal.written();
  }
  await journal.close();
  const names = readdirSync(directory).filter((name) => /^\d{16}\.jsonl$/.test(name));
  return names.sort().map((name) => join(directory, name)) as unknown as readonly [string, string, string];
}

test('names lines that stand twice, or in another place than they were written to', async () => {
  const directory = temporaryDirectory();
  const [first, second] = await inSegments(directory);
  const [ofFirst, ofSecond] = [readFileSync(first, 'utf8'), readFileSync(second, 'utf8')];
  const lines = ofFirst.split('\n');
  const twiceAt = lines.slice(0, 3).join('\n').length + 1;
  writeFileSync(first, [...lines.slice(0, 3), lines[2], ...lines.slice(3)].join('\n'));
  assert.equal(await faultsOf(directory), [`misplaced-line ${twiceAt}`]);
  writeFileSync(first, ofSecond);
  writeFileSync(second, ofFirst);
  const faults = await faultsOf(directory);
  assert.equal(faults.filter((fault) => fault === 'bad-header 0').length, 2, 'neither header fits its name');
  assert.ok(faults.some((fault) => fault.startsWith('misplaced-line')));
});

test('a segment that a snapshot needs is missed, also when it was the oldest', async () => {
  const directory = temporaryDirectory();
  const journal = await openJournal<Noted>({ directory, segmentOctets: 500 });
  const append = async (count: number): Promise<void> => {
    for (let at = 1; at <= count; at += 1) {
      journal.append({ type: 'Noted', atMs: 1000 + at, note: `n${at}` });
      await journal.written();
    }
  };
  await append(2);
  await journal.snapshot(['state']);
  await append(12);
  await journal.close();
  assert.equal(await faultsOf(directory), []);
  const [oldest = ''] = readdirSync(directory).filter((name) => /^\d{16}\.jsonl$/.test(name));
  rmSync(join(directory, oldest));
  assert.equal(await faultsOf(directory), ['gap']);
  const again = await openJournal<Noted>({ directory });
  const gaps: string[] = [];
  for await (const entry of again.entries({ fromSequence: 3, isBehindSnapshot: true })) {
    if (entry.kind === 'gap') gaps.push(`${entry.gap.reason} from ${entry.gap.fromSequence}`);
  }
  assert.equal(gaps, ['corrupt from 3']);
  await again.close();
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
