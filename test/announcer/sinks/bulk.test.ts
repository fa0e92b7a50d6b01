import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bulkBody, documentIdOf, readBulkAnswer, templateBody, templateName } from '../../../announcer/sinks/bulk.ts';
import type { SinkRecord } from '../../../announcer/sinks/record.ts';

const test = suite('announcer/sinks/bulk');

function record(sequence: number): SinkRecord {
  return { '@timestamp': '2026-11-20T23:59:59.999Z', action: 'start', host: 'node-1', sequence };
}
const [one, two, three] = [record(1), record(2), record(3)];
const item = (status: number): object => ({
  create: { status, error: { type: 'some_exception', reason: 'because' } },
});
const answer = (...statuses: number[]): string => JSON.stringify({ errors: true, items: statuses.map(item) });

test('each record is a create with an id that is the same for each repeat', () => {
  const lines = bulkBody([one, two], { index: 'audit', isDaily: false }).split('\n');
  assert.equal(
    lines.slice(0, 2).map((line) => JSON.parse(line)),
    [{ create: { _index: 'audit', _id: 'node-1-1-1795219199999' } }, one],
  );
  assert.is(lines.length, 5);
  assert.is(lines[4], '');
  assert.is(documentIdOf(one), documentIdOf(record(1)));
  assert.is.not(documentIdOf(one), documentIdOf({ ...one, '@timestamp': '2027-01-01T00:00:00.000Z' }));
});

test('a daily index has the day of the record, not of the sending', () => {
  assert.match(bulkBody([one], { index: 'audit', isDaily: true }), '"_index":"audit-2026.11.20"');
});

test('the template makes a data stream, or covers the daily indices', () => {
  assert.is(templateName({ index: 'audit', isDaily: false }), 'rollcall-audit');
  const stream = JSON.parse(templateBody({ index: 'audit', isDaily: false }));
  assert.equal([stream.index_patterns, stream.data_stream], [['audit'], {}]);
  const daily = JSON.parse(templateBody({ index: 'audit', isDaily: true }));
  assert.equal([daily.index_patterns, 'data_stream' in daily], [['audit-*'], false]);
  assert.is(stream.template.mappings.properties['@timestamp'].type, 'date');
});

test('an answer without errors is: all taken', () => {
  assert.equal(readBulkAnswer('{"errors":false,"items":[]}', [one]), { dropped: [], again: [] });
});

test('each record has its own outcome: taken, known, dropped, again', () => {
  const four = [one, two, three, record(4)];
  assert.equal(readBulkAnswer(answer(201, 409, 400, 429), four), {
    dropped: [{ record: three, reason: '400 some_exception: because' }],
    again: [four[3]],
  });
  assert.equal(readBulkAnswer(answer(503, 500), [one, two])?.again, [one, two]);
});

for (const [what, text] of [
  ['no JSON', '<html>'],
  ['null', 'null'],
  ['no items', '{"errors":true}'],
  ['another number of items', answer(201)],
  ['items of another operation', '{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":201}}]}'],
] as const) {
  test(`${what} is no answer`, () => assert.is(readBulkAnswer(text, [one, two]), undefined));
}

test.run();
