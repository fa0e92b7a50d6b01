import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { ContainerBook } from '../../../announcer/sinks/container-book.ts';
import { Feed, RECENT_MAX } from '../../../announcer/sinks/feed.ts';
import type { JournalEntry } from '../../../shared/journal/event.ts';
import { AT_MS, EVENTS } from '../../support/sink-events.ts';

const test = suite('announcer/sinks/feed');
const never = new AbortController().signal;

type Entry = JournalEntry<AnnouncerEvent>;
const removed = (sequence: number): Entry => ({ kind: 'event', sequence, event: EVENTS.ContainerRemoved });

/** A journal in memory, and how often it was read. */
function feedOn(journal: Entry[], lastSequence = journal.length, failingReads = 0) {
  let failing = failingReads;
  const reads: number[] = [];
  const book = new ContainerBook([]);
  const feed = new Feed({
    host: 'node-1',
    book,
    nowMs: () => AT_MS,
    lastSequence,
    read: async function* (from) {
      reads.push(from);
      failing -= 1;
      if (failing >= 0) throw new Error('EMFILE: too many open files');
      yield* [...journal].filter((entry) => (entry.kind === 'gap' ? entry.gap.toSequence : entry.sequence) >= from);
    },
  });
  const push = (sequence: number, inJournal = true): void => {
    if (inJournal) journal.push(removed(sequence));
    feed.push({ sequence, event: EVENTS.ContainerRemoved });
  };
  const told = async (next: number, max = 500) => {
    const batch = await feed.take(next, max);
    return { ...batch, records: batch.records.map(({ action, sequence }) => `${action} ${sequence}`) };
  };
  return { feed, book, reads, push, told };
}

test('what came before this process is read from the journal', async () => {
  const { feed, told } = feedOn([removed(1), removed(2), removed(3)]);
  await feed.open(never);
  assert.equal(await told(2), { records: ['removed 2', 'removed 3'], next: 4, gaps: 0 });
  assert.equal(await told(1, 2), { records: ['removed 1', 'removed 2'], next: 3, gaps: 0 });
});

test('a sink that keeps up never reads the journal', async () => {
  const { feed, push, reads, told } = feedOn([]);
  await feed.open(never);
  for (let sequence = 1; sequence <= 3; sequence += 1) push(sequence);
  assert.equal(await told(1), { records: ['removed 1', 'removed 2', 'removed 3'], next: 4, gaps: 0 });
  assert.equal(reads, []);
});

test('the memory has a bound, and the journal goes on where it ends', async () => {
  const { feed, push, reads, told } = feedOn([]);
  await feed.open(never);
  const count = RECENT_MAX * 3;
  for (let sequence = 1; sequence <= count; sequence += 1) push(sequence);
  const seen: string[] = [];
  for (let next = 1; next <= count; ) {
    const batch = await told(next);
    seen.push(...batch.records);
    assert.is(batch.gaps, 0);
    next = batch.next;
  }
  assert.equal(
    seen,
    Array.from({ length: count }, (_, at) => `removed ${at + 1}`),
  );
  assert.ok(reads.length > 0);
});

test('events that are no record are passed, and are no gap', async () => {
  const { feed, told } = feedOn([{ kind: 'event', sequence: 1, event: EVENTS.StoreLost }, removed(2)]);
  await feed.open(never);
  assert.equal(await told(1), { records: ['removed 2'], next: 3, gaps: 0 });
});

test('what retention took away is a gap', async () => {
  const { feed, told } = feedOn([removed(8), removed(9)], 9);
  await feed.open(never);
  assert.equal(await told(3), { records: ['gap 7', 'removed 8', 'removed 9'], next: 10, gaps: 1 });
});

test('what the journal says is missing is a gap, from where the sink is', async () => {
  const gap = { atMs: AT_MS, fromSequence: 2, toSequence: 1_000_001, reason: 'crash' as const };
  const { feed } = feedOn([removed(1), { kind: 'gap', gap }, removed(1_000_002)], 1_000_002);
  await feed.open(never);
  const { records, next } = await feed.take(5, 500);
  assert.equal([records[0]?.gap_from, records[0]?.gap_to, records[0]?.reason], [5, 1_000_001, 'crash']);
  assert.equal([records[1]?.sequence, next], [1_000_002, 1_000_003]);
});

test('while the journal cannot write, a sink that keeps up loses nothing', async () => {
  const { feed, push, told } = feedOn([]);
  await feed.open(never);
  for (let sequence = 1; sequence <= 5; sequence += 1) push(sequence, false);
  assert.equal((await told(2)).records, ['removed 2', 'removed 3', 'removed 4', 'removed 5']);
});

test('while the journal cannot write, one that lags has a gap and goes on with the memory', async () => {
  const { feed, push, told } = feedOn([removed(1)]);
  await feed.open(never);
  const last = RECENT_MAX + 1;
  for (let sequence = 2; sequence <= last + 1; sequence += 1) push(sequence, false);
  const batch = await told(2);
  assert.equal([batch.gaps, batch.records.length], [1, 1]);
  assert.match(batch.records[0] ?? '', /^gap /);
  const after = await told(batch.next);
  assert.is(after.records[0], `removed ${batch.next}`);
});

test('who waits is told when it comes, and when waiting is ended', async () => {
  const { feed, push } = feedOn([]);
  await feed.open(never);
  const told: string[] = [];
  const abort = new AbortController();
  const first = feed.reached(1, never).then(() => told.push('first'));
  const second = feed.reached(2, abort.signal).then(() => told.push('second'));
  await Promise.resolve();
  assert.equal(told, []);
  push(1);
  await first;
  assert.equal(told, ['first']);
  abort.abort();
  await second;
});

test('the book catches up before anything is sent', async () => {
  const { feed, book } = feedOn([{ kind: 'event', sequence: 1, event: EVENTS.InstanceAnnounced }, removed(2)]);
  let isReached = false;
  const reached = feed.reached(1, never).then(() => {
    isReached = true;
  });
  await Promise.resolve();
  assert.not(isReached);
  await feed.open(never);
  await reached;
  assert.is(book.sequence, 2);
  assert.is((await feed.take(2, 1)).records[0]?.service, 'web');
});

test('when the journal cannot be read at first, what comes is told all the same, and what was before once it can', async () => {
  const { feed, push, told } = feedOn([removed(1), removed(2)], 2, 1);
  push(3);
  try {
    await feed.open(never);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, 'EMFILE');
  }
  push(4);
  await feed.reached(4, never);
  assert.equal(await told(4), { records: ['removed 4'], next: 5, gaps: 0 });
  assert.equal((await told(1)).records, ['removed 1', 'removed 2', 'removed 3', 'removed 4']);
});

test.run();
