import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { withOptionalCauses } from '../../../announcer/keys/optional-causes.ts';
import { causesKeyOf } from '../../../shared/causes.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { type Store, StoreError, type Transaction } from '../../../shared/store.ts';

const name = { type: 'put', key: '/skydns/org/example/web/node-1/1' as EtcdKey, value: '{}' } as const;
const causes = { type: 'put', key: causesKeyOf('node-1'), value: '{}' } as const;

function role(denied: { causes?: boolean; names?: boolean }) {
  const committed: string[][] = [];
  let [attempts, nowMs] = [0, 0];
  const said: [boolean, string][] = [];
  const commit = async ({ writes }: Transaction) => {
    attempts += 1;
    const isRefused = writes.some(({ key }) => (key === causes.key ? denied.causes : denied.names));
    if (isRefused) throw new StoreError('denied', 'permission denied');
    committed.push(writes.map(({ key }) => key));
    return { ok: true, revision: 1n } as const;
  };
  const store = withOptionalCauses({
    store: { description: 'a store', commit } as unknown as Store,
    onChange: (...change) => said.push(change),
    nowMs: () => nowMs,
  });
  return {
    write: (...writes: Transaction['writes'][number][]) => store.commit({ expect: [], writes }),
    denied,
    said,
    committed,
    attempts: () => attempts,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const test = suite('announcer/optional-causes');

test('a role that may write causes writes them', async () => {
  const { write, said, committed } = role({});
  await write(name, causes);
  assert.equal(committed, [[name.key, causes.key]]);
  assert.equal(said, []);
});

test('one that may not writes its names without, says so once, and does not ask again for a minute', async () => {
  const { write, said, committed, attempts, pass } = role({ causes: true });
  for (let at = 0; at < 3; at += 1) await write(name, causes);
  assert.equal(committed, [[name.key], [name.key], [name.key]]);
  assert.is(attempts(), 4);
  pass(61_000);
  await write(name, causes);
  assert.is(attempts(), 6);
  assert.is(said.length, 1);
  assert.match(said[0]?.[1] ?? '', /permission denied.*write \/rollcall\/causes\//);
});

test('a role that is mended is noticed within a minute, and said', async () => {
  const { write, said, committed, denied, pass } = role({ causes: true });
  await write(name, causes);
  denied.causes = false;
  pass(61_000);
  await write(name, causes);
  assert.equal(committed.at(-1), [name.key, causes.key]);
  assert.equal(
    said.map(([isDenied]) => isDenied),
    [true, false],
  );
});

test('what is denied without causes too is not for the causes', async () => {
  const { write, said } = role({ causes: true, names: true });
  const error = await write(name, causes).catch((reason: unknown) => reason);
  assert.is((error as StoreError).code, 'denied');
  assert.equal(said, []);
});

test('a transaction without causes is made as it is', async () => {
  const { write, attempts } = role({ causes: true });
  await write(name);
  await write();
  assert.is(attempts(), 2);
});

test.run();
