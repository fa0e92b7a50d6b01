import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent, JournalGap } from '../../../shared/journal/event.ts';
import {
  atMsAtStart,
  encodeEventLine,
  encodeGapLine,
  encodeHeader,
  LINE_OCTETS_MAX,
  parseHeader,
  parseLine,
  parseSnapshotEnd,
  sequenceAtEnd,
} from '../../../shared/journal/line.ts';
import fc from '../../support/properties.ts';

const test = suite('journal/line');
const event = { type: 'RecordPut', atMs: 1_700_000_000_000, key: '/skydns/org/example/web', value: 'ü "\n' };
const gap: JournalGap = { atMs: 7, fromSequence: 3, toSequence: 5, lost: 3, reason: 'unwritable' };

test('an event comes back as it was', () => {
  assert.equal(parseLine(Buffer.from(encodeEventLine(event, 12))), { kind: 'event', sequence: 12, event });
});

test('a gap comes back as it was, at the last of its numbers', () => {
  assert.equal(parseLine(Buffer.from(encodeGapLine(gap))), { kind: 'gap', sequence: 5, gap });
});

test('the same content gives the same octets, in whatever order its fields were set', () => {
  const turned = { value: event.value, key: event.key, atMs: event.atMs, type: event.type };
  assert.is(encodeEventLine(turned, 1), encodeEventLine(event, 1));
});

test('is one JSON object in one line, with its keys in order', () => {
  const line = encodeEventLine(event, 1);
  assert.not.match(line, /\n/);
  assert.equal(Object.keys(JSON.parse(line)), ['crc', 'event', 'sequence']);
});

test('any one octet changed is noticed', () => {
  const line = Buffer.from(encodeEventLine(event, 12));
  for (let at = 0; at < line.length; at += 1) {
    const damaged = Buffer.from(line);
    damaged[at] = (damaged[at] as number) ^ 0x01;
    assert.is(parseLine(damaged).kind, 'corrupt', `octet ${at}`);
  }
});

test('a line that was cut off is noticed, wherever it was cut', () => {
  const line = Buffer.from(encodeEventLine(event, 12));
  for (let octets = 0; octets < line.length; octets += 1) {
    assert.is(parseLine(line.subarray(0, octets)).kind, 'corrupt', `${octets} octets`);
  }
});

test('what any JSON event holds survives', () => {
  const events = fc.record({ type: fc.string(), atMs: fc.nat(), data: fc.jsonValue() });
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (any, sequence) => {
      const line = Buffer.from(encodeEventLine(any as JournalEvent, sequence));
      const parsed = parseLine(line);
      if (parsed.kind !== 'event') throw new Error(`not an event: ${line}`);
      // -0 has no JSON form of its own
      assert.equal(parsed.event, JSON.parse(JSON.stringify(any)));
      assert.is(parsed.sequence, sequence);
      assert.is(sequenceAtEnd(line), sequence);
      assert.is(atMsAtStart(line), any.atMs);
    }),
  );
});

test('finds no time in a line whose event does not begin with it, and no number where there is none', () => {
  assert.is(atMsAtStart(Buffer.from(encodeEventLine({ ...event, a: 1 } as JournalEvent, 1))), undefined);
  assert.is(atMsAtStart(Buffer.from(encodeEventLine({ ...event, atMs: 1.5 }, 1))), undefined);
  assert.is(atMsAtStart(Buffer.from(encodeGapLine(gap))), undefined);
  assert.is(sequenceAtEnd(Buffer.from('{"crc":"00000000","event":{},"sequence":1')), undefined);
  assert.is(sequenceAtEnd(Buffer.from('')), undefined);
});

test('an event without a JSON form, or too long for a line, is refused', () => {
  assert.throws(() => encodeEventLine({ ...event, big: 1n } as JournalEvent, 1), /BigInt/);
  const long = { ...event, value: 'ü'.repeat(LINE_OCTETS_MAX / 2) };
  assert.throws(() => encodeEventLine(long, 1), new RegExp(String(LINE_OCTETS_MAX)));
});

test('a first line that is not ours is no header, a later version is', () => {
  for (const line of ['', 'x', 'null', '[]', '{}', '{"format":"other","version":1}', '{"format":"rollcall-journal"}']) {
    assert.is(parseHeader(line), undefined, line);
  }
  assert.is(parseHeader('{"format":"rollcall-journal","version":99}')?.header.version, 99);
});

test('a header comes back as it was, and one that was changed is known', () => {
  const header = { format: 'rollcall-journal', version: 1, kind: 'store', firstSequence: 3, createdAtMs: 5 } as const;
  const line = encodeHeader(header);
  const parsed = parseHeader(line);
  assert.ok(parsed?.intact);
  assert.is(parsed?.header.kind, 'store');
  assert.is(parsed?.header.createdAtMs, 5);
  assert.not.ok(parseHeader(line.replace('store', 'stone'))?.intact);
});

test('only an end line is an end line', () => {
  assert.equal(parseSnapshotEnd('{"end":{"crc":"0000000f","lines":3}}'), { crc: '0000000f', lines: 3 });
  for (const line of ['', '{}', '{"end":{}}', '{"end":3}', 'null']) assert.is(parseSnapshotEnd(line), undefined, line);
});

test.run();
