import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent } from '../../../shared/journal/event.ts';
import { Journal, type JournalSettings } from '../../../shared/journal/journal.ts';
import { LINE_OCTETS_MAX } from '../../../shared/journal/line.ts';
import { silentLog } from '../../../shared/log.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const test = suite('journal/snapshot');
const noted = (at: number): JournalEvent => ({ type: 'Noted', atMs: at });
const opened = (directory: string, settings: Partial<JournalSettings> = {}): Promise<Journal<JournalEvent>> =>
  Journal.open({ directory, kind: 'resolver', log: silentLog, ...settings });
const snapshots = (directory: string): string[] => readdirSync(directory).filter((name) => /snapshot/.test(name));

async function collect<T>(items: AsyncIterable<T> | undefined): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items ?? []) collected.push(item);
  return collected;
}

test('without a snapshot there is none', async () => {
  const journal = await opened(temporaryDirectory());
  assert.is(await journal.newestSnapshot(), undefined);
  await journal.close();
});

test('a state comes back as it was, and the events after it follow from the next number', async () => {
  const directory = temporaryDirectory();
  let journal = await opened(directory, { nowMs: () => 5000 });
  for (let at = 1; at <= 10; at += 1) journal.append(noted(at));
  const state = [{ b: 1, a: 'ü\n' }, [1, 2], 'text', 3, null];
  const taken = journal.snapshot(state);
  journal.append(noted(11)); // after the call: not in it
  await taken;
  journal.append(noted(12));
  await journal.close();
  journal = await opened(directory);
  const snapshot = await journal.newestSnapshot();
  assert.equal([snapshot?.sequence, snapshot?.atMs], [10, 5000]);
  assert.equal(await collect(snapshot?.lines()), state);
  assert.equal(await collect(snapshot?.lines()), state, 'a second time, too');
  const after = await collect(journal.read({ fromSequence: (snapshot?.sequence ?? 0) + 1 }));
  assert.equal(
    after.map(({ sequence }) => sequence),
    [11, 12],
  );
  await journal.close();
});

test('a state may be one line, however long', async () => {
  const journal = await opened(temporaryDirectory());
  const state = ['x'.repeat(LINE_OCTETS_MAX + 1)];
  await journal.snapshot(state);
  const lines = await collect((await journal.newestSnapshot())?.lines());
  assert.ok(lines.length === 1 && lines[0] === state[0]);
  await journal.close();
});

test('an empty state is a snapshot', async () => {
  const journal = await opened(temporaryDirectory());
  await journal.snapshot([]);
  const snapshot = await journal.newestSnapshot();
  assert.is(snapshot?.sequence, 0);
  assert.equal(await collect(snapshot?.lines()), []);
  await journal.close();
});

test('the newest one not after a time is found', async () => {
  let nowMs = 0;
  const journal = await opened(temporaryDirectory(), { nowMs: () => nowMs });
  for (nowMs = 1000; nowMs <= 3000; nowMs += 1000) {
    journal.append(noted(nowMs));
    await journal.snapshot([nowMs]);
  }
  const at = async (untilMs?: number): Promise<unknown> =>
    (await collect((await journal.newestSnapshot(untilMs))?.lines()))[0];
  assert.equal([await at(999), await at(1000), await at(2999), await at()], [undefined, 1000, 2000, 3000]);
  await journal.close();
});

test('one that is damaged in any octet, or cut off anywhere, is said and counted, and the one before is taken', async () => {
  const directory = temporaryDirectory();
  let journal = await opened(directory);
  journal.append(noted(1));
  await journal.snapshot(['older']);
  journal.append(noted(2));
  await journal.snapshot(['newer', 'two']);
  await journal.close();
  const path = join(directory, snapshots(directory)[1] as string);
  const whole = readFileSync(path);
  const damages = [
    ...Array.from({ length: whole.length - 1 }, (_, octets) => whole.subarray(0, octets)),
    ...Array.from({ length: whole.length - 1 }, (_, at) => {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] as number) ^ 0x01;
      return flipped;
    }),
  ];
  const log = recordingLog();
  journal = await opened(directory, { log });
  for (const damaged of damages) {
    writeFileSync(path, damaged);
    const snapshot = await journal.newestSnapshot();
    const lines = await collect(snapshot?.lines());
    // The one thing that may be flipped unnoticed is the count of lines in the end line, which nothing relies on.
    if (lines.length === 2) assert.equal(lines, ['newer', 'two']);
    else assert.equal(lines, ['older'], `${damaged.length} octets`);
  }
  assert.is(journal.status.damagedSnapshots, 1);
  assert.is(log.of('journal-snapshot-damaged').length, 1, 'said once');
  await journal.close();
});

test('one that is interrupted leaves no trace, and does not hinder the next', async () => {
  const directory = temporaryDirectory();
  const journal = await opened(directory);
  journal.append(noted(1));
  function* broken(): Generator<string> {
    for (let at = 0; at < 10_000; at += 1) yield 'x'.repeat(100);
    throw new Error('the state cannot be read');
  }
  try {
    await journal.snapshot(broken());
    assert.unreachable();
  } catch (error) {
    assert.is((error as { code?: string }).code, 'unwritable');
    assert.match(((error as Error).cause as Error).message, 'the state cannot be read');
  }
  assert.equal(snapshots(directory), []);
  await journal.snapshot(['good']);
  assert.is(snapshots(directory).length, 1);
  await journal.close();
});

test('what a process that died left of one is removed', async () => {
  const directory = temporaryDirectory();
  writeFileSync(join(directory, '0000000000000007.snapshot.jsonl.tmp'), '{"format"');
  const journal = await opened(directory);
  assert.equal(snapshots(directory), []);
  await journal.close();
});

test('writing a large one lets everything else have its turn', async () => {
  const journal = await opened(temporaryDirectory());
  let turns = 0;
  const turn = (): void => {
    turns += 1;
    immediate = setImmediate(turn);
  };
  let immediate = setImmediate(turn);
  await journal.snapshot(Array.from({ length: 50_000 }, (_, at) => ({ key: `/skydns/org/example/${at}`, at })));
  clearImmediate(immediate);
  assert.ok(turns > 20, `${turns} turns`);
  assert.is((await collect((await journal.newestSnapshot())?.lines())).length, 50_000);
  await journal.close();
});

test('what the newest ones need stays, however small the limits; what is before them goes', async () => {
  const directory = temporaryDirectory();
  const limits = { segmentOctets: 1000, keepOctets: 3000 };
  let journal = await opened(directory, limits);
  const state: number[] = [];
  const add = async (count: number): Promise<void> => {
    for (let each = 0; each < count; each += 1) {
      state.push(journal.append(noted(0)));
      await journal.written();
    }
  };
  for (let round = 0; round < 5; round += 1) {
    await add(30);
    await journal.snapshot([...state]);
  }
  await add(60);
  await journal.close();
  assert.is(snapshots(directory).length, 2);
  journal = await opened(directory, limits);
  const snapshot = await journal.newestSnapshot();
  const rebuilt = await collect(snapshot?.lines());
  for await (const { sequence } of journal.read({ fromSequence: (snapshot?.sequence ?? 0) + 1 }))
    rebuilt.push(sequence);
  assert.equal(rebuilt, state);
  const [first] = await collect(journal.read());
  assert.ok((first?.sequence ?? 0) > 60, 'older segments are gone');
  await journal.close();
});

test('after a power loss that took events a snapshot has, numbers go on behind the snapshot', async () => {
  const directory = temporaryDirectory();
  const journal = await opened(directory);
  for (let at = 1; at <= 5; at += 1) journal.append(noted(at));
  await journal.snapshot(['state']);
  await journal.close();
  const [segment = ''] = readdirSync(directory).filter((name) => name === '0000000000000001.jsonl');
  const text = readFileSync(join(directory, segment), 'utf8').split('\n');
  writeFileSync(join(directory, segment), `${text.slice(0, 3).join('\n')}\n`);
  const again = await opened(directory);
  assert.ok(again.append(noted(6)) > 5);
  assert.is((await again.newestSnapshot())?.sequence, 5);
  assert.equal((await collect(again.read({ fromSequence: 6 }))).length, 1);
  await again.close();
});

test.run();
