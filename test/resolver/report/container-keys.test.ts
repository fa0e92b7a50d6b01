import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONTAINER_KEYS_MAX, keysOfContainer } from '../../../resolver/report/container-keys.ts';
import { readHistory } from '../../../resolver/report/history-reader.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { type EtcdKey, parseName } from '../../../shared/name.ts';
import { openJournal } from '../../support/journal-files.ts';
import { deletion, keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/container-keys');

const ZONES = [parseName('example.org')];
const ONE = keyFor('3f2a9c01d4e7.node-1.web.example.org');
const TWO = keyFor('5a5a5a5a5a5a.node-1.web.example.org');
const VALUE = '{"host":"192.0.2.1"}';

const of = (key: EtcdKey, revision: number, containerName: string): ZoneEvent => ({
  type: 'ChangeExplained',
  atMs: revision,
  key,
  revision: String(revision),
  host: 'node-1',
  write: 'announced',
  cause: 'docker start',
  decidedAtMs: revision,
  container: (key.split('/').at(-1) ?? '').padEnd(64, '0'),
  containerName,
});
const at = (event: ZoneEvent): ZoneEvent => ({ ...event, atMs: 'revision' in event ? Number(event.revision) : 0 });

async function journalOf(events: Iterable<ZoneEvent>) {
  const journal = await openJournal<ZoneEvent>();
  for (const event of events) journal.append(event);
  await journal.written();
  return journal;
}

test('a container is found by what its changes are explained with, and then every change of its key is told', async () => {
  const journal = await journalOf([
    at(put(ONE, VALUE, 2)),
    of(ONE, 2, 'one'),
    at(put(TWO, VALUE, 3)),
    of(TWO, 3, 'two'),
    // Its lease ran out: nobody says why.
    at(deletion(ONE, 4)),
  ]);
  for (const text of ['one', '3f2a9c01d4e7', '3f2a9c01', '3f2a9c01d4e7'.padEnd(64, '0')]) {
    const keys = await keysOfContainer(journal, text, ZONES, PREFIX);
    assert.equal([...keys], [ONE], text);
    const { events } = await readHistory(journal, [], PREFIX, { sinceMs: 0, untilMs: 10 }, keys);
    assert.equal(
      events.map(({ type, explained }) => [type, explained?.containerName]),
      [
        ['RecordPut', 'one'],
        ['RecordDeleted', undefined],
      ],
      text,
    );
  }
  assert.is((await keysOfContainer(journal, 'three', ZONES, PREFIX)).size, 0);
  await journal.close();
});

test('of a name that very many containers had, the keys that changed last are told', async () => {
  const events = function* (): Generator<ZoneEvent> {
    for (let each = 0; each <= CONTAINER_KEYS_MAX; each += 1) {
      yield of(keyFor(`${String(each).padStart(12, '0')}.node-1.web.example.org`), each + 1, 'one');
    }
  };
  const journal = await journalOf(events());
  const keys = await keysOfContainer(journal, 'one', ZONES, PREFIX);
  assert.is(keys.size, CONTAINER_KEYS_MAX);
  assert.not.ok(keys.has(keyFor('000000000000.node-1.web.example.org')));
  await journal.close();
});

test.run();
