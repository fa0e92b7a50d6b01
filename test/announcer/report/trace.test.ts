import stringify from 'fast-json-stable-stringify';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { traceSubject } from '../../../announcer/report/trace.ts';
import { parseName } from '../../../shared/name.ts';
import type { TracedEvent } from '../../../shared/trace/event.ts';

const test = suite('announcer/trace');

const ID = '3f2a9c01d4e7'.padEnd(64, '0');
const event: TracedEvent = {
  type: 'InstanceAnnounced',
  atMs: 1_700_000_000_000,
  sequence: 7,
  key: '/skydns/org/example/web/node-1/3f2a9c01d4e7',
  container: ID,
  containerName: 'a "b"',
  service: 'web',
};
const of = (text: string) => traceSubject(text, parseName('example.org'), '/skydns');
/** Whether the line of the event is looked at: a search passes over all others. */
const isFound = (text: string, line = stringify(event)) => of(text).texts.some((each) => line.includes(each));

test('whatever an event is about, its line holds', () => {
  for (const text of ['web', 'node-1.web', 'web.example.org', 'WEB', 'a "b"', ID, '3f2a9c01', '3f2a9c01d4e7']) {
    assert.ok(of(text).isAbout(event), text);
    assert.ok(isFound(text), text);
  }
});

test('the line of an entry of the services file is found by its whole id alone', () => {
  const entry = { ...event, container: 'static:web-admin', containerName: 'web-admin', key: '/elsewhere' };
  assert.ok(of('static:web-admin').isAbout(entry) && isFound('static:web-admin', stringify(entry)));
  for (const text of ['static', 'static:web']) assert.not.ok(of(text).isAbout(entry), text);
});

test('a name of a letter or two does not make every line be looked at', () => {
  for (const text of ['a', 'e', '0', 'in']) {
    assert.not.ok(of(text).isAbout(event), text);
    assert.not.ok(isFound(text), text);
  }
});

test.run();
