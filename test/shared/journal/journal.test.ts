import { appendFileSync, copyFileSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SEQUENCES_SKIPPED_AFTER_CRASH } from '../../../shared/journal/directory.ts';
import type { JournalEntry, JournalEvent, JournalRange } from '../../../shared/journal/event.ts';
import { Journal, type JournalOpenError, type JournalSettings } from '../../../shared/journal/journal.ts';
import { encodeEventLine, encodeHeader } from '../../../shared/journal/line.ts';
import { StoredJournal } from '../../../shared/journal/reading/stored.ts';
import { segmentName } from '../../../shared/journal/writing/retention.ts';
import { silentLog } from '../../../shared/log.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import fc from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

interface Noted extends JournalEvent {
  readonly type: 'Noted';
  readonly text: string;
}

const test = suite('journal');
const noted = (at: number): Noted => ({ type: 'Noted', atMs: 1000 + at, text: `event ${at}` });
const opened = (directory: string, settings: Partial<JournalSettings> = {}): Promise<Journal<Noted>> =>
  Journal.open<Noted>({ directory, kind: 'resolver', log: silentLog, ...settings });

/** A journal that was closed after events 1 to `count`; returns its directory. */
async function written(count: number, settings: Partial<JournalSettings> = {}): Promise<string> {
  const directory = temporaryDirectory();
  const journal = await opened(directory, settings);
  for (let at = 1; at <= count; at += 1) {
    journal.append(noted(at));
    if (settings.segmentOctets !== undefined) await journal.written();
  }
  await journal.close();
  return directory;
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

const sequences = async (journal: Journal<Noted>, range?: JournalRange): Promise<number[]> =>
  (await collect(journal.read(range))).map(({ sequence }) => sequence);
const segments = (directory: string): string[] => readdirSync(directory).filter((name) => /^\d{16}\.jsonl$/.test(name));
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);
/** Entries in short: a number for an event, text for a gap. */
const brief = (entries: readonly JournalEntry<Noted>[]): (number | string)[] =>
  entries.map((entry) =>
    entry.kind === 'event' ? entry.sequence : `${entry.gap.reason} ${entry.gap.fromSequence}-${entry.gap.toSequence}`,
  );

test('numbers events from 1, one more each, and goes on where the last process stopped', async () => {
  const directory = temporaryDirectory();
  for (let round = 0; round < 3; round += 1) {
    const journal = await opened(directory);
    assert.is(journal.append(noted(1)), round * 2 + 1);
    assert.is(journal.append(noted(2)), round * 2 + 2);
    await journal.close();
  }
  const journal = await opened(directory);
  assert.equal(await sequences(journal), range(1, 6));
  assert.is(journal.status.lastSequence, 6);
  await journal.close();
  assert.is(segments(directory).length, 1, 'a restart alone makes no new segment');
});

test('reads what is appended but not yet written, in order', async () => {
  const journal = await opened(temporaryDirectory());
  for (const at of range(1, 10)) journal.append(noted(at));
  assert.equal(await sequences(journal), range(1, 10), 'nothing is written yet');
  for (const at of range(11, 2000)) {
    journal.append(noted(at));
    if (at % 100 !== 0) continue;
    assert.equal(await sequences(journal), range(1, at), 'some is written, some is being written, some waits');
  }
  await journal.close();
});

test('a read ends with what was appended before it began', async () => {
  const journal = await opened(temporaryDirectory());
  journal.append(noted(1));
  const reading = journal.read();
  journal.append(noted(2));
  assert.equal(
    (await collect(reading)).map(({ sequence }) => sequence),
    [1],
  );
  await journal.close();
});

test('reads ranges of numbers and of times, bounds included', async () => {
  const journal = await opened(await written(3000, { segmentOctets: 50_000 }), { segmentOctets: 50_000 });
  for (const at of range(3001, 3010)) journal.append(noted(at));
  for (const from of [1, 2, 500, 1499, 2999, 3000, 3001, 3010, 3011]) {
    assert.equal(await sequences(journal, { fromSequence: from }), range(from, 3010), `from ${from}`);
  }
  for (const to of [1, 499, 1500, 3000, 3005, 4000]) {
    const expected = range(500, Math.min(to, 3010));
    assert.equal(await sequences(journal, { fromSequence: 500, toSequence: to }), to < 500 ? [] : expected, `to ${to}`);
  }
  assert.equal(await sequences(journal, { sinceMs: 1500, untilMs: 1502 }), [500, 501, 502]);
  assert.equal(await sequences(journal, { sinceMs: 3999, fromSequence: 3001 }), range(3001, 3010));
  assert.equal(await sequences(journal, { sinceMs: 4009 }), [3009, 3010]);
  assert.equal(await sequences(journal, { untilMs: 1001 }), [1]);
  assert.equal(
    (await collect(journal.entries({ sinceMs: 1500, untilMs: 1510 }))).map(({ kind }) => kind).join(),
    Array(11).fill('event').join(),
  );
  await journal.close();
});

test('times are the events’ own: after the clock was set back, a range still has all that say they are in it', async () => {
  const journal = await opened(temporaryDirectory());
  for (const atMs of [1000, 5000, 2000, 3000]) journal.append({ ...noted(0), atMs });
  assert.equal(await sequences(journal, { untilMs: 3000 }), [1, 3, 4]);
  assert.equal(await sequences(journal, { sinceMs: 3000 }), [2, 4]);
  await journal.close();
});

test('a read ends when nobody wants more, also where it hands out nothing', async () => {
  const journal = await opened(temporaryDirectory());
  for (let at = 1; at <= 3000; at += 1) journal.append({ ...noted(at), text: 'x'.repeat(1000) });
  await journal.flush();
  const count = async (items: (signal: AbortSignal) => AsyncIterable<unknown>): Promise<number> => {
    const reader = new AbortController();
    let found = 0;
    for await (const _item of items(reader.signal)) {
      found += 1;
      reader.abort();
    }
    return found;
  };
  const texts = ['"Noted"'];
  for (const found of [
    await count((signal) => journal.entries({ signal })),
    await count((signal) => journal.searchBackward({ toSequence: 3000, texts, signal })),
  ]) {
    assert.ok(found > 0 && found < 1500, `${found} of 3000 were read on`);
  }
  const signal = AbortSignal.abort();
  for await (const _event of journal.read({ sinceMs: 3990, signal })) assert.unreachable();
  for await (const _event of journal.searchBackward({ toSequence: 3000, texts, signal })) assert.unreachable();
  await journal.close();
});

test('what nobody wants to know of is left out; every other event and every gap is told as without', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('want', 'leave', 'lose', 'damage-wanted', 'damage-other', 'flush'), { maxLength: 60 }),
      fc.record({ fromSequence: fc.nat(40), sinceMs: fc.nat(1040) }, { requiredKeys: [] }),
      async (steps, bounds) => {
        const directory = temporaryDirectory();
        const journal = await opened(directory, { segmentOctets: 600 });
        const damaged: string[] = [];
        for (const [at, step] of steps.entries()) {
          const text = `${step} ${at};`;
          if (step === 'flush') await journal.flush();
          else if (step === 'lose') journal.append({ ...noted(at), text: 1n as unknown as string });
          else journal.append({ ...noted(at), text: text.replace('damage-', '') });
          if (step.startsWith('damage')) damaged.push(text.replace('damage-', ''));
        }
        await journal.flush();
        for (const name of segments(directory)) {
          const path = join(directory, name);
          let octets = readFileSync(path, 'latin1');
          for (const text of damaged) octets = octets.replace(text, text.replace(/^./, '#'));
          writeFileSync(path, octets, 'latin1');
        }
        const isWanted = (entry: JournalEntry<Noted>): boolean =>
          entry.kind === 'gap' || entry.event.text.startsWith('want');
        const all = (await collect(journal.entries(bounds))).filter(isWanted);
        const some = await collect(journal.entries({ ...bounds, matching: /"text":"want/i }));
        assert.equal(some.filter(isWanted), all);
        await journal.close();
      },
    ),
    { numRuns: 150 },
  );
});

test('reading twice gives the same, byte for byte', async () => {
  const directory = await written(500, { segmentOctets: 5000 });
  const read = async (): Promise<string> => {
    const journal = await opened(directory);
    const text = JSON.stringify(await collect(journal.entries()));
    await journal.close();
    return text;
  };
  assert.is(await read(), await read());
});

test('begins a new segment when one is full, named by its first number, each with its header', async () => {
  const directory = await written(100, { segmentOctets: 2000 });
  const names = segments(directory);
  assert.ok(names.length > 3);
  for (const name of names) {
    const [header = '', first = ''] = readFileSync(join(directory, name), 'utf8').split('\n');
    const { firstSequence, kind, version } = JSON.parse(header);
    assert.is(segmentName(firstSequence), name);
    assert.equal([kind, version], ['resolver', 1]);
    assert.is(JSON.parse(first).sequence, firstSequence);
    assert.ok(statSync(join(directory, name)).size < 2300, 'by its size');
  }
  const journal = await opened(directory);
  assert.equal(await sequences(journal), range(1, 100));
  assert.is(journal.status.segments, names.length);
  await journal.close();
});

test('keeps to its total size by removing the oldest segments', async () => {
  const directory = await written(1000, { segmentOctets: 2000, keepOctets: 10_000 });
  const octets = segments(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  assert.ok(octets <= 12_300, `${octets}`);
  const journal = await opened(directory, { segmentOctets: 2000, keepOctets: 10_000 });
  const kept = await sequences(journal);
  assert.equal(kept, range(kept[0] as number, 1000));
  assert.equal(
    (await collect(journal.entries())).filter(({ kind }) => kind === 'gap'),
    [],
    'what was removed is no gap',
  );
  assert.ok(journal.status.octets <= 12_300);
  await journal.close();
});

test('removes segments that are too old, when it is opened too', async () => {
  const directory = await written(50, { segmentOctets: 2000, nowMs: () => 1000 });
  assert.ok(segments(directory).length > 2);
  const journal = await opened(directory, { segmentOctets: 2000, keepMs: 500, nowMs: () => 2000 });
  assert.is(segments(directory).length, 1);
  assert.is(journal.status.segments, 1);
  await journal.close();
});

test('a last line that was cut off anywhere is dropped, said and counted; nothing else is lost', async () => {
  const whole = await written(5);
  const [name = ''] = segments(whole);
  const text = readFileSync(join(whole, name));
  const lastAt = text.lastIndexOf('\n', text.length - 2) + 1;
  for (let cut = lastAt; cut < text.length; cut += 1) {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, name), text.subarray(0, cut));
    const log = recordingLog();
    const journal = await opened(directory, { log });
    assert.equal(await sequences(journal), [1, 2, 3, 4], `cut at ${cut}`);
    assert.is(journal.status.tornOctets, cut - lastAt);
    assert.is(log.of('journal-torn').length, cut === lastAt ? 0 : 1);
    if (cut > lastAt) assert.match(log.of('journal-torn')[0]?.message ?? '', `last ${cut - lastAt} octets`);
    const next = journal.append(noted(6));
    assert.ok(next > 5, 'the number of the lost event is not used again');
    await journal.close();
    const again = await opened(directory);
    assert.equal(await sequences(again), [1, 2, 3, 4, next]);
    assert.is(again.status.tornOctets, 0);
    await again.close();
  }
});

test('a header that was cut off costs nothing', async () => {
  const whole = await written(0);
  const [name = ''] = segments(whole);
  const text = readFileSync(join(whole, name));
  for (let cut = 0; cut < text.length; cut += 1) {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, name), text.subarray(0, cut));
    const journal = await opened(directory);
    const sequence = journal.append(noted(1));
    await journal.close();
    const again = await opened(directory);
    assert.equal(await sequences(again), [sequence], `cut at ${cut}`);
    await again.close();
  }
});

test('a new segment whose header was cut off is replaced, and the one before it is left as it is', async () => {
  const directory = await written(100, { segmentOctets: 2000 });
  const last = join(directory, segments(directory).at(-1) as string);
  appendFileSync(last, 'torn long ago'); // as a failed write can leave a finished segment
  const before = readFileSync(last);
  writeFileSync(join(directory, segmentName(101)), '{"crc":');
  const journal = await opened(directory);
  assert.is(journal.status.tornOctets, 7);
  assert.is(journal.append(noted(101)), 101);
  await journal.close();
  assert.equal(readFileSync(last), before);
  const again = await opened(directory);
  assert.equal(await sequences(again), range(1, 101));
  await again.close();
});

test('what a crash left at the end of the newest segment is taken away, whether that is full or has not even a header', async () => {
  const full = await written(9);
  const fullSegment = join(full, segments(full).at(-1) as string);
  assert.ok(statSync(fullSegment).size > 500);
  appendFileSync(fullSegment, '{"crc":"12');
  const headless = await written(9);
  writeFileSync(join(headless, segmentName(10)), '{"crc":');
  for (const directory of [full, headless]) {
    unlinkSync(join(directory, 'closed.json'));
    const journal = await opened(directory, { segmentOctets: 500 });
    assert.ok(journal.status.tornOctets > 0);
    const next = journal.append(noted(10));
    await journal.close();
    const types = (await collect((await StoredJournal.open(directory)).faults())).map(({ type }) => type);
    assert.equal(types, ['gap'], 'that of the crash');
    const again = await opened(directory);
    assert.equal(await sequences(again), [...range(1, 9), next]);
    assert.is(again.status.corruptLines, 0);
    await again.close();
  }
});

test('a header that was changed anywhere costs nothing but the time in it', async () => {
  const directory = await written(3);
  const path = join(directory, segments(directory)[0] as string);
  const text = readFileSync(path);
  for (let at = 0; at <= text.indexOf('\n'); at += 3) {
    const damaged = Buffer.from(text);
    damaged[at] = (damaged[at] as number) ^ 0x01;
    writeFileSync(path, damaged);
    const journal = await opened(directory);
    const events = await sequences(journal);
    // Without its newline the header swallows the first event.
    assert.equal(events.slice(-2), [2, 3], `octet ${at}`);
    await journal.close();
    writeFileSync(path, text);
  }
});

test('a version in a header that one flipped bit made newer is damage, and no newer version', async () => {
  const directory = await written(3);
  const path = join(directory, segments(directory)[0] as string);
  const text = readFileSync(path);
  const at = text.indexOf('"version":1') + '"version":'.length;
  for (const bit of [1, 2, 3]) {
    const damaged = Buffer.from(text);
    damaged[at] = (damaged[at] as number) ^ (1 << bit);
    writeFileSync(path, damaged);
    const journal = await opened(directory);
    assert.equal(await sequences(journal), [1, 2, 3], `version ${damaged.toString('latin1', at, at + 1)}`);
    await journal.close();
    writeFileSync(path, text);
  }
});

test('a corrupt line costs that line, is said once and counted, and shows as a gap', async () => {
  const directory = await written(10);
  const path = join(directory, segments(directory)[0] as string);
  const text = readFileSync(path, 'utf8').replace('event 4', 'event X').replace('event 7', 'event\u00007');
  writeFileSync(path, text);
  const log = recordingLog();
  const journal = await opened(directory, { log });
  for (let round = 0; round < 2; round += 1) {
    assert.equal(brief(await collect(journal.entries())), [1, 2, 3, 'corrupt 4-4', 5, 6, 'corrupt 7-7', 8, 9, 10]);
    assert.equal(brief(await collect(journal.entries({ fromSequence: 4 }))).slice(0, 2), ['corrupt 4-4', 5]);
  }
  assert.is(journal.status.corruptLines, 2);
  assert.is(log.of('journal-corrupt').length, 1);
  assert.match(log.of('journal-corrupt')[0]?.message ?? '', '2 lines');
  await journal.close();
});

test('corrupt lines at the end are said when it is opened, and their numbers are not used again', async () => {
  const directory = await written(5);
  const path = join(directory, segments(directory)[0] as string);
  writeFileSync(path, readFileSync(path, 'utf8').replace('event 4', 'event X').replace('event 5', 'event X'));
  unlinkSync(join(directory, 'closed.json'));
  const log = recordingLog();
  const journal = await opened(directory, { log });
  assert.is(journal.status.corruptLines, 2);
  assert.is(log.of('journal-corrupt').length, 1);
  assert.ok(journal.append(noted(6)) > 5);
  const entries = brief(await collect(journal.entries()));
  assert.equal(entries.slice(0, 4), [1, 2, 3, 'corrupt 4-5']);
  assert.match(String(entries[4]), /^crash 6-/);
  assert.is(journal.status.corruptLines, 2, 'counted once');
  await journal.close();
});

test('garbage between the lines, and a file full of it, cost nothing else', async () => {
  const directory = await written(20, { segmentOctets: 600 });
  const names = segments(directory);
  assert.ok(names.length >= 4);
  appendFileSync(join(directory, names[0] as string), '\n\n\0\0\0\n{"crc":"00000000","event":{}}\nno newline');
  writeFileSync(join(directory, names[1] as string), Buffer.alloc(100_000, '\0'));
  const lost = Number.parseInt(names[1] as string, 10);
  const next = Number.parseInt(names[2] as string, 10);
  const journal = await opened(directory);
  assert.equal(brief(await collect(journal.entries())), [
    ...range(1, lost - 1),
    `corrupt ${lost}-${next - 1}`,
    ...range(next, 20),
  ]);
  await journal.close();
});

test('refuses a newer format, naming both versions, and touches nothing', async () => {
  const directory = await written(3);
  const path = join(directory, segments(directory)[0] as string);
  const [header = '', ...lines] = readFileSync(path, 'utf8').split('\n');
  const body = header.slice('{"crc":"01234567",'.length).replace('"version":1', '"version":2');
  const sum = crc32(body).toString(16).padStart(8, '0');
  const newer = [`{"crc":"${sum}",${body}`, ...lines].join('\n');
  writeFileSync(path, newer);
  const error = await failure(opened(directory));
  assert.is(error.code, 'newer-format');
  assert.match(error.message, /format version 2, this rollcall knows up to 1/);
  assert.is(readFileSync(path, 'utf8'), newer);
});

test('refuses the journal of another component', async () => {
  const error = await failure(opened(await written(1), { kind: 'announcer' }));
  assert.is(error.code, 'wrong-kind');
  assert.match(error.message, /resolver/);
});

test('is open once: a second one is told who has it', async () => {
  const directory = temporaryDirectory();
  const journal = await opened(directory);
  const error = await failure(opened(directory));
  assert.is(error.code, 'locked');
  assert.match(error.message, `process ${process.pid}`);
  journal.append(noted(1));
  await journal.close();
  await (await opened(directory)).close();
});

test('a path that cannot be a directory is a clear error', async () => {
  const path = join(temporaryDirectory(), 'file');
  writeFileSync(path, '');
  const error = await failure(opened(join(path, 'journal')));
  assert.is(error.code, 'unreadable');
  assert.match(error.message, '--data-dir');
});

test('after a crash no number comes twice, even of events that never got to the disk, and the gap is marked', async () => {
  const [directory, crashed] = [temporaryDirectory(), temporaryDirectory()];
  const journal = await opened(directory);
  for (const at of range(1, 3)) journal.append(noted(at));
  await journal.flush();
  // What the disk had when the power went: three events; more numbers were given out.
  const [name = ''] = segments(directory);
  copyFileSync(join(directory, name), join(crashed, name));
  const given = range(4, 500).map((at) => journal.append(noted(at)));
  const log = recordingLog();
  const after = await opened(crashed, { log });
  assert.ok(after.status.recovered);
  assert.is(log.of('journal-recovered').length, 1);
  const next = after.append(noted(0));
  assert.is(next, 4 + SEQUENCES_SKIPPED_AFTER_CRASH);
  assert.not.ok(given.includes(next));
  assert.equal(brief(await collect(after.entries())), [1, 2, 3, `crash 4-${next - 1}`, next]);
  await after.close();
  await journal.close();
  const clean = await opened(crashed);
  assert.not.ok(clean.status.recovered);
  assert.is(clean.append(noted(0)), next + 1, 'after a close it goes on as usual');
  assert.equal(brief(await collect(clean.entries())), [1, 2, 3, `crash 4-${next - 1}`, next, next + 1]);
  await clean.close();
});

test('append never throws: what has no JSON form is lost, said once, and leaves a gap', async () => {
  const log = recordingLog();
  const journal = await opened(temporaryDirectory(), { log });
  journal.append(noted(1));
  const cyclic: { self?: unknown } & Noted = { ...noted(2) };
  cyclic.self = cyclic;
  assert.is(journal.append(cyclic), 2);
  assert.is(journal.append({ ...noted(3), text: 3n as unknown as string }), 3);
  journal.append(noted(4));
  assert.equal(brief(await collect(journal.entries())), [1, 'unencodable 2-2', 'unencodable 3-3', 4]);
  assert.is(journal.status.lost, 2);
  assert.is(log.of('journal-unencodable').length, 1);
  await journal.close();
});

test('what is appended after the close is counted as lost', async () => {
  const directory = temporaryDirectory();
  const journal = await opened(directory);
  journal.append(noted(1));
  await Promise.all([journal.close(), journal.close()]);
  journal.append(noted(2));
  assert.is(journal.status.lost, 1);
  assert.equal([journal.status.state, journal.status.reason], ['stopped', 'closed']);
});

test('an event is what it was when it was appended', async () => {
  const journal = await opened(temporaryDirectory());
  const event = { ...noted(1) };
  journal.append(event);
  event.text = 'changed later';
  assert.is((await collect(journal.read()))[0]?.event.text, 'event 1');
  await journal.close();
});

test('a torn line in an older segment is passed over, and what was written again is read once', async () => {
  const directory = await written(3);
  const [first = ''] = segments(directory);
  // As a failed write leaves it when the file could not be cut back: the record complete, only its newline missing.
  appendFileSync(join(directory, first), encodeEventLine(noted(4), 4));
  const header = {
    format: 'rollcall-journal',
    version: 1,
    kind: 'resolver',
    firstSequence: 4,
    createdAtMs: Date.now(),
  } as const;
  const lines = [encodeHeader(header), encodeEventLine(noted(4), 4), encodeEventLine(noted(5), 5), ''];
  writeFileSync(join(directory, segmentName(4)), lines.join('\n'));
  const journal = await opened(directory);
  assert.equal(brief(await collect(journal.entries())), [1, 2, 3, 4, 5]);
  await journal.close();
});

test('for any sequence of appends, flushes, closes, crashes, tears and snapshots: what was flushed is read, in order', async () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 30 }) }),
      fc.record({ do: fc.constantFrom('flush' as const, 'reopen' as const, 'crash' as const, 'snapshot' as const) }),
      fc.record({ do: fc.constant('tear' as const), octets: fc.integer({ min: 1, max: 40 }) }),
    ),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(500, 3000, 1_000_000), async (script, segmentOctets) => {
      let directory = temporaryDirectory();
      let journal = await opened(directory, { segmentOctets });
      let sure: number[] = []; // flushed
      let all: number[] = []; // given out
      for (const step of script) {
        if (step.do === 'append') for (let at = 0; at < step.count; at += 1) all.push(journal.append(noted(at)));
        if (step.do === 'flush') await journal.flush();
        if (step.do === 'snapshot') await journal.snapshot([all.length]);
        if (step.do === 'flush' || step.do === 'snapshot' || step.do === 'reopen') sure = [...all];
        if (step.do === 'reopen') {
          await journal.close();
          journal = await opened(directory, { segmentOctets });
        }
        if (step.do === 'crash' || step.do === 'tear') {
          if (step.do === 'tear') await journal.flush();
          const crashed = temporaryDirectory();
          const names = readdirSync(directory).filter((each) => each.endsWith('.jsonl'));
          for (const name of names) copyFileSync(join(directory, name), join(crashed, name));
          if (step.do === 'tear') tear(crashed, step.octets);
          await journal.close();
          directory = crashed;
          journal = await opened(directory, { segmentOctets });
          const kept = await sequences(journal);
          if (step.do === 'crash') assert.equal(kept.slice(0, sure.length), sure, 'what was flushed survives');
          assert.equal(kept, all.slice(0, kept.length), 'nothing is missing before the end');
          all = kept;
          sure = [...kept];
        }
        assert.equal(await sequences(journal), all);
        assert.ok(all.every((sequence, at) => at === 0 || sequence > (all[at - 1] as number)));
      }
      await journal.close();
    }),
    { numRuns: 25, examples: [[[{ do: 'append', count: 6 }, TEAR, TEAR], 500]] },
  );
});

/** Takes a newline: the record before it is whole, and yet was never said to be written. */
const TEAR = { do: 'tear', octets: 1 } as const;

/** Cuts octets off the newest segment, but leaves its header. */
function tear(directory: string, octets: number): void {
  const path = join(directory, segments(directory).at(-1) as string);
  const text = readFileSync(path);
  writeFileSync(path, text.subarray(0, Math.max(text.indexOf('\n') + 1, text.length - octets)));
}

async function failure(opening: Promise<Journal<Noted>>): Promise<JournalOpenError> {
  try {
    await (await opening).close();
  } catch (error) {
    return error as JournalOpenError;
  }
  throw new Error('it was opened');
}

test.run();
