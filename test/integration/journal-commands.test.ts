import { appendFileSync, cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LiveZone } from '../../resolver/following/live-zone.ts';
import type { ZoneEvent } from '../../resolver/zone/event.ts';
import { linesOf } from '../../resolver/zone/lines.ts';
import { openJournal } from '../support/journal-files.ts';
import { rollcall } from '../support/servers/rollcall.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { deletion, keyFor, put } from '../support/zone-text.ts';

const test = suite('integration/journal-commands');

const WEB = keyFor('a.web.example.org');
const API = keyFor('x.api.example.org');

/** A snapshot with `web`, and behind it `api`. */
async function written(): Promise<string> {
  const directory = temporaryDirectory();
  const journal = await openJournal<ZoneEvent>({ directory });
  const live = new LiveZone('/skydns');
  const record = (event: ZoneEvent): void => {
    live.apply(event);
    journal.append(event);
  };
  record({ type: 'ResolverStarted', atMs: 1000, version: 'test' });
  record({ ...put(WEB, '{"host":"192.0.2.1","port":80}', 2), atMs: 2000 });
  await journal.snapshot(linesOf(live.zone, live.state, live));
  record({ ...put(API, '{"host":"192.0.2.2"}', 3), atMs: 3000 });
  record({ ...deletion(API, 4), atMs: 4000 });
  record({ ...put(API, '{"host":"192.0.2.3"}', 5), atMs: 5000 });
  await journal.close();
  return directory;
}

const directory = await written();

test('verify ends with 0 for a whole journal and with 1 for a torn one, and names the place', async () => {
  assert.is((await rollcall(['journal', 'verify', directory])).exit, 0);
  const torn = temporaryDirectory();
  cpSync(directory, torn, { recursive: true, filter: (path) => !path.includes('lock-') });
  const name = readdirSync(torn).find((each) => /^\d{16}\.jsonl$/.test(each)) ?? '';
  appendFileSync(join(torn, name), '{"crc":"00');
  const { exit, stdout } = await rollcall(['journal', 'verify', torn]);
  assert.is(exit, 1);
  assert.match(stdout, new RegExp(`torn-line: .*${name} at octet \\d+: its last 10 octets`));
  assert.match(stdout, /: 1 fault\n$/);
});

test('what is given wrongly, or to an action that does not take it, is refused', async () => {
  for (const [args, text] of [
    [['export', directory, '--name', ''], '--name="": names nothing'],
    [['export', directory, '--name', 'my web'], '--name="my web": has a blank'],
    [['export', directory, '--since', 'bla'], '--since="bla": is no time'],
    [['verify', directory, '--since', 'bla'], '--since="bla": is no time'],
    [['verify', directory, '--since', '1h'], '--since: of export alone'],
    [['stat', directory, '--until', '1h', '--name', 'web'], 'configuration has 2 problems'],
    [['look', directory], '"look" is no action'],
  ] as const) {
    const { exit, stdout, stderr } = await rollcall(['journal', ...args]);
    assert.equal([exit, stdout], [2, ''], args.join(' '));
    assert.match(stderr, text);
  }
  assert.is((await rollcall(['journal', 'verify', directory], { ROLLCALL_NAME: 'of-run' })).exit, 0);
});

test('export prints events with ISO times, by time and by name', async () => {
  const { stdout } = await rollcall([
    ...['journal', 'export', directory, '--name', 'api'],
    ...['--since', '1970-01-01T00:00:04Z'],
  ]);
  assert.equal(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    [
      { sequence: 4, at: '1970-01-01T00:00:04.000Z', type: 'RecordDeleted', revision: '4', key: API },
      {
        sequence: 5,
        at: '1970-01-01T00:00:05.000Z',
        type: 'RecordPut',
        revision: '5',
        key: API,
        value: '{"host":"192.0.2.3"}',
      },
    ],
  );
});

test('stat counts events by type', async () => {
  const { stdout } = await rollcall(['journal', 'stat', directory, '--json']);
  const { kind, events, firstSequence, lastSequence, gaps, types, files } = JSON.parse(stdout);
  assert.equal([kind, events, firstSequence, lastSequence, gaps], ['resolver', 5, 1, 5, 0]);
  assert.equal(
    types.map(({ type, count }: { type: string; count: number }) => [type, count]),
    [
      ['RecordDeleted', 1],
      ['RecordPut', 3],
      ['ResolverStarted', 1],
    ],
  );
  assert.equal(
    files.map(({ type }: { type: string }) => type),
    ['segment', 'snapshot'],
  );
});

test('replay prints records and answers, and compares two journals', async () => {
  const { stdout, exit } = await rollcall(['replay', directory]);
  assert.is(exit, 0);
  assert.match(stdout, `record ${WEB} {"host":"192.0.2.1","port":80}`);
  assert.match(stdout, 'answer api.example.org. A api.example.org. 5 IN A 192.0.2.3');
  const same = await rollcall(['replay', directory, '--against', directory]);
  assert.equal([same.exit, same.stdout], [0, 'no difference\n']);
  const other = temporaryDirectory();
  const journal = await openJournal<ZoneEvent>({ directory: other });
  journal.append({ ...put(WEB, '{"host":"192.0.2.1","port":80}', 2), atMs: 2000 });
  await journal.close();
  const differs = await rollcall(['replay', directory, '--against', other]);
  assert.is(differs.exit, 1);
  assert.match(differs.stdout, `+ record ${API} {"host":"192.0.2.3"}`);
  assert.not.match(differs.stdout, `record ${WEB}`);
});

test('what is no journal and no action is refused with what to write', async () => {
  const refused = await rollcall(['journal', 'verify', temporaryDirectory()]);
  assert.is(refused.exit, 1);
  assert.match(refused.stderr, 'holds no journal');
  assert.is((await rollcall(['journal', 'mend', directory])).exit, 2);
  assert.is((await rollcall(['journal', 'export', directory, '--since', 'noon'])).exit, 2);
});

test.run();
