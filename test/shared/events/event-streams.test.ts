import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ServerSentEvents } from '../../../cli/client/server-sent-events.ts';
import { PushedFeed, parsePositions } from '../../../shared/events/event-feed.ts';
import { eventsRoute, STREAM_LIMITS, type StreamLimits } from '../../../shared/events/event-streams.ts';
import { type HttpServer, serveHttp } from '../../../shared/http.ts';
import type { JournalEvent, JournalRange } from '../../../shared/journal/event.ts';
import type { Journal } from '../../../shared/journal/journal.ts';
import { silentLog } from '../../../shared/log.ts';
import { openJournal } from '../../support/journal-files.ts';
import { until } from '../../support/until.ts';

const test = suite('shared/event-streams');

interface Noted extends JournalEvent {
  readonly key?: string;
  readonly padding?: string;
}

/** A program with a journal and a feed. */
class Program {
  readonly journal: Journal<Noted>;
  readonly feed: PushedFeed;

  constructor(journal: Journal<Noted>, source: 'announcer' | 'resolver') {
    this.journal = journal;
    this.feed = new PushedFeed(source, () => journal);
  }

  record(event: Omit<Noted, 'type' | 'atMs'> = {}): void {
    const whole = { type: 'Noted', atMs: 1, ...event };
    this.feed.push(whole, this.journal.append(whole));
  }
}

const program = async (source: 'announcer' | 'resolver' = 'resolver', segmentOctets = 100_000): Promise<Program> =>
  new Program(await openJournal<Noted>({ segmentOctets }), source);

const serve = (programs: readonly Program[], limits: Partial<StreamLimits> = {}): Promise<HttpServer> =>
  serveHttp(
    { host: '127.0.0.1', port: 0 },
    [
      eventsRoute(
        programs.map(({ feed }) => feed),
        { ...STREAM_LIMITS, ...limits },
      ),
    ],
    silentLog,
  );

interface Reader {
  readonly ids: (string | undefined)[];
  readonly events: { type: string; sequence?: number; source: string; reason?: string }[];
  close(): void;
}

async function read({ address }: HttpServer, lastId?: string, query = ''): Promise<Reader> {
  const stop = new AbortController();
  const response = await fetch(`http://127.0.0.1:${address.port}/v1/events${query}`, {
    signal: stop.signal,
    headers: lastId === undefined ? {} : { 'last-event-id': lastId },
  });
  assert.is(response.status, 200);
  const reader: Reader = { ids: [], events: [], close: () => stop.abort() };
  const parser = new ServerSentEvents();
  const take = async (): Promise<void> => {
    for await (const chunk of response.body ?? []) {
      for (const { id, data } of parser.push(Buffer.from(chunk).toString())) {
        reader.ids.push(id);
        if (data !== undefined) reader.events.push(JSON.parse(data));
      }
    }
  };
  take().catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
  return reader;
}

const sequences = (reader: Reader): (number | undefined)[] => reader.events.map(({ sequence }) => sequence);
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, at) => from + at);

test('a new reader gets what happens from now on; one that resumes first gets what it missed, once', async () => {
  const resolver = await program();
  const server = await serve([resolver]);
  for (let n = 0; n < 500; n += 1) resolver.record();
  const fresh = await read(server);
  const resumed = await read(server, '100');
  for (let n = 0; n < 200; n += 1) {
    resolver.record();
    if (n % 20 === 0) await resolver.journal.flush();
  }
  await until(
    'both readers to have all',
    () => (fresh.events.length >= 200 && resumed.events.length >= 600) || undefined,
  );
  assert.equal(sequences(fresh), range(501, 700));
  assert.equal(sequences(resumed), range(101, 700));
  assert.is(resumed.ids.at(-1), '700');
  fresh.close();
  resumed.close();
  await server.close();
  await resolver.journal.close();
});

test('says what a journal does not have any more, and what is of another one', async () => {
  const journal = await openJournal<Noted>({ segmentOctets: 1000 });
  const resolver = new Program(journal, 'resolver');
  for (let n = 0; n < 20; n += 1) {
    resolver.record();
    await journal.flush();
  }
  const server = await serve([resolver]);
  // As if retention had taken the oldest segments away.
  Object.defineProperty(journal, 'firstSequence', { value: 6 });
  const behind = await read(server, '2');
  const ahead = await read(server, '99');
  resolver.record();
  await until('both', () => (behind.events.length > 15 && ahead.events.length > 1) || undefined);
  assert.equal(
    behind.events.slice(0, 2).map(({ type, sequence }) => [type, sequence]),
    [
      ['EventsMissing', 5],
      ['Noted', 6],
    ],
  );
  assert.match(behind.events[0]?.reason ?? '', 'the journal begins with event 6');
  assert.match(ahead.events[0]?.reason ?? '', 'of another journal');
  assert.is(ahead.events[1]?.sequence, 21);
  behind.close();
  ahead.close();
  await server.close();
  await journal.close();
});

test('while a journal is not open yet nobody can be told what came before: 503, and nothing is skipped', async () => {
  const announcer = await program('announcer');
  const journal = await openJournal<Noted>();
  for (let n = 0; n < 50; n += 1) journal.append({ type: 'Noted', atMs: 1 });
  let opened: Journal<Noted> | undefined;
  const starting = new PushedFeed('resolver', () => opened);
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, [eventsRoute([announcer.feed, starting])], silentLog);
  for (const query of ['', '?after=0,30']) {
    const refused = await fetch(`http://127.0.0.1:${server.address.port}/v1/events${query}`);
    assert.is(refused.status, 503);
    assert.is(refused.headers.get('retry-after'), '1');
    assert.is(((await refused.json()) as { error: { code: string } }).error.code, 'starting');
  }
  opened = journal;
  const reader = await read(server, '0,30');
  await until('what was missed', () => reader.events.length >= 20 || undefined);
  assert.equal(sequences(reader), range(31, 50));
  reader.close();
  await server.close();
  await announcer.journal.close();
  await journal.close();
});

test('a reader of one name gets only what is about it', async () => {
  const resolver = await program();
  const server = await serve([resolver]);
  const reader = await read(server, undefined, '?name=web');
  resolver.record({ key: '/skydns/org/example/api/x' });
  resolver.record({ key: '/skydns/org/example/web/x' });
  await until('the event', () => reader.events.length > 0 || undefined);
  assert.equal(sequences(reader), [2]);
  reader.close();
  await server.close();
  await resolver.journal.close();
});

test('a reader learns where it stands before anything happens, and while nothing is about its name', async () => {
  const [announcer, resolver] = [await program('announcer'), await program('resolver')];
  for (let n = 0; n < 3; n += 1) announcer.record();
  for (let n = 0; n < 5; n += 1) resolver.record();
  const server = await serve([announcer, resolver], { keepaliveMs: 20 });
  const fresh = await read(server, undefined, '?name=web');
  const resumed = await read(server, ',2', '?name=web');
  await until('where they stand', () => (fresh.ids.length > 0 && resumed.ids.length > 0) || undefined);
  assert.is(fresh.ids[0], '3,5');
  assert.is(resumed.ids[0], '3,2');
  resolver.record({ key: '/skydns/org/example/api/x' });
  await until('the next signs of life', () => fresh.ids.at(-1) === '3,6' && resumed.ids.at(-1) === '3,6');
  assert.equal([fresh.events, resumed.events], [[], []]);
  for (const reader of [fresh, resumed]) reader.close();
  await server.close();
  for (const { journal } of [announcer, resolver]) await journal.close();
});

test('two programs in one stream are resumed each from its own place', async () => {
  const [announcer, resolver] = [await program('announcer'), await program('resolver')];
  const server = await serve([announcer, resolver]);
  for (let n = 0; n < 3; n += 1) announcer.record();
  for (let n = 0; n < 5; n += 1) resolver.record();
  const reader = await read(server, '2,4');
  await until('what was missed', () => reader.events.length === 2 || undefined);
  announcer.record();
  await until('what happens', () => reader.events.length === 3 || undefined);
  assert.equal(reader.events.map(({ source, sequence }) => `${source} ${sequence}`).sort(), [
    'announcer 3',
    'announcer 4',
    'resolver 5',
  ]);
  assert.is(reader.ids.at(-1), '4,5');
  reader.close();
  await server.close();
  for (const { journal } of [announcer, resolver]) await journal.close();
});

test('a reader that takes nothing is dropped, and nobody waits for it', async () => {
  const resolver = await program();
  const server = await serve([resolver], { backlogOctets: 100_000 });
  const socket = connect(server.address.port, '127.0.0.1');
  socket.write('GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('readable', resolve));
  socket.pause();
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  const padding = 'x'.repeat(100_000);
  // The kernel holds some megabytes of it before the backlog begins to grow.
  for (let n = 0; n < 200; n += 1) {
    resolver.record({ padding });
    await new Promise(setImmediate);
  }
  socket.resume();
  await until('the reader to be dropped', () => !isOpen || undefined);
  await server.close();
  await resolver.journal.close();
});

/** A feed with a past of `events`, each with `padding`, that counts who goes through it. */
class CountingFeed extends PushedFeed {
  reading = 0;
  readingMax = 0;
  passed = 0;

  constructor(events: number, padding: string) {
    const entries = async function* (this: CountingFeed, { fromSequence = 1 }: JournalRange) {
      this.reading += 1;
      this.readingMax = Math.max(this.readingMax, this.reading);
      try {
        for (let sequence = fromSequence; sequence <= events; sequence += 1) {
          this.passed += 1;
          yield { kind: 'event' as const, sequence, event: { type: 'Noted', atMs: 1, padding } };
        }
      } finally {
        this.reading -= 1;
      }
    };
    super('resolver', () => ({
      firstSequence: 1,
      status: { lastSequence: events },
      entries: (range) => entries.call(this, range),
    }));
  }
}

test('two readers are given what they missed at once, in slices; the others wait, and get all of it', async () => {
  const feed = new CountingFeed(20_000, '');
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, [eventsRoute([feed])], silentLog);
  let turns = 0;
  const timer = setInterval(() => {
    if (feed.reading > 0) turns += 1;
  });
  const readers = await Promise.all(range(1, 6).map(() => read(server, '0', '?name=web')));
  await until('all to have passed', () => feed.passed === 6 * 20_000 && feed.reading === 0);
  assert.is(feed.readingMax, 2);
  assert.ok(turns > 2, `others had ${turns} turns`);
  clearInterval(timer);
  feed.push({ type: 'Noted', atMs: 2, key: '/skydns/org/example/web/x' } as Noted, 20_001);
  await until('what happens', () => readers.every(({ events }) => events.length === 1));
  assert.ok(readers.every(({ ids }) => ids.at(-1) === '20001'));
  for (const reader of readers) reader.close();
  await server.close();
});

test('readers that take nothing of what they missed do not keep others from theirs', async () => {
  const feed = new CountingFeed(200, 'x'.repeat(100_000));
  const limits = { ...STREAM_LIMITS, stallMs: 600_000 };
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, [eventsRoute([feed], limits)], silentLog);
  const idle = range(1, 2).map(() => {
    const socket = connect(server.address.port, '127.0.0.1').pause();
    socket.write('GET /v1/events?after=0 HTTP/1.1\r\nhost: localhost\r\n\r\n');
    return socket;
  });
  await until('both to be under way', () => feed.readingMax === 2);
  const reader = await read(server, '0');
  await until('all that it missed', () => reader.events.length === 200);
  reader.close();
  for (const socket of idle) socket.destroy();
  await until('nobody to read any more', () => feed.reading === 0);
  await server.close();
});

test('however much a reader missed, waiting for it leaves nothing behind', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warn);
  const feed = new CountingFeed(400, 'x'.repeat(100_000));
  const server = await serveHttp({ host: '127.0.0.1', port: 0 }, [eventsRoute([feed])], silentLog);
  const reader = await read(server, '0');
  await until('all that it missed', () => reader.events.length === 400);
  reader.close();
  await server.close();
  process.off('warning', warn);
  assert.equal(warnings, []);
});

test('more readers than the limit are refused', async () => {
  const resolver = await program();
  const server = await serve([resolver], { streamsMax: 1 });
  const reader = await read(server);
  const refused = await fetch(`http://127.0.0.1:${server.address.port}/v1/events`);
  assert.is(refused.status, 429);
  reader.close();
  await until('its place to be free', async () => {
    const response = await fetch(`http://127.0.0.1:${server.address.port}/v1/events`);
    await response.body?.cancel();
    return response.ok || undefined;
  });
  await server.close();
  await resolver.journal.close();
});

test('a connection that asks for many streams at once has no more than the limit, and gives all back', async () => {
  const resolver = await program();
  const server = await serve([resolver], { streamsMax: 3 });
  const ask = () => fetch(`http://127.0.0.1:${server.address.port}/v1/events`);
  let followers = 0;
  const { feed } = resolver;
  const follow = feed.follow.bind(feed);
  feed.follow = (listener) => {
    const end = follow(listener);
    followers += 1;
    return () => {
      followers -= 1;
      end();
    };
  };
  const socket = connect(server.address.port, '127.0.0.1');
  socket.write('GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(10));
  await until('the limit', () => followers === 3);
  assert.is((await ask()).status, 429);
  assert.is(followers, 3);
  socket.destroy();
  await until('all to be given back', () => followers === 0);
  const again = await ask();
  assert.is(again.status, 200);
  await again.body?.cancel();
  await server.close();
  await resolver.journal.close();
});

test('an id is as many numbers as there are feeds', () => {
  assert.equal(parsePositions('12', 1), [12]);
  assert.equal(parsePositions('12,', 2), [12, undefined]);
  for (const text of ['12,3', 'a', '-1', '1e3', '1234567890123456'])
    assert.is(parsePositions(text, 1), undefined, text);
});

test.run();
