import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { JournalEvent, JournalGap, Sequenced } from '../../../shared/journal/event.ts';
import {
  ANNOUNCER_KINDS,
  RESOLVER_KINDS,
  readTracePart,
  TRACE_EVENTS_MAX,
  type TracedJournal,
  type TraceQuery,
} from '../../../shared/trace/read.ts';

const test = suite('shared/trace/read');

const A = '/skydns/org/example/web/node-1/a';
const B = '/skydns/org/example/web/node-1/b';

type Event = JournalEvent & Record<string, unknown>;

/** Goes back as the journal does; says how far it was read. */
function journalOf(events: readonly Event[], gaps: readonly JournalGap[] = []): TracedJournal & { oldestRead: number } {
  const journal = {
    oldestRead: Number.POSITIVE_INFINITY,
    status: { lastSequence: events.length },
    written: async () => true,
    async *searchBackward({ toSequence, texts, onGap }: Parameters<TracedJournal['searchBackward']>[0]) {
      for (let sequence = toSequence; sequence >= 1; sequence -= 1) {
        for (const gap of gaps) if (gap.toSequence === sequence) onGap?.(gap);
        const event = events[sequence - 1] as Event;
        if (!texts.some((text) => JSON.stringify(event).includes(text))) continue;
        journal.oldestRead = sequence;
        yield { sequence, event } as Sequenced<JournalEvent>;
      }
    },
  };
  return journal;
}

const put = (key: string, revision: number): Event => ({
  type: 'RecordPut',
  atMs: revision,
  key,
  revision: String(revision),
});
const answered = (key: string, revision: number): Event => ({ ...put(key, revision), type: 'ChangeAnswered' });
const announced = (key: string, atMs: number): Event => ({
  type: 'InstanceAnnounced',
  atMs,
  key,
  containerName: 'one',
});
const written = (key: string, revision: number): Event => ({ ...put(key, revision), type: 'KeyWritten' });

const query = (more: Partial<TraceQuery> = {}): TraceQuery => ({
  isAbout: ({ key }) => key === A,
  texts: [A],
  last: 1,
  needs: [],
  ...more,
});

const sequences = async (reading: ReturnType<typeof readTracePart>): Promise<number[]> =>
  (await reading).events.map(({ sequence }) => sequence).sort((one, other) => one - other);

test('the last change, with all that stands behind it, and nothing of before', async () => {
  const journal = journalOf([put(A, 1), put(B, 2), put(A, 3), put(B, 4), answered(A, 3)]);
  assert.equal(await sequences(readTracePart(journal, RESOLVER_KINDS, query())), [3, 5]);
  assert.is(journal.oldestRead, 3);
  assert.equal(await sequences(readTracePart(journal, RESOLVER_KINDS, query({ last: 5 }))), [1, 3, 5]);
});

test('of an announcer: back to the decision, of a container by its name, though the writes have only the key', async () => {
  const journal = journalOf([announced(A, 1), written(A, 2), announced(A, 3), announced(B, 4), written(A, 5)]);
  const isAbout: TraceQuery['isAbout'] = ({ containerName, key }) => containerName === 'one' && key === A;
  assert.equal(await sequences(readTracePart(journal, ANNOUNCER_KINDS, query({ isAbout, texts: ['one'] }))), [3, 5]);
});

test('a window of time chooses among the changes', async () => {
  const journal = journalOf([put(A, 1), put(A, 2), put(A, 3), put(A, 4)]);
  const of = (more: Partial<TraceQuery>) =>
    sequences(readTracePart(journal, RESOLVER_KINDS, query({ last: 9, ...more })));
  assert.equal(await of({ sinceMs: 3 }), [3, 4]);
  assert.equal(await of({ untilMs: 2, last: 1 }), [2, 3, 4]);
});

test('a key that the other journal names is read back to the change at its revision', async () => {
  const journal = journalOf([put(B, 1), put(B, 2), put(B, 3), put(A, 4)]);
  const needs = [{ key: B, from: '2' }];
  assert.equal(await sequences(readTracePart(journal, RESOLVER_KINDS, query({ needs }))), [2, 3, 4]);
  assert.equal(await sequences(readTracePart(journal, RESOLVER_KINDS, query({ needs: [{ key: B }] }))), [3, 4]);
  const decisions = journalOf([announced(B, 1), written(B, 2), announced(B, 3), written(B, 4)]);
  const read = (from: string) => readTracePart(decisions, ANNOUNCER_KINDS, query({ needs: [{ key: B, from }] }));
  assert.equal(await sequences(read('4')), [3, 4]);
  assert.equal(await sequences(read('2')), [1, 2, 3, 4]);
});

test('gaps that were passed are told', async () => {
  const gap: JournalGap = { atMs: 2, fromSequence: 2, toSequence: 2, reason: 'corrupt' };
  const journal = journalOf([put(A, 1), { type: 'x', atMs: 2 }, put(A, 3)], [gap]);
  assert.equal((await readTracePart(journal, RESOLVER_KINDS, query({ last: 2 }))).gaps, [gap]);
  assert.equal((await readTracePart(journal, RESOLVER_KINDS, query())).gaps, []);
});

test('a key that changes without end is cut, and said so', async () => {
  const journal = journalOf(Array.from({ length: TRACE_EVENTS_MAX + 10 }, (_each, at) => put(A, at + 1)));
  const part = await readTracePart(journal, RESOLVER_KINDS, query({ untilMs: 5, last: 1 }));
  assert.is(part.isCut, true);
  assert.is(part.events.length, TRACE_EVENTS_MAX);
});

test('nothing is read for a subject without a text to look for', async () => {
  const journal = journalOf([put(A, 1)]);
  assert.equal((await readTracePart(journal, RESOLVER_KINDS, query({ texts: [] }))).events, []);
  assert.is(journal.oldestRead, Number.POSITIVE_INFINITY);
});

test('changes that came in the same revision are found beside the last one, and none of before', async () => {
  const journal = journalOf([put(A, 1), put(B, 2), put(A, 3), put(B, 3), answered(A, 3)]);
  const both = query({ isAbout: () => true, texts: [A, B] });
  const { events } = await readTracePart(journal, RESOLVER_KINDS, both);
  assert.equal(events.map(({ sequence }) => sequence).sort(), [3, 4, 5]);
});

test.run();
