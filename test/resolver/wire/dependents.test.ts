import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dependents } from '../../../resolver/wire/dependents.ts';
import { labelsOf, type OwnerName, parseName } from '../../../shared/name.ts';
import fc from '../../support/properties.ts';

const test = suite('resolver/dependents');

function found(dependents: Dependents<string>, name: string): string[] {
  const holders = new Set<string>();
  dependents.collect(parseName(name), holders);
  return [...holders].sort();
}

function holding(entries: Readonly<Record<string, string>>): Dependents<string> {
  const dependents = new Dependents<string>();
  for (const [holder, subtree] of Object.entries(entries)) dependents.add(parseName(subtree), holder);
  return dependents;
}

test('a change is for the name and the names above it, not for those below or beside it', () => {
  const dependents = holding({
    own: 'web.example.org',
    above: 'example.org',
    below: '1.web.example.org',
    beside: 'mail.example.org',
    like: 'eb.example.org',
  });
  assert.equal(found(dependents, 'web.example.org'), ['above', 'own']);
  assert.equal(found(dependents, '1.web.example.org'), ['above', 'below', 'own']);
  assert.equal(found(dependents, 'org'), []);
});

test('the root looks at every name', () => {
  assert.equal(found(holding({ root: '.' }), 'web.example.org'), ['root']);
});

test('* matches any one label', () => {
  const dependents = holding({ wild: '*.web.example.org', twice: '*.*.example.org' });
  assert.equal(found(dependents, 'node-1.web.example.org'), ['twice', 'wild']);
  assert.equal(found(dependents, '1.node-1.web.example.org'), ['twice', 'wild']);
  assert.equal(found(dependents, 'node-1.mail.example.org'), ['twice']);
  assert.equal(found(dependents, 'web.example.org'), []);
});

test('removing one holder leaves the others, and nothing when all are gone', () => {
  const dependents = holding({ a: 'web.example.org', b: 'web.example.org', c: '1.web.example.org' });
  dependents.remove(parseName('web.example.org'), 'a');
  dependents.remove(parseName('mail.example.org'), 'a');
  assert.equal(found(dependents, '1.web.example.org'), ['b', 'c']);
  dependents.remove(parseName('web.example.org'), 'b');
  assert.is(dependents.isEmpty, false);
  dependents.remove(parseName('1.web.example.org'), 'c');
  assert.is(dependents.isEmpty, true);
});

/** What `collect` must find, said plainly. */
function matches(pattern: OwnerName, name: OwnerName): boolean {
  const [want, have] = [labelsOf(pattern).reverse(), labelsOf(name).reverse()];
  return want.length <= have.length && want.every((label, at) => label === '*' || label === have[at]);
}

const names = fc
  .array(fc.constantFrom('a', 'b', '*', 'any'), { maxLength: 4 })
  .map((labels) => parseName(labels.join('.')));

test('finds exactly the holders whose subtree holds the name, after any adding and removing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), names, fc.nat(3))), names, (steps, name) => {
      const dependents = new Dependents<string>();
      const model = new Map<string, [subtree: OwnerName, holder: string]>();
      for (const [isAdded, subtree, number] of steps) {
        const holder = `${subtree} ${number}`;
        if (isAdded) {
          dependents.add(subtree, holder);
          model.set(holder, [subtree, holder]);
        } else {
          dependents.remove(subtree, holder);
          model.delete(holder);
        }
      }
      const expected = [...model.values()].filter(([subtree]) => matches(subtree, name)).map(([, holder]) => holder);
      assert.equal(found(dependents, name), expected.sort());
      assert.is(dependents.isEmpty, model.size === 0);
    }),
    { numRuns: 500 },
  );
});

test.run();
