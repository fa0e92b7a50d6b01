import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { evolve } from '../../../announcer/decisions/evolve.ts';
import { SnapshotError, SnapshotReader, snapshotLines } from '../../../announcer/decisions/snapshot.ts';
import { type AnnouncerState, initialState } from '../../../announcer/decisions/state.ts';
import type { AnnouncerEvent } from '../../../announcer/event.ts';
import type { EtcdKey } from '../../../shared/name.ts';
import type { LeaseId } from '../../../shared/store.ts';
import { ID } from '../../support/container-facts.ts';
import { textOfState } from '../../support/state-text.ts';

const test = suite('announcer/snapshot');

const KEY = '/skydns/com/example/web/node-1/a' as EtcdKey;
const INSTANCE = { container: ID, containerName: 'web-1', image: 'web', cause: 'list', key: KEY, service: 'web' };
const EVENTS: readonly AnnouncerEvent[] = [
  { type: 'ContainerStarted', atMs: 1, ...INSTANCE, startedAt: 'run 1', labels: {} },
  { type: 'InstanceAnnounced', atMs: 1, ...INSTANCE, value: '{"port":1}' },
  { type: 'LeaseGranted', atMs: 2, lease: '7' as LeaseId, shard: 10, ttlSeconds: 60 },
  { type: 'KeyWritten', atMs: 3, key: KEY, shard: 10, revision: '9', cause: 'announced' },
  { type: 'KeyConflicted', atMs: 4, key: `${KEY}2` as EtcdKey, foundOwner: 'node-2/x' },
  { type: 'HostDraining', atMs: 5, cause: 'drain' },
  { type: 'AnnouncerStarted', atMs: 6, host: 'node-1', owner: 'node-1/x', version: '0', bootId: 'b1' },
];
const STATE = EVENTS.reduce(evolve, initialState);

function read(lines: Iterable<unknown>): AnnouncerState {
  const reader = new SnapshotReader();
  for (const line of lines) reader.take(line);
  return reader.state;
}

test('what is read back is what was written, of every part', () => {
  const restored = read(JSON.parse(JSON.stringify([...snapshotLines(STATE)])) as unknown[]);
  assert.is(textOfState(restored), textOfState(STATE));
  assert.is(restored.desired.get(KEY), '{"port":1}');
  assert.is(restored.leases.get(10)?.lease, '7');
  assert.is(restored.conflicts.size, 1);
  assert.is(restored.hostDrainingSinceMs, 5);
  assert.is(restored.bootId, 'b1');
});

test('lines that are asked for later are those of the state at the beginning', () => {
  const lines = snapshotLines(STATE);
  const begun = [lines.next().value, lines.next().value];
  const gone: AnnouncerEvent = { type: 'ContainerRemoved', atMs: 6, ...INSTANCE };
  assert.is(evolve(STATE, gone).containers.size, 0);
  assert.is(textOfState(read([...begun, ...lines])), textOfState(STATE));
});

test('a container or a key costs a line of its own, so that none is long', () => {
  assert.is([...snapshotLines(STATE)].length, 1 + 5);
});

test('the one line of the first version is still read', () => {
  const container = { ...STATE.containers.get(ID), lastStopNano: undefined };
  const json = JSON.stringify({
    version: 1,
    containers: { [ID]: container },
    instances: STATE.instances.toObject(),
    leases: { 10: STATE.leases.get(10) },
    standing: STATE.standing.toObject(),
    conflicts: STATE.conflicts.toObject(),
    hostDrainingSinceMs: 5,
  });
  assert.is(textOfState(read([json])), textOfState({ ...STATE, bootId: null }));
});

test('what is no snapshot is refused with the reason, so that the journal is replayed instead', () => {
  const head = { version: 2, hostDrainingSinceMs: null };
  const cases: readonly (readonly [readonly unknown[], RegExp])[] = [
    [[], /is empty/],
    [[null], /has version undefined; this program reads up to 2/],
    [[{ version: 99 }], /has version 99/],
    [[head, { part: 'others', key: 'a', value: {} }], /no part of it \(others\)/],
    [[head, { part: 'containers', key: 'a' }], /no part of it/],
    [['{"version":1'], /snapshot is not JSON/],
    [['{"version":3}'], /has version 3/],
    [['{"version":1,"containers":{}}'], /has no instances; it was cut or edited/],
  ];
  for (const [lines, reason] of cases) {
    assert.throws(
      () => read(lines),
      (error: Error) => error instanceof SnapshotError && reason.test(error.message),
    );
  }
});

test.run();
