import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readContainerList, readListed } from '../../../announcer/docker/list.ts';

const test = suite('announcer/docker-list');

const ENTRY = {
  Id: 'a'.repeat(64),
  Names: ['/web'],
  Image: 'bb',
  State: 'running',
  Status: 'Up 5 minutes',
  Labels: { a: '1', b: '2' },
  Ports: [
    { PrivatePort: 80, PublicPort: 32768, Type: 'tcp' },
    { PrivatePort: 443, PublicPort: 32769, Type: 'tcp' },
  ],
  NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.2' } } },
  HostConfig: { NetworkMode: 'default' },
};

const printOf = (entry: unknown): string | undefined => readListed(entry)?.print;

test('prints the same while time passes and the order of maps changes', () => {
  const later = { ...ENTRY, Status: 'Up 2 hours', Ports: [...ENTRY.Ports].reverse(), Labels: { b: '2', a: '1' } };
  assert.is(printOf(later), printOf(ENTRY));
});

for (const [what, change] of Object.entries({
  state: { State: 'paused' },
  health: { Status: 'Up 5 minutes (healthy)' },
  name: { Names: ['/web2'] },
  labels: { Labels: { a: '1' } },
  ports: { Ports: [] },
  address: { NetworkSettings: { Networks: { bridge: { IPAddress: '172.17.0.3' } } } },
})) {
  test(`prints differently when the ${what} changed`, () =>
    assert.is.not(printOf({ ...ENTRY, ...change }), printOf(ENTRY)));
}

test('reads the list of a real Podman', () => {
  const listed = readContainerList(JSON.parse(readFileSync('test/fixtures/docker/podman-4-list.json', 'utf8')));
  assert.equal([listed?.length, new Set(listed?.map(({ id }) => id)).size], [3, 3]);
});

test('leaves out what has no id, and keeps the rest', () => {
  assert.equal(
    readContainerList([null, {}, { Id: 'x' }, ENTRY])?.map(({ id }) => id),
    [ENTRY.Id],
  );
});

test('is no list when the answer is none', () => {
  for (const answer of [{}, 'error', null, undefined]) assert.is(readContainerList(answer), undefined);
});

test.run();
