import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { concat, concatMap, defer, firstValueFrom, type Observable, of } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Observation } from '../../../announcer/observation.ts';
import { openServicesFile, type ServicesFileSettings } from '../../../announcer/services/file.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { until } from '../../support/until.ts';

const test = suite('integration/services-file');

const text = (...ports: readonly number[]): string =>
  JSON.stringify({ services: ports.map((port) => ({ name: 'web', host: '192.0.2.1', port })) });

const followServicesFile = (settings: ServicesFileSettings): Observable<Observation> =>
  defer(() => openServicesFile(settings)).pipe(concatMap(({ first, changes$ }) => concat(of(first), changes$)));

interface Seen {
  readonly ports: number[][];
  readonly lines: string[];
  readonly errors: unknown[];
  last(): string;
}

async function following(path: string, scenario: (seen: Seen) => Promise<void>): Promise<void> {
  const lines: string[] = [];
  const note = (event: string, message: string): void => void lines.push(`${event}: ${message}`);
  const log = { debug() {}, info() {}, warn: note, error: note };
  const ports: number[][] = [];
  const errors: unknown[] = [];
  const subscription = followServicesFile({ path, log, nowMs: Date.now }).subscribe({
    next: (each) => each.type === 'services-read' && ports.push(each.services.map(({ port }) => port ?? 0)),
    error: (error: unknown) => errors.push(error),
  });
  try {
    await scenario({ ports, lines, errors, last: () => String(ports.at(-1)) });
  } finally {
    subscription.unsubscribe();
  }
}

const read = (seen: Seen, ports: string): Promise<true> => until(`ports ${ports}`, () => seen.last() === ports);

test('emits what the file holds, then each change, written in place or renamed over it', async () => {
  const path = join(temporaryDirectory(), 'services.json');
  writeFileSync(path, text(1));
  await following(path, async (seen) => {
    await read(seen, '1');
    writeFileSync(path, text(1, 2));
    await read(seen, '1,2');
    writeFileSync(`${path}.new`, text(3));
    renameSync(`${path}.new`, path);
    await read(seen, '3');
    await sleep(700);
    assert.is(seen.ports.length, 3);
  });
});

test('follows a link that is set elsewhere, as in a ConfigMap', async () => {
  const directory = temporaryDirectory();
  for (const version of ['v1', 'v2']) mkdirSync(join(directory, version));
  writeFileSync(join(directory, 'v1', 'services.json'), text(1));
  writeFileSync(join(directory, 'v2', 'services.json'), text(2));
  symlinkSync('v1', join(directory, 'data'));
  symlinkSync(join('data', 'services.json'), join(directory, 'services.json'));
  await following(join(directory, 'services.json'), async (seen) => {
    await read(seen, '1');
    symlinkSync('v2', join(directory, 'data.new'));
    renameSync(join(directory, 'data.new'), join(directory, 'data'));
    await read(seen, '2');
  });
});

test('keeps what the file held when it breaks or goes, says so once, and goes on when it is back', async () => {
  const path = join(temporaryDirectory(), 'services.json');
  writeFileSync(path, text(1));
  await following(path, async (seen) => {
    await read(seen, '1');
    writeFileSync(path, '{"services":[');
    await until('a complaint', () => seen.lines.length === 1);
    assert.match(seen.lines[0] ?? '', /services-file-unusable.*not JSON.*what it held before stays/);
    rmSync(path);
    await until('another complaint', () => seen.lines.length === 2);
    assert.match(seen.lines[1] ?? '', 'there is no such file');
    await sleep(700);
    assert.is(seen.lines.length, 2);
    assert.equal(seen.ports, [[1]]);
    writeFileSync(path, text(2));
    await read(seen, '2');
    assert.equal(seen.errors, []);
  });
});

test('names a bad entry, and announces the others', async () => {
  const path = join(temporaryDirectory(), 'services.json');
  writeFileSync(path, JSON.stringify({ services: [{ name: 'web' }, { name: 'db', host: '192.0.2.2', port: 5432 }] }));
  await following(path, async (seen) => {
    await read(seen, '5432');
    assert.match(seen.lines[0] ?? '', /service-refused: .*services\[0\] has no "host"/);
  });
});

test('a bad value of the record costs itself, and is said', async () => {
  const path = join(temporaryDirectory(), 'services.json');
  writeFileSync(path, JSON.stringify({ services: [{ name: 'db', host: '192.0.2.2', port: 5432, weight: 'heavy' }] }));
  await following(path, async (seen) => {
    await read(seen, '5432');
    assert.match(
      seen.lines[0] ?? '',
      /service-value-left-out: .*services\[0\]\.weight is "heavy"; it must be a number/,
    );
  });
});

for (const [what, content, reason] of [
  ['is not there', undefined, 'there is no such file'],
  ['is not JSON', '{', 'not JSON'],
] as const) {
  test(`is an error at start when the file ${what}`, async () => {
    const path = join(temporaryDirectory(), 'services.json');
    if (content !== undefined) writeFileSync(path, content);
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const failure = await firstValueFrom(followServicesFile({ path, log, nowMs: Date.now })).then(
      () => undefined,
      (error: Error) => error,
    );
    assert.is(failure?.name, 'StartError');
    assert.match(failure?.message ?? '', path);
    assert.match(failure?.message ?? '', reason);
  });
}

test.run();
