import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { containerReference } from '../../../../announcer/docker/engine/reference.ts';

const test = suite('announcer/docker-reference');

test('takes names and ids as Docker does', () => {
  for (const text of ['web', 'a', '0', 'web-1', 'Compose_web.1', '3f2a9c01d4e7', 'f'.repeat(64)]) {
    assert.is(containerReference(text), text);
  }
});

test('leaves out the slash with which an inspect begins a name', () => {
  assert.is(containerReference('/web-1'), 'web-1');
});

test('takes nothing that would lead to another path of the engine', () => {
  for (const text of [
    '',
    '/',
    '//web',
    'web/export?',
    'web/',
    '../images',
    '.',
    '..',
    'web?all=1',
    'web#',
    'web%2Fexport',
  ]) {
    assert.is(containerReference(text), undefined, text);
  }
});

test('takes nothing that no container can be called', () => {
  for (const text of ['-web', '_web', 'static:web', 'wéb', 'web 1', 'web\n', 'web\r\nHost: other']) {
    assert.is(containerReference(text), undefined, text);
  }
});

test.run();
