import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { driftOf } from '../../../announcer/keys/drift.ts';
import type { StandingKey } from '../../../announcer/keys/standing.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';

const LEASE = '7' as LeaseId;
const OTHER_LEASE = '8' as LeaseId;
const ours: StandingKey = { value: 'v1', createRevision: 1n, modRevision: 2n, lease: LEASE, foreignOwner: undefined };
const foreign: StandingKey = { ...ours, modRevision: 3n, foreignOwner: 'node-2/x' };
const wanted = { value: 'v1', lease: LEASE };

const drift = (
  before: StandingKey | undefined,
  after: StandingKey | undefined,
  want = wanted as Parameters<typeof driftOf>[1],
) => driftOf({ key: '/skydns/a' as EtcdKey, before, after, asOf: 3n }, want);

const test = suite('announcer/drift');

for (const [rule, found, expected] of [
  ['a wanted key that went from under a living lease is missing', drift(ours, undefined), 'key-missing'],
  ['a key that went with its lease is no drift', drift(ours, undefined, { value: 'v1', lease: undefined }), undefined],
  [
    'a key that went with its old lease is no drift',
    drift(ours, undefined, { value: 'v1', lease: OTHER_LEASE }),
    undefined,
  ],
  ['another value is an edit', drift(ours, { ...ours, value: 'v2', modRevision: 3n }), 'key-edited'],
  [
    'the same value taken off its lease is an edit',
    drift(ours, { ...ours, lease: undefined, modRevision: 3n }),
    'key-edited',
  ],
  ['our own write, told by the watch, is no drift', drift({ ...ours, value: 'v0' }, ours), undefined],
  ['a key that came as it is wanted is no drift', drift(undefined, ours), undefined],
  ['our key taken by another owner is foreign', drift(ours, foreign), 'key-foreign'],
  ["another owner's change of its own key is no drift", drift(foreign, { ...foreign, value: 'v3' }), undefined],
  [
    'what happens to a key that is not wanted is no drift',
    drift(ours, undefined, { value: undefined, lease: LEASE }),
    undefined,
  ],
] as const) {
  test(rule, () => assert.is(found, expected));
}

test.run();
