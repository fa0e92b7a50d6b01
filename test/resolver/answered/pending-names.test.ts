import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PendingNames } from '../../../resolver/answered/pending-names.ts';
import { labelsOf, type OwnerName, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/pending-names');

function found(names: PendingNames<string>, subtree: string): string[] {
  const items = new Set<string>();
  names.collect(parseName(subtree), items);
  return [...items].sort();
}

test('a subtree holds its name and those below, not those above or beside it', () => {
  const names = new PendingNames<string>();
  for (const name of ['web.example.org', '1.web.example.org', 'example.org', 'eb.example.org', 'mail.example.org'])
    names.add(parseName(name), name);
  assert.equal(found(names, 'web.example.org'), ['1.web.example.org', 'web.example.org']);
  assert.equal(found(names, 'nothing.example.org'), []);
  assert.is(found(names, '.').length, 5);
});

test('a * in the subtree stands for any one label', () => {
  const names = new PendingNames<string>();
  for (const name of ['1.a.web.example.org', '2.b.web.example.org', 'web.example.org'])
    names.add(parseName(name), name);
  assert.equal(found(names, '1.*.web.example.org'), ['1.a.web.example.org']);
  assert.equal(found(names, '*.web.example.org'), ['1.a.web.example.org', '2.b.web.example.org']);
  assert.equal(found(names, '*.*.*.web.example.org'), []);
});

/** What `collect` must find, said plainly. */
function isBelow(name: OwnerName, subtree: OwnerName): boolean {
  const [want, have] = [labelsOf(subtree).reverse(), labelsOf(name).reverse()];
  return want.length <= have.length && want.every((label, at) => label === '*' || label === have[at]);
}

test('finds what a look at every name finds, whatever came and went, and is empty in the end', () => {
  const name = fc
    .array(fc.constantFrom('a', 'b', '*'), { maxLength: 4 })
    .map((labels) => parseName(labels.join('.') || '.'));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), name)), fc.array(name), (steps, subtrees) => {
      const names = new PendingNames<OwnerName>();
      const held = new Set<OwnerName>();
      for (const [isAdded, each] of steps) {
        if (isAdded) names.add(each, each);
        else names.remove(each, each);
        if (isAdded) held.add(each);
        else held.delete(each);
      }
      for (const subtree of subtrees) {
        const items = new Set<OwnerName>();
        names.collect(subtree, items);
        assert.equal([...items].sort(), [...held].filter((each) => isBelow(each, subtree)).sort());
      }
      for (const each of held) names.remove(each, each);
      assert.is(names.isEmpty, true);
    }),
  );
});

test.run();
