import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent } from '../../../shared/journal/event.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { openJournal } from '../../support/journal-files.ts';

const test = suite('shared/journal, backward');

interface Noted extends JournalEvent {
  readonly key: string;
  readonly padding?: string;
}

async function written(keys: readonly string[], padding?: (at: number) => string): Promise<Journal<Noted>> {
  const journal = await openJournal<Noted>({ segmentOctets: 100_000 });
  for (const [at, key] of keys.entries()) {
    journal.append({ type: 'Noted', atMs: at, key, ...(padding && { padding: padding(at) }) });
    if (at % 500 === 499) await journal.flush(); // a segment ends behind a write, however long that was
  }
  await journal.flush();
  return journal;
}

async function found(journal: Journal<Noted>, toSequence: number, ...texts: string[]): Promise<number[]> {
  const sequences: number[] = [];
  for await (const { sequence } of journal.searchBackward({ toSequence, texts })) sequences.push(sequence);
  return sequences;
}

const upTo = (to: number, isIn: (sequence: number) => boolean): number[] =>
  Array.from({ length: to }, (_, at) => to - at).filter(isIn);

test('finds every event with the text up to a number, the newest first, over segments', async () => {
  const journal = await written(Array.from({ length: 5000 }, (_, at) => `/k/${at % 7}`));
  assert.ok(journal.status.segments > 3);
  for (const to of [1, 2, 700, 2500, 4999, 5000, 9000]) {
    const expected = upTo(Math.min(to, 5000), (sequence) => (sequence - 1) % 7 === 3);
    assert.equal(await found(journal, to, '"/k/3"'), expected, `up to ${to}`);
  }
  assert.equal(
    await found(journal, 20, '"/k/3"', '"/k/5"'),
    upTo(20, (sequence) => [3, 5].includes((sequence - 1) % 7)),
  );
  assert.equal(await found(journal, 5000, '"/k/9"'), []);
  await journal.close();
});

test('lines longer than what is read at once are found, and hide nothing', async () => {
  const journal = await written(['a', 'b', 'a', 'b'], (at) => 'x'.repeat(at === 1 ? 3_000_000 : 10));
  assert.equal(await found(journal, 4, '"a"'), [3, 1]);
  assert.equal(await found(journal, 4, '"b"'), [4, 2]);
  await journal.close();
});

test.run();
