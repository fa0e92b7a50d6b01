import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../../resolver/following/live-zone.ts';
import { resolverRoutes } from '../../../resolver/report/routes.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import type { JournalRange } from '../../../shared/journal/event.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import type { BackwardSearch } from '../../../shared/journal/reading/backward.ts';
import { openJournal } from '../../support/journal-files.ts';
import { CONTEXT, SETTINGS } from '../../support/lookup-table.ts';
import { keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/routes');

const START_MS = 1_700_000_000_000;
const NOW_MS = START_MS + 60_000;

/** The routes over a journal with one record, an empty snapshot and what came later; they note with which signal it is read. */
async function stage(...later: readonly ZoneEvent[]) {
  const journal = await openJournal<ZoneEvent>({ nowMs: () => START_MS });
  const live = new LiveZone(PREFIX);
  const record = { ...put(keyFor('1.web.example.org'), '{"host":"192.0.2.1","port":80}', 1), atMs: START_MS + 1000 };
  for (const event of [{ type: 'ResolverStarted', atMs: START_MS, version: '1' } as const, record]) {
    live.apply(event);
    journal.append(event);
  }
  await journal.flush();
  await journal.snapshot([]);
  for (const event of later) journal.append(event);
  await journal.flush();
  const signals: (AbortSignal | undefined)[] = [];
  const noted = {
    get status() {
      return journal.status;
    },
    written: () => journal.written(),
    newestSnapshot: (untilMs?: number) => journal.newestSnapshot(untilMs),
    entries: (range: JournalRange) => {
      signals.push(range.signal);
      return journal.entries(range);
    },
    searchBackward: (search: BackwardSearch) => {
      signals.push(search.signal);
      return journal.searchBackward(search);
    },
  } as unknown as Journal<ZoneEvent>;
  const routes = resolverRoutes({
    live,
    lookupSettings: SETTINGS,
    context: () => CONTEXT,
    maxStaleMs: 1000,
    isForwarding: () => false,
    journal: () => noted,
    nowMs: () => NOW_MS,
    keepAnswers: () => undefined,
  });
  const ask = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const { pathname, searchParams: query } = new URL(path, 'http://localhost');
    const route = routes.find((each) => each.path === pathname);
    const answer = await route?.handle({ params: {}, query, headers: {}, signal });
    return answer !== undefined && 'json' in answer ? answer.json : undefined;
  };
  return { ask, signals, journal };
}

test('what was of a name that is gone, and while no resolver ran, is told of the name in the zone, and as no answer', async () => {
  const key = keyFor('1.web.example.org');
  const { ask, journal } = await stage(
    { type: 'ResolverStarted', atMs: START_MS + 1000, version: '1' },
    { ...put(key, '{"host":"192.0.2.1"}', 1), atMs: START_MS + 1500 },
    { type: 'RecordDeleted', atMs: START_MS + 2000, key, revision: '2' },
    { type: 'ResolverStopped', atMs: START_MS + 3000 },
  );
  const signal = new AbortController().signal;
  const at = async (name: string, atMs: number) => {
    const { resolved } = (await ask(`/v1/history?name=${name}&at=${atMs}`, signal)) as {
      resolved: { name: string; standing: string; answers: { type: string; outcome: string }[]; madeBy?: ZoneEvent };
    };
    return resolved;
  };
  const gone = await at('web', START_MS + 2500);
  assert.equal(
    [gone.name, gone.madeBy?.type, gone.answers[0]?.outcome],
    ['web.example.org.', 'RecordDeleted', 'nxdomain'],
  );
  const stopped = await at('web', START_MS + 3500);
  assert.equal([stopped.name, stopped.standing], ['web.example.org.', 'the resolver was not running']);
  assert.equal(stopped.answers, []);
  assert.is((await at('never', START_MS + 2500)).name, 'never.example.org.');
  await journal.close();
});

test('whatever is read for a request is read only as long as its client is there', async () => {
  const { ask, signals, journal } = await stage();
  const at = NOW_MS - 1000;
  for (const path of [
    '/v1/history?name=web',
    '/v1/history?name=one-of-the-containers',
    `/v1/history?name=web&at=${at}`,
    `/v1/at?name=web&time=${at}`,
    `/v1/diff?from=${at}`,
    `/v1/diff?name=web&from=${at}`,
    '/v1/trace?of=web',
    '/v1/explain?of=web',
  ]) {
    signals.length = 0;
    const { signal } = new AbortController();
    assert.ok(await ask(path, signal), path);
    assert.ok(signals.length > 0 && signals.every((each) => each === signal), path);
  }
  await journal.close();
});

test('nothing is read for who has gone', async () => {
  const { ask, journal } = await stage();
  const { history } = (await ask('/v1/history?name=web', AbortSignal.abort())) as { history: readonly unknown[] };
  assert.equal(history, []);
  await journal.close();
});

test.run();
