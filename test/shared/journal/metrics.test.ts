import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Journal } from '../../../shared/journal/journal.ts';
import { journalMetrics } from '../../../shared/journal/metrics.ts';
import { silentLog } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

const test = suite('journal/metrics');

test('three journals of one process are told apart, and each tells its status when scraped', async () => {
  const metrics = new Metrics();
  const journals = [];
  for (const kind of ['announcer', 'resolver', 'store'] as const) {
    const journal = await Journal.open({ directory: temporaryDirectory(), kind, log: silentLog });
    journalMetrics(metrics, journal, kind);
    journals.push(journal);
  }
  journals[1]?.append({ type: 'Noted', atMs: 0 });
  await journals[2]?.close();
  const text = await metrics.text();
  for (const line of [
    'rollcall_announcer_journal_writing 1',
    'rollcall_announcer_journal_events_total 0',
    'rollcall_resolver_journal_events_total 1',
    'rollcall_resolver_journal_last_sequence 1',
    'rollcall_resolver_journal_segments 1',
    'rollcall_store_journal_writing 0',
  ]) {
    assert.ok(text.split('\n').includes(line), line);
  }
  for (const journal of journals) await journal.close();
});

test.run();
