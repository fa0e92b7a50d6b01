import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const page = readFileSync('docs/events.md', 'utf8');
const test = suite('docs/events.md');

for (const file of ['announcer/event.ts', 'resolver/zone/event.ts']) {
  const source = readFileSync(file, 'utf8');

  test(`has every event type of ${file}`, () => {
    const types = [...source.matchAll(/type: '(\w+)'/g)].map(([, type]) => type as string);
    assert.ok(types.length > 5);
    assert.equal(
      types.filter((type) => !page.includes(`\`${type}\``)),
      [],
    );
  });

  test(`has every field and reason of ${file}`, () => {
    const fields = [...source.matchAll(/readonly (\w+)\??:/g)].map(([, field]) => field as string);
    const reasons = [...source.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, reason]) => reason as string);
    assert.equal(
      [...new Set([...fields, ...reasons])].filter((word) => !page.includes(`\`${word}\``)),
      [],
    );
  });
}

test.run();
