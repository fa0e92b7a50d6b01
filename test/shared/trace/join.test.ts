import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TracedEvent, TracePart } from '../../../shared/trace/event.ts';
import { joinTraces } from '../../../shared/trace/join.ts';
import type { Sources } from '../../../shared/trace/joined-change.ts';
import type { Trace } from '../../../shared/trace/trace.ts';
import fc from '../../support/properties.ts';

const test = suite('shared/trace/join');

const KEY = '/skydns/org/example/web/node-1/3f2a9c01d4e7';
const WEB = { key: KEY, container: '3f2a9c01d4e7ff', containerName: 'one', service: 'web' };

type Given = Omit<TracedEvent, 'sequence'>;

function part(events: readonly Given[], more: Partial<TracePart> = {}): TracePart {
  return { events: events.map((event, at) => ({ ...event, sequence: at + 1 })), gaps: [], isCut: false, ...more };
}

const ofNode1 = (...events: Given[]): TracePart => part(events, { host: 'node-1' });

function traced(
  announcer: TracePart | undefined,
  resolver: TracePart | undefined,
  more: Partial<Sources> = {},
): Trace[] {
  return joinTraces({ announcer, resolver, ...more });
}

const announced: Given = { type: 'InstanceAnnounced', atMs: 1003, ...WEB, cause: 'docker start', causedAtMs: 1000 };
const written: Given = { type: 'KeyWritten', atMs: 1008, key: KEY, revision: '17', cause: 'announced' };
const put: Given = { type: 'RecordPut', atMs: 1007, key: KEY, revision: '17' };
const answered: Given = {
  type: 'ChangeAnswered',
  atMs: 1100,
  key: KEY,
  revision: '17',
  question: 'web.example.org. A',
  outcome: 'answer',
};
const withdrawn: Given = {
  type: 'InstanceWithdrawn',
  atMs: 2005,
  ...WEB,
  cause: 'docker kill 15',
  causedAtMs: 2000,
  reason: 'stopping',
  detail: 'its stop signal was sent',
};
const removed: Given = { type: 'KeyRemoved', atMs: 2010, key: KEY, revision: '19', cause: 'withdrawn' };
const deleted: Given = { type: 'RecordDeleted', atMs: 2009, key: KEY, revision: '19' };
const explained: Given = {
  type: 'ChangeExplained',
  atMs: 2009,
  ...WEB,
  revision: '19',
  host: 'node-1',
  write: 'withdrawn',
  cause: 'docker kill 15',
  causedAtMs: 2000,
  decidedAtMs: 2005,
};

test('both journals together give every moment of each change, its legs and the whole', () => {
  const traces = traced(ofNode1(announced, written, withdrawn, removed), part([put, answered, deleted]));
  assert.equal(traces[0], {
    key: KEY,
    change: 'announced',
    revision: '17',
    host: 'node-1',
    container: WEB.container,
    containerName: 'one',
    happened: { atMs: 1000, text: 'docker start' },
    decided: { atMs: 1003, text: 'to be announced' },
    stored: { atMs: 1008, text: 'revision 17' },
    applied: { atMs: 1007, text: 'revision 17' },
    answered: { atMs: 1100, text: 'web.example.org. A got answer' },
    legs: { decided: 3, stored: 5, applied: 4, answered: 93 },
    totalMs: 100,
    notes: [],
  });
  assert.is(traces.length, 2);
  assert.equal(
    [traces[1]?.change, traces[1]?.revision, traces[1]?.legs],
    ['withdrawn', '19', { decided: 5, stored: 5, applied: 4 }],
  );
  assert.match(unknown(traces[1], 'answered'), 'no query yet');
});

function unknown(trace: Trace | undefined, step: 'happened' | 'decided' | 'stored' | 'applied' | 'answered'): string {
  const found = trace?.[step];
  return found !== undefined && 'unknown' in found ? found.unknown : `known: ${JSON.stringify(found)}`;
}

test('without the announcer, cause and decision are what it left in etcd', () => {
  const [trace] = traced(undefined, part([deleted, explained]), { announcerSilent: 'no daemon answers' });
  assert.equal(trace?.happened, { atMs: 2000, text: 'docker kill 15' });
  assert.equal(trace?.legs, { decided: 5, applied: 4 });
  assert.is(trace?.containerName, 'one');
  assert.match(unknown(trace, 'stored'), 'no daemon answers');
});

test('without the resolver, what the announcer knows stands, and why the rest does not', () => {
  const [trace] = traced(ofNode1(announced, written), undefined, { resolverSilent: 'no daemon answers on 8053' });
  assert.equal(trace?.legs, { decided: 3, stored: 5 });
  assert.match(unknown(trace, 'applied'), 'no daemon answers on 8053');
  assert.match(unknown(trace, 'answered'), 'no daemon answers on 8053');
});

test('a deletion that nobody decided was a lease that ended, or a hand', () => {
  const alone = traced(ofNode1(), part([deleted]))[0];
  assert.match(unknown(alone, 'happened'), 'the announcer decided nothing: its lease ended by itself');
  const told = traced(ofNode1({ ...removed, cause: 'lease-ended' }), part([deleted]))[0];
  assert.match(unknown(told, 'decided'), 'the lease ended by itself');
  const elsewhere = traced(part([], { host: 'node-2' }), part([deleted]))[0];
  assert.match(unknown(elsewhere, 'decided'), 'not the announcer of node-1');
});

test('a lease given back has no revision for the announcer: the deletion behind the last write is that one', () => {
  const stopped = { ...withdrawn, reason: 'announcer-stopped', cause: 'announcer stop' };
  const [, trace] = traced(ofNode1(announced, written, stopped), part([put, deleted]));
  assert.equal([trace?.change, trace?.revision, trace?.legs], ['withdrawn', '19', { decided: 5, applied: 4 }]);
  assert.match(unknown(trace, 'stored'), 'gave its lease back');
  const again = { ...announced, atMs: 3000, causedAtMs: 2990 };
  const writtenAgain = { ...written, atMs: 3001, revision: '25' };
  const later = traced(
    ofNode1(announced, written, stopped, again, writtenAgain),
    part([put, { ...put, revision: '25', atMs: 3002 }, { ...deleted, revision: '30', atMs: 4000 }]),
  );
  assert.equal(
    later.map(({ change, revision }) => [change, revision]),
    [
      ['announced', '17'],
      ['withdrawn', undefined],
      ['announced', '25'],
      ['withdrawn', '30'],
    ],
  );
});

test('of decisions that follow each other faster than etcd takes them, the last is written, the others are overtaken', () => {
  const traces = traced(
    ofNode1(announced, withdrawn, { ...announced, atMs: 2020, causedAtMs: 2015 }, written),
    part([put]),
  );
  assert.equal(
    traces.map(({ change, revision }) => [change, revision]),
    [
      ['announced', undefined],
      ['withdrawn', undefined],
      ['announced', '17'],
    ],
  );
  assert.match(unknown(traces[0], 'stored'), 'overtook');
  assert.equal(traces[2]?.decided, { atMs: 2020, text: 'to be announced' });
});

test('a withdrawal of what was never written waits for no acknowledgement', () => {
  const never = traced(ofNode1(announced, withdrawn), part([]));
  assert.match(unknown(never[0], 'stored'), 'overtook');
  assert.match(unknown(never[1], 'stored'), 'what it takes away had not been written');
  assert.match(unknown(never[1], 'applied'), 'never written');
  const again = { ...announced, atMs: 3000, causedAtMs: 2990 };
  const gone = { ...withdrawn, atMs: 4000, causedAtMs: 3990 };
  const after = traced(ofNode1(announced, written, withdrawn, removed, again, gone), part([put]));
  assert.match(unknown(after[3], 'stored'), 'what it takes away had not been written');
  const standing = traced(ofNode1(announced, written, again, gone), part([put]));
  assert.match(unknown(standing[2], 'stored'), 'not acknowledged');
});

test('what etcd has not acknowledged is no change of the resolver yet', () => {
  const [trace] = traced(ofNode1(announced), part([]));
  assert.match(unknown(trace, 'stored'), 'not acknowledged');
  assert.match(unknown(trace, 'applied'), 'not seen by the resolver yet');
});

test('a change found late says so, and a gap in a journal is named where a moment is missing', () => {
  const gap = { atMs: 1500, fromSequence: 3, toSequence: 5, lost: 3, reason: 'unwritable' as const };
  const [trace] = traced(ofNode1(announced, written), part([{ ...put, late: true }], { gaps: [gap] }));
  assert.ok('late' in (trace?.applied ?? {}));
  assert.ok(trace?.notes.some((note) => note.includes('was away')));
  assert.ok(trace?.notes.some((note) => note.includes('gap: 3 events missing')));
});

test('a gap of before the change is not named: nothing of the change is in it', () => {
  const gap = { atMs: 900, fromSequence: 3, toSequence: 5, lost: 3, reason: 'crash' as const };
  const [trace] = traced({ ...ofNode1(announced, written), gaps: [gap] }, part([put], { gaps: [gap] }));
  assert.match(unknown(trace, 'answered'), '');
  assert.equal(trace?.notes, []);
});

test('a clock that is behind gives a leg below zero, and a word about clocks; the order is that of revisions', () => {
  const early = { ...put, atMs: 900 };
  const earlier = { ...deleted, atMs: 100 };
  const traces = traced(ofNode1(announced, written, withdrawn, removed), part([earlier, early]));
  assert.equal(
    traces.map(({ revision, legs }) => [revision, legs.applied]),
    [
      ['17', -103],
      ['19', -1905],
    ],
  );
  assert.ok(traces[0]?.notes.some((note) => note.includes('clocks differ')));
});

test('nobody asked before the key changed again', () => {
  const [trace] = traced(undefined, part([put, deleted]));
  assert.match(unknown(trace, 'answered'), 'before the key changed again, at revision 19');
});

test('a write over a standing record is a change, and a new lease one without a decision', () => {
  const changed = { ...announced, atMs: 1500, causedAtMs: 1490 };
  const [, second] = traced(ofNode1(announced, written, changed, { ...written, revision: '18' }), undefined);
  assert.is(second?.change, 'changed');
  const [, moved] = traced(ofNode1(announced, written, { ...written, revision: '18', cause: 'moved' }), undefined);
  assert.is(moved?.change, 'changed');
  assert.match(unknown(moved, 'decided'), 'its lease was lost or replaced');
});

test('after a restart what stands is found again, and is no second change', () => {
  const traces = traced(ofNode1(announced, written, { ...written, atMs: 9000, cause: 'found' }), part([put]));
  assert.is(traces.length, 1);
  assert.equal(traces[0]?.stored, { atMs: 1008, text: 'revision 17' });
});

/** A host's life, as both journals have it: each decision is written and seen, and perhaps answered. */
const history = fc
  .array(
    fc.record({
      key: fc.integer({ min: 0, max: 2 }),
      isSeen: fc.boolean(),
      isAnswered: fc.boolean(),
      skewMs: fc.integer({ min: -500, max: 500 }),
    }),
    { maxLength: 15 },
  )
  .map((steps) => {
    const announcer: TracedEvent[] = [];
    const resolver: TracedEvent[] = [];
    const standing = new Set<string>();
    const expected: { key: string; revision: string; change: string; isSeen: boolean; isAnswered: boolean }[] = [];
    for (const [at, { key: number, isSeen, isAnswered, skewMs }] of steps.entries()) {
      const key = `/skydns/org/example/web/node-1/${number}`;
      const isPut = !standing.has(key);
      if (isPut) standing.add(key);
      else standing.delete(key);
      const revision = String(at + 10);
      const atMs = 10_000 + at * 100;
      const add = (to: TracedEvent[], event: Given): void => void to.push({ ...event, sequence: to.length + 1 });
      const type = isPut ? 'InstanceAnnounced' : 'InstanceWithdrawn';
      add(announcer, { type, atMs, key, cause: `cause ${at}`, causedAtMs: atMs - 5 });
      add(announcer, {
        type: isPut ? 'KeyWritten' : 'KeyRemoved',
        atMs: atMs + 5,
        key,
        revision,
        cause: isPut ? 'announced' : 'withdrawn',
      });
      if (isSeen) add(resolver, { type: isPut ? 'RecordPut' : 'RecordDeleted', atMs: atMs + skewMs, key, revision });
      if (isSeen && isAnswered) {
        add(resolver, {
          type: 'ChangeAnswered',
          atMs: atMs + skewMs + 1,
          key,
          revision,
          question: 'q',
          outcome: 'answer',
        });
      }
      expected.push({
        key,
        revision,
        change: isPut ? 'announced' : 'withdrawn',
        isSeen,
        isAnswered: isSeen && isAnswered,
      });
    }
    return { announcer, resolver, expected };
  });

test('every change is one trace with what each journal said of it, whatever the clocks and what was not seen', () => {
  fc.assert(
    fc.property(history, ({ announcer, resolver, expected }) => {
      const traces = joinTraces({
        announcer: { events: announcer, gaps: [], isCut: false, host: 'node-1' },
        resolver: { events: resolver, gaps: [], isCut: false },
      });
      assert.equal(
        traces.map((trace) => ({
          key: trace.key,
          revision: trace.revision,
          change: trace.change,
          isSeen: 'atMs' in trace.applied,
          isAnswered: 'atMs' in trace.answered,
        })),
        expected,
      );
      for (const [at, trace] of traces.entries()) assert.is((trace.happened as { text: string }).text, `cause ${at}`);
    }),
  );
});

test('the order in which events are given, and given twice, changes nothing', () => {
  fc.assert(
    fc.property(
      history.chain(({ announcer, resolver }) =>
        fc.record({
          announcer: fc.constant(announcer),
          resolver: fc.constant(resolver),
          mixedA: fc.shuffledSubarray([...announcer, ...announcer], { minLength: announcer.length * 2 }),
          mixedR: fc.shuffledSubarray([...resolver, ...resolver], { minLength: resolver.length * 2 }),
        }),
      ),
      ({ announcer, resolver, mixedA, mixedR }) => {
        const of = (a: readonly TracedEvent[], r: readonly TracedEvent[]) =>
          joinTraces({
            announcer: { events: a, gaps: [], isCut: false, host: 'node-1' },
            resolver: { events: r, gaps: [], isCut: false },
          });
        assert.equal(of(mixedA, mixedR), of(announcer, resolver));
      },
    ),
  );
});

test.run();
