import stringify from 'fast-json-stable-stringify';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { traceSubject } from '../../../resolver/report/trace.ts';
import { parseName } from '../../../shared/name.ts';
import type { TracedEvent } from '../../../shared/trace/event.ts';

const test = suite('resolver/trace');

const KEY = '/skydns/org/example/web/node-1/3f2a9c01d4e7-8080';
const ID = '3f2a9c01d4e7'.padEnd(64, '0');
const put: TracedEvent = { type: 'RecordPut', atMs: 1_700_000_000_000, sequence: 7, key: KEY, revision: '9' };
const explained: TracedEvent = { ...put, type: 'ChangeExplained', container: ID, containerName: 'a "b"' };
const of = (text: string) => traceSubject(text, [parseName('example.org')], '/skydns');
/** Whether the line of the event is looked at: a search passes over all others. */
const isFound = (text: string, event: TracedEvent) => of(text).texts.some((each) => stringify(event).includes(each));

test('whatever a change is about, its line holds', () => {
  for (const text of ['web', '*.web', 'web.example.org', 'WEB', ID, '3f2a9c01', '3f2a9c01d4e7']) {
    for (const event of [put, explained]) {
      assert.ok(of(text).isAbout(event), text);
      assert.ok(isFound(text, event), text);
    }
  }
  assert.ok(of('a "b"').isAbout(explained));
  assert.ok(isFound('a "b"', explained));
});

test('the line of an entry of the services file is found by its whole id alone', () => {
  const key = '/skydns/org/example/db/node-1/static';
  const entry = { ...explained, key, container: 'static:web-admin', containerName: 'web-admin' };
  assert.ok(of('static:web-admin').isAbout(entry) && isFound('static:web-admin', entry));
  for (const text of ['static', 'static:web']) assert.not.ok(of(text).isAbout(entry), text);
});

test('a name of a letter or two does not make every line be looked at', () => {
  for (const text of ['a', 'e', '0', 'in']) {
    assert.not.ok(of(text).isAbout(explained), text);
    assert.not.ok(isFound(text, explained), text);
  }
});

test.run();
