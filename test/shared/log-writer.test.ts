import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { LogOutput } from '../../shared/log-output.ts';
import { LogWriter, WAITING_MAX_OCTETS } from '../../shared/log-writer.ts';
import { inVirtualTime, seededRandom } from '../support/doubles/virtual-time.ts';

/** Takes so many octets of each write as `room` says, or fails. */
class ScriptedOutput implements LogOutput {
  readonly isThreaded: boolean;
  room = Number.POSITIVE_INFINITY;
  failure: Error | undefined;
  text = '';
  /** What a thread has in hand, and after how many looks it is done with it. */
  inHand: { readonly octets: Buffer; looks: number } | undefined;
  looksUntilTaken = 3;

  constructor(isThreaded = false) {
    this.isThreaded = isThreaded;
  }

  write(octets: Buffer, done: (error: Error | null, taken: number) => void): void {
    const answer = (): void => {
      if (this.failure === undefined) done(null, this.writeNow(octets));
      else done(this.failure, 0);
    };
    this.inHand = { octets, looks: 0 };
    if (this.isThreaded) setTimeout(answer, 1);
    else answer();
  }

  /** A thread goes on while the event loop stands still. */
  hasTaken(): boolean {
    if (this.inHand === undefined) return true;
    this.inHand.looks += 1;
    if (this.inHand.looks < this.looksUntilTaken) return false;
    this.writeNow(this.inHand.octets);
    this.inHand = undefined;
    return true;
  }

  writeNow(octets: Buffer): number {
    if (this.failure !== undefined) throw this.failure;
    const taken = Math.min(octets.length, this.room);
    this.text += octets.toString('utf8', 0, taken);
    this.room -= taken;
    return taken;
  }
}

function writerOf(output: LogOutput): { writer: LogWriter; dropped: number[] } {
  const dropped: number[] = [];
  const writer = new LogWriter(output, (count) => {
    dropped.push(count);
    writer.write(`${count} dropped\n`);
  });
  return { writer, dropped };
}

const test = suite('shared/log-writer');
const inTime = (work: Parameters<typeof inVirtualTime<void>>[1]) => inVirtualTime(seededRandom(1), work);

test('a line is written before write returns, so that none is lost with the process', () => {
  const output = new ScriptedOutput();
  const { writer } = writerOf(output);
  writer.write('one\n');
  assert.is(output.text, 'one\n');
});

test('a reader that stalls, also in the middle of a line, gets every line in order when it reads again', () =>
  inTime(async (time) => {
    const output = new ScriptedOutput();
    output.room = 2;
    const { writer } = writerOf(output);
    for (const line of ['one\n', 'two\n', 'three\n']) writer.write(line);
    await time.advance(1000);
    assert.is(output.text, 'on');
    output.room = 4;
    await time.advance(1000);
    assert.is(output.text, 'one\ntw');
    output.room = Number.POSITIVE_INFINITY;
    await time.advance(1000);
    writer.write('four\n');
    assert.is(output.text, 'one\ntwo\nthree\nfour\n');
  }));

test('a full disk costs nothing while there is room to wait: the lines come when it has room', () =>
  inTime(async (time) => {
    for (const isThreaded of [false, true]) {
      const output = new ScriptedOutput(isThreaded);
      output.failure = new Error('ENOSPC');
      const { writer } = writerOf(output);
      for (const line of ['one\n', 'two\n']) writer.write(line);
      await time.advance(1000);
      output.failure = undefined;
      await time.advance(1000);
      assert.is(output.text, 'one\ntwo\n');
    }
  }));

test('lines beyond the limit are dropped, and their number is said before any further line', () =>
  inTime(async (time) => {
    const output = new ScriptedOutput();
    output.room = 0;
    const { writer, dropped } = writerOf(output);
    const line = `${'x'.repeat(1023)}\n`;
    for (let count = 0; count < WAITING_MAX_OCTETS / 1024 + 3; count += 1) writer.write(line);
    // Room for some, but the gap is not to be told of again and again.
    output.room = 100 * 1024;
    await time.advance(1000);
    writer.write(line);
    assert.equal(dropped, []);
    output.room = Number.POSITIVE_INFINITY;
    await time.advance(1000);
    writer.write('next\n');
    assert.equal(dropped, [4]);
    assert.is(output.text, `${line.repeat(WAITING_MAX_OCTETS / 1024)}4 dropped\nnext\n`);
  }));

test('in a thread, the lines of a moment are written together, and those behind them in order', () =>
  inTime(async (time) => {
    const output = new ScriptedOutput(true);
    const { writer } = writerOf(output);
    writer.write('one\n');
    writer.write('two\n');
    assert.is(output.text, '');
    await time.advance(0);
    writer.write('three\n');
    await time.advance(1000);
    assert.is(output.text, 'one\ntwo\nthree\n');
  }));

test('at the end, what waits is written as far as it is taken', () => {
  for (const isThreaded of [false, true]) {
    const output = new ScriptedOutput(isThreaded);
    if (!isThreaded) output.room = 0;
    const { writer } = writerOf(output);
    for (const line of ['one\n', 'two\n']) writer.write(line);
    output.room = Number.POSITIVE_INFINITY;
    writer.flush();
    assert.is(output.text, 'one\ntwo\n');
  }
});

test('at the end, what waits is written behind what a thread has in hand, when that is done in time', async () => {
  for (const { looksUntilTaken, text } of [
    { looksUntilTaken: 3, text: 'one\ntwo\n' },
    // The thread writes it whenever its disk lets it.
    { looksUntilTaken: Number.POSITIVE_INFINITY, text: 'two\n' },
  ]) {
    const output = new ScriptedOutput(true);
    output.looksUntilTaken = looksUntilTaken;
    const { writer } = writerOf(output);
    writer.write('one\n');
    await new Promise(setImmediate);
    writer.write('two\n');
    writer.flush();
    assert.is(output.text, text);
  }
});

test('at the end, neither a reader that takes nothing nor a disk that fails holds it up', () => {
  const stalled = new ScriptedOutput();
  stalled.room = 0;
  const full = new ScriptedOutput();
  full.failure = new Error('ENOSPC');
  for (const output of [stalled, full]) {
    const { writer } = writerOf(output);
    writer.write('one\n');
    writer.flush();
    assert.is(output.text, '');
  }
});

test.run();
