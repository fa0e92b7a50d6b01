import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isAboutSubject } from '../../../shared/events/event-subject.ts';

const test = suite('shared/event-subject');

const EVENT = {
  type: 'InstanceAnnounced',
  container: '3f2a9c01d4e7aaaa',
  containerName: 'one',
  service: 'web',
  key: '/skydns/com/example/prod/s/web/node-1/3f2a9c01d4e7',
};

for (const [text, expected] of [
  ['web', true],
  ['web.s.prod.example.com', true],
  ['WEB.s.prod.example.com.', true],
  ['node-1.web', true],
  ['s.prod.example.com', true],
  ['one', true],
  ['3f2a9c01', true],
  ['3f2a9', false],
  ['we', false],
  ['api', false],
  ['web.node-1', false],
  ['', false],
  ['.', false],
] as const) {
  test(`${JSON.stringify(text)} ${expected ? 'means' : 'does not mean'} the event`, () => {
    assert.is(isAboutSubject(EVENT, text), expected);
  });
}

test('an entry of the services file is meant by its name or its whole id', () => {
  const of = (container: string, text: string) => isAboutSubject({ type: 'InstanceAnnounced', container }, text);
  assert.is(of('static:web', 'static:web'), true);
  assert.is(of('static:web-admin', 'static:web'), false);
  assert.is(of('static:web', 'static'), false);
});

test('an event without a key or a container is about no name', () => {
  assert.is(isAboutSubject({ type: 'StoreLost', reason: 'web' }, 'web'), false);
});

test.run();
