import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ContainerBook } from '../../../announcer/sinks/container-book.ts';
import { jsonLine, LINE_BEGINNING, syslogFrame, syslogMessage } from '../../../announcer/sinks/lines.ts';
import { recordOf, type SinkRecord } from '../../../announcer/sinks/record.ts';
import { EVENTS } from '../../support/sink-events.ts';

const test = suite('announcer/sinks/lines');
const book = new ContainerBook([]);
const record = recordOf({ sequence: 7, event: EVENTS.InstanceAnnounced }, 'node-1', book) as SinkRecord;

test('a record is one line, whatever its texts hold', () => {
  const line = jsonLine({ ...record, detail: 'two\nlines\r\nand \u2028' });
  assert.is(line.indexOf('\n'), line.length - 1);
  assert.is(JSON.parse(line).detail, 'two\nlines\r\nand \u2028');
  assert.ok(line.startsWith(LINE_BEGINNING));
});

test('a message has the header of RFC 5424, and the record as its text', () => {
  const message = syslogMessage(record, 4711);
  const header = '<110>1 2026-11-20T14:32:00.125Z node-1 rollcall 4711 announced - ';
  assert.is(message.slice(0, header.length), header);
  assert.equal(JSON.parse(message.slice(header.length)), record);
});

for (const [action, reason, severity] of [
  ['start', undefined, 6],
  ['die', 'requested', 6],
  ['die', 'unrequested', 4],
  ['oom', 'unrequested', 3],
  ['unhealthy', undefined, 4],
  ['withdrawn', 'stopping', 5],
  ['gap', 'expired', 4],
] as const) {
  test(`${action} ${reason ?? ''} has severity ${severity}`, () => {
    const message = syslogMessage({ ...record, action, ...(reason === undefined ? {} : { reason }) }, 1);
    assert.is(message.slice(0, message.indexOf('>') + 1), `<${13 * 8 + severity}>`);
  });
}

test('a frame counts octets, not characters (RFC 6587)', () => {
  const frame = Buffer.from(syslogFrame({ ...record, detail: 'é☃' }, 1));
  const space = frame.indexOf(' ');
  assert.is(Number(frame.toString('latin1', 0, space)), frame.length - space - 1);
});

test.run();
