import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import { ContainerBook } from '../../../announcer/sinks/container-book.ts';
import { recordOf } from '../../../announcer/sinks/record.ts';
import { Journal } from '../../../shared/journal/journal.ts';
import { silentLog } from '../../../shared/log.ts';
import { lineServer } from '../../support/servers/line-server.ts';
import { freePort } from '../../support/servers/ports.ts';
import { type RollcallProcess, ready, startRollcall } from '../../support/servers/rollcall.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/sinks-crash');
const SERVICES = 40;

test('an announcer that is killed again and again loses no record, and repeats only at the seams', async () => {
  const dataDir = temporaryDirectory();
  const [services, file] = [join(dataDir, 'services.json'), join(dataDir, 'audit.jsonl')];
  const server = await lineServer();
  const [http, dns] = [await freePort(), await freePort()];
  let round = 0;
  const write = (): void => {
    round += 1;
    const list = Array.from({ length: SERVICES }, (_, at) => ({
      name: `s${at}`,
      host: '192.0.2.10',
      port: 1_000 * round + at,
    }));
    writeFileSync(services, JSON.stringify({ services: list }));
  };
  const start = async (): Promise<RollcallProcess> => {
    const rollcall = startRollcall([
      ...['up', '--services', services, '--docker', 'unix:///nonexistent.sock', '--data-dir', dataDir],
      ...['--http', `127.0.0.1:${http}`, '--listen', `127.0.0.1:${dns}`, '--forward', 'none', '--host-name', 'node-1'],
      ...['--sink', `file://${file}`, '--sink', `logstash://127.0.0.1:${server.port}`, '--log-level', 'warn'],
    ]);
    await ready(http);
    return rollcall;
  };

  write();
  for (let kill = 0; kill < 3; kill += 1) {
    const rollcall = await start();
    write();
    // At another moment each time: before, while and after the records go out.
    await until('events of the change', async () => {
      const response = await fetch(`http://127.0.0.1:${http}/v1/history?name=s0`);
      const { history } = (await response.json()) as { history: { value?: string }[] };
      return history.some(({ value = '' }) => value.includes(`"port":${1_000 * round}`));
    });
    if (kill > 0) await new Promise((resolve) => setTimeout(resolve, kill * 130));
    assert.is(await rollcall.end('SIGKILL'), 'SIGKILL');
  }
  const last = await start();
  assert.is(await last.end('SIGTERM'), 0);
  await server.close();

  const expected = await recordsOf(join(dataDir, 'announcer', 'journal'));
  assert.ok(expected.length > 4 * SERVICES);
  for (const text of [readFileSync(file, 'utf8'), server.text()]) {
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { action: string; sequence: number });
    const seen = lines.filter(({ action }) => action !== 'gap').map(({ sequence }) => sequence);
    const missing = expected.filter((sequence) => !seen.includes(sequence));
    assert.equal(missing, []);
    // Each seam is a step back in the numbers; between two of them they only rise.
    const seams = seen.filter((sequence, at) => at > 0 && sequence <= (seen[at - 1] ?? 0)).length;
    assert.ok(seams <= 3, `${seams} seams`);
    // A kill leaves numbers out, and nobody can know whether they were events: that is said, once for each.
    const gaps = new Set(lines.filter(({ action }) => action === 'gap').map(({ sequence }) => sequence));
    assert.is(gaps.size, 3);
  }
});

/** The numbers of the events that are in a journal and become records. */
async function recordsOf(directory: string): Promise<number[]> {
  const journal = await Journal.open<AnnouncerEvent>({ directory, kind: 'announcer', log: silentLog });
  const found: number[] = [];
  const book = new ContainerBook([]);
  for await (const entry of journal.read()) {
    if (recordOf(entry, 'node-1', book) !== undefined) found.push(entry.sequence);
  }
  await journal.close();
  return found;
}

test.run();
