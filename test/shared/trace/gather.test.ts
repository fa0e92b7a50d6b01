import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TracedEvent, TracePart } from '../../../shared/trace/event.ts';
import { gatherTraces, needsOf } from '../../../shared/trace/gather.ts';
import { formatNeed, parseNeed, RESOLVER_KINDS, type TraceNeed } from '../../../shared/trace/read.ts';
import { readTraceRequest } from '../../../shared/trace/request.ts';

const test = suite('shared/trace/gather');

const KEY = '/skydns/org/example/web/node-1/a';
const OTHER = '/skydns/org/example/web/node-1/b';

const put = (key: string, revision: number): TracedEvent => ({
  type: 'RecordPut',
  atMs: revision * 1000,
  sequence: revision,
  key,
  revision: String(revision),
});
const decided = (key: string, sequence: number): TracedEvent => ({
  type: 'InstanceAnnounced',
  atMs: sequence * 1000,
  sequence,
  key,
  cause: 'docker start',
});
const written = (key: string, sequence: number, revision: number): TracedEvent => ({
  type: 'KeyWritten',
  atMs: revision * 1000,
  sequence,
  key,
  revision: String(revision),
});

function asking(answers: readonly TracedEvent[][], host?: string) {
  const asked: (readonly TraceNeed[])[] = [];
  return {
    asked,
    ask: async (needs: readonly TraceNeed[]): Promise<TracePart> => {
      asked.push(needs);
      return { events: answers[asked.length - 1] ?? [], gaps: [], isCut: false, ...(host !== undefined && { host }) };
    },
  };
}

test('each is asked again for the keys that the other one found, back to their oldest revision', async () => {
  // By a container's name: the resolver knows none.
  const announcer = asking([[decided(KEY, 1), written(KEY, 2, 17)], []], 'node-1');
  const resolver = asking([[], [put(KEY, 17)]]);
  const { traces } = await gatherTraces(announcer.ask, resolver.ask, { last: 1 });
  assert.equal(resolver.asked, [[], [{ key: KEY, from: '17' }]]);
  assert.is(announcer.asked.length, 1);
  assert.equal(
    traces.map(({ revision, legs }) => [revision, legs]),
    [['17', { stored: 16_000, applied: 16_000 }]],
  );
});

test('one that is silent is said to be, and is not asked again', async () => {
  let calls = 0;
  const silent = async (): Promise<{ silent: string }> => {
    calls += 1;
    return { silent: 'no daemon answers' };
  };
  const gathered = await gatherTraces(silent, asking([[put(KEY, 17)]]).ask, { last: 1 });
  assert.is(calls, 1);
  assert.is(gathered.announcerSilent, 'no daemon answers');
  assert.is(gathered.traces.length, 1);
});

test('one that falls silent before it has said all is not taken for one that has no more', async () => {
  let calls = 0;
  const failing = async (): Promise<TracePart | { silent: string }> => {
    calls += 1;
    return calls === 1 ? { events: [], gaps: [], isCut: false } : { silent: '2 traces are being read' };
  };
  const { traces } = await gatherTraces(asking([[decided(KEY, 1), written(KEY, 2, 17)]]).ask, failing, { last: 1 });
  assert.is(calls, 2);
  assert.match(traces[0]?.notes.join() ?? '', /resolver's journal has more events/);
});

test('the last changes of the window are given, by revision', async () => {
  const events = [put(KEY, 5), put(OTHER, 6), put(KEY, 7), put(OTHER, 8)];
  const of = async (window: { last: number; sinceMs?: number; untilMs?: number }) =>
    (await gatherTraces(asking([[]]).ask, asking([events, events]).ask, window)).traces.map(({ revision }) => revision);
  assert.equal(await of({ last: 2 }), ['7', '8']);
  assert.equal(await of({ last: 9, sinceMs: 6000 }), ['6', '7', '8']);
  assert.equal(await of({ last: 1, untilMs: 6500 }), ['6']);
});

test('a key is needed back to its oldest revision at hand', () => {
  const part = {
    events: [put(KEY, 9), put(KEY, 7), { ...put(KEY, 3), type: 'ChangeAnswered' }],
    gaps: [],
    isCut: false,
  };
  assert.equal(needsOf(part, RESOLVER_KINDS), [{ key: KEY, from: '7' }]);
});

test('a need survives a query, and what is none is refused', () => {
  for (const need of [{ key: KEY, from: '17' }, { key: KEY }]) assert.equal(parseNeed(formatNeed(need)), need);
  for (const text of ['', 'x', '17', `17${KEY}`, `-1:${KEY}`, '17:web']) assert.is(parseNeed(text), undefined, text);
});

test('a request names what is wrong with it', () => {
  const read = (text: string) => readTraceRequest(new URLSearchParams(text), 1_700_000_000_000);
  assert.equal(read('of=web'), { of: 'web', window: { last: 1 }, needs: [] });
  assert.equal(read('of=web&since=1m'), { of: 'web', window: { last: 100, sinceMs: 1_699_999_940_000 }, needs: [] });
  assert.equal(read(`of=web&last=5&key=17:${KEY}`), {
    of: 'web',
    window: { last: 5 },
    needs: [{ key: KEY, from: '17' }],
  });
  for (const text of [
    '',
    'of=web&last=0',
    'of=web&last=101',
    'of=web&last=x',
    'of=web&since=noon',
    'of=web&at=x',
    'of=web&key=x',
  ])
    assert.ok('problem' in read(text), text);
});

test('changes that came together with the first one told, and are not told, are counted', async () => {
  const THIRD = '/skydns/org/example/web/node-1/c';
  const puts = [put(KEY, 16), put(KEY, 17), put(OTHER, 17), put(THIRD, 17)];
  const events = puts.map((event, at) => ({ ...event, sequence: at + 1 }));
  const of = async (last: number) =>
    (await gatherTraces(asking([[]]).ask, asking([events, []]).ask, { last })).moreInRevision;
  assert.equal([await of(1), await of(2), await of(3), await of(4)], [2, 1, undefined, undefined]);
});

test.run();
