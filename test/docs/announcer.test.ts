import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { announcerSettings } from '../../announcer/config.ts';
import { LABEL_NAMES } from '../../announcer/naming/labels.ts';
import { AnnouncerMetrics } from '../../announcer/report/metrics.ts';
import { Metrics } from '../../shared/metrics.ts';

const test = suite('docs: announcer');
const manual = readFileSync('docs/announcer.md', 'utf8');

for (const { flag, bounds } of Object.values(announcerSettings)) {
  test(`the manual has --${flag}, with its bounds`, () => {
    const row = new RegExp(`^\\| .*\`--${flag}[ \`].*$`, 'm').exec(manual)?.[0] ?? '';
    assert.not.equal(row, '');
    const [, from, to] = /^(\d+) to (\d+)/.exec(bounds) ?? [];
    if (from !== undefined) assert.match(row, `(${from} to ${to}`);
  });
}

test('the table of labels has every label', () => {
  const rows = [...manual.matchAll(/^\| (`(?:rollcall\.|SERVICE_)[^|]*)\|/gm)].map(([, names]) => names).join();
  assert.equal(
    LABEL_NAMES.filter((name) => !rows.includes(`\`${name}\``)),
    [],
  );
});

test('the manual has every metric, and no other', async () => {
  const metrics = new Metrics();
  const none = (): number => 0;
  new AnnouncerMetrics(metrics, {
    keysDesired: none,
    keysStanding: none,
    keysConflicted: none,
    keysPending: none,
    leases: none,
    keepalives: none,
    storeUp: () => true,
    engineUp: () => true,
  });
  const declared = [...(await metrics.text()).matchAll(/^# TYPE (rollcall_announcer_\w+)/gm)].map(([, name]) => name);
  const named = [...manual.matchAll(/`(rollcall_announcer_(?!journal)\w+)/g)].map(([, name]) => name);
  assert.ok(declared.length > 10);
  assert.equal([...new Set(named)].sort(), declared.sort());
});

test.run();
