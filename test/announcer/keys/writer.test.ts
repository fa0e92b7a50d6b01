import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Writer } from '../../../announcer/keys/writer.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import { keyOfInstance, storedIn, wishFor } from '../../support/announcing.ts';
import { MemoryStore } from '../../support/doubles/memory-store.ts';

const test = suite('announcer/writer');

const CLAIM = '/rollcall/hosts/node-1' as EtcdKey;

async function steps(writer: Writer): Promise<void> {
  for (let left = 20; await writer.step(); left -= 1) assert.ok(left > 0, 'it goes on for ever');
}

test('writes nothing more after a refusal at the fence, until the claim is told anew', async () => {
  const store = new MemoryStore();
  const { lease } = await store.grant(60);
  const claim = async (): Promise<{ key: EtcdKey; modRevision: bigint }> => {
    const result = await store.commit({ expect: [], writes: [{ type: 'put', key: CLAIM, value: 'somebody', lease }] });
    return { key: CLAIM, modRevision: result.revision };
  };
  let refusals = 0;
  const writer = new Writer({
    store,
    host: 'node-1',
    ttlSeconds: 60,
    left: { leases: new Map(), isOfOtherScope: false, keys: [] },
    now: () => 0,
    emit: () => undefined,
    wake: () => undefined,
    onFenced: () => {
      refusals += 1;
    },
  });
  try {
    writer.guard({ fence: await claim(), lease });
    writer.tell({ type: 'snapshot', snapshot: await store.snapshot('/skydns/') });
    const superseding = await claim();
    const desired = wishFor([1]);
    writer.want(() => ({ desired, changed: desired.keys() }));
    await steps(writer);
    assert.is(refusals, 1);
    writer.want(() => ({ desired, changed: desired.keys() }));
    await steps(writer);
    assert.is(refusals, 1, 'nothing was tried');
    assert.is(writer.isSettled, false);
    writer.guard({ fence: superseding, lease });
    await steps(writer);
    assert.equal([...(await storedIn(store)).keys()], [keyOfInstance(1)]);
  } finally {
    writer.leave();
    await store.close();
  }
});

test.run();
