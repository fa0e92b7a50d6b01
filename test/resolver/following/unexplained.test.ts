import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { REVISIONS_BACK, readUnexplained } from '../../../resolver/following/unexplained.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import type { BackwardSearch } from '../../../shared/journal/reading/backward.ts';
import type { EtcdKey } from '../../../shared/name.ts';

const KEY = '/skydns/org/example/web/node-1/a' as EtcdKey;

const put = (revision: number): ZoneEvent =>
  ({ type: 'RecordPut', atMs: revision, revision: String(revision), key: KEY, value: '{}' }) as ZoneEvent;
const gone = (revision: number, late?: true): ZoneEvent => ({
  ...{ type: 'RecordDeleted', atMs: revision, revision: String(revision), key: KEY },
  ...(late && { late }),
});
const explained = (revision: number): ZoneEvent => ({
  ...{ type: 'ChangeExplained', atMs: revision, revision: String(revision), key: KEY, host: 'node-1' },
  ...{ write: 'announced', cause: 'docker start', decidedAtMs: 1 },
});
const replaced: ZoneEvent = { type: 'StoreReplaced', atMs: 1, storeId: 'other', revision: '1' };

/** As a journal gives them: the newest first, of the wanted types. */
const journalOf = (...events: readonly ZoneEvent[]) => ({
  lastSequence: events.length,
  async *searchBackward({ texts }: BackwardSearch) {
    for (let at = events.length - 1; at >= 0; at -= 1) {
      const event = events[at] as ZoneEvent;
      if (texts.some((text) => JSON.stringify(event).includes(text))) yield { sequence: at + 1, event };
    }
  },
});

async function left(revision: bigint, ...events: readonly ZoneEvent[]): Promise<string> {
  const { sinceRevision, changes } = await readUnexplained(journalOf(...events), revision);
  return `since ${sinceRevision}: ${changes.map((change) => change.revision).join(' ')}`;
}

const test = suite('resolver/unexplained');

test('nothing is left where each change has its cause: then causes are wanted from the last revision on', async () => {
  assert.is(await left(0n), 'since 0: ');
  assert.is(await left(7n, put(5), explained(5), put(7), explained(7)), 'since 7: ');
});

test('the changes without a cause are left, in order, and causes are wanted from before the first of them', async () => {
  const journal = [put(5), explained(5), put(7), gone(8), put(9), explained(9)];
  assert.is(await left(9n, ...journal), 'since 6: 7 8');
});

test('of a key that was found gone, the cause may be of any revision before', async () => {
  assert.is(await left(20n, gone(15, true)), 'since 0: 15');
});

test('what is too far back never has one, and revisions of another store say nothing', async () => {
  const newest = Number(REVISIONS_BACK) + 10;
  assert.is(await left(BigInt(newest), put(10), put(11), put(newest), explained(newest)), 'since 10: 11');
  assert.is(await left(9n, put(5), replaced, put(8)), 'since 7: 8');
});

test.run();
