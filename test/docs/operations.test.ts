import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../cli/commands.ts';
import { journalMetrics } from '../../shared/journal/metrics.ts';
import { Metrics } from '../../shared/metrics.ts';
import { openJournal } from '../support/journal-files.ts';

const test = suite('docs: operations');
const page = readFileSync('docs/operations.md', 'utf8');
const manuals = ['announcer', 'resolver', 'audit'].map((name) => readFileSync(`docs/${name}.md`, 'utf8'));
const pages = [page, ...manuals].join('\n');

for (const { name, settings } of commands) {
  test(`the page has the command ${name}, and the manuals each of its flags`, () => {
    assert.match(page, new RegExp(`^\\| .*\`${name}\\b`, 'm'));
    const missing = Object.values(settings).filter(({ flag }) => !new RegExp(`\`--${flag}[ \`]`).test(pages));
    assert.equal(
      missing.map(({ flag }) => flag),
      [],
    );
  });
}

test('no page names a flag that no command has', () => {
  const flags = new Set(commands.flatMap(({ settings }) => Object.values(settings).map(({ flag }) => flag)));
  for (const text of [page, ...manuals]) {
    const rows = [...text.matchAll(/^\| (`--.*?) +\|/gm)].flatMap(([, cell = '']) => [...cell.matchAll(/--([\w-]+)/g)]);
    for (const [, flag = ''] of rows) assert.ok(flags.has(flag), flag);
  }
});

test('the page has every metric of a journal, and no other', async () => {
  const metrics = new Metrics();
  const journal = await openJournal();
  journalMetrics(metrics, journal, 'store');
  const declared = [...(await metrics.text()).matchAll(/^# TYPE rollcall_store_journal_(\w+)/gm)].map(([, end]) => end);
  await journal.close();
  const named = [...page.matchAll(/`…_(\w+)`/g)].map(([, end]) => end);
  assert.equal(named.sort(), declared.sort());
});

test.run();
