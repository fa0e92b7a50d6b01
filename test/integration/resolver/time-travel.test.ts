import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HttpError } from '../../../shared/http.ts';
import { ScriptedStore } from '../../support/doubles/scripted-store.ts';
import { askUdp, recordTexts } from '../../support/servers/dns-client.ts';
import { type RunningResolver, startResolver } from '../../support/servers/resolver.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/time-travel');

interface Asked {
  readonly atMs: number;
  readonly name: string;
  readonly status: string;
  readonly answer: readonly string[];
}

const nextMillisecond = (nowMs = Date.now()): Promise<true> =>
  until('the clock to go on', () => Date.now() > nowMs + 1 || undefined, { everyMs: 1 });

/** Asks over UDP, and notes when: no event stands in the same millisecond. */
async function ask({ resolver }: RunningResolver, name: string): Promise<Asked> {
  await nextMillisecond();
  const [server] = resolver.addresses;
  if (server === undefined) throw new Error('the resolver does not listen');
  const atMs = Date.now();
  const packet = await askUdp(server, { name, type: 'A', edns: {} });
  await nextMillisecond();
  return {
    atMs,
    name,
    status: (packet as unknown as { rcode: string }).rcode,
    answer: recordTexts(packet.answers).sort(),
  };
}

const ready = (running: RunningResolver): Promise<true> =>
  until('the resolver to be ready', () => running.resolver.notReady().length === 0 || undefined);

test('at(t) over HTTP is what was answered over UDP at t: changes, an outage, a restart', async () => {
  const store = new ScriptedStore();
  store.put('/skydns/org/example/web/node-1/a', '{"host":"192.0.2.1","port":80}');
  let running = await startResolver(store);
  await ready(running);
  const { dataDir } = running;
  const asked: Asked[] = [];
  const note = async (): Promise<void> => {
    for (const name of ['web.example.org', 'api.example.org']) asked.push(await ask(running, name));
  };
  await note();
  const startMs = Date.now();
  await nextMillisecond();
  store.put('/skydns/org/example/web/node-2/b', '{"host":"192.0.2.2","port":80}');
  await note();
  store.remove('/skydns/org/example/web/node-1/a');
  store.put('/skydns/org/example/api/x', '{"host":"192.0.2.9"}');
  await note();
  store.down();
  await note();
  await running.stop();
  running = await startResolver(store, { dataDir });
  await note();
  store.up();
  store.put('/skydns/org/example/api/y', '{"host":"192.0.2.10"}');
  await until('the store to be followed again', async () => {
    const { answer } = await ask(running, 'api.example.org');
    return answer.length === 2 || undefined;
  });
  await note();
  for (const { atMs, name, status, answer } of asked) {
    const told = (await running.get(`/v1/at?time=${atMs}&name=${name}.&type=A`)) as {
      status: string;
      answer: string[];
    };
    const texts = told.answer.map((record) => record.replace(/^(\S+)\. \d+ IN A /, '$1 A ')).sort();
    assert.equal([told.status, texts], [status, answer], `${name} at ${atMs}`);
  }
  const difference = (await running.get(`/v1/diff?from=${startMs}&name=web`)) as {
    changes: { name: string; madeBy: { type: string } }[];
  };
  assert.equal(
    difference.changes.map(({ name, madeBy }) => [name, madeBy.type]),
    [
      ['a.node-1.web.example.org.', 'RecordDeleted'],
      ['b.node-2.web.example.org.', 'RecordPut'],
    ],
  );
  await running.stop();
  await store.close();
});

test('what cannot be answered is refused with what to write instead', async () => {
  const running = await startResolver(new ScriptedStore());
  const refusal = async (path: string): Promise<string> => {
    try {
      await running.get(path);
      return 'answered';
    } catch (error) {
      return (error as HttpError).code;
    }
  };
  assert.is(await refusal('/v1/at?name=web'), 'bad-request');
  assert.is(await refusal('/v1/at?time=noon&name=web'), 'bad-time');
  assert.is(await refusal('/v1/at?time=1s&name=web&type=AXFR'), 'bad-type');
  assert.is(await refusal('/v1/at?time=30d&name=web'), 'too-old');
  assert.is(await refusal('/v1/diff?from=1m&to=2m'), 'bad-time');
  const ahead = Date.now() + 60_000;
  for (const path of [
    '/v1/at?name=web&time=',
    '/v1/history?name=web&at=',
    '/v1/history?since=',
    '/v1/diff?from=1m&to=',
  ]) {
    assert.is(await refusal(path + ahead), 'future', path);
  }
  await running.stop();
});

test('a journal that cannot be read takes from explain why keys were written, and nothing else', async () => {
  const store = new ScriptedStore();
  store.put('/skydns/org/example/web/node-1/a', '{"host":"192.0.2.1","port":80}');
  const running = await startResolver(store);
  await ready(running);
  const explain = async () =>
    (await running.get('/v1/explain?of=web&type=A')) as {
      note?: string;
      keys: readonly unknown[];
      answers: { A: { records: readonly string[] } };
    };
  const before = await explain();
  assert.is(before.note, undefined);
  const files = readdirSync(running.dataDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => /journal\/\d+\.jsonl$/.test(name))
    .map((name) => join(running.dataDir, name));
  assert.ok(files.length > 0);
  // Whoever runs the test may be allowed to read everything; a directory nobody can read as a file.
  for (const file of files) {
    renameSync(file, `${file}.away`);
    mkdirSync(file);
  }
  const { note, ...rest } = await explain();
  for (const file of files) {
    rmdirSync(file);
    renameSync(`${file}.away`, file);
  }
  assert.match(note ?? '', /^why the keys were written is not told: the journal cannot be read \(EISDIR/);
  assert.equal(rest, before);
  assert.is(rest.keys.length, 1);
  assert.equal(rest.answers.A.records, ['web.example.org. 5 IN A 192.0.2.1']);
  await running.stop();
});

test('a journal whose directory was removed is missed within seconds, and from then on the past is told again', async () => {
  const store = new ScriptedStore();
  store.put('/skydns/org/example/web/node-1/a', '{"host":"192.0.2.1","port":80}');
  const running = await startResolver(store);
  await ready(running);
  const directory = join(running.dataDir, 'journal');
  rmSync(directory, { recursive: true });
  store.put('/skydns/org/example/web/node-2/b', '{"host":"192.0.2.2","port":80}');
  await until('the journal to be missed', () => running.resolver.troubles().length > 0 || undefined);
  assert.match(running.resolver.troubles().join(), 'was removed, or moved away');
  await until('a snapshot in the new one', () => {
    return existsSync(directory) && readdirSync(directory).some((name) => name.endsWith('.snapshot.jsonl'));
  });
  assert.equal(running.resolver.troubles(), []);
  await nextMillisecond();
  const { status, standing, answer } = (await running.get('/v1/at?time=0s&name=web')) as Record<string, unknown>;
  assert.equal([status, standing, (answer as string[]).length], ['NOERROR', 'followed the store', 2]);
  await running.stop();
});

test.run();
