import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EtcdKey } from '../../../shared/name.ts';
import { RevisionAssembler, revisionOf } from '../../../shared/store/etcd/revisions.ts';
import type { Change, ChangeBatch } from '../../../shared/store.ts';
import fc from '../../support/properties.ts';

const test = suite('shared/store/etcd-revisions');

const change = (revision: number, key = 'a'): Change => ({
  type: 'delete',
  key: key as EtcdKey,
  modRevision: BigInt(revision),
});

test('gives whole revisions of a fragment, and keeps back the one that it ends in', () => {
  const assembler = new RevisionAssembler(5n);
  assert.equal(assembler.take([change(5), change(6, 'a')], true), { revision: 5n, changes: [change(5)] });
  assert.is(assembler.take([change(6, 'b')], true), undefined);
  assert.equal(assembler.take([change(6, 'c'), change(8)], false), {
    revision: 8n,
    changes: [change(6, 'a'), change(6, 'b'), change(6, 'c'), change(8)],
  });
});

test('leaves out what is before the first revision, or was given before', () => {
  const assembler = new RevisionAssembler(5n);
  assert.equal(assembler.take([change(4), change(5)], false), { revision: 5n, changes: [change(5)] });
  assert.is(assembler.take([change(4), change(5)], false), undefined);
});

test('progress is news only when it is ahead of what was given', () => {
  const assembler = new RevisionAssembler(5n);
  assert.is(assembler.progress(4n), undefined);
  assert.equal(assembler.progress(9n), { revision: 9n, changes: [] });
  assembler.take([change(12)], false);
  assert.is(assembler.progress(12n), undefined);
});

test('however responses are cut, changes come in order, once, and no revision stands in two batches', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 40 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.boolean()), { maxLength: 80 }),
      (changesOfRevision, cuts) => {
        const all = changesOfRevision.flatMap((count, revision) =>
          Array.from({ length: count }, (_, at) => change(revision + 1, `${at}`)),
        );
        const assembler = new RevisionAssembler(1n);
        const batches: ChangeBatch[] = [];
        let at = 0;
        const send = (count: number, fragment: boolean): void => {
          const batch = assembler.take(all.slice(at, at + count), fragment);
          at += count;
          if (batch !== undefined) batches.push(batch);
        };
        for (const [count, wholeResponse] of cuts) {
          // A response, as opposed to a fragment of one, ends with a revision.
          const next = all[at + count];
          const last = all[at + count - 1];
          const mayEnd = next === undefined || last === undefined || revisionOf(next) !== revisionOf(last);
          send(count, !(wholeResponse && mayEnd));
        }
        send(all.length, false);
        assert.equal(
          batches.flatMap(({ changes }) => changes),
          all,
        );
        for (const [index, { revision, changes }] of batches.entries()) {
          assert.is(revisionOf(changes.at(-1) as Change), revision);
          const before = batches[index - 1];
          if (before !== undefined) assert.ok(revisionOf(changes[0] as Change) > before.revision);
        }
      },
    ),
  );
});

test.run();
