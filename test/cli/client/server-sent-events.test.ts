import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServerSentEvents } from '../../../cli/client/server-sent-events.ts';

const test = suite('cli/server-sent-events');

const STREAM = ': hello\nid: 3\n\nid: 4\nevent: A\ndata: {"n":1}\n\n:\n\ndata: {"n":2}\n\nid: 6\n\n';
const EVENTS = [{ id: '3' }, { id: '4', data: '{"n":1}' }, { data: '{"n":2}' }, { id: '6' }];

test('events and ids alone come whole, in whatever pieces they are read; comments are left out', () => {
  for (let size = 1; size <= STREAM.length; size += 1) {
    const parser = new ServerSentEvents();
    const pieces = STREAM.match(new RegExp(`.{1,${size}}`, 'gs')) ?? [];
    assert.equal(
      pieces.flatMap((piece) => parser.push(piece)),
      EVENTS,
      `pieces of ${size}`,
    );
  }
});

test.run();
