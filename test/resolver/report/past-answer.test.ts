import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../../resolver/following/live-zone.ts';
import { lookup, soaOf } from '../../../resolver/lookup/lookup.ts';
import { type PastAnswer, type PastSettings, readPastAnswer } from '../../../resolver/report/past-answer.ts';
import { responseOf } from '../../../resolver/wire/respond.ts';
import type { ZoneEvent } from '../../../resolver/zone/event.ts';
import { linesOf } from '../../../resolver/zone/lines.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { type OwnerName, parseName } from '../../../shared/name.ts';
import { Rcode, RrType } from '../../../shared/rrset.ts';
import { formatRecord } from '../../../shared/rrset-text.ts';
import { openJournal } from '../../support/journal-files.ts';
import { CONTEXT, SETTINGS as LOOKUP } from '../../support/lookup-table.ts';
import fc from '../../support/properties.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';
import { deletion, keyFor, PREFIX, put } from '../../support/zone-text.ts';

const test = suite('resolver/past answers');

const MAX_STALE_MS = 3000;
const SETTINGS: PastSettings = { lookup: LOOKUP, prefix: PREFIX, maxStaleMs: MAX_STALE_MS };
const START_MS = 1_700_000_000_000;

const name = fc.constantFrom('web.example.org', 'a.web.example.org', 'b.web.example.org', 'api.example.org');
const host = fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', 'api.example.org', 'a.web.example.org');
const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'PTR', 'SOA'] as const;
type AskedType = (typeof TYPES)[number];
const type = fc.constantFrom(...TYPES);

type Step =
  | { readonly do: 'put'; readonly name: string; readonly value: string; readonly late: boolean }
  | { readonly do: 'delete'; readonly name: string }
  | { readonly do: 'ask'; readonly name: string; readonly type: AskedType }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'lose' | 'regain' | 'restart' | 'snapshot' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      name,
      value: fc
        .record({ host, port: fc.constantFrom(80, 81), ttl: fc.constantFrom(undefined, 7) })
        .map((value) => JSON.stringify(value)),
      late: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      name: fc.oneof(name, fc.constantFrom('1.2.0.192.in-addr.arpa', 'example.org', 'example.net')),
      type,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(10, 1000, 4000) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('lose' as const, 'regain' as const, 'restart' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('snapshot' as const) }) },
);

interface Given {
  readonly name: OwnerName;
  readonly type: AskedType;
  readonly atMs: number;
  readonly message: string;
}

/** A resolver as far as answers go: one zone, one clock, and a journal of what happened to it. */
class Played {
  readonly given: Given[] = [];
  readonly #live = new LiveZone(PREFIX);
  readonly #journal: Journal<ZoneEvent>;
  #nowMs = START_MS;
  #revision = 1;

  constructor(journal: Journal<ZoneEvent>) {
    this.#journal = journal;
    this.#record({ type: 'ResolverStarted', atMs: this.#nowMs, version: 'test' });
    this.#record({ type: 'ZoneSynced', atMs: this.#tick(), revision: '1', storeId: 's', records: 0 });
    this.#confirm();
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  async play(each: Step): Promise<void> {
    const atMs = this.#tick();
    switch (each.do) {
      case 'put':
      case 'delete': {
        if (!this.#live.isLive) return; // nobody sees it
        this.#revision += 1;
        const key = keyFor(each.name);
        const event = each.do === 'put' ? put(key, each.value, this.#revision) : deletion(key, this.#revision);
        this.#record({ ...event, atMs, ...(each.do === 'put' && each.late && { late: true }) } as ZoneEvent);
        return;
      }
      case 'ask':
        this.given.push({ name: parseName(each.name), type: each.type, atMs, message: this.#ask(each, atMs) });
        return;
      case 'wait':
        this.#nowMs += each.ms;
        if (this.#live.isLive) this.#live.confirm(this.#nowMs);
        return;
      case 'lose': {
        const { confirmedAtMs } = this.#live;
        if (!this.#live.isLive || confirmedAtMs === undefined) return;
        this.#record({ type: 'StoreLost', atMs, reason: 'test', confirmedAtMs });
        return;
      }
      case 'regain':
        if (this.#live.isLive) return;
        if (this.#live.state.lostAtMs !== undefined) this.#record({ type: 'StoreRegained', atMs, awayMs: 1 });
        this.#confirm();
        return;
      case 'restart': {
        const { confirmedAtMs } = this.#live;
        this.#record({ type: 'ResolverStopped', atMs });
        this.#live.interrupt();
        this.#record({
          type: 'ResolverStarted',
          atMs: this.#tick(),
          version: 'test',
          ...(confirmedAtMs !== undefined && { confirmedAtMs }),
        });
        return;
      }
      case 'snapshot':
        await this.#journal.snapshot(linesOf(this.#live.zone, this.#live.state, this.#live));
    }
  }

  #ask({ name: text, type: asked }: { name: string; type: Given['type'] }, atMs: number): string {
    const availability = this.#live.availability(atMs, MAX_STALE_MS);
    const question = { name: parseName(text), type: RrType[asked] };
    const outcome = lookup(this.#live.zone, question, LOOKUP, { ...CONTEXT, nowMs: atMs, availability });
    if (outcome.type === 'outside') return 'FORWARDED';
    const response = responseOf(outcome, (zone) => soaOf(zone, LOOKUP, this.#live.zone.revision, availability), false);
    const rcode = Object.entries(Rcode).find(([, code]) => code === response.rcode)?.[0];
    const sections = [response.answers, response.authority, response.additional];
    return [rcode, ...sections.map((records) => records.map(formatRecord).join('\n'))].join('\n--\n');
  }

  #confirm(): void {
    const atMs = this.#tick();
    this.#record({ type: 'ZoneConfirmed', atMs, revision: String(this.#live.zone.revision) });
    this.#live.confirm(atMs);
  }

  #record(event: ZoneEvent): void {
    this.#live.apply(event);
    this.#journal.append(event);
  }

  #tick(): number {
    this.#nowMs += 1;
    return this.#nowMs;
  }
}

function messageOf({ status, answer, authority, additional }: PastAnswer): string {
  if (status === 'FORWARDED') return status;
  return [status, ...[answer, authority, additional].map((records) => records.join('\n'))].join('\n--\n');
}

test('for any history, at(t) is the answer that was given at t', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      let played: Played | undefined;
      const journal = await openJournal<ZoneEvent>({
        segmentOctets: 2000,
        nowMs: () => played?.nowMs ?? START_MS,
      });
      try {
        played = new Played(journal);
        for (const each of steps) await played.play(each);
        for (const { message, ...question } of played.given) {
          const answer = await readPastAnswer(journal, question, SETTINGS);
          assert.is(answer && messageOf(answer), message, `${question.name} ${question.type} at ${question.atMs}`);
        }
      } finally {
        await journal.close();
      }
    }),
    { numRuns: 120 },
  );
});

const WEB = keyFor('a.web.example.org');

async function history(...events: ZoneEvent[]): Promise<Journal<ZoneEvent>> {
  const journal = await openJournal<ZoneEvent>();
  journal.append({ type: 'ResolverStarted', atMs: 1, version: 'test' });
  journal.append({ type: 'ZoneSynced', atMs: 2, revision: '1', storeId: 's', records: 0 });
  journal.append({ type: 'ZoneConfirmed', atMs: 3, revision: '1' });
  for (const event of events) journal.append(event);
  return journal;
}

async function at(journal: Journal<ZoneEvent>, atMs: number, text = 'web.example.org'): Promise<PastAnswer> {
  const answer = await readPastAnswer(journal, { name: parseName(text), type: 'A', atMs }, SETTINGS);
  if (answer === undefined) throw new Error('the journal does not reach back');
  return answer;
}

test('names the event that made it so, also when that is older than the snapshot, and when it is a deletion', async () => {
  const journal = await history(
    { ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10 },
    { ...put(keyFor('x.api.example.org'), '{"host":"192.0.2.9"}', 6), atMs: 20 },
  );
  const live = new LiveZone(PREFIX);
  live.apply(put(WEB, '{"host":"192.0.2.1"}', 5));
  await journal.snapshot(linesOf(live.zone, live.state, { confirmedAtMs: 3, isLive: true }));
  const nowMs = Date.now();
  journal.append({ ...deletion(WEB, 9), atMs: nowMs + 10 });
  const before = await at(journal, nowMs + 5);
  assert.equal([before.madeBy?.type, before.madeBy?.sequence], ['RecordPut', 4]);
  const after = await at(journal, nowMs + 20);
  assert.equal([after.status, after.madeBy?.type, after.madeBy?.sequence], ['NXDOMAIN', 'RecordDeleted', 6]);
  await journal.close();
});

test('the serial of an apex goes with every change, also of another zone', async () => {
  const journal = await history({ ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10 });
  for (const zone of ['example.org', 'example.net']) {
    const question = { name: parseName(zone), type: 'SOA', atMs: 11 } as const;
    const answer = await readPastAnswer(journal, question, SETTINGS);
    assert.match(answer?.answer[0] ?? '', / 5 28800 7200 /, zone);
  }
  await journal.close();
});

test('a record that was observed late is said to be', async () => {
  const late = { ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10, late: true } as ZoneEvent;
  const journal = await history(late);
  assert.equal(
    (await at(journal, 11)).late.map(({ sequence }) => sequence),
    [4],
  );
  assert.equal((await at(journal, 9)).late, []);
  await journal.close();
});

test('a gap is said by every answer that it may have changed, from the last event before it on', async () => {
  const journal = await history({ ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10 });
  // What has no JSON form cannot be written: the next event stands behind a gap.
  journal.append({ ...put(WEB, '{}', 6), atMs: 20, key: 1n as never } as ZoneEvent);
  journal.append({ ...put(WEB, '{"host":"192.0.2.2"}', 7), atMs: 30 });
  await journal.flush();
  const gapsAt = async (atMs: number): Promise<string[]> => (await at(journal, atMs)).gaps.map(({ reason }) => reason);
  assert.equal(await gapsAt(9), [], 'an event stands between that moment and the gap');
  assert.equal(await gapsAt(25), ['unencodable'], 'the gap may have begun before');
  await journal.close();
});

test('a segment that has gone from behind the snapshot is a gap, though it was the oldest', async () => {
  const directory = temporaryDirectory();
  const journal = await openJournal<ZoneEvent>({ directory, segmentOctets: 300, nowMs: () => 5 });
  const append = async (...events: ZoneEvent[]): Promise<void> => {
    for (const event of events) {
      journal.append(event);
      await journal.written();
    }
  };
  const live = new LiveZone(PREFIX);
  const synced: ZoneEvent = { type: 'ZoneSynced', atMs: 2, revision: '1', storeId: 's', records: 0 };
  live.apply(synced);
  await append({ type: 'ResolverStarted', atMs: 1, version: 'test' }, synced);
  await journal.snapshot(linesOf(live.zone, live.state, { confirmedAtMs: 3, isLive: true }));
  const changes = [6, 7, 8, 9].map((revision) => ({ ...put(WEB, `{"host":"192.0.2.${revision}"}`, revision) }));
  await append(...changes.map((change, index) => ({ ...change, atMs: 10 * (index + 1) })));
  assert.equal((await at(journal, 40)).gaps, []);
  const segments = readdirSync(directory).filter((name) => /^\d{16}\.jsonl$/.test(name));
  const needed = segments.filter((name) => Number.parseInt(name, 10) <= 4);
  for (const name of needed) rmSync(join(directory, name));
  await journal.close();
  const again = await openJournal<ZoneEvent>({ directory });
  assert.equal(
    (await at(again, 40)).gaps.map(({ fromSequence, reason }) => [fromSequence, reason]),
    [[3, 'corrupt']],
  );
  assert.equal((await at(again, 9)).gaps.length, 1, 'it may have begun before');
  await again.close();
});

test('while no resolver ran there was no answer', async () => {
  const journal = await history(
    { ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10 },
    { type: 'ResolverStopped', atMs: 20 },
  );
  assert.is((await at(journal, 19)).status, 'NOERROR');
  const answer = await at(journal, 21);
  assert.equal([answer.status, answer.standing], ['none', 'the resolver was not running']);
  await journal.close();
});

test('a moment before the journal begins is no answer', async () => {
  const journal = await history();
  const question = { name: parseName('web.example.org'), type: 'A', atMs: 0 } as const;
  assert.is(await readPastAnswer(journal, question, SETTINGS), undefined);
  await journal.close();
});

test('of a moment between the first event that is left and the first snapshot nothing is said: what stood before is not known', async () => {
  const journal = await openJournal<ZoneEvent>({ segmentOctets: 500, keepOctets: 4000 });
  journal.append({ type: 'ResolverStarted', atMs: 1, version: 'test' });
  journal.append({ type: 'ZoneSynced', atMs: 2, revision: '1', storeId: 's', records: 0 });
  journal.append({ ...put(WEB, '{"host":"192.0.2.1"}', 5), atMs: 10 });
  const other = keyFor('x.api.example.org');
  for (let n = 11; n < 100; n += 1) {
    journal.append({ ...put(other, '{"host":"192.0.2.9"}', n), atMs: n });
    await journal.flush();
  }
  await until('the event of the record to be gone', () => journal.firstSequence > 3);
  const question = { name: parseName('web.example.org'), type: 'A', atMs: 99 } as const;
  assert.is(await readPastAnswer(journal, question, SETTINGS), undefined);
  await journal.close();
});

test.run();
