import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const pages = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];
const test = suite('docs: links');

for (const page of pages) {
  const text = readFileSync(page, 'utf8');

  test(`every link of ${page} leads somewhere`, () => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#\s]+)[^)]*\)/g)].map(([, target]) => target as string);
    assert.equal(
      targets.filter((target) => !existsSync(join(dirname(page), target))),
      [],
    );
  });

  test(`every source file that ${page} names is there`, () => {
    const files = [...text.matchAll(/`((?:announcer|resolver|shared|cli|scripts|test)\/[\w./-]+\.(?:ts|sh))`/g)];
    assert.equal(
      files.map(([, file]) => file as string).filter((file) => !existsSync(file)),
      [],
    );
  });
}

test.run();
