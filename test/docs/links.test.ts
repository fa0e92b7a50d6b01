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
/** As GitHub makes it of a heading. */
const slugOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .replace(/\s/g, '-');

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

  test(`every part of a page that ${page} leads to is there`, () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)#([^)\s]+)\)/g)];
    const missing = links.filter(([, file = '', anchor]) => {
      const target = file === '' ? page : join(dirname(page), file);
      const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title = '']) => slugOf(title));
      return !headings.includes(anchor as string);
    });
    assert.equal(
      missing.map(([link]) => link),
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
