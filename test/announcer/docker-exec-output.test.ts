import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ExecOutput } from '../../announcer/docker-exec-output.ts';

const test = suite('announcer/docker-exec-output');

function frame(stream: 1 | 2, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const OUTPUT = Buffer.concat([frame(1, 'ready: nö\n'), frame(2, ''), frame(2, 'warning\n')]);

test('joins what was printed on both streams', () => {
  const output = new ExecOutput();
  output.push(OUTPUT);
  assert.is(output.text, 'ready: nö\nwarning');
});

test('does so however the stream is cut', () => {
  const output = new ExecOutput();
  for (const octet of OUTPUT) output.push(Buffer.of(octet));
  assert.is(output.text, 'ready: nö\nwarning');
});

test('keeps the beginning of a long output', () => {
  const output = new ExecOutput();
  for (let at = 0; at < 100; at += 1) output.push(frame(1, 'x'.repeat(100)));
  assert.is(output.text.length, 512);
});

test.run();
