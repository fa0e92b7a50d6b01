import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PastTeller } from '../../../resolver/report/past-teller.ts';
import type { ZoneEvents } from '../../../resolver/report/zone-events.ts';
import { PAST_BUSY, type PastTold } from '../../../resolver/wire/past.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { silentLog } from '../../../shared/log.ts';
import { parseName } from '../../../shared/name.ts';
import { Rcode } from '../../../shared/rrset.ts';
import { recordingLog } from '../../support/doubles/recording-log.ts';
import { openJournal } from '../../support/journal-files.ts';
import { SETTINGS as LOOKUP } from '../../support/lookup-table.ts';
import { keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/past teller');

const START_MS = 1_700_000_000_000;
const SETTINGS = { lookup: LOOKUP, prefix: PREFIX, maxStaleMs: 1000 };
const name = (text: string) => parseName(`${text}.at.rollcall`);

async function writtenJournal() {
  const journal = await openJournal<ZoneEvent>({ nowMs: () => START_MS });
  journal.append({ type: 'ResolverStarted', atMs: START_MS, version: '1' });
  const written = put(keyFor('1.web.example.org'), '{"host":"192.0.2.1","port":80}', 1);
  journal.append({ ...written, atMs: START_MS + 1000 });
  journal.append({ type: 'ZoneConfirmed', atMs: START_MS + 2000, revision: '1' });
  await journal.flush();
  return journal;
}

/** A journal whose reading the test lets go on, and that counts how many are read at once. */
function gated() {
  const gates: (() => void)[] = [];
  let reads = 0;
  let most = 0;
  const journal = {
    newestSnapshot: async () => {
      reads += 1;
      most = Math.max(most, reads);
      await new Promise<void>((resolve) => gates.push(resolve));
      reads -= 1;
      return undefined;
    },
    entries: async function* () {},
    searchBackward: async function* () {},
  } as unknown as ZoneEvents;
  return { journal, gates, most: () => most };
}

test('tells what was answered, in the words of `rollcall at`', async () => {
  const journal = await writtenJournal();
  const teller = new PastTeller({
    journal: () => journal,
    settings: SETTINGS,
    nowMs: () => START_MS + 9000,
    log: silentLog,
  });
  const { rcode, lines } = await teller.tell(name(`${START_MS + 3000}.web`));
  assert.is(rcode, Rcode.NOERROR);
  assert.ok(lines.includes('web.example.org. 5 IN A 192.0.2.1'), lines.join('\n'));
  assert.ok(lines.some((line) => line.startsWith(';; made so by event 2: ')));
  const before = await teller.tell(name(`${START_MS - 3000}.web`));
  assert.is(before.rcode, Rcode.NXDOMAIN);
  assert.match(before.lines.join(), /does not reach back to .*: it begins at 20.*30 days.*later moment/);
  await journal.close();
});

test('reads for one at a time, lets few wait, and tells the others to come again', async () => {
  const { journal, gates, most } = gated();
  const teller = new PastTeller({ journal: () => journal, settings: SETTINGS, nowMs: () => START_MS, log: silentLog });
  const told: Promise<PastTold>[] = [];
  for (let at = 0; at < 10; at += 1) told.push(teller.tell(name(`15m.web-${at}.example.org`)));
  const busy = await Promise.all(told.slice(4));
  assert.ok(busy.every((each) => each === PAST_BUSY));
  const done = Promise.all(told);
  for (let at = 0; at < 4; at += 1) {
    while (gates[at] === undefined) await new Promise((resolve) => setImmediate(resolve));
    gates[at]?.();
  }
  const rcodes = (await done).map(({ rcode }) => rcode);
  assert.equal(rcodes.slice(0, 4), [3, 3, 3, 3]); // an empty journal reaches back to nothing
  assert.is(most(), 1);
  const again = teller.tell(name('15m.web-9.example.org'));
  while (gates[4] === undefined) await new Promise((resolve) => setImmediate(resolve));
  gates[4]?.();
  assert.is((await again).rcode, Rcode.NXDOMAIN);
});

test('the same question asked again has the same answer for a while: it is read once', async () => {
  const { journal, gates } = gated();
  let nowMs = START_MS;
  const teller = new PastTeller({
    journal: () => journal,
    settings: SETTINGS,
    nowMs: () => START_MS, // set back meanwhile, it lasts no longer
    steadyMs: () => nowMs,
    log: silentLog,
  });
  const ask = () => teller.tell(name('15m.web.example.org'));
  const first = ask();
  nowMs += 60_000; // however long it takes
  assert.is(ask(), first);
  while (gates[0] === undefined) await new Promise((resolve) => setImmediate(resolve));
  gates[0]?.();
  await first;
  nowMs += 9_000;
  assert.is(ask(), first);
  nowMs += 2_000;
  assert.is.not(ask(), first);
});

test('a journal that cannot be read is told to who asks, and logged once', async () => {
  const log = recordingLog();
  const journal = { newestSnapshot: () => Promise.reject(new Error('EIO: i/o error')) } as unknown as ZoneEvents;
  const teller = new PastTeller({ journal: () => journal, settings: SETTINGS, nowMs: () => START_MS, log });
  for (const service of ['one', 'two']) {
    const { rcode, extendedError, lines } = await teller.tell(name(`15m.${service}`));
    assert.equal([rcode, extendedError], [Rcode.SERVFAIL, 14]);
    assert.match(lines.join(), /cannot be read: EIO/);
  }
  assert.is(log.of('past-not-read').length, 1);
  const early = new PastTeller({ journal: () => undefined, settings: SETTINGS, nowMs: () => START_MS, log });
  assert.match((await early.tell(name('15m.web'))).lines.join(), /not open yet/);
});

test.run();
