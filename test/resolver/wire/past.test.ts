import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MESSAGE_OCTETS_MAX, MessageWriter } from '../../../resolver/wire/message.ts';
import { pastResponse } from '../../../resolver/wire/past.ts';
import { compose } from '../../../resolver/wire/respond.ts';
import { parseName } from '../../../shared/name.ts';
import { Rcode, RrClass } from '../../../shared/rrset.ts';
import { wireName } from '../../support/servers/dns-client.ts';

const test = suite('resolver/past responses');

const NAME = [63, 63, 63, 40].map((length) => 'a'.repeat(length)).join('.');

/** Over TCP, with room for the largest OPT. */
function composed(lines: readonly string[]) {
  const name = parseName(`${NAME}.at.rollcall`);
  const question = Buffer.concat([wireName(name), Buffer.from([0, 16, 0, RrClass.CH])]);
  const response = pastResponse(name, { rcode: Rcode.NOERROR, lines });
  const room = { octets: MESSAGE_OCTETS_MAX - 200, partialFrom: undefined };
  const message = compose(new MessageWriter(), name, question, response, room, RrClass.CH);
  const texts = response.answers.map((record) => (record.type === 'TXT' ? record.strings.join('') : record.type));
  return { texts, message };
}

test('each line is a record, in their order; an empty one is none, for two would be one', () => {
  const { texts, message } = composed(['one', '', 'two', '', 'one']);
  assert.equal(texts, ['one', 'two', 'one']);
  assert.not(message.truncated);
  assert.is(message.ring, undefined);
});

for (const [what, line, count] of [
  ['many short lines', '', 100_000],
  ['lines of one string', 'x'.repeat(255), 1000],
  ['lines of several strings', 'x'.repeat(10_000), 20],
  ['a line longer than a message', 'x'.repeat(100_000), 1],
] as const) {
  test(`what no message can hold is cut, and the last line says so: ${what}`, () => {
    const { texts, message } = composed(Array.from({ length: count }, (_none, at) => `${at} ${line}`));
    assert.not(message.truncated);
    const left = count - (texts.length - 1);
    assert.match(texts.at(-1) as string, left === 1 ? /^;; CUT: 1 more line has/ : `;; CUT: ${left} more lines have`);
    assert.ok(message.octets.length > (count === 1 ? 0 : 50_000));
  });
}

test('text of any language goes out as UTF-8', () => {
  const { message } = composed(['näher']);
  assert.ok(Buffer.from(message.octets).includes(Buffer.from('näher', 'utf8')));
});

test.run();
