import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { paced } from '../../../resolver/report/paced.ts';
import type { ZoneEvents } from '../../../resolver/report/zone-events.ts';

const test = suite('resolver/paced');

const ENTRIES = 2000;

/** A journal that is all processor and no disk: without pauses nothing else has its turn. */
async function* busy(): AsyncGenerator<never> {
  for (let at = 0; at < ENTRIES; at += 1) {
    const until = performance.now() + 0.05;
    while (performance.now() < until);
    yield at as never;
  }
}

const journal = {
  entries: () => busy(),
  searchBackward: () => busy(),
  newestSnapshot: async () => ({ sequence: 7, atMs: 1, lines: () => busy() }),
} as unknown as ZoneEvents;

/** @returns what was read, and the share of the time in which others had the processor */
async function read(items: AsyncIterable<unknown>): Promise<{ items: unknown[]; othersShare: number }> {
  const found: unknown[] = [];
  const beganMs = performance.now();
  for await (const item of items) found.push(item);
  const tookMs = performance.now() - beganMs;
  return { items: found, othersShare: 1 - (ENTRIES * 0.05) / tookMs };
}

test('all is read, in order, and others have the processor for half of the time', async () => {
  const slow = paced(journal);
  const snapshot = await slow.newestSnapshot();
  assert.equal([snapshot?.sequence, snapshot?.atMs], [7, 1]);
  for (const source of [slow.entries(), slow.searchBackward({ toSequence: 9, texts: [] }), snapshot?.lines()]) {
    const { items, othersShare } = await read(source as AsyncIterable<unknown>);
    assert.equal(
      items,
      Array.from({ length: ENTRIES }, (_none, at) => at),
    );
    assert.ok(othersShare > 0.3, `others had ${othersShare}`);
  }
});

test('who stops reading stops the source', async () => {
  let isEnded = false;
  async function* endless(): AsyncGenerator<number> {
    try {
      for (let at = 0; ; at += 1) yield at;
    } finally {
      isEnded = true;
    }
  }
  for await (const item of paced({ ...journal, entries: endless as never }).entries()) {
    if ((item as unknown as number) === 100) break;
  }
  assert.ok(isEnded);
});

test.run();
