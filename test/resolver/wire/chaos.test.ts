import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chaosResponse } from '../../../resolver/wire/chaos.ts';
import { parseName } from '../../../shared/name.ts';
import { RrType } from '../../../shared/rrset.ts';

const test = suite('resolver/chaos');
const IDENTITY = { version: 'rollcall 1.2.3', serverId: 'node-1' };

function texts(name: string, type: number): readonly string[] | undefined {
  const record = chaosResponse(parseName(name), type, IDENTITY)?.answers[0];
  return record?.type === 'TXT' ? record.strings : undefined;
}

test('tells version and server under each of their names', () => {
  for (const name of ['version.bind', 'VERSION.SERVER']) assert.equal(texts(name, RrType.TXT), ['rollcall 1.2.3']);
  for (const name of ['hostname.bind', 'id.server']) assert.equal(texts(name, RrType.TXT), ['node-1']);
  assert.equal(texts('id.server', RrType.ANY), ['node-1']);
});

test('has nothing of another type or name', () => {
  assert.is(texts('version.bind', RrType.A), undefined);
  assert.is(texts('authors.bind', RrType.TXT), undefined);
});

test.run();
