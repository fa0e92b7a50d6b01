/** What is told of the changes of the day: `history`, `trace`, and why each was made. */
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Trace } from '../../../shared/trace/trace.ts';
import { type Day, get } from './day.ts';
import type { Entry } from './diary.ts';
import { type Context, type HistoryJson, iso, isRecord, NAMES } from './evening.ts';
import { OUTAGE_MS } from './steps.ts';

export function testChangesTold(test: Test<Context>): void {
  test('history lists exactly the changes that etcd itself remembers, in their order', async ({ day, etcdChanges }) => {
    for (const service of ['web', 'api', 'hog', 'loop']) {
      const told = await get<HistoryJson>(day.resolver.http, `/v1/history?name=${service}`);
      const mine = told.history.filter(isRecord);
      const below = `${NAMES}${service}/`;
      assert.equal(
        mine.map(({ type, key, revision }) => [type === 'RecordPut' ? 'put' : 'delete', key, revision]),
        etcdChanges.filter(({ key }) => key.startsWith(below)).map(({ type, key, revision }) => [type, key, revision]),
        service,
      );
      const { exit, stdout } = await day.resolverCommand('history', service);
      assert.is(exit, 0);
      for (const { revision } of mine) assert.match(stdout, new RegExp(`at revision ${revision}\\b`));
    }
  });

  test('history has a note where etcd or the resolver was away, and no other', async ({ day, events }) => {
    const { history, gaps } = await get<HistoryJson>(day.resolver.http, '/v1/history?name=web');
    assert.equal(gaps, [], 'nothing was lost: both ended in order');
    assert.equal(
      history.filter((event) => !isRecord(event) && event.type !== 'ChangeAnswered').map(({ type }) => type),
      [
        ...['ResolverStarted', 'ZoneConfirmed', 'StoreLost', 'StoreRegained', 'ZoneConfirmed'],
        ...['ResolverStopped', 'ResolverStarted', 'ZoneConfirmed'],
      ],
    );
    assert.not.ok(events.some(({ type }) => type === 'DriftFound' || type === 'StoreReplaced'));
    const late = events.filter((event) => event.late === true);
    const backAtMs = history
      .filter(({ type }) => type === 'StoreRegained' || type === 'ResolverStarted')
      .map(({ atMs }) => atMs);
    for (const { atMs, key } of late)
      assert.ok(
        backAtMs.some((back) => Math.abs(atMs - back) < 30_000),
        `${key} was observed late at ${iso(atMs)}`,
      );
    assert.ok(
      late.some(({ key }) => key?.includes(day.id('web-3').slice(0, 12))),
      'what ended without a resolver is late',
    );
  });

  test('trace tells each change that etcd remembers, from what happened to its first answer', async ({
    day,
    etcdChanges,
  }) => {
    let whole = 0;
    for (const service of ['web', 'api', 'hog', 'loop']) {
      const traces = await tracesOf(day, service, '--last', '100');
      const below = `${NAMES}${service}/`;
      // What one transaction wrote has no order.
      const remembered = etcdChanges
        .filter(({ key }) => key.startsWith(below))
        .sort((one, other) => Number(one.revision) - Number(other.revision) || (one.key < other.key ? -1 : 1));
      assert.equal(
        traces.flatMap(({ key, revision }) => (revision === undefined ? [] : [[key, revision]])),
        remembered.map(({ key, revision }) => [key, revision]),
        service,
      );
      for (const trace of traces) {
        const moments = [trace.happened, trace.decided, trace.applied, trace.answered].flatMap((step) =>
          'atMs' in step ? [step.atMs] : [],
        );
        assert.equal(
          moments,
          [...moments].sort((one, other) => one - other),
          JSON.stringify(trace),
        );
        const unknown = [trace.happened, trace.decided, trace.stored, trace.applied, trace.answered].flatMap((step) =>
          'unknown' in step ? [step.unknown] : [],
        );
        if (unknown.length === 0) whole += 1;
        const why = trace.revision === undefined ? NEVER_WRITTEN : NOT_KNOWN;
        for (const reason of unknown) assert.match(reason, why, JSON.stringify(trace));
      }
    }
    console.log(
      `${etcdChanges.filter(({ key }) => key.startsWith(NAMES)).length} changes, ${whole} of them traced from end to end`,
    );
    assert.ok(whole >= 20);
  });

  test('trace of what stopped while etcd was away shows where the time went', async ({ day }) => {
    const trace = (await tracesOf(day, 'web-2')).at(-1);
    assert.is(trace?.change, 'withdrawn');
    const { decided = Number.NaN, applied = Number.NaN } = trace?.legs ?? {};
    console.log(
      `what stopped while etcd was away: decided after ${decided} ms, in the resolver after ${applied} ms more`,
    );
    assert.ok(applied > OUTAGE_MS / 2 && decided < applied, JSON.stringify(trace));
  });

  test('each change has its revision, why the announcer made it, and the first question that was answered with it', async ({
    day,
    events,
  }) => {
    const { history } = await get<HistoryJson>(day.announcer.http, '/v1/history');
    const changes = events.filter(isRecord);
    const backAtMs = events.find(({ type }) => type === 'StoreLost')?.atMs ?? Number.POSITIVE_INFINITY;
    for (const { key, revision, atMs, explained } of changes) {
      assert.ok(explained, `${key} at revision ${revision}: nobody knows why`);
      assert.ok(key?.endsWith(`/${explained.container.slice(0, 12)}`), key);
      const { cause, decidedAtMs, write } = explained;
      assert.ok(decidedAtMs <= atMs);
      const decision = history.find((event) => event.key === key && event.atMs === decidedAtMs);
      // Once etcd was there again, keys were moved to a new lease: nothing was decided about them.
      if (write === 'moved') assert.ok(atMs > backAtMs, key);
      else assert.is(decision?.cause, cause, key);
      assert.ok(
        history.some((event) => event.key === key && event.revision === revision && event.type.startsWith('Key')),
        `${key} at revision ${revision} in the announcer's journal`,
      );
    }
    const answered = events.filter(({ type }) => type === 'ChangeAnswered');
    for (const { question, outcome, atMs, revision } of answered) {
      const statuses = outcome === 'nxdomain' ? 'NXDOMAIN' : 'NOERROR';
      const isIt = ({ name, type, beforeMs, afterMs, status }: Entry): boolean =>
        `${name}. ${type}` === question && status === statuses && atMs >= beforeMs - 1 && atMs <= afterMs + 1;
      assert.ok(day.diary.entries.some(isIt), `${question} at ${iso(atMs)} with revision ${revision}: ${outcome}`);
    }
    console.log(`${changes.length} changes, each with its cause; ${answered.length} of them were asked for`);
    assert.ok(answered.length > changes.length / 2);
  });
}

/** Polls miss what passes quickly; a key that moves to another lease, and the end of a hold, are nothing that anyone saw. */
const NOT_KNOWN =
  /^nobody asked before the key changed again|^no query yet|^(lease lost or replaced; written again|recheck): found by looking/;

/** A container of the crash loop may end before the announcer has come to write that it runs. */
const NEVER_WRITTEN =
  /^never written: (the next decision overtook it|what it takes away)|^never written, so never seen/;

async function tracesOf(day: Day, of: string, ...args: string[]): Promise<Trace[]> {
  const announcer = `127.0.0.1:${day.announcer.http}`;
  const { exit, stdout, stderr } = await day.resolverCommand('trace', of, '--json', '--announcer', announcer, ...args);
  assert.is(exit, 0, `${stdout}${stderr}`);
  return (JSON.parse(stdout) as { traces: Trace[] }).traces;
}
