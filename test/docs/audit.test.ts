import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { sinkSettings } from '../../announcer/sinks/settings.ts';
import { sinkMetrics } from '../../announcer/sinks/sink-metrics.ts';
import { Metrics } from '../../shared/metrics.ts';

const page = readFileSync('docs/audit.md', 'utf8');
const manual = readFileSync('docs/announcer.md', 'utf8');
const source = readFileSync('announcer/sinks/record.ts', 'utf8');
const test = suite('docs/audit.md');

for (const { flag } of Object.values(sinkSettings)) {
  test(`has --${flag}, and so has the announcer's manual`, () => {
    assert.ok(page.includes(`\`--${flag} `));
    assert.ok(manual.includes(`\`--${flag} `));
  });
}

test('has every metric, and no other', async () => {
  const metrics = new Metrics();
  sinkMetrics(metrics, []);
  const declared = [...(await metrics.text()).matchAll(/^# TYPE (rollcall_sink_\w+)/gm)].map(([, name]) => name);
  const named = [...page.matchAll(/^\| `(rollcall_sink_\w+)`/gm)].map(([, name]) => name);
  assert.equal(declared.sort(), named.sort());
});

test('has every action and every field', () => {
  const actions = [...source.matchAll(/^ {2}\| '([\w-]+)'/gm)].map(([, word]) => word);
  const fields = [...source.matchAll(/^ {2}readonly '?([\w@]+)'?\??:/gm)].map(([, word]) => word);
  assert.ok(actions.length > 10 && fields.length > 10);
  assert.equal(
    [...actions, ...fields].filter((word) => !page.includes(`\`${word}\``)),
    [],
  );
});

test('has examples that can be parsed', () => {
  const ndjson = /```ndjson\n([^`]+)```/.exec(page)?.[1] ?? '';
  const objects = ndjson
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string });
  assert.equal(
    objects.map(({ type }) => type),
    ['index-pattern', 'query', 'query'],
  );
  const record = /```json\n([^`]+)```/.exec(page)?.[1] ?? '';
  assert.is(JSON.parse(record).action, 'die');
});

test.run();
