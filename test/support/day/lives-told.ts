/** What is told of the containers' lives: by the sinks, by the announcer, and by its `explain`. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { SinkRecord } from '../../../announcer/sinks/record.ts';
import { until } from '../until.ts';
import { get } from './day.ts';
import { type Context, type HistoryJson, iso } from './evening.ts';
import { OUTAGE_MS } from './steps.ts';

export function testLivesTold(test: Test<Context>): void {
  test('the sinks tell the life of each container, in order, nothing else, and no environment', async ({ day }) => {
    const records = day.sinkRecords();
    const seen = new Set<number>();
    const once = records.filter(({ sequence }) => !seen.has(sequence) && seen.add(sequence));
    assert.equal(
      once.map(({ sequence }) => sequence),
      [...seen].sort((one, other) => one - other),
    );
    assert.not.ok(records.some(({ action }) => action === 'gap'));
    const wrong = [...day.ids].flatMap(([container, id]) => {
      const life = once.filter((record) => record.container_id === id);
      const told = life.map(said).join('');
      const expected = day.lifeOf(container);
      return expected.test(told) ? [] : [`${container}: ${told}\n    instead of ${expected.source}`];
    });
    assert.is(wrong.join('\n'), '');
    assert.is(once.filter((record) => ![...day.ids.values()].includes(record.container_id ?? '')).length, 0);
    assert.not.match(JSON.stringify(records), /hunter2/);
    console.log(`${once.length} records in the file sink, ${records.length - once.length} of them twice`);
  });

  test('rsyslog has what the file has', async ({ day }) => {
    const { rsyslog } = day;
    if (rsyslog === undefined) return console.log('rsyslogd is missing: the file sink alone was looked at');
    const file = new Set(day.sinkRecords().map((record) => JSON.stringify(record)));
    const received = (): Set<string> =>
      new Set(
        rsyslog
          .json()
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.stringify(JSON.parse(line))),
      );
    await until('all records at rsyslog', () => received().size >= file.size);
    assert.equal([...received()].sort(), [...file].sort());
  });

  test('the announcer tells the same life as its sinks', async ({ day }) => {
    for (const service of ['web', 'api', 'hog', 'loop']) {
      const path = `/v1/history?name=${service}`;
      const { history, gaps } = await get<HistoryJson>(day.announcer.http, path);
      assert.equal(gaps, []);
      const actions: Record<string, string> = {
        InstanceAnnounced: 'announced',
        InstanceHeld: 'held',
        InstanceWithdrawn: 'withdrawn',
      };
      const told = history.filter(({ type }) => type in actions).map((event) => [event.sequence, actions[event.type]]);
      const sunk = new Map(
        day
          .sinkRecords()
          .filter((record) => record.service === service && Object.values(actions).includes(record.action))
          .map(({ sequence, action }) => [sequence, action]),
      );
      assert.equal(told, [...sunk], service);
    }
  });

  test('what was held down is announced when explain had said so', ({ day }) => {
    const { fromMs, toMs } = day.reuse;
    const lateMs = day.reusedAtMs - toMs;
    console.log(`explain had given ${iso(fromMs)} to ${iso(toMs)}; it was announced at ${iso(day.reusedAtMs)}`);
    assert.ok(day.reusedAtMs >= fromMs && lateMs < 50_000, `announced ${lateMs} ms behind the time that explain gave`);
    assert.ok(day.outageMs >= OUTAGE_MS);
  });
}

const said = ({ action, reason }: SinkRecord): string =>
  reason === undefined ? `${action}; ` : `${action} ${reason}; `;
