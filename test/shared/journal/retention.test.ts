import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type JournalFile,
  parseFileName,
  planRetention,
  segmentName,
  snapshotName,
} from '../../../shared/journal/writing/retention.ts';
import fc from '../../support/properties.ts';

const test = suite('journal/retention');
const segment = (sequence: number, octets = 100, createdAtMs = sequence): JournalFile => ({
  name: segmentName(sequence),
  type: 'segment',
  sequence,
  octets,
  createdAtMs,
});
const snapshot = (sequence: number, octets = 10, createdAtMs = sequence): JournalFile => ({
  ...segment(sequence, octets, createdAtMs),
  name: snapshotName(sequence),
  type: 'snapshot',
});
const KEEP_ALL = { keepOctets: 1e9, keepMs: 1e9, keepUncovered: false };
const removed = (files: readonly JournalFile[], limits: Partial<typeof KEEP_ALL>, nowMs = 1000): string[] =>
  planRetention(files, { ...KEEP_ALL, ...limits }, nowMs).remove.map(({ type, sequence }) => `${type} ${sequence}`);

test('within its limits everything stays', () => {
  assert.equal(removed([segment(1), segment(11), snapshot(15)], {}), []);
});

test('the oldest segments go when the total is too large, and no more than needed', () => {
  assert.equal(removed([segment(1), segment(11), segment(21)], { keepOctets: 250 }), ['segment 1']);
});

test('the newest segment stays, however small the limits', () => {
  assert.equal(removed([segment(1), segment(11)], { keepOctets: 0, keepMs: 0 }), ['segment 1']);
  assert.equal(removed([segment(1)], { keepOctets: 0, keepMs: 0 }), []);
});

test('a segment is as old as its last event, which its successor bounds', () => {
  const files = [segment(1, 100, 0), segment(11, 100, 500), segment(21, 100, 900)];
  assert.equal(removed(files, { keepMs: 400 }), ['segment 1']);
});

test('what follows the newest two snapshots stays, beyond any limit, and that is said', () => {
  const files = [segment(1), segment(11), snapshot(15), segment(21), snapshot(25), segment(31)];
  assert.equal(removed(files, { keepOctets: 0, keepMs: 0 }), ['segment 1']);
  assert.is(planRetention(files, { ...KEEP_ALL, keepOctets: 50, keepMs: 0 }, 1000).overOctets, 320 - 50);
});

test('where nobody else has the state, segments stay until two snapshots cover them', () => {
  const limits = { keepOctets: 0, keepMs: 0, keepUncovered: true };
  assert.equal(removed([segment(1), segment(11), segment(21)], limits), []);
  assert.equal(removed([segment(1), segment(11), snapshot(15), segment(21)], limits), []);
  const covered = [segment(1), segment(11), snapshot(25), segment(31), snapshot(35), segment(41)];
  assert.equal(removed(covered, limits), ['segment 1']);
});

test('older snapshots go by age, and when nothing that follows them is left', () => {
  const files = [
    segment(1),
    snapshot(5),
    segment(11),
    snapshot(15),
    segment(21),
    snapshot(25),
    segment(31),
    snapshot(35),
  ];
  assert.equal(removed(files, { keepMs: 1000 - 12 }), ['segment 1', 'snapshot 5']);
  assert.equal(removed(files, { keepMs: 1000 - 6 }), ['snapshot 5']);
  assert.equal(removed(files, { keepOctets: 360 }), ['segment 1', 'snapshot 5']);
});

test('names and numbers belong together, and other files are not touched', () => {
  assert.equal(parseFileName(segmentName(12)), { type: 'segment', sequence: 12 });
  assert.equal(parseFileName(snapshotName(12)), { type: 'snapshot', sequence: 12 });
  for (const name of ['lock-1', 'closed.json', `${snapshotName(1)}.tmp`, '1.jsonl', 'notes.jsonl']) {
    assert.is(parseFileName(name), undefined, name);
  }
});

test('for any files and limits: no hole, the newest segment and two snapshots stay, and can be continued from', () => {
  const histories = fc.array(fc.record({ snapshot: fc.boolean(), octets: fc.nat(1000), stepMs: fc.nat(100) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(histories, fc.nat(5000), fc.nat(2000), (history, keepOctets, keepMs) => {
      let atMs = 0;
      const files = history.map(({ snapshot: isSnapshot, octets, stepMs }, at) => {
        atMs += stepMs;
        return (isSnapshot ? snapshot : segment)(at * 10 + 1, octets, atMs);
      });
      const { remove, overOctets } = planRetention(files, { keepOctets, keepMs, keepUncovered: false }, atMs);
      const kept = files.filter((file) => !remove.includes(file));
      const segments = files.filter(({ type }) => type === 'segment');
      const keptSegments = segments.filter((file) => kept.includes(file));
      assert.equal(keptSegments, segments.slice(segments.length - keptSegments.length), 'no hole');
      assert.is(keptSegments.at(-1), segments.at(-1));
      for (const newest of files.filter(({ type }) => type === 'snapshot').slice(-2)) {
        assert.ok(kept.includes(newest));
        const following = segments.filter(
          ({ sequence }, at) => (segments[at + 1]?.sequence ?? 1e9) > newest.sequence + 1 || sequence > newest.sequence,
        );
        for (const needed of following) assert.ok(kept.includes(needed), `${needed.name} after ${newest.name}`);
      }
      const octets = kept.reduce((sum, file) => sum + file.octets, 0);
      assert.is(overOctets, Math.max(0, octets - keepOctets));
    }),
  );
});

test.run();
