import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ChangeCause, causesKeyOf, decodeCauses, encodeCauses, hostOfCauses } from '../../shared/causes.ts';
import type { EtcdKey } from '../../shared/name.ts';

const test = suite('shared/causes');

const withdrawn: ChangeCause = {
  key: '/skydns/org/example/web/node-1/3f2a' as EtcdKey,
  write: 'withdrawn',
  cause: 'docker kill 15',
  causedAtMs: 1_795_000_000_000,
  decidedAtMs: 1_795_000_000_003,
  container: '3f2a',
  containerName: 'web-1',
};
const found: ChangeCause = { key: withdrawn.key, write: 'moved', cause: 'moved', decidedAtMs: 5 };

test('what is encoded is decoded, with and without what may be absent', () => {
  assert.equal(decodeCauses(encodeCauses([withdrawn, found])), [withdrawn, found]);
});

test('the same causes give the same bytes', () => {
  const { key, ...rest } = withdrawn;
  assert.is(encodeCauses([withdrawn]), encodeCauses([{ ...rest, key }]));
  assert.is(
    encodeCauses([found]),
    `{"changes":[{"cause":"moved","decidedAtMs":5,"key":"${found.key}","write":"moved"}],"version":1}`,
  );
});

test('a value of another version, or of another writer, is none', () => {
  for (const value of ['', 'x', 'null', '[]', '{}', '{"version":2,"changes":[]}', '{"version":1,"changes":{}}']) {
    assert.is(decodeCauses(value), undefined, value);
  }
});

test('what is no cause in a value is left out, and a field of the wrong type with it', () => {
  const changes = [null, 1, {}, { ...found, decidedAtMs: '5' }, { ...found, causedAtMs: 'x', container: 7, more: 1 }];
  assert.equal(decodeCauses(JSON.stringify({ version: 1, changes })), [found]);
});

test('a time that is no moment is none', () => {
  const changes = [
    { ...found, causedAtMs: 1e300 },
    { ...found, decidedAtMs: 1e300 },
  ];
  assert.equal(decodeCauses(JSON.stringify({ version: 1, changes })), [found]);
});

test('long words are cut, and more changes than a transaction holds are left out', () => {
  const [cut] = decodeCauses(encodeCauses([{ ...found, cause: 'x'.repeat(5000) }])) ?? [];
  assert.is(cut?.cause.length, 300);
  assert.is(decodeCauses(JSON.stringify({ version: 1, changes: Array(1000).fill(found) }))?.length, 128);
});

test('the key of a host is told from others', () => {
  assert.is(hostOfCauses(causesKeyOf('node-1')), 'node-1');
  assert.is(hostOfCauses(causesKeyOf('node-1+run/web/run-7')), 'node-1+run/web/run-7');
  assert.is(hostOfCauses('/rollcall/hosts/node-1' as EtcdKey), undefined);
});

test.run();
