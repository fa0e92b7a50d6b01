import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent } from '../../../shared/journal/event.ts';
import { openJournal } from '../../support/journal-files.ts';
import fc from '../../support/properties.ts';

const test = suite('shared/journal, times');

interface Noted extends JournalEvent {
  readonly padding: string;
}

test('a range of times gives the same with and without knowing what stands where, clocks set back included', async () => {
  // 60 KB a line: a block of the index holds about 18 of them.
  const padding = 'x'.repeat(60_000);
  const journal = await openJournal<Noted>({ segmentOctets: 4_000_000 });
  const times = Array.from({ length: 200 }, (_, at) => (at % 50 === 49 ? 10 : 1000 + at * 10));
  const append = (from: number, to: number): void => {
    for (const atMs of times.slice(from, to)) journal.append({ type: 'Noted', atMs, padding });
  };
  append(0, 120);
  await journal.flush();
  const read = async (sinceMs: number, untilMs: number): Promise<number[]> => {
    const sequences: number[] = [];
    for await (const entry of journal.entries({ sinceMs, untilMs })) {
      assert.is(entry.kind, 'event', 'what is passed over is no gap');
      if (entry.kind === 'event') sequences.push(entry.sequence);
    }
    return sequences;
  };
  const expected = (upTo: number, sinceMs: number, untilMs: number): number[] =>
    times.slice(0, upTo).flatMap((atMs, at) => (atMs >= sinceMs && atMs <= untilMs ? [at + 1] : []));
  assert.equal(await read(1500, 1600), expected(120, 1500, 1600));
  append(120, 200);
  await journal.flush();
  await fc.assert(
    fc.asyncProperty(fc.nat(3200), fc.nat(600), async (sinceMs, length) => {
      assert.equal(await read(sinceMs, sinceMs + length), expected(200, sinceMs, sinceMs + length));
    }),
    { numRuns: 30 },
  );
  await journal.close();
});

test.run();
