import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { isAbout, subjectOf, Then } from '../../../announcer/report/history.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';

const DOMAIN = parseName('s.example.org');
const KEY = '/skydns/org/example/s/web/node-1/3f2a9c01d4e7' as EtcdKey;
const ID = `3f2a9c01d4e7${'0'.repeat(52)}`;
const about = { container: ID, containerName: 'web_1', image: 'web', cause: 'docker start', key: KEY, service: 'web' };
const announced: AnnouncerEvent = { type: 'InstanceAnnounced', atMs: 10, ...about, value: '{}' };
const withdrawn: AnnouncerEvent = {
  type: 'InstanceWithdrawn',
  atMs: 20,
  ...about,
  reason: 'died',
  detail: 'exited with 1',
};
const written: AnnouncerEvent = { type: 'KeyWritten', atMs: 11, key: KEY, shard: 0, revision: '5', cause: 'announced' };
const lease: AnnouncerEvent = { type: 'StoreRegained', atMs: 12, awayMs: 5 };

const test = suite('announcer/history');

for (const [text, expected] of [
  ['web', true],
  ['web.s.example.org', true],
  ['web.s.example.org.', true],
  ['WEB', true],
  ['node-1.web', true],
  ['3f2a9c01d4e7.node-1.web.s.example.org', true],
  ['s.example.org', true],
  ['web_1', true],
  ['3f2a9c', true],
  [ID, true],
  ['eb', false],
  ['web2', false],
  ['3f2a', false],
  ['node-2.web', false],
] as const) {
  test(`${text} ${expected ? 'names' : 'does not name'} the instance's announcement`, () => {
    assert.is(isAbout(announced, subjectOf(text, DOMAIN), '/skydns'), expected);
  });
}

test('an entry of the services file is named by its name or its whole id', () => {
  const of = (name: string): AnnouncerEvent => ({ ...announced, container: `static:${name}`, containerName: name });
  const isNamed = (name: string, text: string) => isAbout(of(name), subjectOf(text, DOMAIN), '/other');
  assert.is(isNamed('web', 'static:web'), true);
  assert.is(isNamed('web-admin', 'static:web'), false);
  assert.is(isNamed('web', 'static'), false);
});

test('what happened to a key is part of its name’s history; what happened to the store is not', () => {
  assert.is(isAbout(written, subjectOf('web', DOMAIN), '/skydns'), true);
  assert.is(isAbout(lease, subjectOf('web', DOMAIN), '/skydns'), false);
});

test('what stood then is what was announced and not yet withdrawn', () => {
  const then = new Then();
  then.add(announced, 7);
  then.add(written, 8);
  assert.equal(then.stands, [{ key: KEY, value: '{}', sequence: 7, sinceMs: 10 }]);
  then.add(withdrawn, 9);
  assert.equal(then.stands, []);
});

test('of the events up to a snapshot only their numbers are learned: it has what they made, also after the clock was set back', () => {
  const then = new Then();
  then.restore([{ key: KEY, value: '{}', sinceMs: 10 }], 9);
  then.add({ ...announced, value: '{"host":"192.0.2.9"}' }, 6);
  assert.equal(then.stands, [{ key: KEY, value: '{}', sinceMs: 10 }]);
  then.add(announced, 7);
  then.add(withdrawn, 8);
  assert.equal(then.stands, [{ key: KEY, value: '{}', sequence: 7, sinceMs: 10 }]);
  then.add(withdrawn, 10);
  assert.equal(then.stands, []);
  const gone = new Then();
  gone.restore([], 9);
  gone.add(announced, 7);
  assert.equal(gone.stands, []);
});

test.run();
