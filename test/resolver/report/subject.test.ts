import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isInSubtree, namesMeant } from '../../../resolver/report/subject.ts';
import { parseName } from '../../../shared/name.ts';

const test = suite('resolver/subject');
const zones = ['example.org', 'example.net'].map(parseName);

for (const [text, names] of [
  ['web', ['web.example.org.', 'web.example.net.', 'web.']],
  ['a.web', ['a.web.example.org.', 'a.web.example.net.', 'a.web.']],
  ['web.example.org', ['web.example.org.']],
  ['web.example.org.', ['web.example.org.']],
  ['web.', ['web.']],
  ['WEB.Example.NET', ['web.example.net.']],
] as const) {
  test(`${text} means ${names.join(', ')}`, () => assert.equal(namesMeant(text, zones), names));
}

test('a subtree holds the name and all below it; * is any one label', () => {
  const within = (owner: string, pattern: string): boolean => isInSubtree(parseName(owner), parseName(pattern));
  assert.ok(within('a.web.example.org', 'web.example.org'));
  assert.ok(within('web.example.org', 'web.example.org'));
  assert.not(within('xweb.example.org', 'web.example.org'));
  assert.ok(within('a.b.web.example.org', '*.web.example.org'));
  assert.ok(within('a.b.web.example.org', '*.web.*.org'));
  assert.not(within('web.example.org', '*.web.example.org'));
  assert.not(within('a.api.example.org', '*.web.example.org'));
});

test.run();
