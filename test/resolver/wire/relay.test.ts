import { type Answer, decode, encode } from 'dns-packet';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutResponse } from '../../../resolver/wire/relay.ts';

const test = suite('resolver/relay');

function response(answers: number, additionals: number): Buffer {
  const record = (at: number): Answer => ({
    type: 'A',
    name: 'www.example.net',
    ttl: 60,
    data: `10.0.${at >> 8}.${at & 255}`,
  });
  return encode({
    type: 'response',
    questions: [{ type: 'A', name: 'www.example.net' }],
    answers: Array.from({ length: answers }, (_none, at) => record(at)),
    additionals: Array.from(
      { length: additionals },
      (_none, at) => ({ ...record(at), name: 'ns.example.net' }) as Answer,
    ),
  });
}

function cut(octets: Buffer, room: number) {
  const done = cutResponse(octets, room);
  if (done === undefined) throw new Error('was not cut');
  const { answers, additionals, questions, flag_tc } = decode(Buffer.from(done.octets));
  assert.is(flag_tc, done.truncated);
  return [questions?.length, answers?.length, additionals?.length, done.truncated];
}

test('what fits is passed on as it is', () => {
  const octets = response(3, 2);
  assert.is(cutResponse(octets, octets.length)?.octets, octets);
});

test('the additional section goes first, without TC', () => {
  const octets = response(3, 2);
  assert.equal(cut(octets, octets.length - 1), [1, 3, 0, false]);
});

test('then all records go, with TC', () => {
  assert.equal(cut(response(100, 0), 512), [1, 0, 0, true]);
});

test('what it was given stays as it was, for the next client', () => {
  for (const octets of [response(100, 0), response(20, 20)]) {
    const before = Buffer.from(octets);
    cutResponse(octets, 512);
    assert.equal(octets, before);
  }
});

test('a TC that came stays', () => {
  const octets = response(1, 0);
  octets[2] = (octets[2] as number) | 2;
  assert.is(cutResponse(octets, 512)?.truncated, true);
});

test('what must be cut and cannot be read is not passed on', () => {
  const octets = response(100, 0);
  octets[7] = 200;
  assert.is(cutResponse(octets, 512), undefined);
});

test.run();
